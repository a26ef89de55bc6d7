"""What sites have kept for learning, as files: one a kind, JSON lines or CSV, rows of any number of sites.

    DIR/episodes.jsonl  each notified warning         edge_agent.wire.service.Episode
    DIR/work.jsonl      each work done, its verdict   WorkDone
    DIR/downtime.jsonl  each outage that is over      Downtime
    DIR/scores.jsonl    what was foretold, daily      Score
    DIR/gaps.jsonl      when a site heard nothing     Gap

Each row bears the fields of its message and `site_id`. A `.csv` bears them as columns: an empty cell is null,
a list is JSON. A file that is missing is empty; `episodes` or `scores` must be there.

    python -m models.training.field_data STORE.sqlite DIR --site site-001

appends what an agent's store has kept to the files of DIR.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.wire.service import Downtime, Episode, Gap, Score, WorkDone
from edge_agent.wire.types import Message

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
NEEDED = ("episodes", "scores")

Kind = TypeVar("Kind", bound=Message)
OfSite = tuple[str, Kind]
"""A row with the site that it came from."""


@dataclass(frozen=True, slots=True)
class Field:
    """All rows of a directory, each with its site, in the order of the files."""

    episodes: list[OfSite[Episode]] = field(default_factory=list)
    work: list[OfSite[WorkDone]] = field(default_factory=list)
    downtime: list[OfSite[Downtime]] = field(default_factory=list)
    scores: list[OfSite[Score]] = field(default_factory=list)
    gaps: list[OfSite[Gap]] = field(default_factory=list)


def read(data: Path) -> Field:
    """Return what a directory holds.

    Raises: FileNotFoundError where it holds nothing to learn from, ValueError where a row cannot be read.
    """
    if not any((data / f"{name}{suffix}").exists() for name in NEEDED for suffix in (".jsonl", ".csv")):
        raise FileNotFoundError(f"neither episodes nor scores (.jsonl or .csv) are in {data}")
    return Field(
        episodes=list(_rows(data, "episodes", Episode)),
        work=list(_rows(data, "work", WorkDone)),
        downtime=list(_rows(data, "downtime", Downtime)),
        scores=list(_rows(data, "scores", Score)),
        gaps=list(_rows(data, "gaps", Gap)),
    )


def export(store: Path, data: Path, site_id: str) -> dict[str, int]:
    """Append what a store has kept to the files of a directory; return how many rows, by file."""
    reader = SqliteReader(store)
    kept, lessons = reader.service(*EVER), reader.lessons(*EVER)
    facts = {
        "episodes": lessons.episodes,
        "work": kept.work,
        "downtime": kept.downtime,
        "scores": lessons.scores,
        "gaps": kept.gaps,
    }
    data.mkdir(parents=True, exist_ok=True)
    for name, rows in facts.items():
        with (data / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps({"site_id": site_id, **row.model_dump(mode="json")}) + "\n")
    return {name: len(rows) for name, rows in facts.items()}


def _rows(data: Path, name: str, kind: type[Kind]) -> Iterator[OfSite[Kind]]:
    for path, told in ((data / f"{name}.jsonl", _lines), (data / f"{name}.csv", _cells)):
        if not path.exists():
            continue
        for number, row in told(path):
            try:
                yield str(row.get("site_id", "")), kind.model_validate(row)
            except ValidationError as error:
                raise ValueError(f"{path.name}, row {number}: {error.errors()[0]['msg']}") from None


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"{path.name}, row {number}: an object is expected")
                yield number, row


def _cells(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            yield number, {name: _cell(text) for name, text in row.items()}


def _cell(text: str | None) -> Any:  # noqa: ANN401 - a JSON list, a text or null
    if not text:
        return None
    return json.loads(text) if text.startswith("[") else text


def main() -> None:
    """Append a store's facts to a directory and say how many they were."""
    parser = argparse.ArgumentParser(prog="python -m models.training.field_data", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("store", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--site", required=True)
    arguments = parser.parse_args()
    print(json.dumps(export(arguments.store, arguments.data, arguments.site)))


if __name__ == "__main__":
    main()
