"""A running portal as a person uses it in a browser."""

from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from tests.builders import PASSWORD
from tests.serving import Server, portal_with_input

EMAIL = "mia@example.org"


@dataclass(frozen=True)
class Site:
    """A running portal with the shipped articles, an agent, a gap and a request."""

    server: Server
    #: Address of the request's private page below its language.
    private: str

    def url(self, path: str) -> str:
        """The whole address of a path."""
        return self.server.url + path


def open_site(server: Server, browser: Browser) -> Site:
    """A running server with an agent, a gap and a request."""
    options = ("--name", "Mia Lindt", "--own-password", "--password-stdin", "--data", str(server.data))
    assert portal_with_input(f"{PASSWORD}\n", "staff", "add", EMAIL, *options) == 0
    server.get("/en/search?q=zyxomat+jumping")
    page = browser.new_page()
    page.goto(f"{server.url}/de/requests/new?query=Toner")
    send(page)
    private = page.url.removeprefix(f"{server.url}/de").split("?")[0]
    page.close()
    return Site(server, private)


def send(page: Page) -> None:
    """Fill in and send the request form."""
    page.fill("#ui-name", "Анна Kühn")
    page.fill("#ui-email", "anna@example.org")
    press_send(page)


def press_send(page: Page) -> None:
    """Send the form, also past the articles that are suggested first."""
    page.locator("#ui-request > button[type=submit]").click()
    page.wait_for_load_state()
    again = page.locator(".suggested:not(.suggested-live) > button[type=submit]")
    if again.count():
        again.click()


def sign_in(page: Page, site: Site, language: str = "en") -> None:
    """Sign in as the agent."""
    page.goto(site.url(f"/{language}/sign-in"))
    page.fill("#ui-email", EMAIL)
    page.fill("#ui-password", PASSWORD)
    page.locator("main form button").click()
