"""A technician's way through a fault, on the real daemon in a real browser, without a reload."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.rig.agent import Agent
from tests.rig.browser import chromium, needs_chromium, page_of, sign_in
from tests.rig.clients import Publisher
from tests.rig.site import HEALTHY, timed
from tests.system.conftest import CHARGERS

pytestmark = [pytest.mark.browser, needs_chromium]

CHARGER = CHARGERS[1]
WELL = {**HEALTHY, "connector_id": 1, "vendor": "Maker", "model": "M1"}
BROKEN = {**WELL, "connector_status": "FAULTY", "error_codes": ["ConnectorLockFailure"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, agent: Agent, publisher: Publisher) -> Iterator[Page]:
    """A technician's phone at a site of three chargers that are well."""
    for charger_id in CHARGERS[:3]:
        publisher.publish(charger_id, timed(WELL))
    publisher.wait_until_sent(3)
    with page_of(browser, agent.url) as page:
        sign_in(page, agent.key("technician"))
        yield page


def test_a_fault_is_seen_opened_acknowledged_worked_on_and_over(
    page: Page, agent: Agent, publisher: Publisher
) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("All 3 connectors are fine")

    publisher.publish(CHARGER, timed(BROKEN))
    expect(page.get_by_role("heading", level=1)).to_have_text("1 connector needs you")
    tile = page.get_by_role("listitem").filter(has_text=CHARGER)
    expect(tile).to_contain_text("with: connector lock")
    expect(page.get_by_role("status")).to_contain_text(f"New alert: {CHARGER}")

    tile.get_by_role("link").click()
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_label("Your initials").fill("AB")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Acknowledged by AB")).to_be_visible()

    page.get_by_role("button", name="Working on it: quiet for 2 hours", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Working on it").click()
    expect(page.get_by_text("no alerts but tampering and emergency stop")).to_be_visible()

    page.get_by_role("button", name="Log work").click()
    page.get_by_role("button", name="It was as foretold").click()
    log = page.get_by_role("region", name="Log")
    expect(log).to_contain_text("It was as foretold (AB)")
    expect(page.get_by_text("no alerts but tampering")).to_have_count(0)

    publisher.publish(CHARGER, timed(WELL))
    expect(page.get_by_text("No alert is open.")).to_be_visible()
    expect(log).to_contain_text("ConnectorLockFailure")
    page.get_by_role("link", name="All chargers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All 3 connectors are fine")

    with agent.client("admin") as client:
        deeds = client.get("/api/v1/diagnostics/audit").json()["items"]
    assert [each["action"] for each in deeds] == ["work", "quiet", "acknowledge"]
    assert {each["by"] for each in deeds} == {"AB"}


def test_readings_are_drawn(page: Page) -> None:
    page.goto(f"/#/chargers/{CHARGER}/1")
    expect(page.get_by_role("img", name="Temperature: 24.0 to 24.0 °C")).to_be_visible()
    expect(page.get_by_text("Maker")).to_be_visible()


def test_the_gateway_tells_what_was_not_understood(page: Page, publisher: Publisher) -> None:
    publisher.publish(CHARGER, b"not JSON")
    page.goto("/#/gateway")
    aside = page.get_by_role("region", name="Not understood")
    expect(aside).to_contain_text(f"chargers/{CHARGER}/metrics", timeout=15_000)
    expect(page.get_by_role("region", name="Models")).to_contain_text("Failure predictor")
