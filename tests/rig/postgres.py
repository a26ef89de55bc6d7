"""Real PostgreSQL: a cluster of its own on a socket of loopback, owned by a user who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.rig.broker import missing
from tests.rig.waiting import HOST, free_port

USER = "evzone"
NOBODY = "nobody"
SETTINGS = {"unix_socket_directories": "", "listen_addresses": HOST, "max_wal_size": "512MB"}


class Postgres:
    """A cluster. `restart` is what an outage looks like from outside."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="edge-agent-postgres-"))
        self._data = self._folder / "data"
        self._owner = NOBODY if os.geteuid() == 0 else None
        if self._owner is not None:
            shutil.chown(self._folder, self._owner)
        self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    @property
    def dsn(self) -> str:
        return f"postgresql://{USER}@{HOST}:{self.port}/postgres"

    def start(self) -> None:
        options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        self._run(
            "pg_ctl",
            "-D",
            self._data,
            "-w",
            "-l",
            self._folder / "log",
            "-o",
            f"-p {self.port} {options}",
            "start",
        )

    def stop(self) -> None:
        """End it at once, as a power cut does."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.dsn, autocommit=True)

    def new_database(self, name: str) -> str:
        """Make an empty database; return its DSN."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.dsn.removesuffix("postgres") + name

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [_tool(program), *map(str, arguments)],
            user=self._owner,
            group=None if self._owner is None else pwd.getpwnam(self._owner).pw_gid,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"


def _tool(name: str) -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(installed[-1]) if installed else None)
    if found is None:
        missing(f"{name} is not installed; `make services` installs PostgreSQL")
    return found
