"""`edge-agent demo`: broker, simulated site with faults, agent and page, all in here; needs nothing else."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import threading
from pathlib import Path

from edge_agent import logs
from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.clock import SystemClock
from edge_agent.commands.run import serve
from edge_agent.config import Config
from edge_agent.errors import ConfigError
from edge_agent.notify import ServiceManager
from edge_agent.service import Service
from edge_agent.supervisor import Task

HOST = "127.0.0.1"
SITE_ID = "demo"


def demo(chargers: int, speed: float, port: int) -> int:
    """Run the demo until it is interrupted; print the page's address with a key."""
    logs.set_up(os.environ, logging.WARNING)
    try:
        from iotcore import Broker  # noqa: PLC0415 - only the demo has it
    except ImportError:
        raise ConfigError(
            ["the demo needs the extra 'demo': pip install 'evzone-edge-agent[demo]'"]
        ) from None
    with tempfile.TemporaryDirectory(prefix="edge-agent-demo-") as folder:
        config = _config(Path(folder), port)
        key = KeyRing(config.web.keys_file).add(Role.ADMIN, "demo").key
        with Broker(listen=HOST, port=config.mqtt.port):
            service = Service(config, SystemClock(), ServiceManager({}))
            service.bind()
            _invite(config, key, chargers, speed)
            simulator = _Simulator(config, chargers, speed)
            service.add(Task("simulator", simulator.run, simulator.stop.set))
            return serve(service)


class _Simulator:
    """The simulated site, publishing over the demo's broker."""

    def __init__(self, config: Config, chargers: int, speed: float) -> None:
        self._config = config
        self._chargers = chargers
        self._speed = speed
        self.stop = threading.Event()

    def run(self) -> None:
        """Publish until stopped."""
        from edge_agent.simulator import publisher  # noqa: PLC0415 - the daemon has no simulator
        from edge_agent.simulator.demo import demo_messages  # noqa: PLC0415

        publisher.run(
            demo_messages(self._chargers, SystemClock().now(), self._speed),
            host=HOST,
            port=self._config.mqtt.port,
            prefix=self._config.prefix,
            speed=self._speed,
            stop=self.stop,
        )


def _config(folder: Path, port: int) -> Config:
    return Config.model_validate(
        {
            "site_id": SITE_ID,
            "mqtt": {"host": HOST, "port": _free_port()},
            "web": {"host": HOST, "port": port, "keys_file": folder / "keys.json"},
            "store": {"path": folder / "store.sqlite", "commit_s": 1.0, "min_free_bytes": 1},
            "offline": {"after_s": 20.0},
        }
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _invite(config: Config, key: str, chargers: int, speed: float) -> None:
    print(
        f"A simulated site of {chargers} chargers at {speed:g} times real speed.\n"
        "The first fault shows within a minute.\n"
        f"  page     http://{HOST}:{config.web.port}/#key={key}\n"
        f"  API      curl -H 'X-API-Key: {key}' http://{HOST}:{config.web.port}/api/v1/chargers\n"
        f"  broker   mosquitto_sub -h {HOST} -p {config.mqtt.port} -v -t '{config.prefix}/alerts/#'\n"
        "End it with Ctrl-C.",
        flush=True,
    )
