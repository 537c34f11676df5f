"""Translate: learn from pairs of sentences, then say sentences in the other language.

    python examples/translation.py                          seconds, on sentences that are made up
    python examples/translation.py tatoeba_en_es.tsv.gz     your own: two columns, tab or comma
    python examples/translation.py PAIRS.tsv --reverse --say "¿Dónde está el gato?"

Needs `pip install 'retroprop[text]'`.
"""
# slow: 30 seconds

import argparse
import itertools
import tempfile

from retroprop import tasks

WHO = {"the cat": "el gato", "the dog": "el perro", "the cow": "la vaca", "a man": "un hombre",
       "the sun": "el sol", "a bird": "un pájaro", "my sister": "mi hermana"}  # fmt: skip
DOES = {"sees": "ve", "eats": "come", "wants": "quiere", "has": "tiene", "sells": "vende"}
WHAT = {"two fish": "dos peces", "red bread": "pan rojo", "old milk": "leche vieja",
        "big trees": "árboles grandes", "no house": "ninguna casa"}  # fmt: skip

parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
parser.add_argument("pairs", nargs="?", help="a table of two columns: a sentence, its translation")
parser.add_argument("--reverse", action="store_true", help="translate the second into the first")
parser.add_argument("--say", default="the cow sells old milk", help="what is translated then")
given = parser.parse_args()

options = {"reverse": given.reverse}
source = given.pairs
if source is None:  # every who, does and what
    source = [
        (" ".join(one), " ".join((WHO[one[0]], DOES[one[1]], WHAT[one[2]])))
        for one in itertools.product(WHO, DOES, WHAT)
    ]
    options |= {"width": 32, "inner": 64, "layers": 1, "epochs": 20, "batch_size": 4, "lr": 0.01,
                "dropout": 0.0, "label_smoothing": 0.0}  # fmt: skip

with tempfile.TemporaryDirectory() as folder:
    result = tasks.train(source, options, task="translation", folder=folder)
    said = tasks.Run(result["run"]).load_weights().predict(given.say)
    print(f"{given.say}  ->  {said['translation'][0]}")
    assert result["test_bleu"] > 15, result["test_bleu"]
