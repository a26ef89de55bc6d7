"""Trees to ONNX graphs, written node by node: one TreeEnsembleRegressor and the arithmetic after it.

A cut at t in float64 is the same for float32 inputs as a cut at the largest float32 not above t, so all
thresholds are rounded down. A missing value takes the side that the trainer's tree gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, checker, helper

from edge_agent.adapters.onnx import INPUT
from edge_agent.core.features import N_ANOMALY, N_FAILURE, N_STATELESS
from models.training.additive import FLOAT32_MAX, rounded_down
from models.training.anomaly import EXTREME_SCORE
from models.training.hazard import BINS

if TYPE_CHECKING:
    from models.training.anomaly import ForestModel
    from models.training.failure import FailureModel
    from models.training.hazard import Array, Hazard

OPSET = 17
OPSET_ML = 3
IR_VERSION = 8
EULER = 0.5772156649015329
_NODE_LISTS: tuple[str, ...] = (
    "treeids",
    "nodeids",
    "featureids",
    "modes",
    "values",
    "truenodeids",
    "falsenodeids",
    "missing_value_tracks_true",
)
_LEAF_LISTS = ("treeids", "nodeids", "ids", "weights")


@dataclass(slots=True)
class Trees:
    """Nodes of all trees, in the lists that TreeEnsembleRegressor takes."""

    nodes: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _NODE_LISTS})
    leaves: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _LEAF_LISTS})
    tree: int = -1
    size: int = 0

    def begin(self) -> None:
        """Begin a tree; its root is the next node."""
        self.tree += 1
        self.size = 0

    def branch(self, feature: int, mode: str, value: float, *, missing_true: bool) -> int:
        """Add a branch and return its place, for `join`."""
        return self._node((feature, mode, value, 0, 0, int(missing_true)))

    def join(self, branch: int, if_true: int, if_false: int) -> None:
        """Tell a branch of the current tree where it leads."""
        at = len(self.nodes["nodeids"]) - self.size + branch
        self.nodes["truenodeids"][at] = if_true
        self.nodes["falsenodeids"][at] = if_false

    def leaf(self, weights: dict[int, float]) -> int:
        """Add a leaf with its weight for each target and return its place."""
        place = self._node((0, "LEAF", 0.0, 0, 0, 0))
        for target, weight in weights.items():
            for name, value in zip(_LEAF_LISTS, (self.tree, place, target, weight), strict=True):
                self.leaves[name].append(value)
        return place

    def _node(self, parts: tuple[Any, ...]) -> int:
        place = self.size
        for name, value in zip(_NODE_LISTS, (self.tree, place, *parts), strict=True):
            self.nodes[name].append(value)
        self.size += 1
        return place

    def operator(self, base: list[float], output: str) -> Any:  # noqa: ANN401 - onnx's NodeProto is untyped
        """Return the operator; base: what each target starts from."""
        lists: dict[str, Any] = {f"nodes_{name}": values for name, values in self.nodes.items()}
        lists |= {f"target_{name}": values for name, values in self.leaves.items()}
        return helper.make_node(
            "TreeEnsembleRegressor",
            [INPUT],
            [output],
            domain="ai.onnx.ml",
            n_targets=len(base),
            base_values=[float(np.float32(value)) for value in base],
            aggregate_function="SUM",
            post_transform="NONE",
            **lists,
        )


def failure_graph(model: FailureModel) -> bytes:
    """Return the failure predictor: P = 1 - exp(-running sum of each bin's hazard), which cannot fall.

    One tree a feature gives its steps for all bins, to two targets each: the bin's log hazard, and what the
    feature adds to it, which is the second output. Of the operators that could serve, Exp gives a row the
    same bits whatever stands beside it; Log and Softplus of onnxruntime do not (their vectorised and scalar
    ends differ).
    """
    trees = Trees()
    for feature in range(N_FAILURE):
        trees.begin()
        _either(trees, model, feature)
    parts = [BINS, BINS * N_FAILURE]
    steps = [
        trees.operator([0.0] * sum(parts), "sums"),
        helper.make_node("Split", ["sums", "parts"], ["log_hazards", "contributions"], axis=1),
        helper.make_node("Exp", ["log_hazards"], ["hazards"]),
        helper.make_node("CumSum", ["hazards", "axis"], ["cumulative"]),
        helper.make_node("Neg", ["cumulative"], ["log_survival"]),
        helper.make_node("Exp", ["log_survival"], ["survival"]),
        helper.make_node("Sub", ["one", "survival"], ["curves"]),
    ]
    constants = [
        helper.make_tensor("axis", TensorProto.INT64, [], [1]),
        helper.make_tensor("parts", TensorProto.INT64, [2], parts),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
    ]
    ends = {"curves": BINS, "contributions": BINS * N_FAILURE}
    return _model("failure_predictor", steps, constants, (N_FAILURE, ends))


def _either(trees: Trees, model: FailureModel, feature: int) -> None:
    """Add a feature's tree: its steps with history, and those without where the history is unknown."""
    root = trees.branch(N_STATELESS, "BRANCH_LEQ", FLOAT32_MAX, missing_true=False)
    known = _steps(trees, model.with_history, feature)
    unknown = _steps(trees, model.stateless, feature) if feature < N_STATELESS else trees.leaf({0: 0.0})
    trees.join(root, known, unknown)


def _steps(trees: Trees, hazard: Hazard, feature: int) -> int:
    """Add a feature's steps as a balanced tree. Unknown values compare as not less: they come out last.

    The first feature bears what all rows start from.
    """
    steps = [score.steps[feature] for score in hazard.scores]
    cuts = np.unique(np.concatenate([each.cuts for each in steps]))
    slopes, offsets = np.array(hazard.slopes), np.array(hazard.offsets)
    start = offsets + slopes * [score.base for score in hazard.scores] if feature == 0 else np.zeros(BINS)
    asked = np.append(cuts, np.nan).astype(np.float32)
    added = np.column_stack([each.at(asked) for each in steps]) * slopes

    def add(low: int, high: int) -> int:
        if low == high:
            return trees.leaf(_weights(added[low], start, feature))
        middle = (low + high) // 2
        branch = trees.branch(feature, "BRANCH_LEQ", float(cuts[middle]), missing_true=False)
        if_true = add(low, middle)
        trees.join(branch, if_true, add(middle + 1, high))
        return branch

    return add(0, len(cuts))


def _weights(added: Array, start: Array, feature: int) -> dict[int, float]:
    """Return a leaf's weights: to the bins' log hazards, then to what the feature adds to them."""
    places = BINS + np.arange(BINS) * N_FAILURE + feature
    weights = dict(enumerate((start + added).tolist())) | dict(
        zip(places.tolist(), added.tolist(), strict=True)
    )
    return {target: float(np.float32(weight)) for target, weight in weights.items()}


def anomaly_graph(model: ForestModel) -> bytes:
    """Return the anomaly detector: mean path length to 2^(-length / normal), to 0 to 100."""
    trees = Trees()
    count = len(model.forest.estimators_)
    for estimator in model.forest.estimators_:
        trees.begin()
        _isolating(trees, estimator.tree_, model.medians, count)
    scale = EXTREME_SCORE / (model.extreme - model.usual)
    constants = {
        "power": -np.log(2) / mean_path(model.forest.max_samples_),
        "scale": scale,
        "shift": -scale * model.usual,
        "least": 0.0,
        "most": 100.0,
    }
    steps = [
        trees.operator([0.0], "path"),
        helper.make_node("Mul", ["path", "power"], ["exponent"]),
        helper.make_node("Exp", ["exponent"], ["isolation"]),
        helper.make_node("Mul", ["isolation", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["shifted"]),
        helper.make_node("Clip", ["shifted", "least", "most"], ["scores"]),
    ]
    tensors = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in constants.items()]
    return _model("anomaly_detector", steps, tensors, (N_ANOMALY, {"scores": 1}))


def mean_path(samples: int) -> float:
    """Return the mean depth at which one of so many samples stands alone; the paper's c(n)."""
    if samples <= 2:  # noqa: PLR2004 - the paper's own special cases
        return float(samples - 1) if samples > 1 else 0.0
    return float(2 * (np.log(samples - 1.0) + EULER) - 2 * (samples - 1.0) / samples)


def _isolating(trees: Trees, tree: Any, medians: np.ndarray, count: int) -> None:  # noqa: ANN401 - sklearn is untyped
    """Add an isolation tree; its leaves hold their share of the mean path length.

    An unknown value goes where the median goes, which is the same as putting the median in its place.
    """

    def add(node: int, depth: int) -> int:
        if tree.children_left[node] < 0:
            length = depth + mean_path(int(tree.n_node_samples[node]))
            return trees.leaf({0: float(np.float32(length / count))})
        feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
        left = bool(medians[feature] <= threshold)
        branch = trees.branch(feature, "BRANCH_LEQ", rounded_down(threshold), missing_true=left)
        if_true = add(int(tree.children_left[node]), depth + 1)
        trees.join(branch, if_true, add(int(tree.children_right[node]), depth + 1))
        return branch

    add(0, 0)


def _model(name: str, steps: list[Any], tensors: list[Any], ends: tuple[int, dict[str, int]]) -> bytes:
    """Return the model's bytes; ends: width of a row, and of each output by its name."""
    width, outputs = ends
    takes = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", width])
    gives = [
        helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", answers])
        for output, answers in outputs.items()
    ]
    graph = helper.make_graph(steps, name, [takes], gives, tensors)
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(
        graph, opset_imports=versions, ir_version=IR_VERSION, producer_name="evzone-edge-agent"
    )
    checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
