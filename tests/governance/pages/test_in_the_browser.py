"""The pages as a browser meets them: with scripts, styles and the strict policy in force."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from governance.models import PromotionRequest, Review, SecurityKey
from governance.signatures.key_enrolments import confirm_security_key
from registry.models import Person
from tests.people import PASSWORD
from tests.stories import gap, measure, result

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 800}


@pytest.fixture
def page(chromium: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of a fresh browser. Whatever it complains about (a refused script, an error) fails the test."""
    # Playwright runs an event loop in this thread, and Django would refuse the database there.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-quic"])
        made = browser.new_page()
        made.on("pageerror", lambda error: complaints.append(str(error)))

        def listen(told: ConsoleMessage) -> None:
            if "Content Security" in told.text:
                complaints.append(told.text)

        made.on("console", listen)
        yield made
        browser.close()
    assert complaints == []


@transaction.atomic
def finished(request: PromotionRequest, gap_of: float = 0.05) -> PromotionRequest:
    """The request after its checks, as a worker leaves it: in one transaction."""
    return measure(request, result(gap(gap_of)))


def sign_in(page: Page, server: LiveServer | str, person: Person) -> None:
    address = server if isinstance(server, str) else server.url
    page.goto(f"{address}/sign-in/")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/admin/")


def test_victor_finds_his_review_and_signs_it(
    page: Page, live_server: LiveServer, asked: PromotionRequest, victor: Person
) -> None:
    finished(asked)
    sign_in(page, live_server, victor)
    page.goto(f"{live_server.url}/promotions/")
    page.get_by_role("link", name="care-priority/1 → staging").click()
    page.get_by_role("link", name="Review and sign").click()
    assert asked.subject_digest in page.inner_text("main")

    page.get_by_label("approve", exact=True).check()
    page.get_by_label("I approve this promotion").check()
    page.get_by_label("model validator").check()
    page.get_by_label("Reason").fill("The gap is small, the origin is known.")
    page.get_by_label("Your password").fill("not it")
    page.get_by_role("button", name="Sign my review").click()
    assert page.get_by_role("alert").inner_text() == "That is not your password."

    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign my review").click()

    page.get_by_text("Your review is signed").wait_for()
    assert Review.objects.get().reviewer == victor


def test_the_page_moves_on_when_the_checks_have_finished(
    page: Page, live_server: LiveServer, asked: PromotionRequest, victor: Person
) -> None:
    sign_in(page, live_server, victor)
    page.goto(f"{live_server.url}{asked.get_absolute_url()}")
    assert page.get_by_role("heading", name="The checks are running").is_visible()

    finished(asked, gap_of=0.4)

    page.get_by_role("heading", name="The gate to staging is closed").wait_for(timeout=15_000)


def test_the_review_page_fits_a_phone(
    page: Page, live_server: LiveServer, asked: PromotionRequest, victor: Person
) -> None:
    finished(asked)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    sign_in(page, live_server, victor)
    page.goto(f"{live_server.url}{asked.get_absolute_url()}")

    width = page.evaluate("document.documentElement.scrollWidth")

    assert width <= PHONE["width"], "the page scrolls sideways"
    page.get_by_text("Menu").click()
    assert page.get_by_role("link", name="Promotions").first.is_visible()


def security_key(page: Page) -> str:
    """A security key in the browser (CDP), with a finger that is always right; its id."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return str(made["authenticatorId"])


def test_victor_enrols_his_security_key_and_signs_with_it(
    page: Page,
    live_server: LiveServer,
    asked: PromotionRequest,
    victor: Person,
    ada: Person,
    settings: Any,
) -> None:
    address = live_server.url.replace("127.0.0.1", "localhost")
    settings.ASSAY_BASE_URL = address
    finished(asked)
    sign_in(page, address, victor)
    security_key(page)
    page.goto(f"{address}/authenticators/")
    page.get_by_role("link", name="Enrol a security key").click()
    page.get_by_label("Name of the key").fill("desk")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Ask my key").click()
    page.get_by_text("One step is left.").wait_for()
    key = SecurityKey.objects.get(person=victor)
    assert key.fingerprint in page.inner_text("main")
    confirm_security_key(actor=ada, key=key, fingerprint=key.fingerprint, password=PASSWORD)

    page.goto(f"{address}{asked.get_absolute_url()}review/")
    page.get_by_role("button", name="Sign with my security key").click()
    page.get_by_text("Nothing was signed: Fill in the form first.").wait_for()
    page.get_by_label("approve", exact=True).check()
    page.get_by_label("I approve this promotion").check()
    page.get_by_label("model validator").check()
    page.get_by_label("Reason").fill("The gap is small, the origin is known.")
    page.get_by_role("button", name="Sign with my security key").click()
    page.get_by_text("Your review is signed").wait_for()
    review = Review.objects.get()
    assert (review.reviewer, review.method) == (victor, "security key")
    assert review.assertion is not None
