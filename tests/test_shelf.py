"""Which models judge: the files', or the rules."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from edge_agent.core.models import AnomalyModel, FailureModel
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.errors import ModelError
from edge_agent.shelf import FileModel, Loaders, Shelf
from edge_agent.wire.answers import Engine
from edge_agent.wire.rest import ModelStatus
from tests.rig.fakes import START, no_file


class FileFailure(RulesFailure):
    """Stands for a model from a file."""

    engine: Engine = "onnx"
    version = "failure-7"
    metadata: ClassVar = {"trained_on": "simulator"}


class FileAnomaly(RulesAnomaly):
    """Stands for a model from a file."""

    engine: Engine = "onnx"
    version = "anomaly-7"


class Files:
    """A directory of models, in which files can be damaged."""

    def __init__(self) -> None:
        self.damaged: set[str] = set()

    def failure(self, _: Path) -> FailureModel:
        return no_file() if "failure_predictor" in self.damaged else FileFailure()

    def anomaly(self, _: Path) -> AnomalyModel:
        return no_file() if "anomaly_detector" in self.damaged else FileAnomaly()


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def shelf(files: Files) -> Shelf:
    return Shelf(Loaders(files.failure, files.anomaly), Path())


def statuses(shelf: Shelf) -> list[ModelStatus]:
    return [entry.status for entry in shelf.entries()]


LOADED, FALLBACK, ERROR = ModelStatus.LOADED, ModelStatus.FALLBACK, ModelStatus.ERROR


def test_before_it_is_loaded_the_rules_judge(shelf: Shelf) -> None:
    assert shelf.models.failure.engine == shelf.models.anomaly.engine == "rules"


def test_what_is_loaded_judges(shelf: Shelf) -> None:
    shelf.load(START)
    assert (shelf.models.failure.version, shelf.models.anomaly.version) == ("failure-7", "anomaly-7")
    assert statuses(shelf) == [LOADED, LOADED, LOADED]


def test_a_file_refused_at_the_start_leaves_the_rules_and_says_why(shelf: Shelf, files: Files) -> None:
    files.damaged = {"failure_predictor"}
    shelf.load(START)
    assert statuses(shelf) == [FALLBACK, LOADED, LOADED]
    assert shelf.entries()[0].metadata["refused"] == "there is no such file"
    assert shelf.refused == {"failure_predictor": "there is no such file"}


def test_a_file_refused_later_leaves_the_running_model_and_is_an_error(shelf: Shelf, files: Files) -> None:
    shelf.load(START)
    running = shelf.models.failure
    files.damaged = {"failure_predictor"}
    with pytest.raises(ModelError):
        shelf.reload("failure_predictor", START + timedelta(hours=1))
    assert shelf.models.failure is running
    assert statuses(shelf) == [ERROR, LOADED, LOADED]
    assert shelf.entries()[0].loaded_at == START


@pytest.mark.parametrize(
    ("name", "version"), [("failure_predictor", "failure-7"), ("anomaly_detector", "anomaly-7")]
)
def test_a_reload_answers_with_the_version_and_mends_what_was_refused(
    shelf: Shelf, files: Files, name: FileModel, version: str
) -> None:
    files.damaged = {name}
    shelf.load(START)
    files.damaged = set()
    later = START + timedelta(hours=1)
    assert shelf.reload(name, later) == version
    assert shelf.refused == {}
    assert [entry.loaded_at for entry in shelf.entries() if entry.name == name] == [later]


def test_a_reload_of_one_leaves_the_other_alone(shelf: Shelf) -> None:
    shelf.load(START)
    other = shelf.models.anomaly
    shelf.reload("failure_predictor", START)
    assert shelf.models.anomaly is other


def test_who_has_taken_the_models_is_not_disturbed_by_a_swap(shelf: Shelf) -> None:
    taken = shelf.models
    shelf.load(START)
    assert taken.failure.engine == "rules"


def test_entries_name_engine_and_what_the_file_tells(shelf: Shelf) -> None:
    shelf.load(START)
    first, second, third = shelf.entries()
    assert first.metadata == {"engine": "onnx", "trained_on": "simulator"}
    assert [first.name, second.name, third.name] == [
        "failure_predictor",
        "anomaly_detector",
        "maintenance_optimizer",
    ]


def test_models_of_another_directory_judge_from_the_swap_on_and_are_reloaded_from_there(
    shelf: Shelf, files: Files
) -> None:
    files.damaged = {"failure_predictor"}
    shelf.load(START)
    files.damaged = set()
    later = START + timedelta(hours=1)
    shelf.swap(shelf.loaders.both(Path("7")), Path("7"), later)
    assert (shelf.models.failure.version, shelf.refused, shelf.directory) == ("failure-7", {}, Path("7"))
    assert [entry.loaded_at for entry in shelf.entries()] == [later, later, START]


def test_a_swap_may_be_the_first_thing_that_a_shelf_hears(shelf: Shelf) -> None:
    shelf.swap(shelf.loaders.both(Path()), Path(), START)
    assert statuses(shelf) == [LOADED, LOADED, LOADED]
