"""What the tests of optimizers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

import retroprop as rp


@pytest.fixture
def blind() -> AbstractContextManager[None]:
    """Inside its `with` block no Tensor shows its numbers: what a compiler records must not ask."""

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("the value of a Tensor was looked at")

    @contextmanager
    def block() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("__bool__", "__float__", "__int__", "__index__", "__array__"):
                patch.setattr(rp.Tensor, name, refuse)
            for name in ("item", "numpy", "tolist"):
                patch.setattr(rp.Tensor, name, refuse)
            yield

    return block()
