"""What the user's environment may set; the only file that reads environment variables.

    RETROPROP_FULL_TRACEBACK=1   the command line shows Python tracebacks instead of one line
    RETROPROP_CHECK=1            every operation verifies its reference against its shape rule
    NO_COLOR=1                   plain text on the terminal (https://no-color.org)

Nothing here changes a computed number. `retroprop info` prints every setting.
"""

from __future__ import annotations

import os

__all__ = ["check_shapes", "full_traceback", "no_color", "table"]


def _flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "false", "no")


check_shapes = _flag("RETROPROP_CHECK")
full_traceback = _flag("RETROPROP_FULL_TRACEBACK")
no_color = bool(os.environ.get("NO_COLOR"))


def table() -> dict[str, bool]:
    """Every setting by the name of its environment variable.

    Example:
        >>> sorted(table())
        ['NO_COLOR', 'RETROPROP_CHECK', 'RETROPROP_FULL_TRACEBACK']
    """
    return {
        "NO_COLOR": no_color,
        "RETROPROP_CHECK": check_shapes,
        "RETROPROP_FULL_TRACEBACK": full_traceback,
    }
