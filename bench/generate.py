"""Tokens per second of a small decoder, ours and PyTorch's eager with a cache of keys and values.

    python bench/generate.py

One text: a prompt of 128 tokens, then 512 new ones, drawn from all tokens or the most likely one;
4 layers of 128 features, 4 heads, 96 tokens, the same weights. The best of some runs, which take
turns; PyTorch with one thread and with two. Prints Markdown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as tf

import retroprop as rp
from retroprop import nn

TOKENS, WIDTH, HEADS, LAYERS, LENGTH = 96, 128, 4, 4, 640
PROMPT, NEW, RUNS = 128, 512, 7


class Block(torch.nn.Module):
    """A layer, with the names of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.attention = torch.nn.Linear(WIDTH, 3 * WIDTH)
        self.projection = torch.nn.Linear(WIDTH, WIDTH)
        self.linear1 = torch.nn.Linear(WIDTH, 4 * WIDTH)
        self.linear2 = torch.nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Any, cache: Any, at: int) -> Any:
        """Reads x from position `at` on; the cache keeps its keys and values."""
        batch, time, _ = x.shape
        joined = self.attention(self.norm1(x)).view(batch, time, 3, HEADS, WIDTH // HEADS)
        q, k, v = joined.permute(2, 0, 3, 1, 4).unbind(0)
        keys, values = cache
        keys[:, :, at : at + time], values[:, :, at : at + time] = k, v
        seen = (keys[:, :, : at + time], values[:, :, : at + time])
        y = tf.scaled_dot_product_attention(q, *seen, is_causal=time > 1)
        x = x + self.projection(y.transpose(1, 2).reshape(batch, time, WIDTH))
        return x + self.linear2(tf.gelu(self.linear1(self.norm2(x))))


class Decoder(torch.nn.Module):
    """The model, with the names of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(TOKENS, WIDTH)
        self.positions = torch.nn.Embedding(LENGTH, WIDTH)
        self.layers = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = torch.nn.LayerNorm(WIDTH)
        self.output = torch.nn.Linear(WIDTH, TOKENS, bias=False)

    def forward(self, tokens: Any, caches: Any, at: int) -> Any:
        """Logits after the last token."""
        x = self.embedding(tokens) + self.positions.weight[at : at + tokens.shape[1]]
        for layer, cache in zip(self.layers, caches, strict=True):
            x = layer(x, cache, at)
        return self.output(self.norm(x[:, -1]))


@torch.inference_mode()
def by_torch(model: Decoder, prompt: Any, greedy: bool) -> Any:
    """The prompt and what follows."""
    batch, at = prompt.shape
    shape = (batch, HEADS, at + NEW, WIDTH // HEADS)
    caches = [(torch.empty(shape), torch.empty(shape)) for _ in range(LAYERS)]
    texts, logits = [prompt], model(prompt, caches, 0)
    for number in range(NEW):
        if greedy:
            token = logits.argmax(-1, keepdim=True)
        else:
            token = torch.multinomial(torch.softmax(logits, -1), 1)
        texts.append(token)
        if number < NEW - 1:
            logits = model(token, caches, at)
            at += 1
    return torch.cat(texts, 1)


def with_threads(count: int, run: Callable[[], Any]) -> Callable[[], Any]:
    """The same, by so many threads of PyTorch."""

    def alone() -> Any:
        torch.set_num_threads(count)
        return run()

    return alone


def best(runs: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The shortest time of each, in seconds."""
    found = dict.fromkeys(runs, float("inf"))
    for _ in range(RUNS):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            found[name] = min(found[name], time.perf_counter() - start)
    return found


def main() -> None:
    """Print a table."""
    rp.manual_seed(0)
    ours = nn.TransformerLM(TOKENS, WIDTH, HEADS, LAYERS, LENGTH)
    theirs = Decoder().eval()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    prompt = np.random.default_rng(0).integers(0, TOKENS, (1, PROMPT))
    given = torch.tensor(prompt)
    print(
        "| tokens | ours, tokens/s | PyTorch, 1 thread | 2 threads | ratio |\n|---|---|---|---|---|"
    )
    for greedy in (True, False):
        mine = nn.generate(ours, prompt, NEW, greedy=greedy).numpy()
        if greedy:
            same = float(np.mean(mine == by_torch(theirs, given, True).numpy()))
        runs: dict[str, Callable[[], Any]] = {
            "ours": lambda greedy=greedy: nn.generate(ours, prompt, NEW, greedy=greedy)
        }
        for count in (1, 2):
            eager = lambda greedy=greedy: by_torch(theirs, given, greedy)  # noqa: E731
            runs[str(count)] = with_threads(count, eager)
        seconds = best(runs)
        rates = {name: NEW / value for name, value in seconds.items()}
        ratio = rates["ours"] / max(rates["1"], rates["2"])
        word = "most likely" if greedy else "drawn"
        cells = [f"{rates[name]:.0f}" for name in ("ours", "1", "2")]
        print(f"| {word} | {' | '.join(cells)} | {ratio:.1f} |", flush=True)
    print(f"\nOf the most likely tokens {100 * same:.0f} % are PyTorch's.")


if __name__ == "__main__":
    main()
