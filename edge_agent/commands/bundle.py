"""`edge-agent bundle`: what support needs to see, in one file, whether the agent runs or not."""

from __future__ import annotations

import io
import os
import platform
import shutil
import sqlite3
import subprocess
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING
from zipfile import ZipFile

import httpx

from edge_agent import __version__
from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.bundle import Told, archive, settings, site_files
from edge_agent.clock import SystemClock
from edge_agent.commands.check import check
from edge_agent.commands.kept import kept_view
from edge_agent.commands.local import client
from edge_agent.config import Config, load
from edge_agent.errors import ConfigError, EdgeAgentError
from edge_agent.overview import soonest_first, summaries
from edge_agent.records import Looks, Records
from edge_agent.service import operator, releases, shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNIT = "edge-agent.service"
LOG_LINES = 5_000
LOG_WAIT_S = 30.0


def bundle(config_path: Path | None, file: Path | None) -> int:
    """Write the bundle into a new file and print what is in it; each part that cannot be had says why.

    file: None: one in the directory for temporary files. Raises: EdgeAgentError where it cannot be written.
    """
    now = SystemClock().now()
    file = file or Path(gettempdir()) / f"edge-agent-bundle-{now:%Y%m%dT%H%M%SZ}.zip"
    held = _bundle(config_path)
    _write(file, held)
    with ZipFile(io.BytesIO(held)) as zipped:
        for each in zipped.infolist():
            print(f"{each.filename:20}  {each.file_size:>10,} bytes")
    print(f"{file}: without keys, passwords, hosts and names of people; look into it before you send it")
    return 0


def _bundle(config_path: Path | None) -> bytes:
    files: dict[str, Told] = {"about": _about(), "log": _log()}
    try:
        config, unknown = load(config_path)
    except ConfigError as error:  # what it is set to may be what must not be shown
        faults = [sentence.partition(" (it is ")[0] for sentence in error.faults]
        return archive({**files, "configuration": "\n".join(faults)})
    hidden: set[str] = set()
    files["configuration"] = settings(config, hidden)
    files["check"] = "\n".join([*unknown, _checked(config_path)])
    for name, part in PARTS.items():
        try:
            files.update(part(config))
        except (EdgeAgentError, httpx.HTTPError) as error:
            files[name] = f"not to be had: {error}"
    return archive(files, hidden)


def _about() -> dict[str, object]:
    """Return what runs here, on what."""
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        system = None
    return {
        "made_at": SystemClock().now().isoformat(),
        "edge_agent": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": system,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "packages": {each.name: each.version for each in sorted(distributions(), key=lambda each: each.name)},
    }


def _log() -> str:
    """Return the last lines of the journal, where this user may read it."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        return "there is no journal here"
    command = [journalctl, f"--unit={UNIT}", f"--lines={LOG_LINES}", "--no-hostname", "--no-pager", "--quiet"]
    try:
        done = subprocess.run(  # noqa: S603 - nothing in it comes from outside
            command, capture_output=True, text=True, errors="replace", timeout=LOG_WAIT_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"the journal cannot be read: {error}"
    return (
        done.stdout or f"the journal shows this user nothing; as root: journalctl --unit={UNIT} {done.stderr}"
    )


def _checked(config_path: Path | None) -> str:
    with redirect_stdout(io.StringIO()) as out:
        check(config_path)
    return out.getvalue()


def _site(config: Config) -> Mapping[str, Told]:
    """Return how the site stands, as the store has it."""
    clock, models, told = SystemClock(), shelf(releases(config)), operator(config)
    models.load(clock.now())
    view = kept_view(config, models.models)
    records = Records(SqliteReader(config.store.path), Looks(lambda: view, dict), told, clock)
    chargers = summaries(view, told, clock.now())
    return site_files(records, chargers, soonest_first(view), models.entries())


def _usage(config: Config) -> Mapping[str, Told]:
    return {"store": asdict(SqliteReader(config.store.path).usage())}


def _health(config: Config) -> Mapping[str, Told]:
    """Return what the running agent says of itself."""
    with client(config.web) as agent:
        return {"health": agent.get("/api/v1/health").json()}


PARTS: dict[str, Callable[[Config], Mapping[str, Told]]] = {"site": _site, "store": _usage, "health": _health}


def _write(file: Path, held: bytes) -> None:
    try:
        with file.open("xb") as out:
            out.write(held)
    except FileExistsError:
        raise EdgeAgentError(f"{file} exists already: name another file") from None
    except OSError as error:
        raise EdgeAgentError(f"cannot write {file}: {error.strerror}") from error
