"""What systemd is told of the daemon: that it serves, that it lives, that it ends. Source: sd_notify(3)."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class ServiceManager:
    """Tells by datagrams to NOTIFY_SOCKET; where that is not set, nobody is told."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the null byte of an abstract socket.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path

    def ready(self) -> None:
        """It serves."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """It reads its configuration again; `ready` ends that."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def alive(self) -> None:
        """All of it makes progress: what feeds the watchdog."""
        self._tell("WATCHDOG=1")

    def status(self, sentence: str) -> None:
        """Say what `systemctl status` shows."""
        self._tell(f"STATUS={sentence}")

    def stopping(self) -> None:
        """It ends, as it was asked to."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
            teller.sendto(message.encode(), self._address)
