"""Classes of images in three lines: from data to a report that shows where the network looks.

python examples/images.py                      seconds: a small network, a part of Fashion-MNIST
python examples/images.py photos/              your own: class/name.jpg, all of it
python examples/images.py files.csv epochs=30  a table of paths and classes, with options
"""

import sys
import tempfile
from pathlib import Path

from retroprop import tasks

FASHION = Path(__file__).parent / "data" / "fashion_mnist.npz"
SMALL = {"model": "cnn", "limit": 1000, "epochs": 4, "augment": "none"}

source = sys.argv[1] if len(sys.argv) > 1 else str(FASHION)
options = dict(word.split("=", 1) for word in sys.argv[2:]) if len(sys.argv) > 1 else SMALL

with tempfile.TemporaryDirectory() as place:
    folder = None if len(sys.argv) > 1 else Path(place) / "run"
    result = tasks.train(source, options, task="images", folder=folder)
    run = tasks.Run(result["run"]).load_weights()
    answer = run.predict(source, top=2)
    print("\nexample         class           chance  or else")
    columns = ("ids", "prediction", "probability", "prediction_2")
    for where, first, chance, second in list(zip(*(answer[name] for name in columns), strict=True))[
        :5
    ]:
        print(f"{where!s:<15} {first:<15} {chance:6.3f}  {second}")
    page = Path(result["run"]) / "report.html"
    assert "Where it looks" in page.read_text(encoding="utf-8") or options.get("model") == "mlp"
    assert result["test_accuracy"] > 1 / len(set(answer["prediction"])), "no better than a guess"
