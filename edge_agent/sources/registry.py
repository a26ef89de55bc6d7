"""Which topic is read by which decoder. A new source is one file and one line here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from edge_agent.errors import Rejected
from edge_agent.sources import Decoded, Decoder, Received, refused
from edge_agent.sources.link import decode_link
from edge_agent.sources.metrics import decode_metrics
from edge_agent.sources.ocpp import decode_ocpp
from edge_agent.sources.routes import Route, subscribed
from edge_agent.sources.wording import shown

MAX_PAYLOAD_BYTES = 1024 * 1024
_REMEMBERED_TOPICS = 4096
_CHARGER_ID = re.compile(r"[A-Za-z0-9.:%-][A-Za-z0-9._:%-]{0,127}")


def own_routes(prefix: str) -> list[Route]:
    """Return the routes of the contract, under its prefix (without a slash at its end)."""
    charger = f"{prefix}/chargers/{{charger_id}}"
    return [
        subscribed(f"{charger}/metrics", decode_metrics),
        subscribed(f"{charger}/ocpp", decode_ocpp),
        # To the charger: OCPP 1.6 gives a transaction its id in the answer to StartTransaction.
        subscribed(f"{charger}/ocpp/down", decode_ocpp),
        Route(f"{charger}/ocpp/link", decode_link),
    ]


class Registry:
    """The contract's own routes, and those of what else speaks on the site's broker."""

    def __init__(self, prefix: str, others: Sequence[Route] = ()) -> None:
        routes = [*own_routes(prefix), *others]
        self._subscriptions = tuple(dict.fromkeys(each for route in routes for each in route.filters))
        self._matchers = [(route.matcher(), route) for route in routes]
        # A site's topics are few and come again with every message.
        self._route = lru_cache(maxsize=_REMEMBERED_TOPICS)(self._find_route)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT topic filters that bring in all that `decode` reads."""
        return self._subscriptions

    def charger_of(self, topic: str) -> str | None:
        """Return whose topic it is; None where it is nobody's."""
        route = self._route(topic)
        return None if isinstance(route, Rejected) else route[0]

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
        for matcher, route in self._matchers:
            match = matcher.fullmatch(topic)
            if match is None:
                continue
            charger_id = route.charger_id or match["charger_id"]
            if _CHARGER_ID.fullmatch(charger_id):
                return charger_id, route.decode
            return Rejected(
                f"charger id {shown(charger_id)} came in the topic; expected 1 to 128 of"
                " A-Z a-z 0-9 . _ : % -, not beginning with _"
            )
        return Rejected(f"topic {shown(topic)} is none that the agent reads")
