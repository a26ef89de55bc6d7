"""Real Apache Kafka: one broker that is its own controller, or three of which one may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from threading import Thread

from tests.rig.broker import ENDED, missing
from tests.rig.waiting import DEADLINE_S, HOST, Journal, free_port

JARS = Path(__file__).parents[1] / "kafka" / "lib"
STARTED = "Kafka Server started"
SETTINGS = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"


class KafkaBroker:
    """One broker as a process of its own. Started again, it has what it had."""

    def __init__(self, folder: Path, node: int, ports: list[tuple[int, int]]) -> None:
        """ports: of each node, its own and its controller's."""
        self.port, controller = ports[node - 1]
        self.log: Journal[str] = Journal(f"kafka {node}")
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None
        folder.mkdir(parents=True)
        voters = ",".join(f"{n}@{HOST}:{each[1]}" for n, each in enumerate(ports, 1))
        self._settings = folder / "server.properties"
        self._settings.write_text(
            SETTINGS.format(
                node=node,
                voters=voters,
                host=HOST,
                port=self.port,
                controller=controller,
                folder=folder,
                replicas=len(ports),
            )
        )
        subprocess.run(
            [
                *_java("-Xmx128m"),
                "kafka.tools.StorageTool",
                "format",
                "-t",
                CLUSTER,
                "-c",
                str(self._settings),
            ],
            check=True,
            capture_output=True,
            timeout=DEADLINE_S,
        )

    def start(self, *, wait: bool = True) -> None:
        """Start it. wait: until it serves; of three, the first waits for another."""
        since = self.log.mark()
        self._process = subprocess.Popen(
            [*_java("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC"), "kafka.Kafka", str(self._settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=self._folder,
            start_new_session=True,
        )
        self._reader = Thread(target=self._read, args=(self._process,), name="kafka's log")
        self._reader.start()
        if wait:
            self.wait_until_started(since)

    def wait_until_started(self, since: int = 0) -> None:
        line = self.log.wait_for("its start", lambda line: STARTED in line or line == ENDED, after=since)
        assert line != ENDED, f"kafka has ended: {self.log.entries()[-5:]}"

    def kill9(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._reader is None:
            return
        os.killpg(self._process.pid, number)
        try:
            self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(DEADLINE_S)
        self._reader.join()
        self._process = None

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self.log.add(line.rstrip())
        self.log.add(ENDED)


def _java(*options: str) -> list[str]:
    java = shutil.which("java")
    if java is None or not JARS.is_dir():
        missing("there is no Kafka here: `make test` fetches Java and its jars")
    return [java, *options, "-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-cp", f"{JARS}/*"]


class Kafka:
    """A cluster of so many brokers."""

    def __init__(self, folder: Path, count: int = 1) -> None:
        ports = [(free_port(), free_port()) for _ in range(count)]
        self.brokers = [KafkaBroker(folder / f"node{node}", node, ports) for node in range(1, count + 1)]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{HOST}:{broker.port}" for broker in self.brokers)

    def start(self) -> None:
        for broker in self.brokers:
            broker.start(wait=False)
        for broker in self.brokers:
            broker.wait_until_started()

    def stop(self) -> None:
        for broker in self.brokers:
            broker.kill9()
