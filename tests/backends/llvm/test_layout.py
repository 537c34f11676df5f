"""How the values of graphs lie in memory: the order of their axes and the borders of images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from retroprop.backends.llvm.layout import (
    Layout,
    is_aware,
    layouts,
    order_of_image,
    order_of_weight,
    placed,
)
from retroprop.ir import parse
from retroprop.ops.catalog import catalog

IMAGE, WEIGHT = (0, 2, 3, 1), (2, 3, 1, 0)
NONE = ((0, 0), (0, 0))
PLAIN = "stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1"
SAME = "stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1"
POOL = "window=(2, 2), stride=(2, 2), padding=((0, 0), (0, 0)), dilation=(1, 1)"


def laid(text: str) -> dict[int, Layout]:
    """The layout of each value by its number."""
    graph = parse(text, catalog)
    values = [*graph.inputs, *(value for node in graph.nodes for value in node.outputs)]
    found = layouts(graph)
    assert set(found) <= set(values)
    return {number: found[value] for number, value in enumerate(values) if value in found}


def conv(attributes: str, x: str, w: str, y: str) -> dict[int, Layout]:
    return laid(
        f"""
graph(%0: float32[{x}], %1: float32[{w}])
  %2: float32[{y}] = conv(%0, %1, {attributes})
  return %2"""
    )


def test_images_get_channels_last_and_weights_output_channels_last() -> None:
    assert conv(PLAIN, "2, 3, 6, 5", "4, 3, 3, 2", "2, 4, 4, 4") == {
        0: Layout(IMAGE, NONE),
        1: Layout(WEIGHT, NONE),
        2: Layout(IMAGE, NONE),
    }


@pytest.mark.parametrize("ndim", [3, 4, 5])
def test_orders_for_any_number_of_spatial_axes(ndim: int) -> None:
    spatial = tuple(range(2, ndim))
    assert order_of_image(ndim) == (0, *spatial, 1)
    assert order_of_weight(ndim) == (*spatial, 1, 0)
    sizes = ", ".join("5" * (ndim - 2))
    ones = ", ".join("1" * (ndim - 2)) + ","
    padding = "((0, 0), " * 1 + "(0, 0), " * (ndim - 3) + ")"
    attributes = f"stride=({ones}), padding={padding}, dilation=({ones}), groups=1"
    found = conv(attributes, f"2, 3, {sizes}", f"4, 3, {sizes}", f"2, 4, {ones[:-1]}")
    assert [found[i].order for i in range(3)] == [
        order_of_image(ndim),
        order_of_weight(ndim),
        order_of_image(ndim),
    ]


def test_the_gradient_of_weights_lies_like_weights() -> None:
    found = laid(
        f"""
graph(%0: float32[2, 3, 6, 6], %1: float32[2, 4, 6, 6])
  %2: float32[4, 3, 3, 3] = conv_weight(%0, %1, {SAME}, window=(3, 3))
  return %2"""
    )
    assert found == {
        0: Layout(IMAGE, ((1, 1), (1, 1))),
        1: Layout(IMAGE, NONE),
        2: Layout(WEIGHT, NONE),
    }


def test_a_border_is_what_windows_reach_over() -> None:
    assert conv(SAME, "2, 3, 6, 5", "4, 3, 3, 3", "2, 4, 6, 5")[0].border == ((1, 1), (1, 1))
    uneven = "stride=(1, 1), padding=((2, 0), (0, 1)), dilation=(1, 1), groups=1"
    assert conv(uneven, "2, 3, 6, 5", "4, 3, 3, 2", "2, 4, 6, 5")[0].border == ((2, 0), (0, 1))


def test_a_stride_may_leave_the_end_of_the_padding_alone() -> None:
    strided = "stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1"
    assert conv(strided, "2, 3, 6, 7", "4, 3, 3, 3", "2, 4, 3, 4")[0].border == ((1, 0), (1, 1))


def test_a_dilated_window_reaches_over_its_padding_all_the_same() -> None:
    dilated = "stride=(1, 1), padding=((2, 2), (3, 3)), dilation=(2, 3), groups=1"
    assert conv(dilated, "2, 3, 7, 7", "4, 3, 3, 3", "2, 4, 7, 7")[0].border == ((2, 2), (3, 3))


def test_an_adjoint_needs_its_border_around_what_it_takes() -> None:
    def border(attributes: str, z: str, w: str, x: str, output: str) -> tuple[object, ...]:
        found = laid(
            f"""
