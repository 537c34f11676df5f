"""What recurrent layers share: arguments, states, misfits, lengths, dropout between layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError

LAYERS = [nn.RNN, nn.LSTM, nn.GRU]


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape)


def first(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else state


def parts(state: Any) -> list[Any]:
    return [each.detach().numpy() for each in (state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize("layer", LAYERS)
def test_shapes(layer: Any) -> None:
    made = layer(4, 6, num_layers=2, bidirectional=True)
    y, state = made(rp.zeros((5, 3, 4)))
    assert y.shape == (5, 3, 12)
    assert first(state).shape == (4, 3, 6)
    y, state = layer(4, 6, batch_first=True)(rp.zeros((3, 5, 4)))
    assert (y.shape, first(state).shape) == ((3, 5, 6), (1, 3, 6))
    y, state = layer(4, 6, batch_first=True)(rp.zeros((5, 4)))
    assert (y.shape, first(state).shape) == ((5, 6), (1, 6))
    assert made(rp.zeros((5, 0, 4)))[0].shape == (5, 0, 12)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_features_are_named_when_they_do_not_fit(layer: Any) -> None:
    name = layer.__name__
    with pytest.raises(ShapeError) as error:
        layer(4, 6)(rp.zeros((5, 3, 7)))
    message = str(error.value)
    assert f"{name} expects (time, batch, 4 features), got (5, 3, 7): 7 features" in message
    assert f"fix: make it nn.{name}(7, 6)" in message
    with pytest.raises(ShapeError, match=r"rp.permute_dims\(x, \(0, 2, 1\)\)") as error:
        layer(4, 6, batch_first=True)(rp.zeros((3, 4, 5)))
    assert "expects (batch, time, 4 features)" in str(error.value)
    with pytest.raises(ShapeError, match="or \\(time, 4 features\\) for one sequence"):
        layer(4, 6)(rp.zeros((4,)))
    with pytest.raises(ShapeError, match="no time steps"):
        layer(4, 6, batch_first=True)(rp.zeros((3, 0, 4)))


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU])
def test_states_that_do_not_fit(layer: Any) -> None:
    x = rp.zeros((5, 3, 4))
    with pytest.raises(ShapeError, match=r"h_0 must be \(layers \* directions 1, batch 3, feat"):
        layer(4, 6)(x, rp.zeros((1, 3, 5)))
    with pytest.raises(ShapeError, match=r"with batch 5, make the layer with batch_first=True"):
        layer(4, 6)(x, rp.zeros((1, 5, 6)))
    with pytest.raises(ShapeError, match=r"with batch 5, make the layer with batch_first=False"):
        layer(4, 6, batch_first=True)(rp.zeros((3, 5, 4)), rp.zeros((1, 5, 6)))
    with pytest.raises(ShapeError, match="batch stays on axis 1"):
        layer(4, 6, batch_first=True)(rp.zeros((3, 5, 4)), rp.zeros((3, 1, 6)))


def test_the_states_of_an_lstm_are_a_pair() -> None:
    x, h = rp.zeros((5, 3, 4)), rp.zeros((1, 3, 6))
    for wrong in (h, (h,), (h, h, h)):
        with pytest.raises(ArgumentError, match="a pair \\(h_0, c_0\\)"):
            nn.LSTM(4, 6)(x, wrong)
    with pytest.raises(ShapeError, match="c_0 must be"):
        nn.LSTM(4, 6)(x, (h, rp.zeros((1, 3, 5))))
    with pytest.raises(ShapeError, match=r"h_0 must be .*features 2"):
        nn.LSTM(4, 6, proj_size=2)(x, (h, h))


@pytest.mark.parametrize("layer", LAYERS)
def test_arguments_that_make_no_sense(layer: Any) -> None:
    with pytest.raises(ArgumentError, match="hidden_size must be at least 1"):
        layer(4, 0)
    with pytest.raises(ArgumentError, match="num_layers must be at least 1, it is 0"):
        layer(4, 6, 0)
    for wrong in (3, True):
        with pytest.raises(ArgumentError, match=f"dropout is {wrong}, a probability"):
            layer(4, 6, 2, dropout=wrong)
    with pytest.warns(UserWarning, match="acts between layers, and there is only one") as record:
        layer(4, 6, dropout=0.5)
    assert record[0].filename == __file__


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_lengths_give_what_each_sequence_alone_gives(
    layer: Any, bidirectional: bool, batch_first: bool
) -> None:
    made = layer(4, 6, 2, bidirectional=bidirectional, batch_first=batch_first, dtype="float64")
    x, lengths = normal(3, 5, 4), [2, 5, 3]
    x[0, 2:] = np.nan  # padding is never read
    given = rp.tensor(x if batch_first else x.swapaxes(0, 1), requires_grad=True)
    y, state = made(given, lengths=rp.asarray(lengths))
    y.sum().backward()
    outputs = y.detach().numpy() if batch_first else y.detach().numpy().swapaxes(0, 1)
    gradient = given.grad.numpy() if batch_first else given.grad.numpy().swapaxes(0, 1)
    for number, length in enumerate(lengths):
        alone = rp.tensor(x[number, :length], requires_grad=True)
        expected, last = made(alone)
        expected.sum().backward()
        np.testing.assert_allclose(outputs[number, :length], expected.detach().numpy())
        assert not outputs[number, length:].any()
        np.testing.assert_allclose(gradient[number, :length], alone.grad.numpy())
        assert not gradient[number, length:].any()
        for part, single in zip(parts(state), parts(last), strict=True):
            np.testing.assert_allclose(part[:, number], single)
    assert all(np.isfinite(p.grad.numpy()).all() for p in made.parameters())


def learned(made: Any, x: Any, lengths: Any = None) -> Any:
    """Outputs and last states; gradients of the input and of all parameters."""
    made.zero_grad()
    x = x.detach().requires_grad_()
    y, state = made(x, lengths=lengths)
    last = list(state) if isinstance(state, tuple) else [state]
    ((y * y).sum() + sum((part**3).sum() for part in last)).backward()
    return [y, *last], x.grad, [p.grad for p in made.parameters()]


def close(one: Any, other: Any) -> None:
    np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), 1e-10, 1e-12)


@pytest.mark.parametrize(
    ("layer", "options"),
    [*((layer, {}) for layer in LAYERS), (nn.LSTM, {"proj_size": 3})],
    ids=["RNN", "LSTM", "GRU", "LSTM with a projection"],
)
def test_a_padded_batch_teaches_what_its_sequences_teach(layer: Any, options: Any) -> None:
    """Eager and compiled; one sequence is empty and teaches nothing."""
    made = layer(4, 6, 2, bidirectional=True, batch_first=True, dtype="float64", **options)
    x, lengths = normal(4, 5, 4), [2, 5, 0, 3]
    for row, length in zip(x, lengths, strict=True):
        row[length:] = np.nan
    alone = {n: learned(made, rp.asarray(x[n, :k])) for n, k in enumerate(lengths) if k}
    taught = [sum(parts) for parts in zip(*(each[2] for each in alone.values()), strict=True)]
    compiled = rp.compile(lambda x, lengths: learned(made, x, lengths), strict=True)
    for way in (lambda x, lengths: learned(made, x, lengths), compiled):
        (y, *last), slope, found = way(rp.asarray(x), rp.asarray(lengths))
        for number, ((outputs, *ends), expected, _) in alone.items():
            close(y[number, : lengths[number]], outputs)
            close(slope[number, : lengths[number]], expected)
            for part, end in zip(last, ends, strict=True):
                close(part[:, number], end)
        for part in (y[2], slope[2], *(part[:, 2] for part in last)):
            assert not part.detach().numpy().any()
        for one, other in zip(found, taught, strict=True):
            close(one, other)


def test_lengths_that_do_not_fit() -> None:
    layer = nn.GRU(4, 6)
    with pytest.raises(ShapeError, match=r"with batch 5, make the layer with batch_first=True"):
        layer(rp.zeros((5, 3, 4)), lengths=[1, 2, 3, 4, 5])
    with pytest.raises(ArgumentError, match=r"cut the sequence instead: x\[:length\]"):
        layer(rp.zeros((5, 4)), lengths=[3])


@pytest.mark.parametrize("layer", LAYERS)
def test_a_state_carries_on_where_it_was_left(layer: Any) -> None:
    made = layer(4, 6, 2, dtype="float64")
    x = rp.asarray(normal(7, 3, 4))
    whole, last = made(x)
    front, state = made(x[:3])
    back, end = made(x[3:], state)
    np.testing.assert_allclose(
        np.concatenate([front.detach().numpy(), back.detach().numpy()]), whole.detach().numpy()
    )
    np.testing.assert_allclose(first(end).detach().numpy(), first(last).detach().numpy())


@pytest.mark.parametrize("layer", LAYERS)
def test_dropout_acts_between_layers_in_training_and_follows_the_seed(layer: Any) -> None:
    x = rp.asarray(normal(5, 3, 4))
    made = layer(4, 6, 2, dropout=0.5, dtype="float64")
    plain = layer(4, 6, 2, dtype="float64")
    plain.load_state_dict(made.state_dict())

    def run() -> Any:
        rp.manual_seed(5)
        return made(x)[0].detach().numpy()

    np.testing.assert_array_equal(run(), run())
    assert not np.allclose(run(), made(x)[0].detach().numpy())
    assert not np.allclose(run(), plain(x)[0].detach().numpy())
    made.eval()
    np.testing.assert_array_equal(run(), plain(x)[0].detach().numpy())
    last = layer(4, 6, 2, dropout=1.0, dtype="float64")  # nothing reaches the second layer
    changed = rp.asarray(normal(5, 3, 4) + 1)
    np.testing.assert_array_equal(last(x)[0].detach().numpy(), last(changed)[0].detach().numpy())
    assert not np.allclose(first(last(x)[1])[0].numpy(), first(last(changed)[1])[0].numpy())


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM])
def test_dropout_is_the_same_on_any_number_of_threads(layer: Any) -> None:
    made = layer(5, 24, 2, dropout=0.4)
    x = rp.asarray(normal(7, 33, 5).astype("float32"))

    def step(x: Any) -> list[Any]:
        made.zero_grad()
        y, _ = made(x)
        (y * y).mean().backward()
        return [y, *(p.grad for p in made.parameters())]

    def twice(run: Any, seed: int) -> list[Any]:
        rp.manual_seed(seed)
        return [one.detach().numpy().copy() for _ in range(2) for one in run(x)]

    one, two = (rp.compile(step, threads=threads) for threads in (1, 2))
    found = twice(one, seed=5)
    for other in (twice(two, seed=5), twice(one, seed=5)):
        for a, b in zip(found, other, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(found, twice(step, seed=5), strict=True):  # eager: the same are dropped
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
    assert not np.allclose(found[0], found[len(found) // 2])  # the second call draws anew
    assert not np.allclose(found[0], twice(two, seed=6)[0])
    assert two._latest.program.threads == 2


@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_stay_finite_over_200_steps(layer: Any) -> None:
    made = layer(3, 8)
    y, _ = made(rp.asarray(normal(200, 2, 3).astype("float32")))
    (y * y).mean().backward()
    for name, parameter in made.named_parameters():
        assert np.isfinite(parameter.grad.numpy()).all(), name
        assert parameter.grad.numpy().any(), name


@pytest.mark.parametrize("layer", LAYERS)
def test_state_dict_makes_the_round_trip(layer: Any) -> None:
    one, other = (layer(4, 6, 2, bidirectional=True) for _ in range(2))
    names = [f"{kind}_l{n}{end}" for n in (0, 1) for end in ("", "_reverse")
             for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]  # fmt: skip
    assert list(one.state_dict()) == names
    other.load_state_dict(one.state_dict())
    x = rp.asarray(normal(5, 3, 4).astype("float32"))
    np.testing.assert_array_equal(one(x)[0].detach().numpy(), other(x)[0].detach().numpy())
    assert not layer(4, 6, bias=False).state_dict().keys() & {"bias_ih_l0", "bias_hh_l0"}


def test_the_cost_of_a_call() -> None:
    layer = nn.LSTM(4, 6, proj_size=3)
    rows = nn.summary(layer, (5, 2, 4))
    assert rows.multiply_adds == 5 * 2 * (24 * 4 + 24 * 3 + 3 * 6)


def test_flatten_parameters_changes_nothing() -> None:
    layer = nn.GRU(2, 3)
    before = {name: value.numpy().copy() for name, value in layer.state_dict().items()}
    layer.flatten_parameters()
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
