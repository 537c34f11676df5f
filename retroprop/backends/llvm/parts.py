"""A module in parts that can be compiled at the same time.

LLVM compiles one module on one thread. A step is many functions that know each other by name only,
so they may as well stand in several modules, each of which declares what the others define.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

__all__ = ["GLUE", "gather", "is_glue", "split"]

GLUE = '"glue"'  # attribute of functions that only call others: they need no optimisation

_WORTH = 40_000  # characters of a part; some 15 ms of compiling

_FUNCTION = re.compile(r"^define .*?^}\n?", re.MULTILINE | re.DOTALL)
_MUTABLE = re.compile(r"^@\S+ = .*\bglobal\b", re.MULTILINE)


def split(text: str, most: int) -> list[str]:
    """The text of a module as one or more modules of about equal size.

    Functions that were internal become visible to the other parts. Constants are in every part; a
    module with variables stays whole.

    Args:
        most: how many parts, at most; one more for glue that is worth a part.
    """
    if len(text) < _WORTH or _MUTABLE.search(text):
        return [text]
    header = _FUNCTION.sub("", text)
    functions = [
        found[0].replace("define internal ", "define ", 1) for found in _FUNCTION.finditer(text)
    ]
    glue = [function for function in functions if is_glue(function)]
    if sum(map(len, glue)) < _WORTH:
        glue = []
    rest = [function for function in functions if function not in glue]
    parts = _shared_out(rest, max(1, min(most, sum(map(len, rest)) // _WORTH, len(rest))))
    if glue:
        parts.append(glue)
    if len(parts) == 1:
        return [text]
    declared = {function: _declaration(function) for function in functions}
    made = []
    for part in parts:
        foreign = [declared[function] for function in functions if function not in part]
        made.append("\n".join([header, *foreign, *part]))
    return made


def is_glue(text: str) -> bool:
    """Whether all that a text defines is glue."""
    return all(
        line.endswith(f"{GLUE} {{") for line in re.findall(r"^define .*", text, re.MULTILINE)
    )


def _shared_out(functions: list[str], count: int) -> list[list[str]]:
    """Functions in so many heaps of about equal size."""
    heaps: list[list[str]] = [[] for _ in range(count)]
    sizes = [0] * count
    for function in sorted(functions, key=len, reverse=True):
        smallest = sizes.index(min(sizes))
        heaps[smallest].append(function)
        sizes[smallest] += len(function)
    return heaps


def _declaration(function: str) -> str:
    signature = function.split("\n", maxsplit=1)[0].rstrip(" {")
    return signature.replace("define ", "declare ", 1).replace(f" {GLUE}", "")


def gather(work: Callable[[str], bytes], texts: list[str]) -> list[bytes]:
    """The result of the work on each text, each on a thread of its own; raises what one raised."""
    results: list[bytes | BaseException] = [b""] * len(texts)

    def do(number: int) -> None:
        try:
            results[number] = work(texts[number])
        except BaseException as error:  # noqa: BLE001  raised below, by the caller's thread
            results[number] = error

    others = [threading.Thread(target=do, args=(number,)) for number in range(1, len(texts))]
    for thread in others:
        thread.start()
    do(0)
    for thread in others:
        thread.join()
    made = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        made.append(result)
    return made
