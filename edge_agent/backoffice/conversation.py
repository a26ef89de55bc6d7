"""One charger's conversation with its back office, where the agent may stand in for it (OCPP 1.6).

    standing   a charger's request goes          upstream lost   upstream back   nothing more owed
    RELAY      to upstream                       STAND_IN        -               -
    STAND_IN   nowhere: it is answered here      -               CATCH_UP        -
    CATCH_UP   nowhere: it is answered here      STAND_IN        -               RELAY

What upstream must know of (transactions) is kept before it is answered, and told in order, each message under
its own id and unchanged but for the ids of transactions that were handed out here. A boot is told before, the
last status of each connector after; they are not kept. Each method takes what happened and returns what is to
be done, in order. Source: OCPP 1.6 edition 2, 3.7.1 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple, TypeVar

from edge_agent.backoffice import frames
from edge_agent.backoffice.answers import Asked, answer, id_of
from edge_agent.backoffice.frames import Frame, Sort

MOST_ATTEMPTS = 3
"""So often upstream is told what it refuses (TransactionMessageAttempts; OCPP 1.6, 9.1.31)."""
MOST_PENDING = 100
"""Requests under way in one direction; OCPP allows one."""
ACCEPTED = "Accepted"
Value = TypeVar("Value")
TELLS_WHO_MAY = frozenset({"Authorize", "StartTransaction"})


class Standing(Enum):
    """Who answers the charger."""

    RELAY = auto()
    STAND_IN = auto()
    CATCH_UP = auto()


class ToCharger(NamedTuple):
    """Send this to the charger."""

    text: str


class ToUpstream(NamedTuple):
    """Send this to upstream."""

    text: str


class Keep(NamedTuple):
    """Keep this message for upstream, and only then send the answer.

    starts: it begins a transaction, for which the keeper hands out an id.
    answered: makes the answer, given that id. refused: what to send where it cannot be kept.
    """

    message_id: str
    text: str
    starts: bool
    answered: Callable[[int], str]
    refused: str


class Next(NamedTuple):
    """Hand `owed` the next message that upstream is owed."""


class Delivered(NamedTuple):
    """Forget this message: upstream has answered it."""

    number: int


class GivenUp(NamedTuple):
    """Forget this message: upstream has refused it MOST_ATTEMPTS times."""

    number: int
    message_id: str


class Mapped(NamedTuple):
    """A transaction that was handed out here has an id of upstream's."""

    handed_out: int
    transaction_id: int


class Ended(NamedTuple):
    """Upstream knows of the end of this transaction: its mapping is needed no more."""

    handed_out: int


class Remember(NamedTuple):
    """Upstream accepts this name (see `answers.id_of`)."""

    name: str


class Leave(NamedTuple):
    """Close the connection to upstream, and try again later."""

    reason: str


Deed = ToCharger | ToUpstream | Keep | Next | Delivered | GivenUp | Mapped | Ended | Remember | Leave


class Owed(NamedTuple):
    """A message that upstream is owed. number: the keeper's; None where it is not kept."""

    number: int | None
    message_id: str
    text: str
    handed_out: int | None = None


@dataclass(slots=True)
class Untold:
    """What a charger said of itself while upstream was away, the last of each; survives its reconnecting."""

    boot: Owed | None = None
    statuses: dict[object, Owed] = field(default_factory=dict)

    @property
    def next(self) -> Owed | None:
        """What is to be told next: the boot before all else."""
        return self.boot or next(iter(self.statuses.values()), None)

    def told(self, message: Owed) -> None:
        """Forget what upstream has answered, unless something newer has taken its place."""
        if message is self.boot:
            self.boot = None
        self.statuses = {place: each for place, each in self.statuses.items() if each is not message}


