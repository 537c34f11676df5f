"""A network reads a text of yours, says how well it foresees the rest, and writes on.

    python examples/text_generation.py                                 20 s, the source of pydoc
    python examples/text_generation.py BOOK.txt --prompt "Chapter 1"   minutes; also .txt.gz
    python examples/text_generation.py FOLDER tokens=subwords          a folder of texts

Further words are options of the run: model=transformer, hidden=512, epochs=10, limit=200000.
"""

# slow: 10 seconds

import argparse
import inspect
import pydoc
from pathlib import Path
from tempfile import mkdtemp

from retroprop import tasks

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("text", nargs="?", help="a text file, or a folder of them")
parser.add_argument("options", nargs="*", help="key=value")
parser.add_argument("--prompt", default="")
asked = parser.parse_args()

options = dict(word.split("=") for word in asked.options)
source = Path(asked.text) if asked.text else inspect.getsource(pydoc)
if not asked.text:
    options = {"hidden": 96, "layers": 1, "epochs": 12, **options}
    asked.prompt = asked.prompt or "    def "

result = tasks.train(source, options, task="generation", folder=Path(mkdtemp(), "run"))
run = tasks.Run(result["run"]).load_weights()

for temperature in (0.3, 0.8):
    print(f"\n--- temperature {temperature}\n{asked.prompt}", end="")
    run.task.generate(
        run.model, asked.prompt, 300, temperature=temperature,
        say=lambda text: print(text, end="", flush=True),
    )  # fmt: skip

# A text like what was learned costs fewer bits than the same characters in another order.
known = "            raise ValueError\n        return self.name\n"
costs = run.predict([known, known[::-1]])["bits_per_character"]
print(f"\n--- {costs[0]:.2f} bits per character forwards, {costs[1]:.2f} backwards")
best = min(result[f"test_{name}_bits"] for name in ("unigram", "bigram", "trigram"))
print(f"--- test {result['test_bits_per_character']:.2f}, counting {best:.2f}")
assert asked.text or costs[0] < costs[1], "it has not learned"
