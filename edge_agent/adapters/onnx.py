"""The two models as ONNX files, each checked whole before it may answer.

A directory holds `manifest.json` and the files that it names. The manifest says for each model what it
must be: bytes, inputs, thresholds, and golden vectors, which are run here on this machine. Whatever is
amiss is a `ModelError` that says which check failed; the caller keeps the model it has, or the rules.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

import numpy as np
from pydantic import Field, JsonValue, ValidationError

from edge_agent.core.features import ANOMALY_FEATURES, FAILURE_FEATURES, FEATURE_VERSION, HORIZON_DAYS
from edge_agent.core.models import Scope, Thresholds
from edge_agent.errors import ModelError
from edge_agent.wire.types import Message, Probability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edge_agent.core.features import FloatArray
    from edge_agent.wire.answers import Engine

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
INPUT = "rows"
OUTPUTS = ["curves", "contributions"]
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_MODEL_BYTES = 64 * 1024 * 1024
OPSETS = range(13, 24)
"""Versions of ai.onnx that every onnxruntime we allow can run."""
MAX_TOLERANCE = 1e-5
BINS = len(HORIZON_DAYS)
Number = Annotated[float, Field(ge=-3e38, le=3e38, allow_inf_nan=False)]
"""What float32 can hold."""


class Golden(Message):
    """Inputs with the trainer's answers to them. null in a row is NaN, unknown.

    tolerance: as a share of the answers' full scale, 1 for probabilities and 100 for scores.
    """

    rows: Annotated[list[list[Number | None]], Field(min_length=1, max_length=1000)]
    answers: Annotated[list[list[Number]], Field(min_length=1, max_length=1000)]
    tolerance: Annotated[float, Field(gt=0, le=MAX_TOLERANCE)]


class Training(Message):
    """Where a model comes from: data, seed and settings, and the frozen parameters of the simulated world."""

    data_id: str
    seed: int
    parameters_sha256: str
    world_sha256: str


class ModelCard(Message):
    """What the manifest says of one model."""

    version: Annotated[str, Field(min_length=1, max_length=64)]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    opset: int
    feature_version: int
    inputs: list[str]
    golden: Golden
    training: Training
    metrics: dict[str, JsonValue] = Field(default_factory=dict)


class Limits(Message):
    """From which probability on each action is due; see `core.models.Thresholds`."""

    immediate: Probability
    within_7_days: Probability
    within_30_days: Probability


class Trust(Message):
    """Skill on unseen sites, which is how far the answers can be trusted."""

    with_history: Probability
    stateless: Probability


class Distribution(Message):
    """How one input was distributed over the training rows.

    weight: how much of the answer rests on it. low, high: the range that all but one in a thousand rows had.
    deciles: the nine edges between tenths of the known values. unknown: share of NaN.
    """

    weight: Probability
    low: Number
    high: Number
    deciles: Annotated[list[Number], Field(min_length=9, max_length=9)]
    unknown: Probability


class FailureCard(ModelCard):
    """The failure predictor's entry. distribution: by input."""

    thresholds: Limits
    thresholds_stateless: Limits
    trust: Trust
    base_rate: Annotated[float, Field(gt=0, lt=1)]
    distribution: dict[str, Distribution]


class AnomalyCard(ModelCard):
    """The anomaly detector's entry."""


class Manifest(Message):
    """`manifest.json`. Entries are read one by one: a fault in one leaves the other model usable.

    release: number of the pair, higher than any before it.
    """

    format: Literal[1]
    release: Annotated[int, Field(ge=0)] = 0
    models: dict[str, JsonValue]


class Session(Protocol):
    """What is used of onnxruntime.InferenceSession."""

    def run(self, names: Sequence[str] | None, feed: Mapping[str, FloatArray]) -> list[FloatArray]: ...


