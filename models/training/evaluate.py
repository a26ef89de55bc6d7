"""What the models and their pipeline are worth, as JSON: on simulated sites and on data that others made.

    python -m models.training.evaluate --dataset simulator --seed 7
    python -m models.training.evaluate --dataset hard --parameters world.toml
    python -m models.training.evaluate --dataset azure_pdm --data ../shared/data
    python -m models.training.evaluate --dataset ev_sessions --data ../shared/data --plots /tmp/plots

On the simulator the files in models/ are judged as they are shipped. On foreign sets, whose columns are not
a charger's, the same pipeline is fitted to a part of the set and judged on the rest.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from models.training.metrics import rounded

FOREIGN = {
    "azure_pdm": "azure_pdm",
    "skab": "skab_valve1",
    "ai4i": "ai4i",
    "ev_sessions": "ev_sessions",
    "field": "field",
}
"""Each with the folder that it has in a collection of sets."""
SIMULATED = ("simulator", "hard")
Plots = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """figures: JSON values. plots: writes pictures of them into a directory; None where there are none."""

    figures: dict[str, Any]
    plots: Plots | None = None


def main() -> None:
    """Evaluate one set and print its figures."""
    arguments = _parser().parse_args()
    try:
        found = evaluate(arguments)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"evaluate: {error}")
    print(json.dumps(rounded({"dataset": arguments.dataset, **found.figures}), indent=1, allow_nan=False))
    if arguments.plots is not None and found.plots is not None:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        found.plots(arguments.plots)


def evaluate(arguments: argparse.Namespace) -> Evaluation:
    """Return what the set that was asked for gives.

    Raises: FileNotFoundError where its files are missing, ValueError where they cannot be read.
    """
    if arguments.dataset in SIMULATED:
        world = import_module("models.training.datasets.simulator")
        found: Evaluation = world.evaluate(arguments.dataset, arguments.seed, arguments.parameters)
        return found
    folder = folder_of(arguments.dataset, arguments.data)
    told = import_module(f"models.training.datasets.{arguments.dataset}").evaluate(folder)
    return told if isinstance(told, Evaluation) else Evaluation(told)


def folder_of(dataset: str, data: Path | None) -> Path:
    """Return where a foreign set lies: DIR itself, or its own folder in a collection of sets.

    Raises: FileNotFoundError, ValueError with what to write instead.
    """
    if data is None:
        raise ValueError(f"--data DIR is missing: {dataset} is read from files")
    if not data.is_dir():
        raise FileNotFoundError(f"--data {data} is no directory")
    inside = data / FOREIGN[dataset]
    return inside if inside.is_dir() else data


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.training.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", required=True, choices=[*SIMULATED, *FOREIGN])
    parser.add_argument("--data", type=Path, metavar="DIR", help="the set's files, or a folder of sets")
    parser.add_argument("--seed", type=int, default=1, help="of simulated sites (default: 1)")
    parser.add_argument("--parameters", type=Path, metavar="FILE", help="changes to the simulated world")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write pictures there too")
    return parser


if __name__ == "__main__":
    main()
