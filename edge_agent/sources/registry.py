"""Which topic is read by which decoder. A new source is one file and one line in `ROUTES`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from edge_agent.errors import Rejected
from edge_agent.sources import Decoded, Decoder, Received, refused
from edge_agent.sources.link import decode_link
from edge_agent.sources.metrics import decode_metrics
from edge_agent.sources.ocpp import decode_ocpp
from edge_agent.sources.wording import shown

MAX_PAYLOAD_BYTES = 1024 * 1024
_REMEMBERED_TOPICS = 4096
_CHARGER_ID = re.compile(r"[A-Za-z0-9.:%-][A-Za-z0-9._:%-]{0,127}")


@dataclass(frozen=True, slots=True)
class Route:
    """A topic, with `{prefix}` and `{charger_id}` in their places, and its decoder.

    subscribed: whether it comes from the broker; else from the agent's own endpoint.
    """

    topic: str
    decode: Decoder
    subscribed: bool = True


ROUTES = (
    Route("{prefix}/chargers/{charger_id}/metrics", decode_metrics),
    Route("{prefix}/chargers/{charger_id}/ocpp", decode_ocpp),
    # To the charger: OCPP 1.6 gives a transaction its id in the answer to StartTransaction.
    Route("{prefix}/chargers/{charger_id}/ocpp/down", decode_ocpp),
    Route("{prefix}/chargers/{charger_id}/ocpp/link", decode_link, subscribed=False),
)


class Registry:
    """The routes under one prefix (without a slash at its end)."""

    def __init__(self, prefix: str) -> None:
        topics = [route.topic.replace("{prefix}", prefix) for route in ROUTES]
        self._subscriptions = tuple(
            topic.replace("{charger_id}", "+")
            for topic, route in zip(topics, ROUTES, strict=True)
            if route.subscribed
        )
        self._matchers = tuple(
            (_matcher(topic), route.decode) for topic, route in zip(topics, ROUTES, strict=True)
        )
        # A site's topics are few and come again with every message.
        self._route = lru_cache(maxsize=_REMEMBERED_TOPICS)(self._find_route)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT topic filters that bring in all that `decode` reads."""
        return self._subscriptions

    def decode(self, received: Received) -> Decoded:
        """Return what the message says. Never raises, whatever the bytes and the topic."""
        if len(received.payload) > MAX_PAYLOAD_BYTES:
            return refused(f"{len(received.payload)} bytes came; expected at most {MAX_PAYLOAD_BYTES}")
        route = self._route(received.topic)
        if isinstance(route, Rejected):
            return Decoded(rejected=(route,))
        charger_id, decode = route
        return decode(charger_id, received)

    def _find_route(self, topic: str) -> tuple[str, Decoder] | Rejected:
        for matcher, decode in self._matchers:
            match = matcher.fullmatch(topic)
            if match is None:
                continue
            charger_id = match[1]
            if _CHARGER_ID.fullmatch(charger_id):
                return charger_id, decode
            return Rejected(
                f"charger id {shown(charger_id)} came in the topic; expected 1 to 128 of"
                " A-Z a-z 0-9 . _ : % -, not beginning with _"
            )
        return Rejected(f"topic {shown(topic)} is none that the agent reads")


def _matcher(topic: str) -> re.Pattern[str]:
    before, after = topic.split("{charger_id}")
    return re.compile(f"{re.escape(before)}([^/]+){re.escape(after)}")
