"""The whole way from simulator to model files, on a small fleet that breaks often."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_agent.adapters.onnx import load_anomaly, load_failure
from edge_agent.core.features import N_ANOMALY
from edge_agent.simulator.parameters import FaultParameters, Parameters, SensingParameters
from models.training import anomaly, export, failure, train
from models.training.fleet import FleetPlan, Rows, described, simulate
from models.training.hazard import BINS

SMALL = FleetPlan(
    sites=25,
    chargers=1,
    days=80,
    parameters=Parameters(
        faults=FaultParameters(outages_per_year=8, repair_median_days=2),
        sensing=SensingParameters(interval_s=14_400, charging_interval_s=1800),
    ),
)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return simulate(SMALL, workers=1)


@pytest.fixture(scope="module")
def parts(rows: Rows) -> tuple[Rows, Rows, Rows]:
    return train.split(rows, SMALL)


def test_training_again_gives_the_same_bytes_with_any_number_of_workers_and_the_agent_loads_them(
    tmp_path: Path,
) -> None:
    made = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        out.mkdir()
        train.train(SMALL, out, workers)
        made.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"failure_predictor.onnx", "anomaly_detector.onnx", "manifest.json"}
    assert load_failure(tmp_path / "1").version == load_anomaly(tmp_path / "1").version


def test_another_parameter_gives_another_data_id() -> None:
    other = replace(SMALL, parameters=replace(SMALL.parameters, faults=FaultParameters(batch_gain=2)))
    assert described(SMALL) != described(other)


def test_no_row_lies_in_an_outage_and_the_future_is_never_negative(rows: Rows) -> None:
    assert (rows.to_failure > 0).all()
    assert (rows.to_censor >= 0).all()
    assert np.isfinite(rows.to_failure).any()


def test_the_parts_share_no_site_and_leave_none_out(rows: Rows, parts: tuple[Rows, Rows, Rows]) -> None:
    sites = [set(part.site.tolist()) for part in parts]
    assert [len(each) for each in sites] == [15, 5, 5]
    assert set.union(*sites) == set(rows.site.tolist())


def test_the_graphs_answer_as_the_trainers_do_gaps_included(
    parts: tuple[Rows, Rows, Rows],
) -> None:
    import onnxruntime  # noqa: PLC0415 - after the adapter has set its environment

    learn, tune, test = parts
    hazard, forest = failure.fit(learn, tune, 1), anomaly.fit(learn, 1)
    nothing = np.full((1, test.x.shape[1]), np.nan, np.float32)
    x = np.concatenate([test.x, failure.with_gaps(test.x, np.random.default_rng(1)), nothing])
    curves, moved = onnxruntime.InferenceSession(export.failure_graph(hazard)).run(None, {"rows": x})
    np.testing.assert_allclose(curves, hazard.curves(x), atol=1e-6, rtol=0)
    np.testing.assert_allclose(moved.reshape(len(x), BINS, -1), hazard.contributions(x), atol=1e-6, rtol=0)
    few = np.ascontiguousarray(x[:, :N_ANOMALY])
    scores = onnxruntime.InferenceSession(export.anomaly_graph(forest)).run(None, {"rows": few})[0]
    np.testing.assert_allclose(scores[:, 0] / 100, forest.scores(few) / 100, atol=1e-5, rtol=0)


def test_the_trainers_cuts_themselves_fall_on_the_same_side_in_the_graph(
    parts: tuple[Rows, Rows, Rows],
) -> None:
    import onnxruntime  # noqa: PLC0415 - as above

    hazard = failure.fit(parts[0], parts[1], 1)
    graph = export.failure_graph(hazard)
    cuts = _cuts(hazard)
    x = np.tile(parts[2].x[:1], (3 * len(cuts), 1))
    for place, (feature, cut) in enumerate(cuts):
        near = np.float32(cut)
        x[3 * place : 3 * place + 3, feature] = (
            np.nextafter(near, np.float32(-np.inf)),
            near,
            np.nextafter(near, np.float32(np.inf)),
        )
    curves = onnxruntime.InferenceSession(graph).run(None, {"rows": x})[0]
    np.testing.assert_allclose(curves, hazard.curves(x), atol=1e-6, rtol=0)


def _cuts(model: failure.FailureModel) -> list[tuple[int, float]]:
    """Return (input, cut) of every step."""
    return [
        (feature, cut)
        for score in model.with_history.scores
        for feature, steps in enumerate(score.steps)
        for cut in steps.cuts[:-1].tolist()
    ]
