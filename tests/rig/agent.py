"""The real daemon as a process of its own, with a folder, a configuration and keys of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from tests.rig.broker import AGENT, ENDED, PASSWORD, SITE_ID
from tests.rig.waiting import DEADLINE_S, HOST, Journal, free_port

ROOT = Path(__file__).parents[2]
Settings = Mapping[str, Mapping[str, object]]


class Agent:
    """`edge-agent run` under a configuration file. Started again, it finds what it left."""

    def __init__(
        self, folder: Path, broker_port: int, settings: Settings | None = None, before: tuple[str, ...] = ()
    ) -> None:
        """Write the configuration.

        settings: sections over the usual ones; before: a command that is to run it, such as strace.
        """
        self.folder = folder
        self.port = free_port()
        self.config = folder / "config.toml"
        self.store = folder / "store.sqlite"
        self.log: Journal[dict[str, Any]] = Journal("agent")
        self._before = before
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None
        self._lines: list[str] = []
        self._keys: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "password").write_text(f"{PASSWORD}\n")
        self._write_config(broker_port, settings or {})

    # The process

    def start(self, *, wait: bool = True) -> Agent:
        """Start it. wait: until it answers; its port is bound before anything else is done."""
        assert self._process is None, "it runs already"
        since = self.log.mark()
        self._process = subprocess.Popen(
            [*self._before, sys.executable, "-m", "edge_agent", "--config", str(self.config), "run"],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # a signal to the group meets the agent also behind strace
        )
        self._reader = Thread(target=self._read, args=(self._process,), name="the agent's log")
        self._reader.start()
        if wait:
            self.wait_for_log("starting", after=since)
            httpx.get(f"{self.url}/health", timeout=DEADLINE_S).raise_for_status()
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill9(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask it to end, as systemd does, and return its exit code."""
        return self._end(signal.SIGTERM)

    def wait_until_ended(self) -> int:
        """Return its exit code, once it has ended by itself."""
        assert self._process is not None
        assert self._reader is not None
        code = self._process.wait(DEADLINE_S)
        self._reader.join()
        self._process = None
        return code

    def wait_for_log(self, event: str, after: int = 0) -> dict[str, Any]:
        """Return the log's line that tells of an event. Fails at once where the process ends without it."""
        line = self.log.wait_for(
            f"log line {event!r}", lambda line: line.get("event") in (event, ENDED), after=after
        )
        assert line["event"] == event, f"it has ended: {self.text()}"
        return line

    def text(self) -> str:
        """Return all that it has logged, over all its lives."""
        return "".join(self._lines)

    # Its interfaces

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @contextmanager
    def client(self, role: str | None = "viewer") -> Iterator[httpx.Client]:
        """Yield a client with a key of that role; None: without a key."""
        headers = {} if role is None else {"X-API-Key": self.key(role)}
        with httpx.Client(base_url=self.url, headers=headers, timeout=DEADLINE_S) as client:
            yield client

    def health(self) -> dict[str, Any]:
        told: dict[str, Any] = httpx.get(f"{self.url}/api/v1/health", timeout=DEADLINE_S).json()
        return told

    def key(self, role: str) -> str:
        """Return a key of that role, made with the command line the first time."""
        if role not in self._keys:
            self._keys[role] = self.command("keys", "add", role).stdout.splitlines()[-1].strip()
        return self._keys[role]

    def command(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Carry out `edge-agent` with this configuration. code: what it must exit with."""
        done = subprocess.run(
            [sys.executable, "-m", "edge_agent", "--config", str(self.config), *arguments],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=3 * DEADLINE_S,
            check=False,
        )
        assert code is None or done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what the store holds, through a connection that cannot write."""
        connection = sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_AGENT__")}
        return kept | {"PYTHONUNBUFFERED": "1"}

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        os.killpg(self._process.pid, number)
        return self.wait_until_ended()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._lines.append(line)
                try:
                    told = json.loads(line)
                except ValueError:
                    told = None
                self.log.add(told if isinstance(told, dict) else {"event": None, "text": line.rstrip()})
        self.log.add({"event": ENDED})

    def _write_config(self, broker_port: int, settings: Settings) -> None:
        sections: dict[str, dict[str, object]] = {
            "mqtt": {
                "host": HOST,
                "port": broker_port,
                "username": AGENT,
                "password_file": self.folder / "password",
            },
            "store": {"path": self.store, "min_free_bytes": 1},
            "web": {"host": HOST, "port": self.port, "keys_file": self.folder / "keys.json"},
        }
        for name, changed in settings.items():
            sections[name] = {**sections.get(name, {}), **changed}
        self.store = Path(str(sections["store"]["path"]))
        lines = [f'site_id = "{SITE_ID}"']
        for name, keys in sections.items():
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in keys.items())]
        self.config.write_text("\n".join(lines) + "\n")


def _toml(value: object) -> str:
    """Return a value as TOML, of which JSON's texts, numbers and booleans are a part."""
    return json.dumps(str(value) if isinstance(value, Path) else value)
