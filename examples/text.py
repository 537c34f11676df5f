"""Sentences of reviews: are they kind or not, and which words say so.

python examples/text.py                                  1,000 sentences about restaurants
python examples/text.py reviews.csv --target stars       your own: texts and classes
python examples/text.py --say "Not bad at all." --picture why.svg
"""

# slow: 10 seconds

import argparse
from pathlib import Path

import numpy as np

from retroprop import tasks
from retroprop.tasks.text.reasons import of_bag
from retroprop.tasks.text.words import cut
from retroprop.train.charts.svg import clean

DATA = Path(__file__).parent / "data" / "yelp_sentences.csv.gz"
SAID = [
    "The food was amazing and the staff friendly.",
    "We waited an hour and the soup was cold.",
    "Not a good place, I would not go back.",
    "I was not disappointed!",
]

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("data", type=Path, nargs="?", default=DATA, help="a table, or class/name.txt")
parser.add_argument("--target", help="the column with the classes")
parser.add_argument("--say", action="append", help="a sentence to judge; may be given again")
parser.add_argument("--picture", type=Path, help="where these sentences are drawn: .svg")
parser.add_argument("--out", default="runs/text", help="the run folder")
options = parser.parse_args()

result = tasks.train(
    str(options.data), {"model": "bag"}, task="text", target=options.target, folder=options.out
)
run = tasks.Run(result["run"]).load_weights()
sentences = options.say or SAID
answer = run.predict(sentences)
columns = (answer[name] for name in ("prediction", "probability", "because"))
for sentence, name, sure, because in zip(sentences, *columns, strict=True):
    print(f"{name} ({sure:.0%})  {sentence}  <- {because}")

LETTER, ROW = 9.6, 46  # of a monospaced font of 16 pixels


def drawn(y, sentence, name, shares):
    """A sentence on its line, with the words for the answer blue and those against it orange."""
    parts = [f'<text x="12" y="{y}" class="more">{clean(name)}</text>']
    for word, share in zip(cut(sentence), shares, strict=True):
        x, wide = 90 + LETTER * word.start, LETTER * (word.end - word.start)
        colour = "#1f6feb" if share > 0 else "#d4660a"
        shown = clean(sentence[word.start : word.end])
        strength = min(0.65, abs(share) / 3)
        parts.append(
            f'<rect x="{x - 2:.1f}" y="{y - 17}" width="{wide + 4:.1f}" height="23" rx="3" '
            f'fill="{colour}" fill-opacity="{strength:.2f}"/>'
            f'<text x="{x:.1f}" y="{y}" textLength="{wide:.1f}">{shown}</text>'
        )
        if abs(share) >= 0.3:
            middle = f'x="{x + wide / 2:.1f}" y="{y + 17}"'
            parts.append(f'<text {middle} class="more small">{share:+.1f}</text>')
    return "".join(parts)


if options.picture:
    classes = [run.task.classes.index(name) for name in answer["prediction"]]
    words = [cut(sentence) for sentence in sentences]
    shares = of_bag(run.model, run.task.coder, words, np.array(classes))
    heights = [30 + ROW * k for k in range(len(sentences))]
    lines = zip(heights, sentences, answer["prediction"], shares, strict=True)
    width, height = 120 + LETTER * max(map(len, sentences)), ROW * len(sentences) + 10
    font = "16px 'DejaVu Sans Mono',Menlo,Consolas,monospace"
    style = f"text{{font:{font}}}.more{{fill:#5c6878}}.small{{font-size:10px;text-anchor:middle}}"
    options.picture.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(drawn(*line) for line in lines)}</svg>\n",
        encoding="utf-8",
    )
assert result["test_accuracy"] > 0.7, "it has not learned"