@dataclass(slots=True)
class Conversation:
    """See the module.

    accepts: whether the name of an idTag may charge. mapped: transaction id handed out -> upstream's.
    """

    standing: Standing
    accepts: Callable[[str], bool]
    mapped: dict[int, int] = field(default_factory=dict)
    untold: Untold = field(default_factory=Untold)
    _asked: dict[str, tuple[Frame, str]] = field(default_factory=dict)
    """The charger's requests that upstream has not answered."""
    _asking: dict[str, None] = field(default_factory=dict)
    """Upstream's requests that the charger has not answered."""
    _offered: Owed | None = None
    _refusals: int = 0
    """How often the message that is owed first was refused."""

    # From the charger

    def from_charger(self, text: str, now: datetime) -> list[Deed]:
        """Take a message of the charger's."""
        frame = frames.read(text)
        if self.standing is Standing.RELAY:
            if frame is not None and frame.is_call:
                _bounded(self._asked)[frame.message_id] = frame, text
            elif frame is not None:
                self._asking.pop(frame.message_id, None)
            return [ToUpstream(self._in_upstreams_words(text))]
        if frame is None:
            return []
        if frame.is_call:
            return self._answered(frame, text, now)
        if frame.message_id in self._asking:
            del self._asking[frame.message_id]
            return [ToUpstream(text)]
        return []

    def _answered(self, frame: Frame, text: str, now: datetime) -> list[Deed]:
        if is_owed(frame):
            starts = frame.action == "StartTransaction"

            def answered(transaction_id: int) -> str:
                return self._answer(frame, now, transaction_id)

            refused = frames.error(frame.message_id, "InternalError", "It cannot be kept now; send it again.")
            return [Keep(frame.message_id, text, starts, answered, refused)]
        if frame.action == "BootNotification":
            self.untold.boot = Owed(None, frame.message_id, text)
        if frame.action == "StatusNotification":
            self.untold.statuses[frame.payload.get("connectorId")] = Owed(None, frame.message_id, text)
        return [ToCharger(self._answer(frame, now))]

    def _answer(self, frame: Frame, now: datetime, transaction_id: int = 0) -> str:
        return answered(frame, "ocpp1.6", Asked(frame.payload, now, self.accepts, transaction_id))

    # From upstream

    def from_upstream(self, text: str) -> list[Deed]:
        """Take a message of upstream's."""
        frame = frames.read(text)
        if frame is not None and frame.is_call:
            _bounded(self._asking)[frame.message_id] = None
            return [ToCharger(self._in_chargers_words(text))]
        if frame is not None and self._offered is not None and frame.message_id == self._offered.message_id:
            return self._accounted(frame, self._offered)
        if self.standing is not Standing.RELAY:
            return []
        if frame is None or frame.message_id not in self._asked:
            return [ToCharger(text)]
        asked, _ = self._asked.pop(frame.message_id)
        return [ToCharger(text), *self._learned(asked, frame)]

    def _learned(self, asked: Frame, told: Frame) -> list[Deed]:
        """Return what an answer of upstream's teaches: who may charge, and which transaction is over."""
        deeds: list[Deed] = []
        if asked.action in TELLS_WHO_MAY and _status_in(told.payload.get("idTagInfo")) == ACCEPTED:
            deeds.append(Remember(id_of(asked.payload)))
        ended = asked.payload.get("transactionId") if asked.action == "StopTransaction" else None
        if told.sort is Sort.RESULT and isinstance(ended, int) and self.mapped.pop(ended, None) is not None:
            deeds.append(Ended(ended))
        return deeds

    def upstream_lost(self, now: datetime) -> list[Deed]:
        """Stand in from now on, and first answer what upstream did not."""
        self.standing, self._offered = Standing.STAND_IN, None
        self._asking.clear()
        asked, self._asked = self._asked, {}
        deeds: list[Deed] = []
        for frame, text in asked.values():
            deeds += self._answered(frame, text, now)
        return deeds

    def upstream_back(self) -> list[Deed]:
        """Tell upstream what it is owed, the boot first: it may refuse all else before that."""
        self.standing = Standing.CATCH_UP
        return [Next()] if self.untold.boot is None else self._offer(self.untold.boot)

    def owed(self, message: Owed | None) -> list[Deed]:
        """Take the next message that is owed; None: there is none, and after the statuses all is told."""
        message = message or self.untold.next
        if message is not None:
            return self._offer(message)
        self.standing = Standing.RELAY
        return []

    def _offer(self, message: Owed) -> list[Deed]:
        self._offered = message
        return [ToUpstream(self._in_upstreams_words(message.text))]

    def _accounted(self, told: Frame, message: Owed) -> list[Deed]:
        """Take upstream's answer to what it was owed. Refused, it is told again later (3.7.1)."""
        self._offered = None
        if told.sort is Sort.ERROR:
            return self._refused(message)
        self._refusals = 0
        if message is self.untold.boot and told.payload.get("status") != ACCEPTED:
            return [Leave("upstream does not accept the charger's boot yet")]
        if message.number is None:
            self.untold.told(message)
            return [Next()]
        deeds: list[Deed] = []
        transaction_id = told.payload.get("transactionId")
        if message.handed_out is not None and isinstance(transaction_id, int):
            self.mapped[message.handed_out] = transaction_id
            deeds.append(Mapped(message.handed_out, transaction_id))
        frame = frames.read(message.text)
        if frame is not None:
            deeds += self._learned(frame, told)
        return [*deeds, Delivered(message.number), Next()]

    def _refused(self, message: Owed) -> list[Deed]:
        self._refusals += 1
        if self._refusals < MOST_ATTEMPTS:
            return [Leave(f"upstream refuses what it is owed, message {message.message_id}")]
        self._refusals = 0
        if message.number is None:
            self.untold.told(message)
            return [Next()]
        return [GivenUp(message.number, message.message_id), Next()]

    # Transactions that were handed out here have two ids: nothing else of a message is ever changed

    def _in_upstreams_words(self, text: str) -> str:
        return _renamed(text, self.mapped) if self.mapped else text

    def _in_chargers_words(self, text: str) -> str:
        if not self.mapped:
            return text
        return _renamed(text, {upstreams: ours for ours, upstreams in self.mapped.items()})


def answered(frame: Frame, protocol: str, asked: Asked) -> str:
    """Return the answer to a request, as text."""
    payload = answer(protocol, frame.action, asked)
    if payload is None:
        return frames.error(frame.message_id, "NotImplemented", f"{frame.action} is not known here.")
    return frames.result(frame.message_id, payload)


def is_owed(frame: Frame) -> bool:
    """Whether a request is about a transaction, of which upstream must know in the end (3.7.1)."""
    if frame.action in {"StartTransaction", "StopTransaction"}:
        return True
    return frame.action == "MeterValues" and frame.payload.get("transactionId") is not None


_TRANSACTION_ID = re.compile(r'("transactionId"\s*:\s*)(\d+)(?![\d.eE])')


def _renamed(text: str, names: Mapping[int, int]) -> str:
    return _TRANSACTION_ID.sub(lambda found: f"{found[1]}{names.get(int(found[2]), found[2])}", text)


def _status_in(info: object) -> object:
    return info.get("status") if isinstance(info, dict) else None


def _bounded(pending: dict[str, Value]) -> dict[str, Value]:
    while len(pending) >= MOST_PENDING:
        del pending[next(iter(pending))]
    return pending
