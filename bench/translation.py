"""The translation task and the same network in PyTorch: BLEU, and how long training takes.

    python bench/translation.py tatoeba_en_es.tsv.gz epochs=4 --threads 1

Both start from the same weights, see the same rows of the same sub-words in the same order, with
the same schedule, clipping and decay; each keeps the epoch with the least validation loss. The
translations of both are searched for by the same program, so that training alone is compared
(dropout draws other numbers, which moves BLEU by some tenths by itself). PyTorch runs eagerly.
`--only torch` leaves our run out. Prints a line of Markdown for each.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from retroprop import optim
from retroprop.data import batches, shuffled
from retroprop.data.dataset import Dataset
from retroprop.data.subwords import PAD
from retroprop.tasks import options
from retroprop.tasks.plan import plan
from retroprop.tasks.translation import Translation
from retroprop.tasks.translation.scores import bleu, chrf


class Attention(nn.Module):
    """Several heads, with the names of `retroprop.tasks.translation.network`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Any, memory: Any, mask: Any) -> Any:
        def apart(y: Any, count: int) -> Any:
            return y.view(*y.shape[:2], count, -1).transpose(1, 2)

        q = apart(self.query(x), self.heads)
        keys, values = apart(self.memory(memory), 2 * self.heads).chunk(2, dim=1)
        y = F.scaled_dot_product_attention(q, keys, values, mask)
        return self.out(y.transpose(1, 2).reshape(x.shape))


