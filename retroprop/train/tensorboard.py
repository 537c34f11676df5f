"""Curves for TensorBoard: its event files, written without TensorFlow.

An event file is a row of records, each framed by lengths and checksums; a record holds one
protobuf message, `Event`. Only what scalar curves need is encoded here:

    Event   { double wall_time = 1; int64 step = 2; string file_version = 3;
              Summary summary = 5; SessionLog session_log = 7 }
    Summary { repeated Value value = 1 }   Value { string tag = 1; float simple_value = 2 }
    SessionLog { SessionStatus status = 1 }   START = 1: later steps are written anew
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from retroprop.errors import ArgumentError

__all__ = ["EventWriter", "crc32c", "masked_crc32c"]

_DOUBLE, _LENGTH, _FLOAT = 1, 2, 5  # wire types of protobuf; 0 is a varint
_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed
_MASK = 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of some bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'

    Source: RFC 3720, appendix B.4.
    """
    value = _MASK
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ _MASK


def masked_crc32c(data: bytes) -> int:
    """The checksum as record files store it: rotated and shifted, so that it differs from data.

    Example:
        >>> masked_crc32c(b"") == 0xA282EAD8
        True

    Source: TensorFlow, tensorflow/core/lib/hash/crc32c.h.
    """
    value = crc32c(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & _MASK


class EventWriter:
    """Writes scalar curves to a new event file in `folder`.

    `tensorboard --logdir runs` shows every run folder below `runs`. Values are stored as float32
    (NaN and infinities too); each call is one record, flushed at once. Files are only added to:
    a resumed run starts another file and tells TensorBoard which steps are written anew.

    Args:
        folder: where the file goes; made when missing.
        resume_step: first step that this file replaces, when an earlier run is continued.
        clock:  seconds since 1970.

    Example:
        >>> with EventWriter("run") as log:
        ...     log.scalars({"train/loss": 0.7, "validation/loss": 0.8}, step=1)
        >>> log.path.startswith(os.path.join("run", "events.out.tfevents."))
        True
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        resume_step: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        os.makedirs(folder, exist_ok=True)
        # Readers go through the files of a folder in the order of their names.
        stem = os.path.join(os.fspath(folder), f"events.out.tfevents.{int(clock()):010d}.retroprop")
        number = 0
        while os.path.exists(f"{stem}.{number}"):
            number += 1
        self.path = f"{stem}.{number}"
        self._file = open(self.path, "xb")  # noqa: SIM115  closed by close()
        self._write(_field(3, _LENGTH, b"brain.Event:2"))
        if resume_step is not None:
            session = _field(1, 0, _varint(1))
            self._write(_step(resume_step) + _field(7, _LENGTH, session))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add one point to the curve called `tag`; "a/b" groups curves under "a"."""
        self.scalars({tag: value}, step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add one point to each of several curves."""
        summary = b""
        for tag, value in values.items():
            point = _field(1, _LENGTH, tag.encode("utf-8", "replace"))
            summary += _field(1, _LENGTH, point + _field(2, _FLOAT, _float32(value)))
        self._write(_step(step) + _field(5, _LENGTH, summary))

    def close(self) -> None:
        """Close the file; nothing can be added any more."""
        self._file.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, message: bytes) -> None:
        event = _field(1, _DOUBLE, struct.pack("<d", self._clock())) + message
        length = struct.pack("<Q", len(event))
        frame = length + struct.pack("<I", masked_crc32c(length))
        self._file.write(frame + event + struct.pack("<I", masked_crc32c(event)))
        self._file.flush()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, wire: int, data: bytes) -> bytes:
    """One field of a message: key, length where the type has one, content."""
    length = _varint(len(data)) if wire == _LENGTH else b""
    return _varint(number << 3 | wire) + length + data


def _step(step: int) -> bytes:
    if not 0 <= step < 1 << 63:
        raise ArgumentError(f"a step of TensorBoard is a whole number from 0, got {step}")
    return _field(2, 0, _varint(int(step)))


def _float32(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:  # too large for float32
        return struct.pack("<f", float("inf") if value > 0 else float("-inf"))
