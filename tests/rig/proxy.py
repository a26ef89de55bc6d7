"""A wire between agent and broker that can be cut in one direction."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread

from tests.rig.waiting import HOST, Journal

CHUNK = 65_536


class Proxy:
    """Forwards each connection to the broker. While `mute` what the agent says is lost on the way."""

    def __init__(self, broker_port: int, host: str = HOST) -> None:
        """host: where it listens."""
        self.lost: Journal[bytes] = Journal("what the agent said in vain")
        self.mute = False
        self._broker_port = broker_port
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Cut every connection and end."""
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Cut every connection that stands; new ones may be made."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                agent, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection((HOST, self._broker_port))
            except OSError:  # nobody is there: so it is for who comes through here
                agent.close()
                continue
            self._ends += [agent, broker]
            for work in ((agent, broker, True), (broker, agent, False)):
                thread = Thread(target=self._forward, args=work)
                thread.start()
                self._threads.append(thread)

    def _forward(self, source: socket.socket, sink: socket.socket, from_agent: bool) -> None:
        with suppress(OSError):
            while said := source.recv(CHUNK):
                if from_agent and self.mute:
                    self.lost.add(said)
                else:
                    sink.sendall(said)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