class OnnxFailure:
    """The failure predictor; implements `core.models.FailureModel`. Safe to call from several threads."""

    engine: Engine = "onnx"
    calibrated = True

    def __init__(self, card: FailureCard, session: Session) -> None:
        self.version = card.version
        self.metadata = _metadata(card)
        self.thresholds = _thresholds(card.thresholds)
        self.thresholds_stateless = _thresholds(card.thresholds_stateless)
        self.scope = _scope(card)
        self.trust = (card.trust.with_history, card.trust.stateless)
        self.distribution = {name: (each.deciles, each.unknown) for name, each in card.distribution.items()}
        self._session = session

    def explained(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `FailureModel`. A row's answer does not depend on the rows beside it."""
        curves, moved = self._session.run(OUTPUTS, {INPUT: rows})
        return curves, moved.reshape(len(rows), BINS, len(FAILURE_FEATURES))

    def probabilities(self, rows: FloatArray) -> FloatArray:
        """Return the curves alone, shape (n, 5)."""
        return self._session.run(OUTPUTS[:1], {INPUT: rows})[0]


def _thresholds(limits: Limits) -> Thresholds:
    return Thresholds(limits.immediate, limits.within_7_days, limits.within_30_days)


def _scope(card: FailureCard) -> Scope:
    """Return what the model was trained on. Raises ModelError where an input is missing."""
    try:
        each = [card.distribution[name] for name in FAILURE_FEATURES]
    except KeyError as error:
        raise ModelError(f"{card.file}: no distribution of {error}: install the models again") from None
    weights, lows, highs = zip(*((one.weight, one.low, one.high) for one in each), strict=True)
    return Scope(card.base_rate, weights, lows, highs)


class OnnxAnomaly:
    """The anomaly detector; implements `core.models.AnomalyModel`. Safe to call from several threads."""

    engine: Engine = "onnx"

    def __init__(self, card: AnomalyCard, session: Session) -> None:
        self.version = card.version
        self.metadata = _metadata(card)
        self._session = session

    def scores(self, rows: FloatArray) -> FloatArray:
        """See `AnomalyModel`. A row's answer does not depend on the rows beside it."""
        return self._session.run(None, {INPUT: rows})[0][:, 0]


def release_of(directory: Path) -> int:
    """Return the number of a directory's release; 0 where it tells none. Raises ModelError."""
    try:
        return Manifest.model_validate_json(_read(directory, MANIFEST, MAX_MANIFEST_BYTES)).release
    except ValidationError as error:
        raise ModelError(
            f"{MANIFEST} is not one ({error.error_count()} faults); install the models again"
        ) from None


def load_failure(directory: Path) -> OnnxFailure:
    """Return the failure predictor of a directory. Raises ModelError, and nothing else, if a check fails."""
    card = _card(directory, "failure_predictor", FailureCard)
    session = _session(directory, card, FAILURE_FEATURES, (BINS, BINS * len(FAILURE_FEATURES)))
    curves = _golden_answers(card, session, full_scale=1.0)
    if not ((curves >= 0).all() and (curves <= 1).all() and (np.diff(curves, axis=1) >= 0).all()):
        raise ModelError(f"{card.file}: its curves are no rising probabilities; install another version")
    return OnnxFailure(card, session)


def load_anomaly(directory: Path) -> OnnxAnomaly:
    """Return the anomaly detector of a directory. Raises ModelError, and nothing else, if a check fails."""
    card = _card(directory, "anomaly_detector", AnomalyCard)
    session = _session(directory, card, ANOMALY_FEATURES, (1,))
    scores = _golden_answers(card, session, full_scale=100.0)
    if not ((scores >= 0).all() and (scores <= 100).all()):  # noqa: PLR2004 - the scale's end
        raise ModelError(f"{card.file}: its scores leave 0 to 100; install another version")
    return OnnxAnomaly(card, session)


Card = TypeVar("Card", bound=ModelCard)


def _card(directory: Path, name: str, form: type[Card]) -> Card:
    """Return the named entry of the manifest, well formed."""
    content = _read(directory, MANIFEST, MAX_MANIFEST_BYTES)
    try:
        manifest = Manifest.model_validate_json(content)
        if name not in manifest.models:
            raise ModelError(f"{MANIFEST} names no {name}; install the whole model directory again")
        return form.model_validate(manifest.models[name])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ModelError(f"{MANIFEST}, {name}: {place}: {first['msg']}; install the models again") from None


def _read(directory: Path, file: str, at_most: int) -> bytes:
    """Return a file's bytes, read once: what is hashed is what is run."""
    try:
        with (directory / file).open("rb") as opened:
            content = opened.read(at_most + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelError(f"{file} cannot be read ({reason}); check models.dir and its permissions") from error
    if len(content) > at_most:
        raise ModelError(f"{file} is larger than {at_most} bytes; install the models again")
    return content


def _session(
    directory: Path, card: ModelCard, features: tuple[str, ...], outputs: tuple[int, ...]
) -> Session:
    """Return a session on the card's file once manifest, bytes and graph agree with this agent."""
    if card.feature_version != FEATURE_VERSION:
        fault = f"feature version {card.feature_version}, this agent computes {FEATURE_VERSION}"
        raise ModelError(f"{card.file}: {fault}; install the models of this release")
    if tuple(card.inputs) != features:
        raise ModelError(f"{card.file}: its inputs or their order differ; install the models of this release")
    if card.opset not in OPSETS:
        supported = f"{OPSETS.start} to {OPSETS.stop - 1}"
        raise ModelError(f"{card.file}: opset {card.opset}; supported are {supported}: export it again")
    content = _read(directory, card.file, MAX_MODEL_BYTES)
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(f"{card.file}: its SHA-256 is not the manifest's; it is damaged: install it again")
    session = _opened(card.file, content)
    ends = [
        [(end.name, end.type, end.shape[1:]) for end in side]
        for side in (session.get_inputs(), session.get_outputs())
    ]
    takes, gives = ends
    if takes != [(INPUT, "tensor(float)", [len(features)])]:
        raise ModelError(f"{card.file}: takes {takes}, not float rows of {len(features)}: export it again")
    if [end[1:] for end in gives] != [("tensor(float)", [width]) for width in outputs]:
        raise ModelError(f"{card.file}: gives {gives}, not float rows of {outputs}: export it again")
    served: Session = session
    return served


def _opened(file: str, content: bytes) -> Any:  # noqa: ANN401 - onnxruntime is untyped
    """Return an onnxruntime session that starts no thread of its own and opens no socket."""
    # Read when the library is imported; without it, it reports home on a thread of its own.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime  # noqa: PLC0415 - 59 MiB that an agent on rules need not load
    except ImportError as error:
        raise ModelError(f"onnxruntime cannot be imported ({error}); install the agent again") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # what it would print is in the exception
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(
            f"{file} is no ONNX model that runs here ({_short(error)}): export it again"
        ) from error


def _golden_answers(card: ModelCard, session: Session, *, full_scale: float) -> FloatArray:
    """Run the golden vectors; return the answers, finite and within tolerance of the trainer's."""
    try:
        rows = np.array(card.golden.rows, dtype=np.float32)
        wanted = np.array(card.golden.answers, dtype=np.float64)
    except ValueError:
        raise ModelError(f"{MANIFEST}: golden vectors of {card.file} are ragged; install it again") from None
    try:
        answers = session.run(None, {INPUT: rows})[0]
    except Exception as error:
        raise ModelError(
            f"{card.file} fails on its golden vectors ({_short(error)}): export it again"
        ) from error
    if answers.shape != wanted.shape or not np.isfinite(answers).all():
        raise ModelError(f"{card.file}: golden answers are not finite or not {wanted.shape}; export it again")
    worst = float(np.abs(answers - wanted).max()) / full_scale
    if worst > card.golden.tolerance:
        raise ModelError(
            f"{card.file}: golden answers are off by {worst:.1e}, allowed are {card.golden.tolerance:.0e}; "
            "do not use it on this machine: install another version"
        )
    return answers


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:160]}"


def _metadata(card: ModelCard) -> dict[str, JsonValue]:
    """Return what `GET /api/v1/models` tells of a model."""
    told: dict[str, JsonValue] = card.model_dump(mode="json", exclude={"version", "golden", "distribution"})
    return told
