"""What a route is: topics, and the decoder that reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_agent.sources import Decoder

_PLACE = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True, slots=True)
class Route:
    """Topics of one shape, with places such as `{charger_id}` for one level each, and their decoder.

    filters: the MQTT topic filters that bring them; none where they come from the agent's own endpoint.
    charger_id: whose they are, where the topic does not name it.
    """

    topic: str
    decode: Decoder
    filters: tuple[str, ...] = ()
    charger_id: str | None = None

    def matcher(self) -> re.Pattern[str]:
        """Return what matches the topics, each place as a group of its name."""
        return re.compile(_PLACE.sub(r"(?P<\1>[^/]+)", re.escape(self.topic)))


def subscribed(topic: str, decode: Decoder, charger_id: str | None = None) -> Route:
    """Return a route whose topics are subscribed to as they stand, each place as a wildcard."""
    return Route(topic, decode, (re.sub(r"\{\w+\}", "+", topic),), charger_id)


def keyed(before: str, keys: tuple[str, ...], decode: Decoder, charger_id: str | None = None) -> Route:
    """Return a route of a topic for each value: only those of `keys` are subscribed to, after `before`."""
    filters = tuple(f"{re.sub(r'{[a-z_]+}', '+', before)}/{key}" for key in keys)
    return Route(f"{before}/{{key}}", decode, filters, charger_id)


def last_level(topic: str) -> str:
    """Return the last level of a topic."""
    return topic.rpartition("/")[2]
