"""Data that is too large to hold: read when examples of it are taken, ahead of their use."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

__all__ = ["Ahead", "Stream"]

Key = TypeVar("Key")


class Stream:
    """An array whose examples are read one by one, whenever some are taken.

    It stands for an array in a `Dataset`, as inputs or targets of `Trainer.fit`.

    Args:
        read:  the example of a number, always of one shape and dtype.
        count: how many there are.

    Example:
        >>> squares = Stream(lambda number: np.array([number**2]), 5)
        >>> len(squares), squares.take([1, 3]).tolist(), squares.take(slice(3, None)).tolist()
        (5, [[1], [9]], [[9], [16]])
    """

    def __init__(self, read: Callable[[int], Any], count: int) -> None:
        self._read, self._count = read, count

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Stream({self._count} examples)"

    def take(self, indices: Any) -> Any:
        """The examples at some numbers (integers or a slice), read now."""
        numbers = range(self._count)[indices] if isinstance(indices, slice) else indices
        return np.stack([self._read(int(number)) for number in numbers])


class Ahead:
    """What `make` gives for each key, in order; the next ones are made while one is in use.

    Args:
        make:    called with a key, in threads.
        keys:    in the order of use.
        threads: that make.
        depth:   how many may lie ready.

    Attributes:
        waited: seconds that somebody waited for the next one.

    Example:
        >>> with Ahead(lambda key: key * 10, [1, 2, 3]) as made:
        ...     list(made)
        [10, 20, 30]
    """

    def __init__(
        self, make: Callable[[Key], Any], keys: Iterable[Key], *, threads: int = 2, depth: int = 4
    ) -> None:
        self._make, self._keys, self._depth = make, iter(keys), depth
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="retroprop-data")
        self._ready: deque[Future[Any]] = deque()
        self.waited = 0.0

    def __enter__(self) -> Ahead:
        self._fill()
        return self

    def __exit__(self, *error: object) -> None:
        for future in self._ready:
            future.cancel()
        self._pool.shutdown()

    def __iter__(self) -> Iterator[Any]:
        while self._ready:
            yield self.next()

    def next(self) -> Any:
        """The next one; what `make` raised for it is raised here.

        Raises:
            IndexError: there is none left.
        """
        future = self._ready.popleft()
        self._fill()
        began = time.perf_counter()
        made = future.result()
        self.waited += time.perf_counter() - began
        return made

    def _fill(self) -> None:
        while len(self._ready) < self._depth:
            try:
                key = next(self._keys)
            except StopIteration:
                return
            self._ready.append(self._pool.submit(self._make, key))
