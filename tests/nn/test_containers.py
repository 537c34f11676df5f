"""Sequential, lists and dicts of modules and parameters."""

from __future__ import annotations

from typing import Any

import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, IndexRangeError


class Add(nn.Module):
    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, x: Any) -> Any:
        return x + self.amount


def amounts(items: Any) -> list[float]:
    return [item.amount for item in items]


def test_sequential_runs_in_order() -> None:
    net = nn.Sequential(Add(1), nn.Identity(), Add(10))
    assert net(rp.asarray([1.0])).tolist() == [12.0]
    assert nn.Sequential()(5) == 5
    assert len(net) == 3
    assert net[0].amount == 1
    assert net[-1].amount == 10


def test_sequential_slices_keep_the_modules() -> None:
    net = nn.Sequential(Add(1), Add(2), Add(3))
    part = net[1:]
    assert isinstance(part, nn.Sequential)
    assert amounts(part) == [2, 3]
    assert part[0] is net[1]
    assert [name for name, _ in part.named_children()] == ["0", "1"]
    assert amounts(net[:2] + net[2:]) == [1, 2, 3]


def test_sequential_with_names() -> None:
    net = nn.Sequential({"conv": Add(1), "act": Add(2)})
    net.append(Add(3))
    assert [name for name, _ in net.named_children()] == ["conv", "act", "2"]
    assert net.act.amount == 2
    assert [name for name, _ in net[:2].named_children()] == ["conv", "act"]


def test_sequential_refuses_what_is_no_module() -> None:
    with pytest.raises(ArgumentError, match="Sequential holds Modules") as caught:
        nn.Sequential(Add)
    assert "pass an instance, not the class" in str(caught.value)
    for wrong, fix in [({"f": abs}, "wrap a function"), ([Add(1)], "nn.Sequential(*layers)")]:
        with pytest.raises(ArgumentError, match="Sequential holds Modules") as caught:
            nn.Sequential(wrong)
        assert fix in str(caught.value)


def test_module_list_behaves_like_a_list() -> None:
    items = nn.ModuleList(Add(i) for i in range(3))
    items.append(Add(3)).extend([Add(4)])
    items.insert(1, Add(9))
    assert amounts(items) == [0, 9, 1, 2, 3, 4]
    assert [name for name, _ in items.named_children()] == list("012345")
    del items[1:3]
    items[0] = Add(7)
    assert items.pop().amount == 4
    assert amounts(items) == [7, 2, 3]
    assert amounts(items[1:]) == [2, 3]
    assert isinstance(items[1:], nn.ModuleList)
    assert items[0] in items
    assert Add(7) not in items
    assert amounts(items + nn.ModuleList([Add(8)])) == [7, 2, 3, 8]
    assert len(nn.ModuleList()) == 0
    with pytest.raises(IndexRangeError, match="index 3 is out of range for 3 items"):
        items[3]
    with pytest.raises(ArgumentError, match="is not called"):
        items(1)


def test_module_dict_behaves_like_a_dict() -> None:
    table = nn.ModuleDict({"b": Add(1), "a": Add(2)})
    table["c"] = Add(3)
    table.update([("d", Add(4))])
    assert list(table) == list(table.keys()) == ["b", "a", "c", "d"]
    assert amounts(table.values()) == [1, 2, 3, 4]
    assert [key for key, _ in table.items()] == ["b", "a", "c", "d"]
    assert "a" in table
    assert "z" not in table
    del table["b"]
    assert table.pop("d").amount == 4
    assert len(table) == 2
    with pytest.raises(IndexRangeError) as caught:
        table["A"]
    assert "did you mean 'a'?" in str(caught.value)
    with pytest.raises(ArgumentError, match="'keys' is a method of ModuleDict"):
        table["keys"] = Add(1)
    with pytest.raises(ArgumentError, match="must be a Module"):
        table["x"] = 3
    with pytest.raises(ArgumentError, match="is not called"):
        table(1)
    table.clear()
    assert len(table) == 0


def test_lists_and_dicts_of_parameters() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scales = nn.ParameterList([nn.Parameter([1.0]), rp.asarray([2.0])])
            self.named = nn.ParameterDict({"bias": [3.0]})

    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names == ["scales.0", "scales.1", "named.bias"]
    assert [p.item() for p in net.scales] == [1.0, 2.0]
    assert net.named["bias"].requires_grad
    assert "(scales): ParameterList((1,), (1,))" in repr(net)


def test_parts_of_containers_are_trained() -> None:
    net = nn.ModuleDict({"a": nn.ModuleList([nn.Linear(2, 2)]), "b": nn.Linear(2, 1)})
    names = [name for name, _ in net.named_parameters()]
    assert names == ["a.0.weight", "a.0.bias", "b.weight", "b.bias"]
