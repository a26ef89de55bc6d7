"""What machines look at from outside: is it alive, and its figures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

from edge_agent.adapters.web.endpoint import Call, Endpoint
from edge_agent.adapters.web.keys import Role
from edge_agent.adapters.web.replies import Reply, headers_for
from edge_agent.wire.rest import Liveness


def probes(alive: Liveness, registry: CollectorRegistry) -> tuple[Endpoint, ...]:
    """Return the rows. Figures tell what a site does and when, so they need a key like all else that does."""

    def liveness(_: Call[None]) -> Liveness:
        return alive

    def metrics(call: Call[None]) -> Response:
        encode, media_type = choose_encoder(call.headers.get(b"accept", b"").decode("latin-1"))
        return Reply(encode(registry), headers_for(media_type.encode()))

    return (
        Endpoint(
            method="GET", path="/health", summary="The process serves", handler=liveness, answer=Liveness
        ),
        Endpoint(
            method="GET",
            path="/metrics",
            summary="Figures for Prometheus, which sends the key as a bearer token",
            handler=metrics,
            role=Role.VIEWER,
            answer="text/plain",
        ),
    )
