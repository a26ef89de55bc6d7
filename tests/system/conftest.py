"""A site for each test: a broker as shipped, an agent, chargers, a screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.rig.agent import Agent, Settings
from tests.rig.broker import Mosquitto
from tests.rig.clients import Publisher, Subscriber

CHARGERS = [f"CHG_{number:03}" for number in range(41)]
FAILED = pytest.StashKey[bool]()

NewAgent = Callable[..., Agent]
NewSubscriber = Callable[..., Subscriber]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("system")


@pytest.fixture
def stopped_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """The site's broker, not yet started."""
    broker = Mosquitto(tmp_path / "broker", CHARGERS)
    yield broker
    broker.stop()


@pytest.fixture
def broker(stopped_broker: Mosquitto) -> Mosquitto:
    """The site's broker, running."""
    stopped_broker.start()
    return stopped_broker


@pytest.fixture
def new_agent(
    stopped_broker: Mosquitto, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[NewAgent]:
    """Makes the site's agent, not yet started. Its log is shown where the test fails."""
    made: list[Agent] = []

    def make(settings: Settings | None = None, before: tuple[str, ...] = ()) -> Agent:
        made.append(Agent(tmp_path / "agent", stopped_broker.port, settings, before))
        return made[-1]

    yield make
    for agent in made:
        if agent.running:
            agent.kill9()
        if request.node.stash.get(FAILED, False):
            sys.stdout.write(f"--- the agent's log\n{agent.text()}")


@pytest.fixture
def agent(new_agent: NewAgent, broker: Mosquitto) -> Agent:
    """The site's agent, started, and known to the broker."""
    running = new_agent().start()
    broker.wait_for_agent()
    return running


@pytest.fixture
def publisher(stopped_broker: Mosquitto) -> Iterator[Publisher]:
    """The site's chargers."""
    chargers = Publisher(stopped_broker.port)
    yield chargers
    chargers.close()


@pytest.fixture
def new_subscriber(stopped_broker: Mosquitto) -> Iterator[NewSubscriber]:
    """Makes screens."""
    with ExitStack() as stack:

        def make(*topics: str) -> Subscriber:
            subscriber = Subscriber(stopped_broker.port, topics=topics or ("alerts/#",))
            stack.callback(subscriber.close)
            return subscriber

        yield make


@pytest.fixture
def subscriber(new_subscriber: NewSubscriber) -> Subscriber:
    """A screen that shows alerts."""
    return new_subscriber()


@pytest.fixture(scope="module")
def shared_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """A running agent with its broker, for many tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    broker = Mosquitto(folder / "broker", CHARGERS)
    broker.start()
    agent = Agent(folder / "agent", broker.port, {"web": {"rate_limit": 100_000.0}})
    try:
        agent.start()
        broker.wait_for_agent()
        yield agent
    finally:
        agent.terminate()
        broker.stop()
