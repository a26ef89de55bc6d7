"""The TypeScript client: its types are current, and programs that use it compile and are answered.

`python -m tests.web.test_typescript_client` writes the types anew.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from edge_agent.adapters.web.app import create_app
from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.adapters.web.settings import WebSettings
from tests.rig.waiting import DEADLINE_S, HOST
from tests.web.conftest import InProcess, serving
from tests.web.desk import FakeDesk
from tests.web.records import FakeRecords

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "packaging" / "typescript"
SCHEMA = PACKAGE / "src" / "schema.ts"
PROGRAM = ROOT / "tests" / "clients" / "typescript.ts"
BIN = Path(sys.executable).parent
TSC = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
STRICT = {
    "module": "node16",
    "target": "es2022",
    "lib": ["es2022"],
    "types": ["node"],
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=4 * DEADLINE_S, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def generated(app: Starlette, folder: Path) -> str:
    """Return the types that the package's own script makes of what the application says of itself."""
    with httpx.Client(transport=InProcess(app), base_url="http://agent") as client:
        (folder / "openapi.json").write_bytes(client.get("/openapi.json").raise_for_status().content)
    (folder / "package.json").write_bytes((PACKAGE / "package.json").read_bytes())
    (folder / "node_modules").symlink_to(PACKAGE / "node_modules")
    run(BIN / "npm", "run", "generate", "openapi.json", cwd=folder)
    return (folder / "src" / "schema.ts").read_text()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node_modules with the package in it as it is published: built, without its sources."""
    folder = tmp_path_factory.mktemp("backend") / "node_modules"
    own = folder / "@evzone" / "edge-agent"
    own.mkdir(parents=True)
    shutil.copy(PACKAGE / "package.json", own)
    run(BIN / "node", TSC, "--project", PACKAGE, "--outDir", own / "dist", cwd=PACKAGE)
    for library in PACKAGE.joinpath("node_modules").glob("[!.]*"):
        (folder / library.name).symlink_to(library)
    return folder


def backend(installed: Path, folder: Path, kind: str) -> Path:
    """Return the program, compiled strictly in a package of that kind."""
    (folder / "node_modules").symlink_to(installed)
    (folder / "package.json").write_text(json.dumps({"type": kind}))
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT}))
    shutil.copy(PROGRAM, folder)
    run(BIN / "node", TSC, "--noEmitOnError", cwd=folder)
    return folder / PROGRAM.with_suffix(".js").name


def test_the_committed_types_are_those_of_the_description(app: Starlette, tmp_path: Path) -> None:
    current = SCHEMA.read_text() == generated(app, tmp_path)
    assert current, "Out of date. This writes it anew: python -m tests.web.test_typescript_client"


@pytest.mark.parametrize("kind", ["commonjs", "module"])
def test_a_back_end_is_answered(
    app: Starlette, ring: KeyRing, installed: Path, tmp_path: Path, kind: str
) -> None:
    program = backend(installed, tmp_path, kind)
    key, busy_key = ring.add(Role.TECHNICIAN).key, ring.add(Role.VIEWER).key
    with (
        serving(app, WebSettings(port=0)) as server,
        socket.create_server((HOST, 0)) as silent,
    ):
        url, silent_url = (f"http://{HOST}:{port}" for port in (server.port, silent.getsockname()[1]))
        told = json.loads(run(BIN / "node", program, url, key, busy_key, silent_url, cwd=tmp_path))
    check_answers(told)
    check_refusals(told)


def check_answers(told: dict[str, Any]) -> None:
    assert told["failure"] == ["CHG_009", "tenant-1", 0.42]
    assert told["latest"] == "A%2FB"
    assert told["chargers"] == ["CHG_002", "CHG_003", "CHG_001", "CHG_004"]
    assert told["alerts"] == [["a-1", "OPEN"]]
    assert told["acknowledged"] == ["ACKNOWLEDGED", "AB"]
    assert told["calendar"] == ["BEGIN:VCALENDAR"]


def check_refusals(told: dict[str, Any]) -> None:
    detail = "No alert a-9 is open: it may be over. GET /api/v1/alerts lists those that are."
    assert told["unknownAlert"] == {
        "message": f"404 Not Found; {detail}",
        "status": 404,
        "title": "Not Found",
        "detail": detail,
    }
    assert told["fault"]["status"] == 422
    assert [fault["loc"] for fault in told["fault"]["detail"]] == [["query", "limit"]]
    assert "query.limit: " in told["fault"]["message"]
    assert told["wrongKey"]["status"] == 401
    assert "X-API-Key" in told["wrongKey"]["detail"]
    assert (told["busy"]["status"], told["busy"]["retryAfterS"]) == (429, 1)
    assert told["silent"] == {"failed": "TimeoutError"}


def main() -> None:
    desk = FakeDesk()
    with TemporaryDirectory() as name:
        folder = Path(name)
        keys = KeyRing(folder / "keys.json")
        app = create_app((desk, FakeRecords(desk)), keys, WebSettings(), CollectorRegistry())
        SCHEMA.write_text(generated(app, folder))


if __name__ == "__main__":
    main()
