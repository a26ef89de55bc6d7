"""A network namespace for a gateway: a LAN that stays, and a way out that can be cut as a cable is."""

from __future__ import annotations

import itertools
import os
import subprocess

from tests.rig.broker import missing, tool
from tests.rig.waiting import DEADLINE_S

NUMBERS = itertools.count(1)


class Namespace:
    """Two pairs of virtual interfaces. lan, out: this machine's addresses, as the gateway reaches them."""

    def __init__(self) -> None:
        number = next(NUMBERS)
        self._name = f"gw-{os.getpid()}-{number}"
        self._ip = tool("ip")
        self.lan, self.out = f"10.203.{number % 64}.1", f"10.203.{number % 64 + 64}.1"
        if self._run("netns", "add", self._name, check=False):
            missing("a network namespace needs root")
        try:
            self._run("-n", self._name, "link", "set", "lo", "up")
            for kind, address in (("l", self.lan), ("o", self.out)):
                self._connect(kind, address)
        except BaseException:
            self.close()
            raise

    @property
    def before(self) -> tuple[str, ...]:
        """What runs a command within."""
        return (self._ip, "netns", "exec", self._name)

    def cut(self) -> None:
        """Take the way out away: packets are lost without a word, connections stand and say nothing."""
        self._run("link", "set", self._interface("o"), "down")

    def mend(self) -> None:
        self._run("link", "set", self._interface("o"), "up")

    def close(self) -> None:
        """Remove it, its interfaces with it."""
        self._run("netns", "delete", self._name, check=False)

    def _connect(self, kind: str, address: str) -> None:
        here, there = self._interface(kind), f"{kind}0"
        self._run("link", "add", here, "type", "veth", "peer", "name", there, "netns", self._name)
        self._run("address", "add", f"{address}/30", "dev", here)
        self._run("link", "set", here, "up")
        self._run("-n", self._name, "address", "add", f"{address[:-1]}2/30", "dev", there)
        self._run("-n", self._name, "link", "set", there, "up")

    def _interface(self, kind: str) -> str:
        return f"{self._name}{kind}"

    def _run(self, *arguments: str, check: bool = True) -> int:
        done = subprocess.run([self._ip, *arguments], check=False, capture_output=True, timeout=DEADLINE_S)
        assert not check or done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.decode()}"
        return done.returncode
