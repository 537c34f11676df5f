"""A small transformer learns to write Python from the sources of retroprop.nn, then writes.

    python examples/language_model.py                          ten seconds
    python examples/language_model.py TEXT.txt steps=2000      your own text, also TEXT.txt.gz

Characters are the tokens. The loss is shown in bits per character, on a tenth of the text that the
model does not learn from.
"""

# slow: 10 seconds

import gzip
import math
import sys
from pathlib import Path

import numpy as np

import retroprop as rp
from retroprop import nn, optim

options = dict(item.split("=") for item in sys.argv[1:] if "=" in item)
paths = [Path(item) for item in sys.argv[1:] if "=" not in item]
paths = paths or sorted(Path(nn.__file__).parent.glob("*.py"))
steps, length, batch = int(options.get("steps", 100)), 96, 16


def read(path):
    """The text of a file."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return file.read()


text = "".join(map(read, paths))
letters = sorted(set(text))
number = {letter: i for i, letter in enumerate(letters)}
numbers = np.array([number[letter] for letter in text])
known, rest = np.split(numbers, [len(numbers) * 9 // 10])

rp.manual_seed(0)
model = nn.TransformerLM(len(letters), width=96, heads=4, layers=3, length=256)
optimizer = optim.AdamW(model.parameters(), lr=optim.schedule.cosine(2e-3, steps))


def windows(source, count, rng):
    """Stretches of the text, and the same one letter on."""
    starts = rng.integers(0, len(source) - length - 1, count)
    found = source[starts[:, None] + np.arange(length + 1)]
    return found[:, :-1], found[:, 1:]


def loss_of(x, y):
    """The loss of every letter, given those before it."""
    logits = model(x)
    return nn.functional.cross_entropy(logits.reshape((-1, len(letters))), y.reshape((-1,)))


@rp.compile
def step(x, y):
    """One step of training."""
    loss = loss_of(x, y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(list(model.parameters()), 1.0)
    optimizer.step()
    return loss


@rp.compile
def evaluate(x, y):
    """The loss without training."""
    with rp.no_grad():
        return loss_of(x, y)


rng = np.random.default_rng(0)
held = windows(rest, 64, np.random.default_rng(1))
first = evaluate(*held).item() / math.log(2)
for i in range(steps):
    loss = step(*windows(known, batch, rng))
    if (i + 1) % 50 == 0:
        bits = evaluate(*held).item() / math.log(2)
        print(f"step {i + 1:4}  {loss.item() / math.log(2):.2f} bits, held out {bits:.2f}")

prompt = rp.asarray(known[:32])
found = nn.generate(model, prompt, 200, temperature=0.8, top_k=40)
print("---\n" + "".join(letters[i] for i in found.tolist()))
assert bits < first - 1, "it has not learned"
