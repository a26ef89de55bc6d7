"""The pages: served with no network, and guarded."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from httpx import Client

from edge_agent.adapters.web.pages import ASSETS

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "edge_agent/adapters/web/static"
PAGE = ROOT / "packaging/page"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", [FIREFOX, "*/*", "", "text/html, application/json", "x;q=y"])
def test_a_browser_gets_the_page(stranger: Client, accept: str) -> None:
    answer = stranger.get("/", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<!doctype html>" in answer.text


@pytest.mark.parametrize(
    "accept", ["application/json", "application/json, */*;q=0.5", "application/*, text/html;q=0.9"]
)
def test_a_client_that_asks_for_json_gets_name_and_version(stranger: Client, accept: str) -> None:
    answer = stranger.get("/", headers={"Accept": accept})
    assert answer.json()["service"] == "evzone-edge-agent"
    assert answer.headers["Vary"] == "accept, accept-encoding"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_only_files_of_ours_and_runs_nothing_inline(stranger: Client, path: str) -> None:
    page = stranger.get(path).text
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)|https?://", page)
    for file in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert stranger.get(file).status_code == 200


def test_scripts_never_insert_markup(stranger: Client) -> None:
    for name in (each for each in ASSETS if each.endswith(".js") and each != "vendor.js"):
        script = stranger.get(f"/static/{name}").text
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/openapi.json", "/health", "/static/app.js", "/api/v1/health", "/api/v1/models", "/x"],
)
def test_every_answer_is_guarded(stranger: Client, path: str) -> None:
    headers = stranger.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] in ("no-store", "no-cache", "private, no-cache")


def test_a_file_that_the_browser_has_is_not_sent_again(stranger: Client) -> None:
    first = stranger.get("/static/app.js")
    again = stranger.get("/static/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_large_goes_out_packed_to_whoever_can_unpack(stranger: Client) -> None:
    plain = stranger.get("/static/vendor.js", headers={"Accept-Encoding": "identity"})
    packed = stranger.get("/static/vendor.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2


def test_the_libraries_of_the_page_are_what_their_build_makes(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "node"), "build.mjs", str(tmp_path)]
    subprocess.run(command, cwd=PAGE, check=True, capture_output=True, timeout=120)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(made) == {"vendor.css", "vendor.js", "vendor.txt"}
    assert all((STATIC / name).read_bytes() == made[name] for name in made)


def test_our_own_scripts_stay_small() -> None:
    ours = [file for file in STATIC.glob("*.js") if file.name != "vendor.js"]
    assert sum(len(file.read_text().splitlines()) for file in ours) <= 1_500


def test_nothing_but_the_known_files_is_served(stranger: Client) -> None:
    for path in ("/static/", "/static/../app.py", "/static/%2e%2e/app.py", "/static/index.html"):
        assert stranger.get(path).status_code == 404
