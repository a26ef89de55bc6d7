"""The page in a real browser, over a small site: each view, for each kind of reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, expect
from starlette.applications import Starlette

from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.adapters.web.settings import WebSettings
from tests.rig.browser import DESKTOP, PHONE, chromium, needs_chromium, page_of, sign_in, violations
from tests.web.conftest import serving
from tests.web.desk import HOT, MARKUP, FakeDesk

pytestmark = [pytest.mark.browser, needs_chromium]

VIEWS = {
    "overview": "/#/",
    "charger": "/#/chargers/CHG_002/1",
    "alerts": "/#/alerts",
    "maintenance": "/#/maintenance",
    "gateway": "/#/gateway",
}
TITLES = {
    "overview": "2 connectors need you",
    "charger": "Car park north, connector 1",
    "alerts": "Alerts",
    "maintenance": "Maintenance",
    "gateway": "Gateway",
}
MOST_BYTES = 150 * 1024


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def url(app: Starlette) -> Iterator[str]:
    with serving(app, WebSettings(port=0)) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def page(browser: Browser, url: str, ring: KeyRing) -> Iterator[Page]:
    """A technician's phone."""
    with page_of(browser, url) as page:
        sign_in(page, ring.add(Role.TECHNICIAN).key)
        yield page


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_everybody_can_read_and_use_every_view(
    browser: Browser, url: str, ring: KeyRing, size: dict[str, int], colours: Any
) -> None:
    with page_of(browser, url, viewport=size, color_scheme=colours) as page:
        page.goto("/")
        expect(page.get_by_label("API key")).to_be_visible()
        assert violations(page) == []
        sign_in(page, ring.add(Role.ADMIN).key)
        for name, address in VIEWS.items():
            page.goto(address)
            expect(page.get_by_role("heading", level=1)).to_have_text(TITLES[name])
            assert violations(page) == [], name
            wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, f"{name} is wider than the screen"


def test_the_log_tells_since_when_it_is_another_device(page: Page) -> None:
    page.goto(VIEWS["charger"])
    expect(page.get_by_role("region", name="Log")).to_contain_text("Another device took its place (AB)")


def test_dialogs_can_be_read_by_everybody_too(page: Page) -> None:
    page.goto(VIEWS["charger"])
    for name in ("Log work", "Working on it: quiet for 2 hours"):
        page.get_by_role("button", name=name, exact=True).click()
        assert violations(page) == [], name
        page.get_by_role("button", name="Cancel").click()


def test_by_keyboard_alone_an_alert_is_found_and_acknowledged(page: Page, desk: FakeDesk) -> None:
    _tab_to(page, "Car park north")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    _tab_to(page, "Acknowledge")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("AB")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Acknowledged by AB")).to_be_visible()
    assert desk.site_alerts[0].acknowledged_by == "AB"


def _tab_to(page: Page, text: str, most: int = 40) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if text in page.evaluate("document.activeElement.innerText ?? ''"):
            return
    raise AssertionError(f"no way by keyboard to {text!r}")


def test_what_chargers_say_stays_text(page: Page) -> None:
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    assert page.locator("img").count() == 0


def test_a_viewer_is_offered_nothing_to_change(browser: Browser, url: str, ring: KeyRing) -> None:
    with page_of(browser, url) as page:
        sign_in(page, ring.add(Role.VIEWER).key)
        for name in ("charger", "alerts", "maintenance"):
            page.goto(VIEWS[name])
            expect(page.get_by_role("heading", level=1)).to_have_text(TITLES[name])
            for deed in ("Acknowledge", "Silence", "Log work", "Accept", "Reject"):
                expect(page.get_by_role("button", name=deed)).to_have_count(0)


def test_an_alert_is_silenced_for_a_time(page: Page, desk: FakeDesk) -> None:
    page.goto(VIEWS["alerts"])
    page.get_by_role("button", name="Silence: Car park north").click()
    page.get_by_label("3 days").check()
    page.get_by_label("Your initials").fill("AB")
    page.get_by_role("dialog").get_by_role("button", name="Silence").click()
    expect(page.get_by_text("Silent until")).to_be_visible()
    assert desk.site_alerts[0].silenced_until is not None


