"""Debian's Chromium, headless, at the sizes that people have."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parents[2] / "packaging/page/node_modules/axe-core/axe.min.js"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
# No look-ups of its own: the only host it may ask is the agent.
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="there is no Chromium"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser, for as long as the block lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(browser: Browser, url: str, **profile: Any) -> Iterator[Page]:
    """Yield a page. No script may fail on it, and it asks nobody but the agent. profile: see Playwright."""
    context = browser.new_context(base_url=url, **{"viewport": PHONE, **profile})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url.startswith((url, "blob:")) else faults.append(asked.url)
    )
    try:
        yield page
        assert not faults, faults
    finally:
        context.close()


def sign_in(page: Page, key: str) -> None:
    """Sign in as people do, and wait for what is there."""
    page.goto("/")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Live", exact=True).wait_for()


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with what is shown."""
    if not page.evaluate("() => 'axe' in window"):
        # Through the debugger: the page's own policy lets no script of others in.
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("standards => axe.run({runOnly: standards})", STANDARDS)
    return [
        f"{each['id']}: {each['help']}: {[node['html'] for node in each['nodes']][:3]}"
        for each in found["violations"]
    ]
