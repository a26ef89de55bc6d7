"""The model files as they ship."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_agent.adapters.onnx import OnnxAnomaly, OnnxFailure, load_anomaly, load_failure
from edge_agent.core.features import (
    ANOMALY_FEATURES,
    FAILURE_FEATURES,
    HORIZON_DAYS,
    N_ANOMALY,
    N_FAILURE,
    FloatArray,
)
from edge_agent.core.models import AnomalyModel, FailureModel

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def failure() -> OnnxFailure:
    model: FailureModel = load_failure(MODELS)
    assert isinstance(model, OnnxFailure)
    return model


@pytest.fixture(scope="module")
def anomaly() -> OnnxAnomaly:
    model: AnomalyModel = load_anomaly(MODELS)
    assert isinstance(model, OnnxAnomaly)
    return model


def rows(width: int) -> st.SearchStrategy[FloatArray]:
    value = st.floats(width=32, min_value=-1e6, max_value=1e6) | st.just(np.nan) | st.sampled_from([0, 1, 6])
    return arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(width)), elements=value)


def test_the_shipped_models_load_and_tell_what_they_are(failure: OnnxFailure, anomaly: OnnxAnomaly) -> None:
    for model, name in ((failure, "failure_predictor"), (anomaly, "anomaly_detector")):
        digest = hashlib.sha256((MODELS / f"{name}.onnx").read_bytes()).hexdigest()
        assert model.engine == "onnx"
        assert model.version
        assert model.metadata["sha256"] == digest
        assert "golden" not in model.metadata
    assert failure.metadata["inputs"] == list(FAILURE_FEATURES)
    assert anomaly.metadata["inputs"] == list(ANOMALY_FEATURES)


def test_thresholds_and_trust_come_from_the_manifest(failure: OnnxFailure) -> None:
    entry = json.loads((MODELS / "manifest.json").read_text())["models"]["failure_predictor"]
    limits = failure.thresholds
    told = {"immediate": limits.immediate, "within_7_days": limits.within_7_days}
    assert told | {"within_30_days": limits.within_30_days} == entry["thresholds"]
    assert failure.trust == (entry["trust"]["with_history"], entry["trust"]["stateless"])


@settings(max_examples=60, deadline=None)
@given(x=rows(N_FAILURE))
def test_curves_are_probabilities_that_rise(failure: OnnxFailure, x: FloatArray) -> None:
    curves = failure.probabilities(x)
    assert curves.shape == (len(x), len(HORIZON_DAYS))
    assert ((curves >= 0) & (curves <= 1)).all()
    assert (np.diff(curves, axis=1) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(x=rows(N_ANOMALY))
def test_scores_lie_between_0_and_100(anomaly: OnnxAnomaly, x: FloatArray) -> None:
    scores = anomaly.scores(x)
    assert scores.shape == (len(x),)
    assert ((scores >= 0) & (scores <= 100)).all()


@settings(max_examples=60, deadline=None)
@given(x=rows(N_FAILURE))
def test_a_row_of_a_batch_gets_the_very_bits_that_it_gets_alone(
    failure: OnnxFailure, anomaly: OnnxAnomaly, x: FloatArray
) -> None:
    few = np.ascontiguousarray(x[:, :N_ANOMALY])
    curves, scores = failure.probabilities(x), anomaly.scores(few)
    for place in range(len(x)):
        assert (failure.probabilities(x[place : place + 1])[0] == curves[place]).all()
        assert anomaly.scores(few[place : place + 1])[0] == scores[place]


@settings(max_examples=60, deadline=None)
@given(
    x=rows(N_FAILURE),
    more=st.floats(0, 50, width=32),
    feature=st.sampled_from(["temperature", "error_count"]),
)
def test_more_heat_or_errors_never_lower_the_risk(
    failure: OnnxFailure, x: FloatArray, more: float, feature: str
) -> None:
    worse = x.copy()
    worse[:, FAILURE_FEATURES.index(feature)] += np.float32(more)
    assert (failure.probabilities(worse) >= failure.probabilities(x) - 1e-7).all()


def test_no_rows_get_no_answers(failure: OnnxFailure, anomaly: OnnxAnomaly) -> None:
    assert failure.probabilities(np.empty((0, N_FAILURE), np.float32)).shape == (0, len(HORIZON_DAYS))
    assert anomaly.scores(np.empty((0, N_ANOMALY), np.float32)).shape == (0,)


def test_loading_asks_onnxruntime_not_to_report_home() -> None:
    program = (
        "import os, sys, pathlib; from edge_agent.adapters.onnx import load_failure;"
        "assert 'onnxruntime' not in sys.modules;"
        f"load_failure(pathlib.Path({str(MODELS)!r}));"
        "assert 'onnxruntime' in sys.modules; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
