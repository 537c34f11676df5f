"""`rp.compile`: a compiled function does what the function does, whatever changes around it."""

from __future__ import annotations

import copy
import gc

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn, optim
from retroprop.errors import ArgumentError, RetropropError
from tests.core.training import Training, batches, numpy, same

KINDS = {
    "sgd": (optim.SGD, {"lr": 0.1}),
    "momentum": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "adam": (optim.Adam, {"lr": 0.01, "clip": 0.5}),
    "adamw": (optim.AdamW, {"lr": 0.01, "weight_decay": 0.1, "last": True}),
    "schedule": (optim.SGD, {"lr": optim.schedule.step(0.1, 2), "clip": 1.0}),
    "cosine": (optim.AdamW, {"lr": optim.schedule.cosine(0.1, 8)}),
}


EACH = pytest.mark.parametrize("name", KINDS)


@EACH
def test_training_goes_where_eager_training_goes_to_the_bit(name):
    make, options = KINDS[name]
    eager = Training(make, **options)
    losses = eager.run(8)
    compiled = Training(make, numpy, **options)
    assert compiled.run(8) == losses
    same(compiled.state(), eager.state())
    for one, other in zip(eager.model.parameters(), compiled.model.parameters(), strict=True):
        assert (one.grad is None) is (other.grad is None)
        if one.grad is not None:
            assert np.array_equal(one.grad.numpy(), other.grad.numpy())
    assert sum(map(len, compiled.step.programs.values())) == 1


@EACH
@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_many_steps_are_the_bits_of_single_ones(name, backend):
    make, options = KINDS[name]

    def wrap(step):
        return rp.compile(step, backend=backend, verbose=False)

    single = Training(make, wrap, **options)
    losses = single.run(9)
    together = Training(make, wrap, **options)
    xs, ys = batches(9)
    found = []
    for a, b in [(0, 1), (1, 5), (5, 9)]:
        found += together.step.many(xs[a:b], ys[a:b]).tolist()
    assert found == losses
    same(together.state(), single.state())


def test_the_learning_rate_is_read_at_each_call():
    def go(wrap):
        training = Training(optim.SGD, wrap, lr=0.1)
        losses = training.run(2)
        training.opt.lr = 0.5
        losses += training.run(2)
        training.opt.param_groups[0]["lr"] = 0.01
        return losses + training.run(2), training

    eager, compiled = go(lambda step: step), go(numpy)
    assert eager[0] == compiled[0]
    same(eager[1].state(), compiled[1].state())
    assert sum(map(len, compiled[1].step.programs.values())) == 1


