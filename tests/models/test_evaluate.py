"""The command: where it looks for data, and what it says where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models.training.evaluate import folder_of


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "models.training.evaluate", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_set_is_found_in_its_own_folder_of_a_collection(tmp_path: Path) -> None:
    (tmp_path / "skab_valve1").mkdir()
    assert folder_of("skab", tmp_path) == tmp_path / "skab_valve1"


def test_a_set_is_found_where_the_folder_is_its_own(tmp_path: Path) -> None:
    assert folder_of("skab", tmp_path) == tmp_path


@pytest.mark.parametrize("arguments", [(), ("--data", "/nowhere/at/all")], ids=["no folder", "a wrong one"])
def test_without_its_files_it_says_in_one_line_what_is_missing(arguments: tuple[str, ...]) -> None:
    told = run("--dataset", "azure_pdm", *arguments)
    assert told.returncode == 1
    assert told.stderr.startswith("evaluate: --data")
    assert told.stderr.count("\n") == 1


def test_an_unknown_set_is_answered_with_those_there_are() -> None:
    told = run("--dataset", "mnist")
    assert told.returncode == 2
    assert "azure_pdm" in told.stderr
