"""Event files read back by a decoder of its own, and by TensorBoard where it is installed."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop.errors import ArgumentError
from retroprop.train.tensorboard import EventWriter, crc32c, masked_crc32c


def checksum(data: bytes) -> int:
    """CRC-32C by long division, bit by bit, most significant bit first: another way round."""
    bits = [byte >> i & 1 for byte in data for i in range(8)] + [0] * 32
    for i in range(min(32, len(bits))):
        bits[i] ^= 1
    for i in range(len(bits) - 32):
        if bits[i]:
            for j, bit in enumerate(f"{0x11EDC6F41:033b}"):
                bits[i + j] ^= int(bit)
    return sum((bit ^ 1) << i for i, bit in enumerate(bits[-32:]))


def test_known_checksums() -> None:
    """RFC 3720, appendix B.4, and the usual check value."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(bytes(range(31, -1, -1))) == 0x113FDB5C
    assert crc32c(b"") == 0


@given(st.binary(min_size=1, max_size=20))
def test_checksums_are_remainders(data: bytes) -> None:
    assert crc32c(data) == checksum(data)


def test_masking() -> None:
    value = crc32c(b"foo")
    assert masked_crc32c(b"foo") != value
    back = masked_crc32c(b"foo") - 0xA282EAD8 & 0xFFFFFFFF
    assert (back >> 17 | back << 15) & 0xFFFFFFFF == value


def records(path: str) -> list[bytes]:
    data, at, found = Path(path).read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        (length_sum,) = struct.unpack_from("<I", data, at + 8)
        record = data[at + 12 : at + 12 + size]
        (record_sum,) = struct.unpack_from("<I", data, at + 12 + size)
        assert length_sum == masked_crc32c(data[at : at + 8])
        assert record_sum == masked_crc32c(record)
        found.append(record)
        at += 16 + size
    return found


def message(data: bytes) -> list[tuple[int, Any]]:
    """Field numbers and contents of a protobuf message."""

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (data[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 0x80:
                return value, at

    fields: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        key, at = varint(at)
        kind = key & 7
        content: Any
        if kind == 0:
            content, at = varint(at)
        elif kind == 2:
            size, at = varint(at)
            content, at = data[at : at + size], at + size
        else:
            form = {1: "<d", 5: "<f"}[kind]
            (content,) = struct.unpack_from(form, data, at)
            at += struct.calcsize(form)
        fields.append((key >> 3, content))
    return fields


def points(path: str) -> list[tuple[float, int, dict[str, float]]]:
    """Time, step and values of each summary of a file."""
    found = []
    for record in records(path):
        event = dict(message(record))
        if 5 in event:
            values = [dict(message(value)) for _, value in message(event[5])]
            found.append((event[1], event[2], {v[1].decode(): v[2] for v in values}))
    return found


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with EventWriter(tmp_path / "run", clock=lambda: 1234.5) as log:
        log.scalar("loss", 0.5, step=1)
        log.scalars({"loss": 0.25, "val/größe": -3.0}, step=300)
    assert points(log.path) == [
        (1234.5, 1, {"loss": 0.5}),
        (1234.5, 300, {"loss": 0.25, "val/größe": -3.0}),
    ]
    first = dict(message(records(log.path)[0]))
    assert first == {1: 1234.5, 3: b"brain.Event:2"}


@given(value=st.floats(width=32), step=st.integers(0, 2**63 - 1))
def test_every_float_and_step(value: float, step: int, tmp_path_factory: Any) -> None:
    with EventWriter(tmp_path_factory.mktemp("run")) as log:
        log.scalar("x", value, step)
    ((_, read, values),) = points(log.path)
    assert read == step
    np.testing.assert_equal(values["x"], value)


def test_numbers_beyond_float32(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as log:
        log.scalars({"big": 1e300, "small": -1e300, "none": math.nan}, step=0)
        log.scalar("numpy", np.float64(0.5), step=np.int64(1))  # type: ignore[arg-type]
    values = points(log.path)[0][2]
    assert values["big"] == math.inf
    assert values["small"] == -math.inf
    assert math.isnan(values["none"])
    assert points(log.path)[1][2] == {"numpy": 0.5}


def test_steps_are_whole_and_not_negative(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as log, pytest.raises(ArgumentError, match="got -1"):
        log.scalar("loss", 0.5, step=-1)


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    logs = [EventWriter(tmp_path, clock=lambda: 7.0) for _ in range(3)]
    for log in logs:
        log.close()
    names = [Path(log.path).name for log in logs]
    assert names == [f"events.out.tfevents.0000000007.retroprop.{i}" for i in range(3)]


def test_each_record_is_there_at_once(tmp_path: Path) -> None:
    log = EventWriter(tmp_path)
    log.scalar("loss", 0.5, step=1)
    assert len(points(log.path)) == 1
    log.close()


def test_a_resumed_run_replaces_later_steps(tmp_path: Path) -> None:
    with EventWriter(tmp_path, resume_step=300) as log:
        log.scalar("loss", 0.5, step=300)
    session = dict(message(records(log.path)[1]))
    assert session[2] == 300
    assert message(session[7]) == [(1, 1)]  # status START


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with EventWriter(tmp_path) as log:
        for step in range(5):
            log.scalar("loss", 1 / (1 + step), step)
    with EventWriter(tmp_path, resume_step=3) as log:
        log.scalar("loss", 9.0, 3)
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    read = {event.step: event.value for event in events.Scalars("loss")}
    assert read == {0: 1.0, 1: 0.5, 2: pytest.approx(1 / 3), 3: 9.0}