CHANGES = {
    "eval": lambda t: t.model.eval(),
    "freeze": lambda t: t.model[0].requires_grad_(False),
    "freeze bias": lambda t: t.model[4].bias.requires_grad_(False),
    "momentum": lambda t: t.opt.param_groups[0].update({"momentum": 0.5}),
    "schedule": lambda t: setattr(t.opt, "lr", optim.schedule.step(0.3, 3)),
    "dropout": lambda t: setattr(t.model[3], "p", 0.1),
    "another layer": lambda t: setattr(t.model, "2", nn.Tanh()),
    "hook": lambda t: t.model[0].register_forward_hook(lambda m, a, y: y * 2),
    "gradient hook": lambda t: t.model[0].weight.register_hook(lambda g: g * 3),
    "seed": lambda t: rp.manual_seed(9),
    "weights": lambda t: t.model.load_state_dict(
        {name: value * 0.5 for name, value in t.model.state_dict().items() if "num" not in name},
        strict=False,
    ),
    "assign": lambda t: t.model[1].running_mean.assign(rp.ones(16)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_after_compilation_do_the_right_thing(name):
    def go(wrap):
        training = Training(optim.SGD, wrap, lr=0.1, momentum=0.9)
        losses = training.run(3)
        undo = CHANGES[name](training)
        losses += training.run(3)
        if hasattr(undo, "remove"):
            undo.remove()
        return losses + training.run(2), training

    eager, compiled = go(lambda step: step), go(numpy)
    assert eager[0] == compiled[0]
    same(eager[1].state(), compiled[1].state())


def test_going_back_and_forth_compiles_nothing_twice():
    training = Training(wrap=numpy, lr=0.1)
    for _ in range(3):
        training.model.train()
        training.run(2)
        training.model.eval()
        training.run(2)
    assert sum(map(len, training.step.programs.values())) == 2


def test_a_state_dict_goes_in_and_out():
    first = Training(wrap=numpy, lr=0.01)
    first.run(3)
    model, opt = first.model.state_dict(), first.opt.state_dict()
    random = rp.random.default_generator().get_state()
    expected = first.run(3)
    second = Training(wrap=numpy, lr=0.01)
    second.run(1)
    second.model.load_state_dict(model)
    second.opt.load_state_dict(opt)
    rp.random.default_generator().set_state(random)
    assert second.run(3) == expected


def test_parameters_that_sat_out_a_step_count_it():
    def go(wrap):
        rp.manual_seed(0)
        a, b = nn.Linear(3, 3), nn.Linear(3, 3)
        opt = optim.Adam([*a.parameters(), *b.parameters()], lr=0.1)

        def step(x, both):
            loss = (b(a(x)) if both else a(x)).sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss

        step = wrap(step)
        x = rp.asarray(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32))
        losses = [step(x, both).item() for both in (True, False, True, True, False, True)]
        return losses, {name: t.numpy().copy() for name, t in opt.tensors().items()}

    eager, compiled = go(lambda step: step), go(numpy)
    assert eager[0] == compiled[0]
    same(eager[1], compiled[1])


def test_a_new_parameter_group_is_trained():
    def go(wrap):
        training = Training(optim.SGD, wrap, lr=0.1)
        extra = rp.tensor([1.0, 1.0, 1.0], requires_grad=True)
        training.model.register_forward_hook(lambda m, a, y: y * extra)
        losses = training.run(2)
        training.opt.add_param_group({"params": [extra]})
        return losses + training.run(2), extra.detach().tolist()

    assert go(lambda step: step) == go(numpy)


def test_new_shapes_compile_again_and_say_so_in_one_line(capsys):
    training = Training(wrap=lambda step: rp.compile(step, backend="numpy"), lr=0.1)
    for batch in (8, 5, 8, 5):
        training.run(2, batch=batch)
    assert len(training.step.programs) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(
        "retroprop: step compiled again for float32[5, 5], int64[5] "
        "(before: float32[8, 5], int64[8]), 0."
    )
    training.model.eval()
    training.run(1)
    assert "step compiled again because BatchNorm1d.training changed, 0." in capsys.readouterr().err


def test_options_are_for_a_decorator_too():
    @rp.compile(backend="numpy", verbose=False)
    def double(x):
        """Twice x."""
        return x * 2

    assert double(rp.asarray(1.0)).item() == 2
    assert (double.__name__, double.__doc__) == ("double", "Twice x.")
    with pytest.raises(ArgumentError, match="did you mean 'numpy'"):
        rp.compile(lambda x: x, backend="numpi")


def test_a_module_and_a_method_are_compiled():
    class Model:
        def __init__(self, scale):
            self.scale = rp.asarray(scale)

        @rp.compile(backend="numpy", verbose=False)
        def __call__(self, x):
            return x * self.scale

        @rp.compile(backend="numpy", verbose=False)
        def twice(self, x):
            return x * self.scale * 2

    two, three = Model(2.0), Model(3.0)
    one = rp.asarray(1.0)
    assert [two.twice(one).item(), three.twice(one).item(), two.twice(one).item()] == [4, 6, 4]
    assert two.twice is two.twice
    assert two.twice.many(rp.asarray([1.0, 2.0])).tolist() == [4.0, 8.0]
    assert copy.deepcopy(two).twice(one).item() == 4
    assert two(one).item() == 2
    layer = nn.Linear(2, 3)
    x = rp.ones((1, 2))
    assert numpy(layer)(x).tolist() == layer(x).tolist()


def test_before_the_first_call_there_is_nothing_to_look_at():
    step = numpy(lambda x: x)
    for ask in (lambda: step.graph, step.report, step.llvm_ir, step.assembly):
        with pytest.raises(RetropropError, match="not compiled yet"):
            ask()
    step(rp.ones(2))
    assert "ops through NumPy" in step.report()


@pytest.mark.parametrize("wanted", [True, False])
def test_the_collector_rests_while_a_program_is_made_and_is_as_before_then(wanted):
    seen = []

    def step(x):
        seen.append(gc.isenabled())
        if x.ndim == 2:
            raise ValueError("no")
        return x + 1

    compiled, before = numpy(step), gc.isenabled()
    (gc.enable if wanted else gc.disable)()
    try:
        compiled(rp.ones(2))
        assert gc.isenabled() == wanted
        with pytest.raises(ValueError, match="no"):
            compiled(rp.ones((2, 2)))
        assert gc.isenabled() == wanted
    finally:
        (gc.enable if before else gc.disable)()
    assert seen == [False, False]
