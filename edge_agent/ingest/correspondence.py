"""What comes back on the alerts' topics: acknowledgements, and alerts that the broker had retained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.errors import Rejected
from edge_agent.wire.alert import Acknowledgement, AlertType
from edge_agent.wire.service import Deed
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from datetime import datetime

    from edge_agent.ingest.batch import Batch
    from edge_agent.ingest.intake import Intake
    from edge_agent.ingest.publisher import Publisher
    from edge_agent.ingest.state import State
    from edge_agent.ports import Message

MOST_DIGITS = 10
NOT_ONE = Rejected("not an acknowledgement: it needs alert_id and by, as text")
OF_ANOTHER = Rejected(
    "not acknowledged: no alert of that id is open for the charger, connector and type of the topic"
)


class Correspondence:
    """Reads `{prefix}/alerts/…`; owned by the pipeline thread."""

    def __init__(self, state: State, publisher: Publisher, intake: Intake) -> None:
        self._state = state
        self._publisher = publisher
        self._intake = intake

    def read(self, message: Message, batch: Batch, now: datetime) -> bool:
        """Take a message; it will be acknowledged with the batch. Return whether that must be soon."""
        if not self._intake.is_new(message, batch):
            return False
        if not message.topic.endswith("/ack"):
            self._meet(message)
            return False
        if not message.payload:  # an erasure, such as our own below
            return False
        if message.retained:  # a mistake of the sender's: it would come again with every connection
            self._publisher.erase(message.topic)
            return False
        return self._acknowledge(message, batch, now)

    def _meet(self, message: Message) -> None:
        """Erase an alert that the broker had retained and that we no longer know."""
        if message.retained and message.payload:
            place = _place(message.topic)
            if place is None or not self._state.is_open(*place):
                self._publisher.erase(message.topic)

    def _acknowledge(self, message: Message, batch: Batch, now: datetime) -> bool:
        try:
            acknowledgement = Acknowledgement.model_validate_json(message.payload)
        except ValueError:
            self._intake.set_aside(message, [NOT_ONE], batch)
            return False
        place = _place(message.topic.removesuffix("/ack"))
        alert = None if place is None else self._state.alert_of(*place)
        if alert is None or alert.alert_id != acknowledgement.alert_id:
            self._intake.set_aside(message, [OF_ANOTHER], batch)
            return False
        answered = self._state.answer_alert(acknowledgement, now, batch)
        if answered is None:
            return False
        batch.commit.facts.append(
            Deed(
                at=now,
                who="mqtt",
                action="acknowledge",
                subject=answered.alert_id,
                by=acknowledgement.by,
                note=acknowledgement.note,
            )
        )
        return True


def _place(topic: str) -> tuple[EvseId, AlertType] | None:
    """Return which EVSE and type a topic is about; None where it names none that could be ours."""
    charger_id, connector_id, kind = topic.split("/")[-3:]
    if not (connector_id.isdecimal() and len(connector_id) <= MOST_DIGITS and kind in AlertType.__members__):
        return None
    return EvseId(charger_id, int(connector_id)), AlertType(kind)
