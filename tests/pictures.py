"""`make pictures`: each view of the page, of the demo's site after two minutes, into docs/pictures."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.rig.browser import DESKTOP, PHONE, chromium
from tests.rig.waiting import free_port

PICTURES = Path(__file__).parents[1] / "docs/pictures"
DEMO = ("demo", "--chargers", "12", "--speed", "4", "--port")
RUNS_S = 120.0
VIEWS = ("overview", "charger", "alerts", "maintenance", "gateway")


def main() -> None:
    """Run the demo, wait, take the pictures."""
    command = [sys.executable, "-m", "edge_agent", *DEMO, str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            url = next(line.split()[1] for line in demo.stdout if line.strip().startswith("page "))
            print(f"The demo runs; pictures in {RUNS_S:.0f} s")
            time.sleep(RUNS_S)
            with chromium() as browser:
                _take(browser, url, "phone", PHONE, "light")
                _take(browser, url, "desktop", DESKTOP, "dark")
        finally:
            demo.terminate()


def _take(browser: Browser, url: str, name: str, size: dict[str, int], colours: str) -> None:
    context = browser.new_context(viewport=size, color_scheme=colours)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    page.locator(".tile").first.wait_for()
    worst = page.locator(".tile a").first.get_attribute("href") or ""
    base = url.partition("#")[0]
    for view in VIEWS:
        page.goto(f"{base}{worst if view == 'charger' else f'#/{view}'}")
        _settle(page, view)
        page.screenshot(path=PICTURES / f"{name}-{view}.png", full_page=name == "phone")
        print(f"{name}-{view}.png")
    context.close()


def _settle(page: Page, view: str) -> None:
    page.get_by_role("heading", level=1).wait_for()
    if view == "charger":
        page.locator(".chart canvas").nth(1).wait_for()
    if view == "gateway":
        page.get_by_role("region", name="Models").wait_for()
    page.wait_for_timeout(500)  # for what is drawn, not for what is tested


if __name__ == "__main__":
    main()
