"""Carries out in the daemon what `core.rollout` decides: which release judges, and which is asked beside it.

Others order by changing the rollout: `edge-agent models fetch`, `install`, `rollback`. It is looked at often.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_agent.core.rollout import Bounds, before, refused, settled, went_back, went_on
from edge_agent.errors import ModelError, UpdateError
from edge_agent.trial import Trial
from edge_agent.wire.rollout import Comparison, Phase, Rollout

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.clock import Clock
    from edge_agent.ports import Releases
    from edge_agent.shelf import Shelf

SAVE_EVERY_HOURS = 1 / 6
"""So much of a comparison may be lost when power is."""

log = logging.getLogger(__name__)


class Updating:
    """Brings the shelf to where the rollout is, and the rollout to where the trial has come."""

    def __init__(self, releases: Releases, shelf: Shelf, clock: Clock, bounds: Bounds) -> None:
        self._releases = releases
        self._shelf = shelf
        self._clock = clock
        self.bounds = bounds
        self._tried: tuple[int, Phase] | None = None
        self._judging: int | None = None

    def start(self) -> None:
        """Let judge what judged last, and go on with the trial that was going on."""
        try:
            self._try_out(self._let_judge(self._releases.rollout()))
        except UpdateError:
            log.exception("what became of the models cannot be kept; they judge all the same")

    def look(self, swapped: Callable[[], None]) -> None:
        """See what was ordered and how the trial stands. swapped: called where another release judges now.

        Raises UpdateError where that cannot be kept.
        """
        state = self._advanced(self._releases.rollout())
        if state.judging != self._judging:
            state = self._let_judge(state)
            swapped()
        self._try_out(state)

    def rollout(self) -> Rollout:
        """Return how it stands at this moment; from any thread."""
        state = self._releases.rollout()
        told = self._told()
        return (
            state if told is None or state.compared is None else state.model_copy(update={"compared": told})
        )

    def _told(self) -> Comparison | None:
        trial = self._shelf.trial
        return None if trial is None else trial.told()

    def _advanced(self, state: Rollout) -> Rollout:
        """Return where the trial leads, kept where it leads on or is worth it."""
        told = self._told()
        if told is None or self._tried != _trial_of(state):
            return state
        after = went_on(state, told, self.bounds)
        saved = state.compared or Comparison()
        if after.phase is state.phase and told.hours - saved.hours < SAVE_EVERY_HOURS:
            return state
        if after.phase is not state.phase:
            log.info("a trial of models is over", extra={"judging": after.judging, "refused": after.refused})
        return self._releases.change(lambda now: after if now == state else now)

    def _let_judge(self, state: Rollout) -> Rollout:
        """Let the release judge that is to; one that does not load gives way to the one before it.

        Of the last one, each model that does not load leaves its rules.
        """
        wanted = state
        while not self._judges(wanted.judging):
            back = before(wanted, self._releases.here())
            if back is None:
                self._shelf.directory = self._releases.directory(wanted.judging)
                self._shelf.load(self._clock.now())
                break
            wanted = went_back(wanted, back, "it does not load")
        self._judging = wanted.judging
        return state if wanted is state else self._releases.change(lambda _: wanted)

    def _judges(self, release: int) -> bool:
        """Let a release judge; say whether it loads."""
        directory = self._releases.directory(release)
        try:
            models = self._shelf.loaders.both(directory)
        except ModelError as error:
            log.warning(
                "a release of the models does not load", extra={"release": release, "why": str(error)}
            )
            return False
        self._shelf.trial = self._tried = None
        self._shelf.swap(models, directory, self._clock.now())
        log.info("models judge", extra={"release": release, "version": models.failure.version})
        return True

    def _try_out(self, state: Rollout) -> None:
        """Begin the trial that the rollout asks for, where it does not go on already."""
        wanted = _trial_of(state)
        if wanted == self._tried:
            return
        self._shelf.trial, self._tried = None, wanted
        if wanted is None:
            return
        try:
            other = self._shelf.loaders.both(self._releases.directory(wanted[0]))
        except ModelError as error:
            # Without the one to compare with, the one that judges goes on.
            after = refused(state, str(error)) if state.phase is Phase.SHADOW else settled(state)
            self._releases.change(lambda now: after if now == state else now)
            self._tried = None
            return
        log.info("models are tried beside those that judge", extra={"release": wanted[0], "phase": wanted[1]})
        on_probation = state.phase is Phase.PROBATION
        new, old = (self._shelf.models, other) if on_probation else (other, self._shelf.models)
        so_far = state.compared or Comparison()
        self._shelf.trial = Trial(
            new, old, new_judges=on_probation, so_far=so_far, seconds=self._clock.monotonic
        )


def _trial_of(state: Rollout) -> tuple[int, Phase] | None:
    """Return which release is to be asked beside the judging one, and in which phase."""
    if state.phase is Phase.SHADOW and state.candidate is not None:
        return state.candidate, Phase.SHADOW
    if state.phase is Phase.PROBATION and state.previous is not None:
        return state.previous, Phase.PROBATION
    return None
