"""What the user's environment may set; the only file that reads environment variables.

    RETROPROP_THREADS=4          threads of a compiled step; else the cores that are free to use
    RETROPROP_TARGET=avx2        compile for this family of processors (sse, avx2, avx512, neon)
    RETROPROP_CACHE=folder       where compiled code is kept; "off" or empty keeps none
    RETROPROP_CACHE_MB=512       how much of it is kept
    RETROPROP_FULL_TRACEBACK=1   the command line shows Python tracebacks instead of one line
    RETROPROP_CHECK=1            every operation verifies its reference against its shape rule
    NO_COLOR=1                   plain text on the terminal (https://no-color.org)

Only RETROPROP_TARGET can change a computed number, in its last bits. `retroprop info` prints every
setting.
"""

from __future__ import annotations

import os
import sys

from retroprop.errors import ArgumentError

__all__ = [
    "cache_folder",
    "cache_megabytes",
    "check_shapes",
    "full_traceback",
    "no_color",
    "table",
    "target",
    "threads",
]


def _flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "false", "no")


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal():
        raise ArgumentError(f"{name}={text!r} is not a number", fix="give a whole number, or none")
    return int(text)


def _user_cache() -> str:
    """Where programs keep what they can make again, by the custom of the platform."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches")
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")


def _cache_folder() -> str:
    chosen = os.environ.get("RETROPROP_CACHE")
    if chosen is None:
        return os.path.join(_user_cache(), "retroprop")
    return "" if chosen.strip().lower() in ("", "off") else os.path.abspath(chosen)


check_shapes = _flag("RETROPROP_CHECK")
full_traceback = _flag("RETROPROP_FULL_TRACEBACK")
no_color = bool(os.environ.get("NO_COLOR"))
target = os.environ.get("RETROPROP_TARGET", "").strip().lower()
threads = _number("RETROPROP_THREADS", 0)
cache_folder = _cache_folder()
cache_megabytes = _number("RETROPROP_CACHE_MB", 512)


def table() -> dict[str, bool | int | str]:
    """Every setting by the name of its environment variable.

    Example:
        >>> sorted(table())[:3]
        ['NO_COLOR', 'RETROPROP_CACHE', 'RETROPROP_CACHE_MB']
    """
    return {
        "NO_COLOR": no_color,
        "RETROPROP_CACHE": cache_folder or "off",
        "RETROPROP_CACHE_MB": cache_megabytes,
        "RETROPROP_CHECK": check_shapes,
        "RETROPROP_FULL_TRACEBACK": full_traceback,
        "RETROPROP_TARGET": target,
        "RETROPROP_THREADS": threads,
    }
