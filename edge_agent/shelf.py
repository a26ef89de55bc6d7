"""Which models judge now: the files', or the rules where a file is refused. Swapped without a restart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Literal, get_args

from edge_agent.core import maintenance
from edge_agent.core.models import AnomalyModel, FailureModel, Models
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.errors import ModelError
from edge_agent.wire.rest import ModelEntry, ModelStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from edge_agent.trial import Trial

FileModel = Literal["failure_predictor", "anomaly_detector"]
FILE_MODELS: tuple[FileModel, ...] = get_args(FileModel)
OPTIMISER = "maintenance_optimizer"


@dataclass(frozen=True, slots=True)
class Loaders:
    """How the models are read from a directory. Each raises ModelError."""

    failure: Callable[[Path], FailureModel]
    anomaly: Callable[[Path], AnomalyModel]

    def both(self, directory: Path) -> Models:
        """Return the models of a directory. Raises ModelError where one of them is refused."""
        return Models(self.failure(directory), self.anomaly(directory))


class Shelf:
    """Holds the models that judge. `models` is one value: whoever has taken it is not disturbed by a swap.

    directory: where they are from. trial: another release is asked beside them.
    """

    def __init__(self, loaders: Loaders, directory: Path) -> None:
        self.models = Models(RulesFailure(), RulesAnomaly())
        self.directory = directory
        self.loaders = loaders
        self.trial: Trial | None = None
        self._swapping = Lock()
        self._refused: dict[str, str] = {}
        self._loaded_at: dict[str, datetime] = {}

    @property
    def live(self) -> Models:
        """Those that judge what comes in; while another release is tried, it is asked too."""
        trial = self.trial
        return self.models if trial is None else trial.live

    @property
    def refused(self) -> dict[str, str]:
        """Why a file was refused at the last loading, by model."""
        return dict(self._refused)

    def load(self, now: datetime) -> None:
        """Load both; where a file is refused, what judged before goes on: at a start, the rules."""
        for name in FILE_MODELS:
            try:
                self.reload(name, now)
            except ModelError:
                self._loaded_at.setdefault(name, now)
        self._loaded_at[OPTIMISER] = now

    def swap(self, models: Models, directory: Path, now: datetime) -> None:
        """Let the models of another directory judge from now on, in one step."""
        with self._swapping:
            self.models, self.directory = models, directory
            self._refused.clear()
            self._loaded_at.update(dict.fromkeys(FILE_MODELS, now))
            self._loaded_at.setdefault(OPTIMISER, now)

    def reload(self, name: FileModel, now: datetime) -> str:
        """Load one model's file and let it judge; return its version.

        Raises: ModelError where the file is refused: what judged before goes on.
        """
        try:
            with self._swapping:
                if name == "failure_predictor":
                    self.models = replace(self.models, failure=self.loaders.failure(self.directory))
                else:
                    self.models = replace(self.models, anomaly=self.loaders.anomaly(self.directory))
        except ModelError as error:
            self._refused[name] = str(error)
            raise
        self._refused.pop(name, None)
        self._loaded_at[name] = now
        return self._of(name).version

    def entries(self) -> list[ModelEntry]:
        """Return what there is to tell of each model."""
        return [self._entry(name) for name in FILE_MODELS] + [
            ModelEntry(
                name="maintenance_optimizer",
                version=maintenance.VERSION,
                type="MaintenanceOptimizer",
                status=ModelStatus.LOADED,
                loaded_at=self._loaded_at[OPTIMISER],
            )
        ]

    def _entry(self, name: FileModel) -> ModelEntry:
        model = self._of(name)
        metadata: dict[str, Any] = {"engine": model.engine, **getattr(model, "metadata", {})}
        if name in self._refused:
            metadata["refused"] = self._refused[name]
        on_rules = ModelStatus.FALLBACK if model.engine == "rules" else ModelStatus.LOADED
        return ModelEntry(
            name=name,
            version=model.version,
            type="FailurePredictor" if name == "failure_predictor" else "AnomalyDetector",
            status=ModelStatus.ERROR if name in self._refused and model.engine != "rules" else on_rules,
            loaded_at=self._loaded_at[name],
            metadata=metadata,
        )

    def _of(self, name: FileModel) -> FailureModel | AnomalyModel:
        return self.models.failure if name == "failure_predictor" else self.models.anomaly