graph(%0: float32[{z}], %1: float32[{w}])
  %2: float32[{x}] = conv_transpose(%0, %1, {attributes}, output=({output}))
  return %2"""
        )
        assert [found[i].order for i in range(3)] == [IMAGE, WEIGHT, IMAGE]
        assert found[1].border == found[2].border == NONE
        return found[0].border

    assert border(PLAIN, "2, 4, 4, 4", "4, 3, 3, 3", "2, 3, 6, 6", "6, 6") == ((2, 2), (2, 2))
    assert border(SAME, "2, 4, 6, 6", "4, 3, 3, 3", "2, 3, 6, 6", "6, 6") == ((1, 1), (1, 1))
    strided = "stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1"
    assert border(strided, "2, 4, 3, 3", "4, 3, 3, 3", "2, 3, 6, 6", "6, 6") == ((0, 1), (0, 1))
    assert border(strided, "2, 4, 3, 3", "4, 3, 3, 3", "2, 3, 5, 5", "5, 5") == NONE


def test_what_is_elementwise_with_an_image_lies_like_it() -> None:
    found = laid(
        f"""
graph(%0: float32[2, 3, 6, 6], %1: float32[4, 3, 3, 3], %2: float32[2, 4, 6, 6], %3: float32[4])
  %4: float32[2, 3, 6, 6] = relu(%0)
  %5: float32[2, 4, 6, 6] = conv(%4, %1, {SAME})
  %6: float32[2, 4, 6, 6] = add(%5, %2)
  %7: float32[2, 4, 6, 6] = multiply(%6, 2.0:float32)
  return %7"""
    )
    assert {i: found[i].order for i in found} == {
        0: IMAGE,
        1: WEIGHT,
        2: IMAGE,
        4: IMAGE,
        5: IMAGE,
        6: IMAGE,
        7: IMAGE,
    }
    borders = {i: found[i].border for i in found if found[i].has_border}
    assert borders == {4: ((1, 1), (1, 1))}


def test_two_readers_of_an_image_share_the_larger_border() -> None:
    wide = "stride=(1, 1), padding=((2, 2), (0, 0)), dilation=(1, 1), groups=1"
    found = laid(
        f"""
graph(%0: float32[2, 3, 6, 6], %1: float32[4, 3, 3, 3], %2: float32[4, 3, 5, 1])
  %3: float32[2, 4, 6, 6] = conv(%0, %1, {SAME})
  %4: float32[2, 4, 6, 6] = conv(%0, %2, {wide})
  %5: float32[2, 4, 6, 6] = add(%3, %4)
  return %5"""
    )
    assert found[0].border == ((2, 2), (1, 1))


def test_what_updates_weights_lies_like_them() -> None:
    found = laid(
        f"""
graph(%0: float32[2, 3, 6, 6], %1: float32[2, 4, 6, 6], %2: float32[4, 3, 3, 3])
  %3: float32[4, 3, 3, 3] = conv_weight(%0, %1, {SAME}, window=(3, 3))
  %4: float32[4, 3, 3, 3] = multiply(%3, 0.1:float32)
  %5: float32[4, 3, 3, 3] = subtract(%2, %4)
  return %5"""
    )
    assert {found[i].order for i in (2, 3, 4, 5)} == {WEIGHT}


def test_an_image_that_is_also_used_as_weights_lies_like_an_image() -> None:
    found = laid(
        f"""
graph(%0: float32[4, 3, 6, 6], %1: float32[4, 3, 6, 6])
  %2: float32[4, 4, 1, 1] = conv(%0, %0, {PLAIN})
  %3: float32[4, 3, 6, 6] = add(%0, %1)
  return %2, %3"""
    )
    assert {found[i].order for i in (0, 1, 2, 3)} == {IMAGE}


def test_channels_that_are_joined_lie_like_the_whole() -> None:
    found = laid(
        f"""
