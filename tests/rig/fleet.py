"""The central side as processes of its own: ingest and sinks, over real Kafka and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.rig.agent import ROOT
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.waiting import DEADLINE_S, HOST, free_port, outlast

STEP_S = 0.1


class Process:
    """`cloud-sync ingest` or `cloud-sync sink`, which may be killed and started again."""

    def __init__(self, command: str, environment: dict[str, str], log: Path) -> None:
        self._command = command
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cloud_sync.cli", self._command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    def kill9(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def end(self) -> None:
        """End it, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._process = None

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        assert self._process.poll() is None, f"it has ended by itself: {self._log.read_text()[-2000:]}"
        self._process.send_signal(number)
        self._process.wait(DEADLINE_S)
        self._process = None


class CentralSide:
    """Everything that a fleet sends to."""

    def __init__(self, folder: Path, kafka: Kafka, postgres: Postgres, name: str) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.dsn = postgres.new_database(name)
        self._folder = folder
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CLOUD_SYNC__")},
            "CLOUD_SYNC__KAFKA__BROKERS": kafka.bootstrap,
            "CLOUD_SYNC__KAFKA__REPLICATION": str(len(kafka.brokers)),
            "CLOUD_SYNC__KAFKA__PARTITIONS": "4",
            "CLOUD_SYNC__POSTGRES__DSN": self.dsn,
            "CLOUD_SYNC__INGEST__HOST": HOST,
            "CLOUD_SYNC__INGEST__PORT": str(self.port),
            "CLOUD_SYNC__INGEST__TOKENS_FILE": str(folder / "tokens.json"),
            "CLOUD_SYNC__SINK__GROUP": name,
        }
        self.command("migrate")
        self.ingest = Process("ingest", self._environment, folder / "ingest.log")
        self.sinks = [Process("sink", self._environment, folder / f"sink{n}.log") for n in (1, 2)]

    def start(self) -> None:
        for process in (self.ingest, *self.sinks):
            process.start()
        try:
            self.wait_for_ingest()
        except AssertionError:
            self.stop()
            raise

    def wait_for_ingest(self) -> None:
        for _ in range(int(DEADLINE_S / STEP_S)):
            try:
                if httpx.get(f"{self.url}/health").is_success:
                    return
            except httpx.TransportError:
                outlast(STEP_S)
        raise AssertionError(f"the ingest does not answer; {self._last_words()}")

    def stop(self) -> None:
        """End it all, whatever has ended by itself."""
        for process in (self.ingest, *self.sinks):
            process.end()

    def token(self, site: str, gateway: str) -> Path:
        """Return the file of a gateway's new token."""
        file = self._folder / f"{gateway}.token"
        file.write_text(self.command("tokens", "add", site, gateway, "--tenant", "t-1"))
        return file

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cloud_sync.cli", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def wait_for(self, query: str, value: object, within_s: float = 3 * DEADLINE_S) -> None:
        """Wait until a query's first value is this; nothing tells of a row's arrival."""
        found = None
        for _ in range(int(within_s / STEP_S)):
            found = self.ask(query)[0][0]
            if found == value:
                return
            outlast(STEP_S)
        raise AssertionError(f"{query}: {found}, not {value}; {self._last_words()}")

    def _last_words(self) -> str:
        return "; ".join(f"{log.name}: {log.read_text()[-500:]}" for log in self._folder.glob("*.log"))
