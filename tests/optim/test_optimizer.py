"""What holds for every optimizer: the walk over parameters, the cells, and what is refused."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import optim
from retroprop.errors import ArgumentError, DTypeError, RetropropError, ShapeError, TapeError

ELEMENTWISE = [name for name in optim.names() if name != "lbfgs"]
every = pytest.mark.parametrize("name", ELEMENTWISE)
Array = np.ndarray[Any, Any]


def weights(dtype: Any = np.float32) -> list[rp.Tensor]:
    rng = np.random.default_rng(3)
    shapes = ((3, 2), (2,), ())
    return [rp.tensor(rng.normal(size=s).astype(dtype), requires_grad=True) for s in shapes]


def give_gradients(params: list[rp.Tensor], seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for param in params:
        param.grad = rp.asarray(rng.normal(size=param.shape).astype(param.dtype))


def run(opt: optim.Optimizer, params: list[rp.Tensor], steps: int, start: int = 0) -> list[Array]:
    for i in range(start, start + steps):
        give_gradients(params, i)
        opt.step()
    return [param.numpy() for param in params]


# -- every algorithm ---------------------------------------------------------------------------


@every
def test_step_never_looks_at_values(name: str, blind: AbstractContextManager[None]) -> None:
    params = weights()
    opt = optim.get(name)(params, lr=optim.schedule.linear_warmup(0.01, steps=2))
    give_gradients(params)
    with blind:
        opt.step()
    assert all(np.isfinite(param.numpy()).all() for param in params)


@every
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes_stay(name: str, dtype: str) -> None:
    params = weights(dtype)
    before = [param.numpy() for param in params]
    opt = optim.get(name)(params, lr=0.1)
    after = run(opt, params, 3)
    assert {param.dtype for param in params} == {np.dtype(dtype)}
    wide = np.dtype("float32" if dtype == "float16" else dtype)
    assert {cell.dtype for state in opt.state.values() for cell in state.values()} <= {wide}
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


@every
def test_the_rate_is_a_cell(name: str) -> None:
    """A rate assigned between steps is the rate of the next one; 0 stops everything."""
    params = weights()
    opt = optim.get(name)(params, lr=0.1)
    run(opt, params, 2)
    cell = opt.param_groups[0].lr
    opt.lr = 0.0
    assert opt.param_groups[0].lr is cell
    if name == "rprop":  # its rate only counts in the first step
        return
    before = [param.numpy() for param in params]
    after = run(opt, params, 1)
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


@every
def test_maximize_is_descent_of_the_negative(name: str) -> None:
    up, down = weights(), weights()
    climbing = optim.get(name)(up, lr=0.01, maximize=True)
    descending = optim.get(name)(down, lr=0.01)
    for i in range(3):
        give_gradients(up, i)
        give_gradients(down, i)
        for param in down:
            param.grad = -param.grad
        climbing.step()
        descending.step()
    assert all((a.numpy() == b.numpy()).all() for a, b in zip(up, down, strict=True))


@every
def test_a_parameter_that_waits_counts_its_own_steps(name: str) -> None:
    """With gradients in every other step it goes where it goes when it is alone."""
    params, alone = weights(np.float64), weights(np.float64)[:1]
    opt, own = optim.get(name)(params, lr=0.05), optim.get(name)(alone, lr=0.05)
    for i in range(6):
        give_gradients(params, i)
        if i % 2:
            give_gradients(alone, i)
            own.step()
        else:
            params[0].grad = None
        opt.step()
    np.testing.assert_array_equal(params[0].numpy(), alone[0].numpy())
    assert opt.param_groups[0].missed.tolist() == [3, 0, 0]


@every
def test_repr_names_the_options(name: str) -> None:
    text = repr(optim.get(name)(weights(), lr=0.25))
    assert "3 parameters" in text
    assert "lr=0.25" in text


# -- options -----------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_bad_rate(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"lr is .*, it must be a finite number of at least 0"):
        optim.get(name)(weights(), lr=value)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"weight_decy": 0.1}, "unknown option of Adam 'weight_decy'; did you mean 'weight_decay'"),
        ({"learning_rate": 0.1}, "unknown option 'learning_rate' of Adam; did you mean 'lr'"),
        ({"fused": True}, "Adam has no option 'fused'"),
        ({"betas": (0.9, 1.0)}, "betas is .* from 0 to below 1"),
        ({"betas": 0.9}, "betas is 0.9, it must be a pair"),
        ({"eps": -1e-8}, "Adam: eps is -1e-08"),
        ({"amsgrad": 1}, "Adam: amsgrad is 1, it must be True or False"),
    ],
    ids=str,
)
def test_bad_options(given: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        optim.Adam(weights(), **given)


def test_lists_and_numpy_numbers_are_taken() -> None:
    opt = optim.Adam(weights(), lr=np.float32(0.5), betas=[0.8, 0.9])
    assert opt.lr == 0.5
    assert opt.param_groups[0]["betas"] == (0.8, 0.9)


# -- parameters --------------------------------------------------------------------------------


def test_no_parameters() -> None:
    with pytest.raises(ArgumentError, match="SGD: there are no parameters") as error:
        optim.SGD([])
    assert "parameters() of a model without parameters?" in str(error.value)


def test_generator_that_was_used_up() -> None:
    params = (param for param in weights())
    optim.SGD(params)
    with pytest.raises(ArgumentError, match="there are no parameters") as error:
        optim.SGD(params)
    assert "generator that was used up" in str(error.value)


def test_what_is_no_parameter() -> None:
    w = weights()[0]
    for given, match in [
        (w, "wants a list of Tensors, got one Tensor"),
        ({w}, "parameters are a set"),
        ({"w": w}, "parameters are a dict"),
        (3, "parameters are a int"),
        ([w, np.ones(2)], "parameter 1 is a ndarray, it must be a Tensor"),
        ([("bias", 1.0)], "parameter bias is a float"),
        ([w, w], r"parameter 1 of shape \(3, 2\) is given twice"),
        ([{"params": [w]}, {"params": [w]}], "parameter 1 .* is given twice"),
        ([{"params": []}], "no parameters in any group"),
        ([{"lr": 0.1}], "parameter group 0 is no dict with a 'params' entry"),
        ([{"params": [w], "wd": 0.1}], "did you mean 'weight_decay'"),
    ]:
        with pytest.raises(ArgumentError, match=match):
            optim.SGD(given)
    with pytest.raises(DTypeError, match="parameter 0 is int64"):
        optim.SGD([rp.asarray([1, 2])])
    with pytest.raises(TapeError, match="parameter 0 was computed"):
        optim.SGD([w * 2])


def test_module_instead_of_its_parameters() -> None:
    class Model:
        def parameters(self) -> list[rp.Tensor]:
            return weights()

    with pytest.raises(ArgumentError, match="got a Model") as error:
        optim.SGD(Model())
    assert "model.parameters()" in str(error.value)


def test_groups_have_options_of_their_own() -> None:
    w, b, s = weights()
    opt = optim.SGD([{"params": [w, s], "lr": 1.0}, {"params": b, "weight_decay": 0.5}], lr=0.5)
    assert [group["lr"] for group in opt.param_groups] == [1.0, 0.5]
    assert [group["weight_decay"] for group in opt.param_groups] == [0.0, 0.5]
    before = [w.numpy(), b.numpy(), s.numpy()]
    for param in (w, b, s):
        param.grad = rp.ones(param.shape)
    opt.step()
    np.testing.assert_allclose(w.numpy(), before[0] - 1.0, rtol=1e-6)
    np.testing.assert_allclose(b.numpy(), before[1] - 0.5 * (1 + 0.5 * before[1]), rtol=1e-6)
    np.testing.assert_allclose(s.numpy(), before[2] - 1.0, rtol=1e-6)


def test_groups_may_be_added() -> None:
    w, b, _ = weights()
    opt = optim.Adam([w])
    run(opt, [w], 2)
    opt.add_param_group({"params": [("late.bias", b)], "lr": 0.5})
    run(opt, [w, b], 1)
    assert opt.param_groups[1].step.item() == 1
    assert opt.param_groups[1].names == ["late.bias"]
    assert opt.lr == 1e-3


def test_groups_can_be_written_to() -> None:
    opt = optim.SGD(weights(), lr=0.1)
    for group in opt.param_groups:
        group["lr"] *= 0.5
        group["momentum"] = 0.9
    assert opt.lr == 0.05
    with pytest.raises(ArgumentError, match="momentum is 2"):
        opt.param_groups[0]["momentum"] = 2
    with pytest.raises(ArgumentError, match="nesterov=True"):
        opt.param_groups[0].update(momentum=0.0, nesterov=True)
    assert opt.param_groups[0]["nesterov"] is False


# -- steps -------------------------------------------------------------------------------------


def test_step_without_gradients() -> None:
    opt = optim.SGD(weights())
    with pytest.raises(TapeError, match="none of the 3 parameters has a gradient") as error:
        opt.step()
    assert "call loss.backward() before step()" in str(error.value)


def test_step_after_zero_grad() -> None:
    w = weights()[0]
    opt = optim.SGD([w])
    (w * w).sum().backward()
    opt.zero_grad()
    with pytest.raises(TapeError, match="none of the 1 parameters has a gradient"):
        opt.step()


def test_step_of_frozen_parameters() -> None:
    with pytest.raises(TapeError, match="none of the 1 parameters requires a gradient"):
        optim.SGD([rp.ones(2)]).step()


def test_frozen_parameters_stay() -> None:
    w, frozen = weights()[0], rp.ones(2)
    opt = optim.Adam([w, frozen])
    give_gradients([w])
    opt.step()
    assert frozen.tolist() == [1.0, 1.0]


def test_gradient_of_another_shape() -> None:
    w = weights()[0]
    with pytest.raises(ShapeError, match=r"grad has shape \(2,\)"):
        w.grad = rp.ones(2)


def test_zero_grad() -> None:
    params = weights()
    opt = optim.SGD(params)
    give_gradients(params[:2])
    opt.zero_grad(set_to_none=False)
    assert params[0].grad is not None
    assert params[0].grad.tolist() == [[0.0, 0.0]] * 3
    assert params[2].grad is None
    opt.zero_grad()
    assert [param.grad for param in params] == [None] * 3


def test_closure() -> None:
    w = rp.tensor([2.0], requires_grad=True)
    opt = optim.SGD([w], lr=0.25)

    def closure() -> rp.Tensor:
        opt.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with rp.no_grad():
        assert opt.step(closure).item() == 4.0
    assert w.item() == 1.0


def test_step_records_nothing() -> None:
    params = weights()
    opt = optim.Adam(params)
    run(opt, params, 1)
    assert all(param.is_leaf and param.requires_grad for param in params)
    assert not any(cell.requires_grad for state in opt.state.values() for cell in state.values())


def test_gradients_and_values_read_before_a_step_stay() -> None:
    w = weights()[0]
    opt = optim.SGD([w], lr=1.0)
    give_gradients([w])
    before = w.numpy()
    kept = before.copy()
    opt.step()
    assert (before == kept).all()


# -- schedules ---------------------------------------------------------------------------------


def test_schedule_is_evaluated_at_each_step() -> None:
    w = rp.zeros((), dtype=rp.float64, requires_grad=True)
    opt = optim.SGD([w], lr=optim.schedule.exponential(1.0, 0.5))
    seen = [opt.lr]
    for _ in range(3):
        w.grad = -rp.ones((), dtype=rp.float64)
        opt.step()
        seen.append(opt.lr)
    assert seen == [1.0, 1.0, 0.5, 0.25]
    assert w.item() == 1.75


def test_schedule_may_be_any_function() -> None:
    params = weights()
    opt = optim.SGD(params, lr=lambda step: 1.0 / (1.0 + step))
    run(opt, params, 3)
    assert opt.lr == 1.0 / 3.0


def test_schedule_may_belong_to_a_group() -> None:
    w, b, _ = weights()
    halving = optim.schedule.exponential(1.0, 0.5)
    opt = optim.SGD([{"params": w, "lr": halving}, {"params": b}], lr=0.1)
    run(opt, [w, b], 2)
    assert [group["lr"] for group in opt.param_groups] == [0.5, 0.1]


def test_a_number_ends_a_schedule_and_a_function_starts_one() -> None:
    params = weights()
    opt = optim.SGD(params, lr=optim.schedule.exponential(1.0, 0.5))
    opt.lr = 0.3
    run(opt, params, 2)
    assert opt.lr == 0.3
    opt.lr = optim.schedule.constant(0.7)
    assert opt.lr == 0.7
    assert "constant(lr=0.7)" in repr(opt)


@pytest.mark.parametrize("wrong", [lambda step: -1.0, lambda step: "fast", lambda step: [0.1, 0.2]])
def test_schedule_that_gives_no_rate(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"SGD: lr is .*, it must be a finite number"):
        optim.SGD(weights(), lr=wrong)


def test_schedule_that_gives_several_rates() -> None:
    with pytest.raises(ArgumentError, match=r"schedule gave shape \(2,\)"):
        optim.SGD(weights(), lr=lambda step: rp.ones(2) * step)


# -- algorithms of one's own -------------------------------------------------------------------


def test_an_algorithm_without_update() -> None:
    class Unfinished(optim.Optimizer):
        pass

    params = weights()
    opt = Unfinished(params, {"lr": 0.1})
    give_gradients(params)
    with pytest.raises(RetropropError, match="Unfinished defines no update"):
        opt.step()
