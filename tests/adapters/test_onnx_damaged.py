"""Model files and manifests that are damaged: each is refused with a sentence, never another exception."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edge_agent.adapters.onnx import load_anomaly, load_failure
from edge_agent.core.features import N_ANOMALY, N_FAILURE
from edge_agent.errors import ModelError

MODELS = Path(__file__).parents[2] / "models"
FILES = ("failure_predictor.onnx", "anomaly_detector.onnx", "manifest.json")
FAILURE_OUTPUTS = (5, 5 * N_FAILURE)
LOADERS = {"failure_predictor": load_failure, "anomaly_detector": load_anomaly}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the shipped models, to be damaged."""
    for name in FILES:
        shutil.copy(MODELS / name, tmp_path)
    return tmp_path


def change(directory: Path, model: str, path: tuple[str, ...], value: object) -> None:
    """Set one value of the manifest; the path leads to it from the model's entry."""
    manifest = json.loads((directory / "manifest.json").read_text())
    place: dict[str, Any] = manifest["models"][model]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    (directory / "manifest.json").write_text(json.dumps(manifest))


def replace_file(directory: Path, model: str, content: bytes) -> None:
    """Put other bytes in a model's place, with a hash that fits."""
    (directory / f"{model}.onnx").write_bytes(content)
    change(directory, model, ("sha256",), hashlib.sha256(content).hexdigest())


def graph(width: int, answers: tuple[int, ...], value: float, dtype: int = TensorProto.FLOAT) -> bytes:
    """Return a model that answers every row with the same value; answers: how wide each output is."""
    takes = helper.make_tensor_value_info("rows", dtype, ["n", width])
    gives, nodes = [], [helper.make_node("Shape", ["rows"], ["n"], start=0, end=1)]
    constants = []
    for place, wide in enumerate(answers):
        out, shape, columns = f"out{place}", f"shape{place}", f"columns{place}"
        constants.append(helper.make_tensor(columns, TensorProto.INT64, [1], [wide]))
        nodes += [
            helper.make_node("Concat", ["n", columns], [shape], axis=0),
            helper.make_node("Expand", ["value", shape], [out]),
        ]
        gives.append(helper.make_tensor_value_info(out, TensorProto.FLOAT, ["n", wide]))
    constants.append(helper.make_tensor("value", TensorProto.FLOAT, [], [value]))
    made = helper.make_graph(nodes, "g", [takes], gives, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


@pytest.mark.parametrize("model", LOADERS)
@pytest.mark.parametrize("missing", ["manifest.json", "its file"])
def test_a_missing_file_is_named(directory: Path, model: str, missing: str) -> None:
    name = "manifest.json" if missing == "manifest.json" else f"{model}.onnx"
    (directory / name).unlink()
    with pytest.raises(ModelError, match=name):
        LOADERS[model](directory)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("sha256",), "0" * 64, "SHA-256"),
        (("sha256",), "no hash", "sha256"),
        (("file",), "../elsewhere.onnx", "file"),
        (("file",), "/etc/passwd", "file"),
        (("file",), "absent.onnx", "cannot be read"),
        (("opset",), 99, "opset"),
        (("opset",), None, "opset"),
        (("feature_version",), 999, "feature version"),
        (("inputs",), ["power"], "inputs"),
        (("inputs",), "power", "inputs"),
        (("version",), "", "version"),
        (("training",), None, "training"),
        (("golden", "rows"), [], "rows"),
        (("golden", "rows"), [[1.0], [1.0, 2.0]], "ragged"),
        (("golden", "rows"), [[1.0]], "golden"),
        (("golden", "rows"), [[1e300]], "rows"),
        (("golden", "answers"), [[1.0]], "golden"),
        (("golden", "answers"), [["high"]], "answers"),
        (("golden", "tolerance"), 1.0, "tolerance"),
        (("golden", "tolerance"), 0.0, "tolerance"),
    ],
)
@pytest.mark.parametrize("model", LOADERS)
def test_a_manifest_that_does_not_fit_is_refused_with_the_check_that_failed(
    directory: Path, model: str, path: tuple[str, ...], value: object, says: str
) -> None:
    change(directory, model, path, value)
    with pytest.raises(ModelError, match=says):
        LOADERS[model](directory)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("thresholds",), None),
        (("thresholds", "immediate"), 1.5),
        (("thresholds", "within_7_days"), "often"),
        (("trust", "stateless"), -0.1),
        (("trust",), {}),
    ],
)
def test_thresholds_and_trust_must_be_probabilities(
    directory: Path, path: tuple[str, ...], value: object
) -> None:
    change(directory, "failure_predictor", path, value)
    with pytest.raises(ModelError, match=path[0]):
        load_failure(directory)


