"""A real mosquitto as it is shipped, changed only in what packaging/mosquitto/README.md names for tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from threading import Thread
from typing import NoReturn

import pytest

from tests.rig.waiting import DEADLINE_S, HOST, Journal, free_port

SHIPPED = Path(__file__).parents[2] / "packaging/mosquitto"
SITE_ID = "site-001"
PREFIX = f"evzone/v1/{SITE_ID}"
AGENT, VIEWER = "edge-agent", "viewer"
PASSWORD = "not-a-secret"
ENDED = "(it has ended)"
SBIN = "/usr/sbin:/usr/local/sbin:/sbin"


def tool(name: str) -> str:
    """Return a program's path. Without it the test is skipped, or fails in CI."""
    found = shutil.which(name) or shutil.which(name, path=SBIN)
    if found is None:
        missing(f"{name} is not installed; `make services` installs it")
    return found


def missing(reason: str) -> NoReturn:
    """Skip the test for something that this machine lacks; CI must have it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Mosquitto:
    """The site's broker: an account for the agent, one for screens, one for each charger."""

    def __init__(self, folder: Path, chargers: list[str]) -> None:
        self.port = free_port()
        self.log: Journal[str] = Journal("mosquitto")
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None
        folder.mkdir(parents=True)
        self._configure()
        self._open_accounts([AGENT, VIEWER, *chargers])

    def start(self) -> None:
        """Start it and return once it accepts connections."""
        since = self.log.mark()
        self._process = subprocess.Popen(
            [tool("mosquitto"), "-c", str(self._folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = Thread(target=self._read, args=(self._process,), name="mosquitto's log")
        self._reader.start()
        line = self.log.wait_for("its start", lambda line: line.endswith((" running", ENDED)), after=since)
        assert line.endswith(" running"), self.log.entries(since)

    def stop(self) -> None:
        """End it in order, as `systemctl stop` does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def forget(self) -> None:
        """Stop it and start it without its database: sessions and retained messages are lost."""
        self.stop()
        (self._folder / "mosquitto.db").unlink()
        self.start()

    def change_password(self, name: str, password: str) -> None:
        """Give an account another password and start anew; packaging/mosquitto/README.md says why."""
        command = [tool("mosquitto_passwd"), "-b", str(self._folder / "edge-agent.passwd"), name, password]
        subprocess.run(command, check=True, timeout=DEADLINE_S)
        self.stop()
        self.start()

    def wait_for_agent(self, after: int = 0) -> None:
        """Return once the agent has subscribed: from then on the broker keeps what comes for it."""
        last = f"edge-agent-{SITE_ID} 1 {PREFIX}/alerts/+/+/+/ack"
        self.log.wait_for("the agent's subscription", lambda line: line.endswith(last), after=after)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._reader is None:
            return
        self._process.send_signal(number)
        self._process.wait(DEADLINE_S)
        self._reader.join()
        self._process = None

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self.log.add(line.rstrip())
        self.log.add(ENDED)

    def _configure(self) -> None:
        text = (SHIPPED / "edge-agent.conf").read_text()
        for shipped, here in (
            ("listener 1883 ", f"listener {self.port} "),
            ("/etc/mosquitto/edge-agent.passwd", str(self._folder / "edge-agent.passwd")),
            ("/etc/mosquitto/edge-agent.acl", str(self._folder / "edge-agent.acl")),
        ):
            assert shipped in text
            text = text.replace(shipped, here)
        logged = "".join(
            f"log_type {kind}\n" for kind in ("error", "warning", "notice", "information", "subscribe")
        )
        user = "user root\n" if os.geteuid() == 0 else ""
        added = f"persistence_location {self._folder}/\n{user}{logged}"
        (self._folder / "mosquitto.conf").write_text(added + text)
        acl = self._folder / "edge-agent.acl"
        shutil.copyfile(SHIPPED / "acl", acl)
        acl.chmod(0o600)

    def _open_accounts(self, names: list[str]) -> None:
        file = self._folder / "edge-agent.passwd"
        file.write_text("".join(f"{name}:{PASSWORD}\n" for name in names))
        file.chmod(0o600)
        subprocess.run([tool("mosquitto_passwd"), "-U", str(file)], check=True, timeout=DEADLINE_S)

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port
