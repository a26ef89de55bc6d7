"""The evaluation of a rare class, on parts whose failures have one cause."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from models.training.datasets import ai4i

ROWS = 1500
CRITICAL_STRAIN = 11_000.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set in which overstrain alone makes parts fail."""
    rng = np.random.default_rng(5)
    with (tmp_path / "parts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Type", *ai4i.MEASURED, "MachineFailure", *ai4i.CAUSES])
        for _ in range(ROWS):
            torque, wear = rng.normal(40, 10), rng.uniform(0, 250)
            failed = int(torque * wear > CRITICAL_STRAIN)
            kind = rng.choice(ai4i.TYPES)
            values = [rng.normal(300, 2), rng.normal(310, 1), rng.normal(1540, 180), torque, wear]
            table.writerow([kind, *values, failed, 0, 0, 0, failed])
    return tmp_path


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_the_cause_is_found_and_named(data: Path) -> None:
    told = ai4i.evaluate(data)
    assert told["rows"] == ROWS
    assert told["average_precision"].value > 0.8 > 5 * told["average_precision_always_or_never"]
    assert told["strongest_reason_is_the_cause"]["OSF"] > 0.9


def test_no_model_sees_the_columns_that_name_the_failure(data: Path) -> None:
    assert not set(ai4i.NAMES) & {"MachineFailure", *ai4i.CAUSES}
    assert ai4i.read(data).x.shape == (ROWS, len(ai4i.NAMES))


def test_a_directory_without_the_set_or_with_another_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.csv"):
        ai4i.evaluate(tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="lacks the columns"):
        ai4i.evaluate(tmp_path)