def test_work_is_logged_in_two_taps_once_the_initials_are_known(page: Page, desk: FakeDesk) -> None:
    page.evaluate("sessionStorage.setItem('edge-agent-by', 'AB')")
    page.goto("/#/chargers/CHG_001/1")
    page.get_by_role("button", name="Log work").click()
    page.get_by_role("button", name="It was as foretold").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(desk.orders) == 1


def test_what_the_agent_refuses_is_told_in_the_dialog(page: Page) -> None:
    page.goto(VIEWS["charger"])  # of which the desk takes no work
    page.get_by_role("button", name="Log work").click()
    page.get_by_label("Your initials").fill("AB")
    page.get_by_role("button", name="I found no fault").click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing is known of charger CHG_002")


def days_asked(answer: Response) -> int:
    """Return over how many days an answer is a charger's history; -1 where it is none."""
    place = urlsplit(answer.url)
    if not place.path.endswith("/history"):
        return -1
    asked = parse_qs(place.query)
    return (datetime.fromisoformat(asked["to"][0]) - datetime.fromisoformat(asked["from"][0])).days


def test_the_month_is_asked_for_when_somebody_wants_it(page: Page) -> None:
    page.goto(VIEWS["charger"])
    with page.expect_response(lambda answer: days_asked(answer) == 30):
        page.get_by_role("button", name="Month").click()
    expect(page.get_by_role("button", name="Month")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("img", name="Temperature: 0.0 to 21.0 °C")).to_be_visible()


def test_a_maintenance_is_moved_and_rejected(page: Page, desk: FakeDesk) -> None:
    page.goto(VIEWS["maintenance"])
    page.get_by_role("button", name="Move: Car park north").click()
    page.get_by_label("When").fill("2026-03-09T10:00")
    page.get_by_label("Your initials").fill("AB")
    page.get_by_role("dialog").get_by_role("button", name="Move").click()
    expect(page.get_by_text("Scheduled")).to_be_visible()
    assert len(desk.orders) == 1


def test_an_alert_appears_by_itself_and_is_announced(page: Page, desk: FakeDesk) -> None:
    fresh = HOT.model_copy(update={"alert_id": "a-9", "message": "It smells of smoke."})
    page.goto(VIEWS["alerts"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Alerts")
    desk.news.append(fresh)
    expect(page.get_by_text("It smells of smoke.").last).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("New alert: Car park north")
    desk.news.append("a-9")
    expect(page.get_by_role("main").get_by_text("It smells of smoke.")).to_have_count(0)


def test_when_the_agent_is_gone_the_page_says_so_and_recovers(
    browser: Browser, app: Starlette, ring: KeyRing
) -> None:
    with (
        serving(app, WebSettings(port=0)) as server,
        page_of(browser, f"http://127.0.0.1:{server.port}") as page,
    ):
        port = server.port
        sign_in(page, ring.add(Role.VIEWER).key)
        server.stop()
        expect(page.get_by_role("alert")).to_contain_text("Not live", timeout=15_000)
        expect(page.get_by_text("Car park north")).to_be_visible()
        with serving(app, WebSettings(port=port)):
            expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=15_000)


def test_a_session_ends_with_its_key(page: Page, ring: KeyRing) -> None:
    for entry in ring.list():
        ring.revoke(entry.id)
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()


def test_the_browser_keeps_no_key(page: Page) -> None:
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert "evz_" not in kept


def test_a_wrong_key_is_told(browser: Browser, url: str) -> None:
    with page_of(browser, url) as page:
        page.goto("/")
        page.get_by_label("API key").fill("evz_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("valid key")


def test_a_phone_loads_little(browser: Browser, url: str, ring: KeyRing) -> None:
    key = ring.add(Role.TECHNICIAN).key
    with page_of(browser, url) as page:
        told = page.context.new_cdp_session(page)
        told.send("Network.enable")
        sizes: list[float] = []
        told.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        sign_in(page, key)
        page.goto(VIEWS["charger"])
        expect(page.get_by_role("heading", name="Readings")).to_be_visible()
        assert 10_000 < sum(sizes) <= MOST_BYTES
