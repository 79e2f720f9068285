"""The way from a failed search to a solved request, as people press what the pages show."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from portal.locales import CODES
from tests.browsing import Site, press_send, send, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.writes]


def _loop(page: Page, site: Site, language: str) -> None:
    """Search in vain, ask, be answered, vote; every step by pressing what the page shows."""
    word = {"en": "frobnicator", "fr": "frobnicateur", "de": "Frobnikator", "ru": "фробникатор"}[language]
    page.goto(site.url(f"/{language}/"))
    page.locator("main input[type=search]").fill(word)
    page.locator("main form[role=search] button").click()
    page.locator(".ask-strong .button").click()
    assert word in page.locator("#ui-description").input_value()
    send(page)
    number = re.search(r"\d+", page.locator("h1").inner_text())
    assert number is not None
    private = page.url

    sign_in(page, site, language)
    page.goto(site.url(f"/{language}/desk/?kind=request"))
    page.get_by_role("link", name=word, exact=False).last.click()
    page.locator("form[action$='/take'] button").click()
    page.locator(".composer-reply textarea").fill("Bonjour, Guten Tag, здравствуйте!")
    page.locator(".composer-reply button:not(.button-quiet)").click()
    page.locator(".composer:not(.composer-note) summary").click()
    page.locator("#ui-resolution").select_option("answered")
    page.locator("form[action$='/solve'] textarea").fill("✓ 42")
    page.locator("form[action$='/solve'] button").click()
    expect(page.locator(".ticket-head .status-solved")).to_be_visible()
    page.locator(".sign-out button").click()

    page.goto(private)
    expect(page.locator(".state .status-solved")).to_be_visible()
    expect(page.locator(".message-agent")).to_have_count(2)
    page.goto(site.url(f"/{language}/articles/connect-vpn"))
    page.locator("button[name=helpful][value=no]").click()
    page.locator("input[value=unclear]").check()
    page.fill("#ui-comment", "ёж")
    page.locator(".feedback form button[value=no]").click()
    expect(page.locator(".feedback button")).to_have_count(1)


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_from_a_failed_search_to_a_solved_request(language: str, script: bool, browser: Browser, site: Site) -> None:
    """The whole way in each language, with and without JavaScript."""
    context = browser.new_context(java_script_enabled=script)

    _loop(context.new_page(), site, language)

    context.close()


def test_a_reply_over_plain_http_is_received(browser_type_launch_args: dict[str, Any], serve: Any) -> None:
    """Off localhost a browser over HTTP says less of where a form comes from; requesters can reply all the same."""
    server = serve(PORTAL_TRUSTED_HOSTS="help.test,127.0.0.1").start()
    arguments = [*browser_type_launch_args["args"], "--host-resolver-rules=MAP help.test 127.0.0.1"]
    # The session's own browser runs in the same thread; another process keeps the two apart.
    script = _REPLY.format(program=browser_type_launch_args["executable_path"], arguments=arguments, port=server.port)

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert result.stdout.strip().endswith("Still white pages."), result.stderr


_REPLY = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    page = playwright.chromium.launch(executable_path={program!r}, args={arguments!r}).new_page()
    page.goto("http://help.test:{port}/en/requests/new?query=Toner")
    page.fill("#ui-name", "Anna")
    page.fill("#ui-email", "anna@example.org")
    page.locator("#ui-request > button[type=submit]").click()
    page.wait_for_load_state()
    again = page.locator(".suggested:not(.suggested-live) > button[type=submit]")
    if again.count():
        again.click()
    page.fill("#ui-text", "Still white pages.")
    page.locator("form[action$='/reply'] button").click()
    print(page.locator(".message").last.inner_text())
"""


def test_hostile_text_is_shown_and_never_runs(page: Page, site: Site) -> None:
    """Markup in a query, a name and a description stays text, for the reader and on the desk."""
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>zyxomat"
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.goto(site.url("/en/requests/new"))
    page.fill("#ui-description", attack)
    page.fill("#ui-name", attack[:90])
    page.fill("#ui-email", "anna@example.org")
    press_send(page)
    expect(page.locator(".thread")).to_contain_text("<script>alert(2)</script>")
    page.goto(site.url(f"/en/search?q={attack}"))
    sign_in(page, site)
    page.get_by_role("link", name="onerror", exact=False).first.click()
    expect(page.locator(".thread")).to_contain_text("onerror=alert(1)")

    assert dialogs == []
    assert Path(site.server.log).read_text().count("Traceback") == 0
