"""One row of the route table: what is asked, who may, what is answered. Routes and OpenAPI come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, JsonValue
from starlette.responses import Response

from edge_agent.adapters.web.keys import Role
from edge_agent.ports import Desk, Records

Question = TypeVar("Question")


@dataclass(frozen=True, slots=True)
class Call(Generic[Question]):
    """One request that has passed the gate.

    question: the body or the query as the row's model has it; None where the row asks for nothing.
    path: what stood in the path's braces, decoded.
    who: the id of the key that it came with. address: where it came from.
    """

    desk: Desk
    records: Records
    question: Question
    path: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    tenant_id: str | None
    who: str = ""
    address: str = ""


Handler = Callable[[Call[Any]], BaseModel | Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path.

    handler: returns the answer, or a whole response where the answer is no JSON or not always 200.
    role: the least that a key must have; None where no key is needed.
    body, query: the model of the question.
    answer: the model of the answer, or its media type where it is no JSON.
    other_forms: other media types that it comes in where somebody asks for them.
    statuses: the statuses that the answer comes with.
    refusals: the statuses that the handler itself refuses with, and why.
    waits: the handler waits for another thread or a disk, and must not hold up the event loop.
    """

    method: Literal["GET", "POST"]
    path: str
    summary: str
    handler: Handler
    answer: type[BaseModel] | str
    other_forms: tuple[str, ...] = ()
    role: Role | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    example: dict[str, JsonValue] | None = None
    statuses: Mapping[int, str] = field(default_factory=lambda: {200: "OK"})
    refusals: Mapping[int, str] = field(default_factory=dict)
    waits: bool = False
    deprecated: bool = False
