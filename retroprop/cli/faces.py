"""`retroprop faces enrol RUN DIR`, `identify RUN PHOTO ...`, `verify RUN PHOTO PHOTO`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from retroprop.cli.output import emit, say
from retroprop.errors import ArgumentError
from retroprop.tasks import faces
from retroprop.tasks.run import Run
from retroprop.tasks.task import write_csv

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("faces", help="enrol people, name them on photos, compare photos")
    parser.set_defaults(run=lambda arguments: _missing())
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    enrol = _action(actions, "enrol", "add people to a run: nothing is trained", _enrol)
    enrol.add_argument("people", help="a folder person/photo.jpg")
    enrol.add_argument("--force", action="store_true", help="replace people who are enrolled")
    identify = _action(actions, "identify", "say who is on photos", _identify)
    identify.add_argument("photos", nargs="+", help="photos, or a folder of them")
    verify = _action(actions, "verify", "say whether two photos show one person", _verify)
    verify.add_argument("first", metavar="PHOTO")
    verify.add_argument("second", metavar="PHOTO")
    for each in (identify, verify):
        each.add_argument(
            "--threshold", type=float, help="least similarity of one person; the run's own"
        )


def _action(actions: Any, name: str, about: str, run: Any) -> Any:
    parser = actions.add_parser(name, help=about)
    parser.add_argument("run_folder", metavar="RUN", help="a run of --task faces")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)
    return parser


def _missing() -> int:
    raise ArgumentError("faces: say what to do", fix="retroprop faces enrol, identify or verify")


def _opened(folder: str) -> Run:
    run = Run(folder)
    if run.task.name != "faces":
        raise ArgumentError(
            f"{folder} is a run of {run.task.name}, not of faces",
            fix="train one: retroprop train PEOPLE --task faces",
        )
    return run.load_weights()


def _enrol(arguments: Namespace) -> int:
    """Say who was added."""
    run = _opened(arguments.run_folder)
    made = faces.enrol(run, arguments.people, force=arguments.force)
    for note in made["notes"]:
        say(f"  {note}")
    if arguments.json:
        emit({"task": "enrol", "run": arguments.run_folder, **made})
        return 0
    names = ", ".join(made["people"][:10]) + (", ..." if len(made["people"]) > 10 else "")
    print(f"enrolled {len(made['people'])} people with {made['photos']} photos: {names}")
    print(f"{made['enrolled']} people are enrolled in {arguments.run_folder}")
    return 0


def _identify(arguments: Namespace) -> int:
    """Print a line for each photo: the name or "unknown", and how similar the nearest one is."""
    run = _opened(arguments.run_folder)
    source = arguments.photos if len(arguments.photos) > 1 else arguments.photos[0]
    found = faces.identify(run, source, arguments.threshold)
    for note in found.pop("notes"):
        say(f"  {note}")
    least, ids = found.pop("threshold"), found.pop("ids")
    columns = {"example": [str(each) for each in ids], **found}
    if arguments.json:
        emit({"task": "identify", "run": arguments.run_folder, "threshold": least, **columns})
    else:
        columns["similarity"] = [f"{value:.3f}" for value in found["similarity"]]
        write_csv(sys.stdout, columns)
    return 0


def _verify(arguments: Namespace) -> int:
    """Print whether it is the same person, and how similar the photos are."""
    run = _opened(arguments.run_folder)
    found = faces.verify(run, arguments.first, arguments.second, arguments.threshold)
    if arguments.json:
        emit({"task": "verify", "run": arguments.run_folder, **found})
    else:
        same = "the same person" if found["same"] else "not the same person"
        similar = f"similarity {found['similarity']:.3f}, threshold {found['threshold']:.3f}"
        print(f"{same} ({similar})")
    return 0