graph(%0: float32[2, 3, 6, 6], %1: float32[4, 3, 3, 3])
  %2: float32[2, 4, 6, 6] = conv(%0, %1, {SAME})
  %3: float32[2, 7, 6, 6] = concatenate(%0, %2, axis=1)
  return %3"""
    )
    assert [found[i].order for i in (0, 2, 3)] == [IMAGE] * 3


def test_pooled_images_have_channels_last_and_no_border() -> None:
    found = laid(
        f"""
graph(%0: float32[2, 3, 6, 6])
  %1: float32[2, 3, 3, 3], %2: int64[2, 3, 3, 3] = max_pool(%0, {POOL})
  %3: float32[2, 3, 3, 3] = exp(%1)
  return %3"""
    )
    assert found == {i: Layout(IMAGE, NONE) for i in range(4)}


def test_a_graph_without_convolutions_has_no_layouts() -> None:
    text = """
graph(%0: float32[2, 3, 4, 4], %1: float32[4, 6])
  %2: float32[2, 3, 4, 4] = relu(%0)
  %3: float32[2, 3, 4, 6] = matmul(%2, %1)
  return %3"""
    assert laid(text) == {}


def test_what_is_not_elementwise_is_left_as_it_is() -> None:
    found = laid(
        f"""
graph(%0: float32[2, 3, 6, 6], %1: float32[4, 3, 3, 3], %2: float32[6, 6])
  %3: float32[2, 4, 6, 6] = conv(%0, %1, {SAME})
  %4: float32[2, 4, 6, 6] = matmul(%3, %2)
  %5: float32[2, 4, 36] = reshape(%4, shape=(2, 4, 36))
  %6: float32[2, 4] = sum(%5, axis=2, keepdims=False)
  return %6"""
    )
    assert set(found) == {0, 1, 3}


@pytest.mark.parametrize("name", ["conv", "max_pool", "add", "relu", "concatenate", "reshape"])
def test_these_ops_write_to_any_layout(name: str) -> None:
    assert is_aware(catalog[name])


@pytest.mark.parametrize("name", ["matmul", "sum", "sort", "take"])
def test_these_ops_write_in_the_order_of_axes(name: str) -> None:
    assert not is_aware(catalog[name])


def test_placed_steps_over_the_border() -> None:
    view = placed((2, 3, 5, 7), np.dtype("float32"), Layout(IMAGE, ((1, 2), (3, 0))), "image")
    line, image = (3 + 7) * 3, (1 + 5 + 2) * (3 + 7) * 3
    assert view.shape == (2, 3, 5, 7)
    assert view.strides == (image, 1, line, 3)
    assert view.offset == 1 * line + 3 * 3
    assert view.buffer.size == 2 * image * 4


def test_placed_without_a_border_is_dense() -> None:
    weight = placed((4, 3, 2, 5), np.dtype("float64"), Layout(WEIGHT, NONE), "weight")
    assert weight.strides == (1, 4, 5 * 3 * 4, 3 * 4)
    assert weight.offset == 0
    assert weight.buffer.size == 4 * 3 * 2 * 5 * 8


@pytest.mark.parametrize("border", [NONE, ((1, 1), (1, 1)), ((0, 2), (3, 0))])
@pytest.mark.parametrize("order", [IMAGE, WEIGHT, (0, 1, 2, 3), (3, 1, 0, 2)])
def test_places_are_distinct_and_within_memory(
    order: tuple[int, ...], border: tuple[tuple[int, int], ...]
) -> None:
    shape = (2, 3, 4, 5)
    view = placed(shape, np.dtype("float32"), Layout(order, border), "any")
    places = {
        view.offset + sum(i * stride for i, stride in zip(index, view.strides, strict=True))
        for index in itertools.product(*map(range, shape))
    }
    assert len(places) == 2 * 3 * 4 * 5
    assert min(places) >= 0
    assert max(places) < view.buffer.size // 4


def test_nothing_at_all_can_be_placed() -> None:
    view = placed((0, 3, 4, 4), np.dtype("float32"), Layout(IMAGE, ((1, 1), (1, 1))), "image")
    assert view.buffer.size == 0
    assert view.shape == (0, 3, 4, 4)
