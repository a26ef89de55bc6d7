"""The OpenAPI 3.1 description, made from the route table and the models alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from edge_agent.adapters.web.endpoint import Endpoint
from edge_agent.adapters.web.gate import TENANT as TENANT_ID
from edge_agent.adapters.web.problems import PROBLEM_TYPE
from edge_agent.wire.rest import SERVICE, Problem

Json = dict[str, Any]
Mode = tuple[Any, JsonSchemaMode]

REF = "#/components/schemas/{model}"
PROBLEM: Json = {PROBLEM_TYPE.decode(): {"schema": {"$ref": REF.format(model="Problem")}}}
TENANT: Json = {
    "name": "X-Tenant-ID",
    "in": "header",
    "description": "Echoed as tenant_id.",
    "schema": {"type": "string", "pattern": f"^{TENANT_ID.pattern.decode()}$"},
}
WITH_KEY = {
    401: "The key is missing or not valid.",
    403: "The key's role may not.",
    422: "A header or parameter is not as described.",
    429: "Too often; Retry-After says when again.",
    503: "Starting or busy; Retry-After says when again.",
}
WITH_BODY = {
    413: "The body is larger than 1 MiB.",
    415: "The body is not application/json.",
    422: "The body is not as described; detail lists each fault.",
}


def openapi_document(endpoints: Iterable[Endpoint], version: str) -> Json:
    rows = list(endpoints)
    schemas, definitions = models_json_schema(
        [*_asked(rows), *_answered(rows), (Problem, "serialization")], ref_template=REF
    )
    paths: Json = {}
    for row in rows:
        path = row.path.replace(":path}", "}")
        paths.setdefault(path, {})[row.method.lower()] = _operation(row, schemas, definitions["$defs"])
    return {
        "openapi": "3.1.0",
        "info": {"title": SERVICE, "version": version},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "The same key."},
            },
        },
    }


def _asked(rows: Iterable[Endpoint]) -> set[Mode]:
    return {(model, "validation") for row in rows for model in (row.body, row.query) if model is not None}


def _answered(rows: Iterable[Endpoint]) -> set[Mode]:
    return {(row.answer, "serialization") for row in rows if not isinstance(row.answer, str)}


def _operation(row: Endpoint, schemas: Mapping[Mode, Json], models: Json) -> Json:
    name = re.sub(r"\W+", "_", f"{row.method.lower()}{row.path}").rstrip("_")
    operation: Json = {"operationId": name, "summary": row.summary, "parameters": _parameters(row, models)}
    if row.deprecated:
        operation["deprecated"] = True
    if row.role is not None:
        operation["security"] = [{"key": []}, {"bearer": []}]
        operation["description"] = f"Needs a key of role {row.role} or above."
    if row.body is not None:
        content = {"schema": schemas[row.body, "validation"], "example": row.example}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    operation["responses"] = _responses(row, schemas)
    return operation


def _responses(row: Endpoint, schemas: Mapping[Mode, Json]) -> Json:
    if isinstance(row.answer, str):
        answer: Json = {row.answer: {}}
    else:
        answer = {"application/json": {"schema": schemas[row.answer, "serialization"]}}
    answer |= {form: {} for form in row.other_forms}
    refusals = dict(row.refusals)
    if row.role is not None:
        refusals |= WITH_KEY
    if row.body is not None:
        refusals |= WITH_BODY
    responses = {status: {"description": reason, "content": PROBLEM} for status, reason in refusals.items()}
    responses |= {status: {"description": text, "content": answer} for status, text in row.statuses.items()}
    return {str(status): responses[status] for status in sorted(responses)}


def _parameters(row: Endpoint, models: Json) -> list[Json]:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)", row.path)
    ]
    if row.query is not None:
        asked = models[row.query.__name__]
        required = asked.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in asked["properties"].items()
        ]
    if row.role is not None:
        parameters.append(TENANT)
    return parameters
