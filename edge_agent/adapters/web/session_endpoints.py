"""Signing in and out: a browser changes its key for a session, so that no script ever holds the key again."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from edge_agent.adapters.web.endpoint import Call, Endpoint
from edge_agent.adapters.web.gate import Gate
from edge_agent.adapters.web.keys import KeyEntry, KeyRing, Role
from edge_agent.adapters.web.problems import Refused
from edge_agent.adapters.web.replies import json_reply
from edge_agent.adapters.web.sessions import Sessions
from edge_agent.wire.rest import SessionAnswer, SessionRequest

PATH = "/api/v1/session"


def session_endpoints(keys: KeyRing, gate: Gate, sessions: Sessions) -> tuple[Endpoint, ...]:
    """Return the rows."""

    def begin(call: Call[SessionRequest]) -> Response:
        entry = gate.known(call.question.key.strip().encode(), call.address)
        reply = json_reply(_told(entry))
        reply.raw_headers.append(sessions.begin(entry))
        return reply

    def end(call: Call[None]) -> Response:
        reply = json_reply(_told(_entry(call)))
        reply.raw_headers.append(sessions.end())
        return reply

    def current(call: Call[None]) -> SessionAnswer:
        return _told(_entry(call))

    def _entry(call: Call[None]) -> KeyEntry:
        entry = keys.of_id(call.who)
        if entry is None:  # revoked this very moment
            raise Refused(HTTPStatus.UNAUTHORIZED, "This key is not valid any more.")
        return entry

    return (
        Endpoint(
            method="POST",
            path=PATH,
            summary="Change a key for a session of this browser: a cookie that ends with the key",
            handler=begin,
            body=SessionRequest,
            example={"key": "evz_…"},
            answer=SessionAnswer,
            refusals={401: "The key is not valid.", 429: "Too many wrong keys from this address."},
        ),
        Endpoint(
            method="GET",
            path=PATH,
            summary="Whose key or session this is",
            handler=current,
            role=Role.VIEWER,
            answer=SessionAnswer,
        ),
        Endpoint(
            method="POST",
            path=f"{PATH}/end",
            summary="Make this browser forget its session",
            handler=end,
            role=Role.VIEWER,
            answer=SessionAnswer,
        ),
    )


def _told(entry: KeyEntry) -> SessionAnswer:
    return SessionAnswer(id=entry.id, role=entry.role.value, label=entry.label)
