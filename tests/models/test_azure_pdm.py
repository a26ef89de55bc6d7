"""The machines' set, on machines made up here: an error tells of most failures a day or two ahead."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.training.datasets import azure_pdm

START = datetime(2015, 1, 1)  # noqa: DTZ001 - the set names no zone
DAYS = 200


def write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(header)
        writer.writerows(rows)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machines")
    rng = np.random.default_rng(1)
    telemetry: list[list[object]] = []
    errors: list[list[object]] = []
    failures: list[list[object]] = []
    for machine in range(1, 26):
        telemetry += [
            [(START + timedelta(days=day)).date(), machine, rng.normal(170, 5)] for day in range(DAYS)
        ]
        for day in np.cumsum(rng.integers(15, 70, 12)).tolist():
            if day < DAYS:
                failures.append([START + timedelta(days=day, hours=6), machine, "part1"])
                errors.append([START + timedelta(days=day - 1, hours=3), machine, "error1"])
    write(folder / "telemetry_daily.csv", ["date", "machineID", "volt"], telemetry)
    write(folder / "errors.csv", ["datetime", "machineID", "errorID"], errors)
    write(folder / "failures.csv", ["datetime", "machineID", "failure"], failures)
    write(folder / "maintenance.csv", ["datetime", "machineID", "comp"], failures)
    about: list[list[object]] = [[machine, f"model{machine % 3}", machine % 20] for machine in range(1, 26)]
    write(folder / "machines.csv", ["machineID", "model", "age"], about)
    return folder


def test_what_errors_announce_is_foretold_a_day_ahead(data: Path) -> None:
    told = azure_pdm.evaluate(data)["by_horizon"]
    assert told["1d"]["average_precision"].value > 0.9
    assert told["7d"]["average_precision"].value > told["7d"]["average_precision_always_or_never"]


def test_judged_machines_are_never_learned_from_and_lie_later(data: Path) -> None:
    rows, _ = azure_pdm.table(azure_pdm.read(data))
    learn, tune, test = azure_pdm.split(rows)
    learned, tuned, judged = (set(part.evse.tolist()) for part in (learn, tune, test))
    assert len(learned | tuned | judged) == len(learned) + len(tuned) + len(judged) == len(set(rows.evse))
    assert max(learn.at.max(), tune.at.max()) + azure_pdm.PURGE_DAYS <= test.at.min()


def test_nothing_of_a_days_future_is_in_its_row(data: Path) -> None:
    machines = azure_pdm.read(data)
    cut = 100
    early = {
        number: each._replace(day=each.day[:cut], channels=each.channels[:cut])
        for number, each in machines.items()
    }
    whole, _ = azure_pdm.table(machines)
    begun, _ = azure_pdm.table(early)
    known = whole.at < whole.at.min() + cut
    np.testing.assert_array_equal(whole.x[known], begun.x)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"telemetry_daily\.csv"):
        azure_pdm.evaluate(tmp_path)
