"""The daemon's part: what judges after a start, what is tried, and what is done about what does not load."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.adapters.releases import ReleaseFolder
from edge_agent.clock import ReplayClock
from edge_agent.core.models import AnomalyModel, FailureModel
from edge_agent.core.rollout import Bounds, offered, switched, went_back
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.errors import ModelError
from edge_agent.shelf import Loaders, Shelf
from edge_agent.updating import Updating
from edge_agent.wire.rollout import Phase, Rollout
from tests.rig.fakes import START


class Box:
    """A gateway with releases, each a folder whose file tells its version; `damaged` ones do not load."""

    def __init__(self, folder: Path, shipped: int = 1) -> None:
        self.folder = folder
        self.damaged: set[str] = set()
        self.swaps = 0
        self.start(shipped)

    def start(self, shipped: int = 1) -> None:
        """Let the program start, which brings a release."""
        self.releases = ReleaseFolder(self.folder / "releases", self.folder / "shipped", shipped)
        self.shelf = Shelf(Loaders(self._failure, self._anomaly), self.folder)
        clock = ReplayClock(START)
        self.updating = Updating(self.releases, self.shelf, clock, Bounds(hours=24, jump=0.2))
        self.updating.start()

    def add(self, *releases: int) -> None:
        for release in releases:
            with self.releases.incoming():
                self.releases.take_in(release)

    def look(self) -> None:
        self.updating.look(self._swapped)

    @property
    def judging(self) -> str:
        return self.shelf.models.failure.version

    def _swapped(self) -> None:
        self.swaps += 1

    def _failure(self, directory: Path) -> FailureModel:
        if directory.name in self.damaged:
            raise ModelError("it is damaged")
        model = RulesFailure()
        model.version = directory.name
        return model

    def _anomaly(self, directory: Path) -> AnomalyModel:
        if directory.name in self.damaged:
            raise ModelError("it is damaged")
        return RulesAnomaly()


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def settled(release: int) -> Rollout:
    return Rollout(judging=release, highest=release)


def test_what_the_program_brings_judges_where_there_is_nothing_else(box: Box) -> None:
    assert (box.judging, box.shelf.trial, box.updating.rollout().phase) == ("shipped", None, Phase.SETTLED)


def test_what_is_offered_while_it_runs_is_tried_and_nothing_is_swapped(box: Box) -> None:
    box.add(2)
    box.releases.change(lambda now: offered(now, 2))
    box.look()
    assert box.shelf.trial is not None
    assert (box.judging, box.swaps) == ("shipped", 0)


def test_a_trial_goes_on_after_a_start(box: Box) -> None:
    box.add(2)
    box.releases.change(lambda now: offered(now, 2))
    box.start()
    assert box.shelf.trial is not None


def test_an_order_to_go_back_is_carried_out_while_it_runs(box: Box) -> None:
    box.add(2, 3)
    box.releases.change(lambda _: settled(3))
    box.look()
    assert (box.judging, box.swaps) == ("3", 1)
    box.releases.change(lambda now: went_back(now, 2, "by hand"))
    box.look()
    assert (box.judging, box.swaps) == ("2", 2)


def test_one_that_does_not_load_at_a_start_gives_way_to_the_one_before_it(box: Box) -> None:
    box.add(2, 3)
    box.releases.change(lambda _: settled(3))
    box.damaged = {"3"}
    box.start()
    assert box.judging == "2"
    assert box.updating.rollout().refused == {3: "it does not load"}


def test_where_none_loads_the_rules_judge_and_say_so(box: Box) -> None:
    box.add(2)
    box.releases.change(lambda _: settled(2))
    box.damaged = {"2", "shipped"}
    box.start()
    assert box.judging == RulesFailure.version
    assert set(box.shelf.refused) == {"failure_predictor", "anomaly_detector"}


def test_a_candidate_that_does_not_load_is_refused(box: Box) -> None:
    box.add(2)
    box.damaged = {"2"}
    box.releases.change(lambda now: offered(now, 2))
    box.look()
    assert (box.judging, box.shelf.trial) == ("shipped", None)
    assert box.updating.rollout().refused == {2: "it is damaged"}


def test_on_probation_the_new_one_goes_on_where_the_old_one_no_longer_loads(box: Box) -> None:
    box.add(2)
    box.damaged = {"shipped"}
    box.releases.change(lambda now: switched(offered(now, 2)))
    box.look()
    assert (box.judging, box.shelf.trial) == ("2", None)
    assert box.updating.rollout() == Rollout(judging=2, previous=1, highest=2)


def test_a_package_with_a_newer_release_judges_by_it(box: Box) -> None:
    box.add(2)
    box.releases.change(lambda _: settled(2))
    box.start(shipped=3)
    assert box.judging == "shipped"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"judging": -1}'])
def test_a_state_that_cannot_be_read_leaves_what_the_program_brings(box: Box, text: str) -> None:
    box.add(2)
    box.releases.change(lambda _: settled(2))
    (box.folder / "releases/rollout.json").write_text(text)
    box.start()
    assert box.judging == "shipped"


def test_a_disk_that_takes_nothing_keeps_no_model_from_judging(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.add(2, 3)
    box.releases.change(lambda _: settled(3))
    box.damaged = {"3"}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    box.start()
    assert box.judging == "2"
