"""The description and the documentation page."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import Client
from starlette.applications import Starlette

from edge_agent.adapters.web.endpoint import Endpoint
from edge_agent.adapters.web.endpoints import ENDPOINTS
from edge_agent.wire.rest import PredictionRequest

Json = dict[str, Any]


@pytest.fixture
def document(stranger: Client) -> Json:
    answer: Json = stranger.get("/openapi.json").json()
    return answer


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(part) for part in value.values()))
    return set().union(*(references(part) for part in value)) if isinstance(value, list) else set()


def test_every_endpoint_is_described_once_and_by_a_name_of_its_own(document: Json) -> None:
    assert document["openapi"] == "3.1.0"
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert set(document["paths"]) >= {row.path.replace(":path", "") for row in ENDPOINTS}
    assert {"/", "/health", "/metrics"} <= set(document["paths"])


def test_every_reference_leads_somewhere(document: Json) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known


def test_what_needs_a_key_says_so_and_what_does_not_does_not(document: Json) -> None:
    assert document["paths"]["/api/v1/models"]["get"]["security"] == [{"key": []}, {"bearer": []}]
    assert "security" not in document["paths"]["/api/v1/health"]["get"]


def test_refusals_are_described_as_problems(document: Json) -> None:
    responses = document["paths"]["/api/v1/predictions/failure"]["post"]["responses"]
    assert list(responses) == ["200", "401", "403", "413", "415", "422", "429", "503"]
    assert "application/problem+json" in responses["422"]["content"]


def test_the_parameters_of_path_and_query_are_described(document: Json) -> None:
    (charger, _) = document["paths"]["/api/v1/predictions/{charger_id}"]["get"]["parameters"]
    assert (charger["name"], charger["in"], charger["required"]) == ("charger_id", "path", True)
    (model, tenant) = document["paths"]["/api/v1/models/reload"]["post"]["parameters"]
    assert (model["name"], model["in"], model["required"]) == ("model_name", "query", False)
    assert tenant["name"] == "X-Tenant-ID"


@pytest.mark.parametrize("row", [row for row in ENDPOINTS if row.body], ids=lambda row: row.path)
def test_every_example_is_a_question_that_would_be_answered(row: Endpoint) -> None:
    assert row.body is not None
    row.body.model_validate(row.example)


def test_the_schema_of_a_question_is_the_models(document: Json) -> None:
    schema = document["components"]["schemas"]["PredictionRequest"]
    assert schema["required"] == ["charger_id", "metrics"]
    assert schema["description"] == PredictionRequest.__doc__


def test_the_routes_are_the_table(app: Starlette, document: Json) -> None:
    routed = {route.path.replace(":path", "") for route in app.routes}  # type: ignore[attr-defined]
    unlisted = {"/docs", "/openapi.json"}
    assert {path for path in routed if not path.startswith("/static/")} - unlisted == set(document["paths"])
