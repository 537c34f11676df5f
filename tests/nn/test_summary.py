"""The summary of a model: shapes, counts, what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.BatchNorm2d(6),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6 * 14 * 14, 10),
    )


def test_rows_and_totals() -> None:
    model = network()
    model[0].bias.requires_grad_(False)
    result = nn.summary(model, (2, 1, 28, 28))
    rows = {row.path: row for row in result.rows}
    assert [row.kind for row in result.rows] == [type(layer).__name__ for layer in model]
    assert rows["0"] == ("0", "Conv2d", (2, 6, 28, 28), 156, 2 * 6 * 28 * 28 * 25)
    assert rows["1"].parameters == 12
    assert rows["2"].output_shape == (2, 6, 14, 14)
    assert rows["5"].multiply_adds == 2 * 10 * 1176
    assert result.parameters == sum(p.size for p in model.parameters())
    assert result.trainable_parameters == result.parameters - 6
    assert result.buffers == 13
    assert result.bytes == 4 * (result.parameters + 12) + 8
    assert result.multiply_adds == rows["0"].multiply_adds + rows["5"].multiply_adds
    assert result.input_shape == (2, 1, 28, 28)


def test_the_table_reads_well() -> None:
    text = str(nn.summary(network(), (1, 1, 28, 28)))
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "type", "output", "shape", "parameters", "multiply-adds"]
    assert lines[2].split("  ")[0] == "0"
    assert "(1, 6, 28, 28)" in lines[2]
    assert "117,600" in lines[2]
    assert "input (1, 1, 28, 28)" in text
    assert "buffers: 13" in text
    assert len(set(map(len, lines[:8]))) <= 2


def test_nothing_in_the_model_changes() -> None:
    model = network()
    model[4].eval()
    state = rp.random.default_generator().get_state().tolist()
    nn.summary(model, (4, 1, 28, 28))
    assert model[1].num_batches_tracked.item() == 0
    assert [layer.training for layer in model] == [True, True, True, True, False, True]
    assert model[0]._hooks is None or not model[0]._hooks.after
    assert rp.random.default_generator().get_state().tolist() == state
    with pytest.raises(ShapeError):
        nn.summary(model, (4, 1, 20, 20))
    assert model.training
    assert not model[0]._hooks.after


def test_shared_layers_count_once_but_run_each_time() -> None:
    layer = nn.Linear(3, 3)
    result = nn.summary(nn.Sequential(layer, layer), (1, 3))
    assert [row.parameters for row in result.rows] == [12, 0]
    assert [row.multiply_adds for row in result.rows] == [9, 9]
    assert result.parameters == 12


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.scale = nn.Parameter([2.0])
        self.up = nn.ConvTranspose1d(4, 2, 3, bias=False)

    def forward(self, index: Any) -> Any:
        rows = self.table(index) * self.scale
        return {"rows": rows, "up": self.up(rp.permute_dims(rows, (0, 2, 1)))}


def test_integers_for_embeddings_parameters_of_the_model_and_several_outputs() -> None:
    result = nn.summary(Tagger(), (1, 7))
    assert [row.path for row in result.rows] == ["table", "up", ""]
    assert result.rows[1].multiply_adds == 4 * 7 * 2 * 3
    assert result.rows[2] == ("", "Tagger", [(1, 7, 4), (1, 2, 9)], 1, 0)
    assert "(model)" in str(result)


def test_recurrent_layers_and_attention_count_their_products() -> None:
    time, batch, features, hidden = 7, 3, 4, 5
    lstm = nn.summary(nn.LSTM(features, hidden), (time, batch, features))
    assert lstm.multiply_adds == time * batch * 4 * hidden * (features + hidden)
    assert lstm.rows[0].output_shape == [(7, 3, 5), (1, 3, 5), (1, 3, 5)]
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    attention = nn.summary(layer, [(2, 5, 8)] * 3)
    projections, products = 4 * 2 * 5 * 8 * 8, 2 * 2 * 5 * 5 * 8
    assert attention.multiply_adds == projections + products
    assert attention.parameters == sum(p.size for p in layer.parameters())


@pytest.mark.parametrize(
    ("features", "text"),
    [(4, "20 bytes"), (1023, "4.0 KiB"), (2**19, "2.0 MiB")],
)
def test_memory_is_told_in_a_suitable_unit(features: int, text: str) -> None:
    assert f"; {text}; " in str(nn.summary(nn.Linear(features, 1), (1, features)))


def test_several_inputs() -> None:
    result = nn.summary(nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)])
    assert result.input_shape == [(2, 3), (2, 4)]
    assert result.rows[0].multiply_adds == 2 * 5 * 3 * (4 + 1)


def test_other_dtypes_and_wrong_shapes() -> None:
    assert nn.summary(nn.Linear(2, 1).double(), (1, 2)).rows[0].output_shape == (1, 1)
    assert nn.summary(nn.Identity(), (3,), dtype="int64").parameters == 0
    for wrong in (3, (), "ab", [(1, 2), 3]):
        with pytest.raises(ArgumentError, match="is no shape"):
            nn.summary(nn.Identity(), wrong)
