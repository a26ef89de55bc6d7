"""Whatever is asked, the daemon answers as its description says: schemathesis, on the real daemon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.agent import Agent

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# News have no end.
ENDLESS = "/api/v1/events"
EXAMPLES = 25
DEADLINE_S = 240


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_there_is_no_500_and_no_answer_that_is_not_described(
    shared_agent: Agent, tmp_path: Path, role: str
) -> None:
    command = [
        *(str(SCHEMATHESIS), "run", f"{shared_agent.url}/openapi.json", "--exclude-path", ENDLESS),
        *("-H", f"X-API-Key: {shared_agent.key(role)}", "--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "7"),
        *("--generation-database", "none", "--no-color"),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stdout[-8_000:]
    assert shared_agent.running