def test_a_fault_in_one_entry_leaves_the_other_model_usable(directory: Path) -> None:
    change(directory, "failure_predictor", ("opset",), 99)
    assert load_anomaly(directory).version


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"format": 2, "models": {}}', b"[" * 99_999]
)
@pytest.mark.parametrize("model", LOADERS)
def test_a_manifest_that_is_none_is_refused(directory: Path, model: str, content: bytes) -> None:
    (directory / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"manifest\.json"):
        LOADERS[model](directory)


@pytest.mark.parametrize("model", LOADERS)
def test_a_manifest_without_the_model_is_refused(directory: Path, model: str) -> None:
    (directory / "manifest.json").write_text('{"format": 1, "models": {}}')
    with pytest.raises(ModelError, match=model):
        LOADERS[model](directory)


def test_a_directory_in_a_files_place_is_refused(directory: Path) -> None:
    (directory / "manifest.json").unlink()
    (directory / "manifest.json").mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        load_failure(directory)


@pytest.mark.parametrize("model", LOADERS)
def test_changed_bytes_are_refused_by_their_hash(directory: Path, model: str) -> None:
    content = bytearray((directory / f"{model}.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (directory / f"{model}.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256"):
        LOADERS[model](directory)


@pytest.mark.parametrize("model", LOADERS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a model",
        graph(3, (1,), 0.5),
        graph(N_FAILURE, (1,), 0.5),
        graph(N_FAILURE, FAILURE_OUTPUTS, float("nan")),
        graph(N_FAILURE, FAILURE_OUTPUTS, float("inf")),
        graph(N_FAILURE, FAILURE_OUTPUTS, 2.0),
        graph(N_ANOMALY, (1,), float("nan")),
        graph(N_ANOMALY, (1,), -1.0),
        graph(N_FAILURE, FAILURE_OUTPUTS, 0.5, TensorProto.DOUBLE),
    ],
    ids=["empty", "text", "narrow", "one answer", "nan", "inf", "2", "nan score", "negative score", "double"],
)
def test_a_file_that_is_no_such_model_is_refused_even_with_the_right_hash(
    directory: Path, model: str, content: bytes
) -> None:
    replace_file(directory, model, content)
    with pytest.raises(ModelError, match=rf"{model}\.onnx"):
        LOADERS[model](directory)


def test_answers_out_of_range_are_refused_even_where_the_golden_vectors_agree(directory: Path) -> None:
    replace_file(directory, "failure_predictor", graph(N_FAILURE, FAILURE_OUTPUTS, 2.0))
    change(directory, "failure_predictor", ("golden", "answers"), [[2.0] * 5] * 24)
    with pytest.raises(ModelError, match="rising probabilities"):
        load_failure(directory)
    replace_file(directory, "anomaly_detector", graph(N_ANOMALY, (1,), 200.0))
    change(directory, "anomaly_detector", ("golden", "answers"), [[200.0]] * 24)
    with pytest.raises(ModelError, match="0 to 100"):
        load_anomaly(directory)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 0.999), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=5))
def test_whatever_is_damaged_nothing_but_a_model_error_comes_out(
    directory: Path, cut: float, flips: list[tuple[float, int]]
) -> None:
    original = (MODELS / "anomaly_detector.onnx").read_bytes()
    content = bytearray(original[: int(len(original) * cut)])
    for place, bits in flips:
        if content:
            content[int(place * (len(content) - 1))] ^= bits
    replace_file(directory, "anomaly_detector", bytes(content))
    with pytest.raises(ModelError):
        load_anomaly(directory)


@pytest.mark.parametrize("model", LOADERS)
def test_a_model_that_answers_otherwise_than_trained_is_refused(directory: Path, model: str) -> None:
    loaded = onnx.load(directory / f"{model}.onnx")
    for attribute in loaded.graph.node[0].attribute:
        if attribute.name == "target_weights":
            attribute.floats[:] = [weight * 1.01 for weight in attribute.floats]
    replace_file(directory, model, loaded.SerializeToString())
    with pytest.raises(ModelError, match="off by"):
        LOADERS[model](directory)
