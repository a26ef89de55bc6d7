"""A running daemon reads its configuration again: what that changes now, what waits for the next start."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from edge_agent.config import Config, Section
from edge_agent.errors import EdgeAgentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_agent.notify import ServiceManager

log = logging.getLogger(__name__)

AnySection = TypeVar("AnySection", bound=Section)


class Reload(NamedTuple):
    """config: what holds from now on. applied, waiting: the keys that changed, as `web.port`."""

    config: Config
    applied: Sequence[str]
    waiting: Sequence[str]

    def told(self) -> str:
        """Return it as a sentence."""
        told = [f"applied: {', '.join(self.applied)}"] if self.applied else []
        told += [f"takes effect at the next start: {', '.join(self.waiting)}"] if self.waiting else []
        return "; ".join(told) or "no setting has changed"


def reloaded(before: Config, asked: Config) -> Reload:
    """Return what holds from now on: of what is asked for, what may change in a running daemon."""
    applied: list[str] = []
    waiting: list[str] = []
    return Reload(_merged(before, asked, "", (applied, waiting)), applied, waiting)


def _merged(
    before: AnySection, asked: AnySection, where: str, told: tuple[list[str], list[str]]
) -> AnySection:
    changes: dict[str, Any] = {}
    for key in type(before).model_fields:
        old, new = getattr(before, key), getattr(asked, key)
        if old == new:
            continue
        if isinstance(old, Section) and isinstance(new, Section):
            changes[key] = _merged(old, new, f"{where}{key}.", told)
        elif before.is_live(key):
            changes[key] = new
            told[0].append(f"{where}{key}")
        else:
            told[1].append(f"{where}{key}")
    return before.model_copy(update=changes)


class Reloading:
    """Reads the configuration again when it was asked to; what is faulty changes nothing."""

    def __init__(
        self,
        config: Config,
        load: Callable[[], tuple[Config, list[str]]],
        apply: Callable[[Config], None],
        manager: ServiceManager,
    ) -> None:
        """load: see `config.load`. apply: lets a configuration hold; raises EdgeAgentError before it does."""
        self._config = config
        self._load = load
        self._apply = apply
        self._manager = manager
        self._asked = False

    def ask(self) -> None:
        """Have it read at the next look; from a signal's handler, which may take no lock."""
        self._asked = True

    def look(self) -> None:
        """Read it, where that was asked for, and say what came of it."""
        if not self._asked:
            return
        self._asked = False
        self._manager.reloading()
        try:
            told = self._reload()
        except EdgeAgentError as error:
            for fault in getattr(error, "faults", [str(error)]):
                log.error("not reloaded", extra={"fault": fault})  # noqa: TRY400 - it is no defect of ours
            told = "the configuration has faults, the last good one holds; see: edge-agent check"
        self._manager.ready()
        self._manager.status(told)

    def _reload(self) -> str:
        asked, unknown = self._load()
        for sentence in unknown:
            log.warning("unknown setting ignored", extra={"setting": sentence})
        change = reloaded(self._config, asked)
        self._apply(change.config)
        self._config = change.config
        log.info("reloaded", extra={"applied": change.applied, "waiting": change.waiting})
        return change.told()