class Layer(nn.Module):
    """Of the encoder, or of the decoder."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float, decodes: bool) -> None:
        super().__init__()
        self.norm1, self.own = nn.LayerNorm(width), Attention(width, heads)
        if decodes:
            self.norm2, self.cross = nn.LayerNorm(width), Attention(width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Any, own: Any, memory: Any = None, other: Any = None) -> Any:
        y = self.norm1(x)
        x = x + self.dropout(self.own(y, y, own))
        if memory is not None:
            x = x + self.dropout(self.cross(self.norm2(x), memory, other))
        inner = self.dropout(F.relu(self.linear1(self.norm3(x))))
        return x + self.dropout(self.linear2(inner))


class Transformer(nn.Module):
    """The network of the task, in PyTorch."""

    def __init__(self, chosen: dict[str, Any], tokens: int) -> None:
        super().__init__()
        width, longest = chosen["width"], chosen["longest"] + 1
        sizes = (width, chosen["heads"], chosen["inner"], chosen["dropout"])
        self.embedding = nn.Embedding(tokens, width)
        self.bias = nn.Parameter(torch.zeros(tokens))
        self.encoder = nn.ModuleList(Layer(*sizes, False) for _ in range(chosen["layers"]))
        self.decoder = nn.ModuleList(Layer(*sizes, True) for _ in range(chosen["layers"]))
        self.norm_source, self.norm_target = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(chosen["dropout"])
        angles = np.arange(longest)[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)
        waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(longest, width)
        self.register_buffer("waves", torch.tensor(waves, dtype=torch.float32), persistent=False)

    def forward(self, batch: dict[str, Any]) -> Any:
        def begun(side: str) -> Any:
            x = self.embedding(batch[side]) * math.sqrt(self.embedding.embedding_dim)
            return self.dropout(x + self.waves[batch[f"{side}_at"]])

        def same(one: str, other: str) -> Any:
            return batch[f"{one}_text"][:, None, :, None] == batch[f"{other}_text"][:, None, None]

        x = begun("source")
        for layer in self.encoder:
            x = layer(x, same("source", "source"))
        memory, x = self.norm_source(x), begun("target")
        own = same("target", "target") & torch.ones(x.shape[1], x.shape[1]).tril().bool()
        for layer in self.decoder:
            x = layer(x, own, memory, same("target", "source"))
        return F.linear(self.norm_target(x), self.embedding.weight, self.bias)


def optimizer_of(model: Any, job: Any) -> Any:
    """AdamW with the groups of the job: biases, norms and their like do not decay."""
    named = dict(model.named_parameters())
    groups = [
        {"params": [named[name] for name, _ in group["params"]],
         "weight_decay": group["weight_decay"]}
        for group in optim.decay_groups(job.model, job.options["weight_decay"])
    ]  # fmt: skip
    return torch.optim.AdamW(groups, lr=job.options["lr"])


def tensors(batch: Any) -> tuple[dict[str, Any], Any]:
    """A batch as PyTorch takes it."""
    x = {name: torch.from_numpy(part.astype(np.int64)) for name, part in batch.x.items()}
    return x, torch.from_numpy(batch.y.astype(np.int64))


def loss_of(model: Any, batch: Any, smoothing: float) -> Any:
    """Cross-entropy of the next sub-words, padding aside."""
    x, y = tensors(batch)
    logits = model(x).flatten(0, 1)
    return F.cross_entropy(logits, y.flatten(), ignore_index=PAD, label_smoothing=smoothing)


def trained(job: Any) -> tuple[dict[str, Any], float]:
    """The weights of PyTorch's best epoch, and the seconds that all took."""
    model = Transformer(job.options, len(job.task.words))
    state = {n: torch.tensor(np.array(w.numpy())) for n, w in job.model.state_dict().items()}
    model.load_state_dict(state)
    optimizer, options = optimizer_of(model, job), job.options
    rate = optim.schedule.one_cycle(options["lr"], job.steps)
    data, held = Dataset(job.x_train, job.y_train), Dataset(*job.held_out)
    step, best, kept, began = 0, math.inf, state, time.perf_counter()
    for epoch in range(options["epochs"]):
        model.train()
        order = shuffled(len(data), options["seed"], epoch)
        for batch in batches(data, options["batch_size"], order):
            for group in optimizer.param_groups:
                group["lr"] = float(rate(step))
            optimizer.zero_grad()
            loss_of(model, batch, options["label_smoothing"]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), options["clip_grad_norm"])
            optimizer.step()
            step += 1
        model.eval()
        with torch.no_grad():
            found = [
                (loss_of(model, batch, options["label_smoothing"]).item(), len(batch.y))
                for batch in batches(held, 256)
            ]
        loss = sum(each * count for each, count in found) / len(held)
        print(f"  epoch {epoch + 1}: val_loss {loss:.4f}, {time.perf_counter() - began:.0f} s")
        if loss < best:
            best, kept = loss, {n: w.clone() for n, w in model.state_dict().items()}
    return kept, time.perf_counter() - began


def scored(job: Any) -> str:
    """BLEU and chrF on the test part, as cells of a table."""
    test = job.parts.test
    job.model.eval()
    made, _ = job.task.translator(job.model).translate(test.x)
    return f"{bleu(made, test.y):.2f} | {chrf(made, test.y):.2f}"


def main() -> None:
    """Train both, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pairs", help="a table of two columns of sentences")
    parser.add_argument("options", nargs="*", help="of the run: epochs=10 reverse=yes")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch; RETROPROP_THREADS ours")
    parser.add_argument("--only", choices=["torch"])
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    chosen = options.parse(Translation.OPTIONS, given.options)
    made = plan(given.pairs, chosen, task="translation")
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        if given.only is None:
            job = made.job(Path(folder))
            job.begin()
            began = time.perf_counter()
            job.fit(job.trainer(), progress=True)
            seconds = time.perf_counter() - began
            lines.append(f"| retroprop | {scored(job)} | {seconds:.0f} |")
        job = made.job(Path(folder))
        weights, seconds = trained(job)
        job.model.load_state_dict({name: weight.numpy() for name, weight in weights.items()})
        lines.append(f"| PyTorch {torch.__version__} | {scored(job)} | {seconds:.0f} |")
    print("| | BLEU | chrF | seconds |\n|---|---:|---:|---:|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
