"""A product that is only read transposed is computed so."""

from __future__ import annotations

from retroprop.passes.products import only_transposed
from tests.passes.checking import check_golden, graph_of


def test_golden():
    check_golden("products")


def test_a_product_that_is_returned_has_another_reader():
    text = (
        "graph(%0: float32[3, 4], %1: float32[4, 2])\n"
        "  %2: float32[3, 2] = matmul(%0, %1)\n"
        "  %3: float32[2, 3] = permute_dims(%2, axes=(1, 0))\n"
        "  return %3"
    )
    assert len(only_transposed(graph_of(text))) == 1
    assert not only_transposed(graph_of(text + ", %2"))
