"""`edge-agent store check | export | repair`: the local store, looked at, taken along, mended."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

from edge_agent.adapters.sqlite.exporting import exported
from edge_agent.adapters.sqlite.inspecting import inspect
from edge_agent.adapters.sqlite.repairing import Saved, repaired
from edge_agent.clock import SystemClock
from edge_agent.commands.findings import Finding, show
from edge_agent.config import load
from edge_agent.errors import EdgeAgentError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

TELL_EVERY = 100_000
"""Lines of an export."""


def check(config_path: Path | None) -> int:
    """Print a line for the file and each table; return 0 where all is sound, else 1. Raises StoreError."""
    sound = True
    for look in inspect(_path(config_path)):
        show(look.name, Finding(look.told, look.fault))
        sound = sound and look.fault is None
    if not sound:
        print("to save what can be read, stop the agent and call: edge-agent store repair")
    return int(not sound)


def export(config_path: Path | None, file: Path, since: datetime, until: datetime) -> int:
    """Write what the store knows of a time into a new file, JSON lines; packed where its name ends in .gz.

    Returns 1 where rows could not be read and are left out. Raises: ConfigError, StoreError, EdgeAgentError.
    """
    path = _path(config_path)
    written, unreadable = Counter[str](), Counter[str]()
    with _new(file) as out:
        for number, line in enumerate(exported(path, (since, until), unreadable), 1):
            out.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
            written[line["kind"]] += 1
            if number % TELL_EVERY == 0:
                print(f"{number:,} lines so far", file=sys.stderr)
    print(f"{_listed(written)} in {file}")
    if unreadable:
        print(f"left out, for they cannot be read: {_listed(unreadable)}", file=sys.stderr)
    return int(bool(unreadable))


def repair(config_path: Path | None, damaged: Path | None) -> int:
    """Put a new store in the place of a damaged one, with all that can be read of it.

    damaged: a store that was set aside before; None: the one that is there.
    Raises: ConfigError; StoreError where the agent runs, or there is no such store.
    """
    path = load(config_path)[0].store.path
    _require(damaged or path)
    aside = repaired(path, damaged or path, SystemClock().now(), _tell)
    if aside is not None:
        print(f"what stood there is kept as {aside}; delete it once nobody needs it")
    print(f"{path} is ready: start the agent")
    return 0


def _tell(saved: Saved) -> None:
    if saved.whole:
        print(f"{saved.table:16}  {saved.rows:>12,} saved")
    else:
        print(
            f"{saved.table:16}  {saved.rows:>12,} saved, about {saved.lost:,} lost; part of it cannot be read"
        )


def _path(config_path: Path | None) -> Path:
    path = load(config_path)[0].store.path
    _require(path)
    return path


def _require(path: Path) -> None:
    if not path.exists():
        raise StoreError(f"there is no store at {path}; `edge-agent run` makes one at its first start")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts.items()) or "nothing"


def _opened(file: Path) -> IO[str]:
    if file.suffix == ".gz":
        return gzip.open(file, "xt", encoding="utf-8")
    return file.open("x", encoding="utf-8")


@contextmanager
def _new(file: Path) -> Iterator[IO[str]]:
    """Give a new file to write to; it is gone again where the writing fails. Raises EdgeAgentError."""
    try:
        with _opened(file) as out, ExitStack() as undo:
            undo.callback(file.unlink)
            yield out
            undo.pop_all()
    except FileExistsError:
        raise EdgeAgentError(f"{file} exists already: name another file") from None
    except OSError as error:
        raise EdgeAgentError(f"cannot write {file}: {error.strerror}") from error
