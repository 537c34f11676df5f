"""Optimizer state: exact resume, through files, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, CheckpointError

MOMENTUM = {"sgd": {"momentum": 0.9, "dampening": 0.2}, "rmsprop": {"momentum": 0.5}}


def weights() -> list[tuple[str, rp.Tensor]]:
    rng = np.random.default_rng(3)
    shapes = {"weight": (3, 2), "bias": (2,), "scale": ()}
    return [
        (name, rp.tensor(rng.normal(size=s).astype(np.float32), requires_grad=True))
        for name, s in shapes.items()
    ]


def make(name: str, params: Any) -> optim.Optimizer:
    groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.02}]
    rate = optim.schedule.exponential(0.1, 0.9)
    return optim.get(name)(groups, lr=rate, **MOMENTUM.get(name, {}))


def train(opt: optim.Optimizer, params: Any, steps: range) -> list[Any]:
    for i in steps:
        for k, (_, param) in enumerate(params):
            g = np.random.default_rng([i, k]).normal(size=param.shape)
            param.grad = None if (i + k) % 4 == 0 else rp.asarray(g.astype(np.float32))
        opt.step()
    return [param.numpy() for _, param in params]


@pytest.mark.parametrize("name", [name for name in optim.names() if name != "lbfgs"])
def test_resume_is_exact(name: str, tmp_path: Path) -> None:
    params = weights()
    whole = train(make(name, params), params, range(12))
    params = weights()
    opt = make(name, params)
    values = train(opt, params, range(5))
    state = opt.state_dict()
    save_file({k: v.numpy().copy() for k, v in state["state"].items()}, tmp_path / "s.safetensors")
    rest = json.dumps({k: v for k, v in state.items() if k != "state"})

    params = weights()
    with rp.no_grad():
        for (_, param), value in zip(params, values, strict=True):
            param.assign(rp.asarray(value))
    opt = make(name, params)
    opt.load_state_dict({**json.loads(rest), "state": load_file(tmp_path / "s.safetensors")})
    resumed = train(opt, params, range(5, 12))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(whole, resumed, strict=True))


def test_options_and_rates_are_taken_over() -> None:
    params = weights()
    old = optim.SGD(params, lr=0.3, momentum=0.5)
    old.param_groups[0]["weight_decay"] = 0.25
    new = optim.SGD(weights(), lr=0.1, momentum=0.9)
    new.load_state_dict(old.state_dict())
    assert dict(new.param_groups[0], params=None) == dict(old.param_groups[0], params=None)


def test_a_state_does_not_change_afterwards() -> None:
    params = weights()
    opt = optim.Adam(params)
    train(opt, params, range(1, 3))
    state = opt.state_dict()
    before = {name: tensor.numpy().copy() for name, tensor in state["state"].items()}
    train(opt, params, range(3, 6))
    assert all((state["state"][name].numpy() == array).all() for name, array in before.items())


def test_flat_names() -> None:
    state = optim.Adam(weights()).state_dict()
    assert sorted(state["state"]) == [
        "count",
        "groups.0.lr",
        "groups.0.missed",
        "groups.0.step",
        "params.0.exp_avg",
        "params.0.exp_avg_sq",
        "params.1.exp_avg",
        "params.1.exp_avg_sq",
        "params.2.exp_avg",
        "params.2.exp_avg_sq",
    ]
    assert state["optimizer"] == "Adam"
    assert state["param_groups"][0]["params"] == ["weight", "bias", "scale"]
    assert state["param_groups"][0]["betas"] == [0.9, 0.999]


def changed(**changes: Any) -> dict[str, Any]:
    state = optim.Adam(weights()).state_dict()
    state["state"] = dict(state["state"])
    for key, value in changes.items():
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


def test_states_that_do_not_fit() -> None:
    group = optim.Adam(weights()).state_dict()["param_groups"][0]
    cases: list[tuple[dict[str, Any], str]] = [
        (changed(state=None), r"\['state'\] not found"),
        (changed(optimizer="SGD"), "the saved state is of SGD, this optimizer is Adam"),
        (changed(param_groups=[]), "0 parameter groups saved, 1 here"),
        (changed(param_groups=[{**group, "params": ["weight"]}]), "1 parameters saved, 3 here"),
        (
            changed(param_groups=[{**group, "params": ["bias", "weight", "scale"]}]),
            "saved parameter is 'bias'",
        ),
        (changed(param_groups=[{"params": ["weight", "bias", "scale"]}]), "no value for"),
        (changed(state={}), "count is missing; groups.0.lr is missing"),
        (changed(state={**changed()["state"], "more": 1}), "more is not known here"),
        (
            changed(state={**changed()["state"], "params.0.exp_avg": np.zeros((2, 3), "f4")}),
            r"params.0.exp_avg is float32\(2, 3\), here float32\(3, 2\)",
        ),
        (
            changed(state={**changed()["state"], "count": np.float64(0)}),
            r"count is float64\(\), here int64\(\)",
        ),
        (changed(state={**changed()["state"], "count": "7"}), "count is str"),
    ]
    for state, match in cases:
        opt = optim.Adam(weights())
        before = opt.state_dict()
        with pytest.raises(CheckpointError, match=match):
            opt.load_state_dict(state)
        after = opt.state_dict()
        assert after["param_groups"] == before["param_groups"]
        assert all(
            (after["state"][k].numpy() == v.numpy()).all() for k, v in before["state"].items()
        )


def test_options_out_of_range_change_nothing() -> None:
    group = optim.Adam(weights()).state_dict()["param_groups"][0]
    opt = optim.Adam(weights())
    with pytest.raises(ArgumentError, match="parameter group 0: eps is -1"):
        opt.load_state_dict(changed(param_groups=[{**group, "eps": -1.0}]))
    assert opt.param_groups[0]["eps"] == 1e-8
