"""The whole loop in a browser, with a real mail server: asked in vain, answered, proved, and everybody told."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.locales import CODES
from tests.browsing import EMAIL, Site, press_send, sign_in
from tests.builders import PASSWORD
from tests.mailing import MailServer
from tests.needs import REPOSITORY
from tests.serving import Server, portal_with_input

pytestmark = [pytest.mark.browser, pytest.mark.writes]

#: What is asked in vain: words that no article has, and what the new article is called.
ASKED = {
    "en": ("calibrate the frobnicator", "Calibrate the frobnicator"),
    "fr": ("étalonner le frobnicateur", "Étalonner le frobnicateur"),
    "de": ("Frobnikator kalibrieren", "Den Frobnikator kalibrieren"),
    "ru": ("калибровка фробникатора", "Калибровка фробникатора"),
}
PATIENCE = 120.0


@dataclass
class World:
    """A running portal whose articles can be changed, and the mail server that it uses."""

    site: Site
    articles: Path
    post: MailServer

    def mails(self, recipient: str, count: int) -> list[EmailMessage]:
        """The mails to somebody, once there are so many."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = [mail for mail in self.post.messages if recipient in str(mail["To"])]
            if len(found) >= count:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{recipient} has {len(found)} mails instead of {count}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The shipped articles in a folder of their own, an agent, and a mail server."""
    folder = tmp_path_factory.mktemp("loop")
    articles = shutil.copytree(REPOSITORY / "articles", folder / "articles")
    with MailServer() as post:
        server = Server(folder / "var", articles, PORTAL_MAIL_URL=post.url, PORTAL_REQUESTS_PER_HOUR="1000").start()
        options = ("--name", "Mia Lindt", "--own-password", "--password-stdin", "--data", str(server.data))
        assert portal_with_input(f"{PASSWORD}\n", "staff", "add", EMAIL, *options) == 0
        yield World(Site(server, ""), articles, post)
        server.kill()


def link_in(mail: EmailMessage, part: str) -> str:
    """The address in a mail's text that has a part in it."""
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(rf"http://\S*{part}\S*", body.get_content())
    assert found is not None, body.get_content()
    return found[0]


def search(page: Page, site: Site, language: str, words: str) -> None:
    """Search as a reader does."""
    page.goto(site.url(f"/{language}/"))
    page.locator("main input[type=search]").fill(words)
    page.locator("main form[role=search] button").click()


@pytest.mark.parametrize("language", CODES)
def test_a_gap_is_answered_and_who_asked_is_told(language: str, world: World, person: Callable[..., Page]) -> None:
    """Search in vain, subscribe; the agent writes the article; the search is run again; the mail's link opens it."""
    words, title = ASKED[language]
    slug, reader = f"frobnicator-{language}", f"anna-{language}@example.org"

    # The reader searches in vain and wants to be told.
    page = person()
    search(page, world.site, language, words)
    expect(page.locator(".nothing")).to_be_visible()
    page.locator(".subscribe input[name=email]").fill(reader)
    page.locator(".subscribe button").click()
    page.goto(link_in(world.mails(reader, 1)[0], "/subscriptions/"))
    page.locator("main form button").first.click()

    # The agent finds the gap at L1 and takes an article from it.
    agent = person(accept_downloads=True)
    sign_in(agent, world.site, language)
    agent.get_by_role("link", name=words, exact=False).first.click()
    gap = agent.url.split("#")[0]
    agent.locator("form[action$='/take'] button").click()
    with agent.expect_download() as download:
        agent.locator("a[href*='draft']").click()
    draft = Path(download.value.path()).read_text(encoding="utf-8")
    assert words in draft

    # Before it is published, nothing proves anything.
    solve(agent, slug)
    expect(agent.locator(".summary")).to_be_visible()
    expect(agent.locator(".ticket-head .status-solved")).to_have_count(0)

    # The writer fills it in and saves it.
    front = draft.split("---\n")[1]
    text = f"---\n{front}---\n\n{title}. 1, 2, 3.\n"
    text = re.sub(r"(?m)^status:.*$", "status: published", text)
    text = re.sub(r"(?m)^title:.*$", f'title: "{title}"', text)
    path = world.articles / language / f"{slug}.md"
    path.write_text(text, encoding="utf-8")
    world.site.server.wait_for(f"/{language}/articles/{slug}", title)

    # The same search finds it now, which closes the gap.
    agent.goto(gap)
    solve(agent, slug)
    expect(agent.locator(".ticket-head .status-solved")).to_be_visible()

    # The reader is told, once, in their language, and the link opens the article.
    confirmation, answer = world.mails(reader, 2)
    assert answer["Content-Language"] == language
    assert "List-Unsubscribe" in confirmation
    page.goto(link_in(answer, "/articles/"))
    assert page.url.split("?")[0].split("#")[0] == world.site.url(f"/{language}/articles/{slug}")
    expect(page.locator("h1")).to_have_text(title)
    search(page, world.site, language, words)
    expect(page.locator(".result a").first).to_have_attribute("href", re.compile(f"/articles/{slug}"))
    assert len(world.mails(reader, 2)) == 2


def solve(agent: Page, slug: str) -> None:
    """Solve a gap with an article."""
    composer = agent.locator("details.composer:has(#ui-resolution)")
    if composer.get_attribute("open") is None:
        composer.locator("summary").click()
    agent.locator("#ui-resolution").select_option("article_written")
    agent.locator("#ui-slug").fill(slug)
    agent.locator("form[action$='/solve'] button").click()


@pytest.mark.parametrize("language", ["fr", "ru"])
def test_a_request_is_answered_live_and_rated(language: str, world: World, person: Callable[..., Page]) -> None:
    """The form with what was tried; a mail with the link; the reply appears by itself; solved, rated, and told so."""
    requester = f"boris-{language}@example.org"
    words = {"fr": "zyxomat vorplé", "ru": "зиксомат ворплит"}[language]

    # The requester asks for help from the search, with a trail.
    page = person()
    search(page, world.site, language, words)
    page.locator(".ask-strong .button").click()
    expect(page.locator(".trail input[type=checkbox]").first).to_be_checked()
    page.fill("#ui-name", "Борис Lefèvre")
    page.fill("#ui-email", requester)
    press_send(page)
    page.wait_for_url(re.compile("/requests/[0-9a-f]{64}"))

    # The link in the mail leads to the private page.
    received = world.mails(requester, 1)[0]
    assert received["Content-Language"] == language
    page.goto(link_in(received, "/requests/"))
    expect(page.locator(".thread .message")).to_have_count(1)

    # The agent sees the trail and replies; the requester need not reload.
    agent = person()
    sign_in(agent, world.site, language)
    agent.goto(world.site.url(f"/{language}/desk/?kind=request"))
    agent.get_by_role("link", name=words).first.click()
    expect(agent.locator(".facts-pane")).to_contain_text(words)
    agent.locator(".composer-reply textarea").fill("Bonjour! Guten Tag! Здравствуйте!")
    agent.locator(".composer-reply button:not(.button-quiet)").click()
    expect(page.locator(".message-agent")).to_have_count(1)
    world.mails(requester, 2)

    # The requester answers, the agent solves, the requester rates.
    page.fill("#ui-text", "✓ 42")
    page.locator("form[action$='/reply'] button").click()
    agent.reload()
    expect(agent.locator(".conversation")).to_contain_text("✓ 42")
    agent.locator("details.composer:has(#ui-resolution) summary").click()
    agent.locator("#ui-resolution").select_option("answered")
    agent.locator("form[action$='/solve'] textarea").fill("Ok.")
    agent.locator("form[action$='/solve'] button").click()
    expect(page.locator(".state .status-solved")).to_be_visible()
    solved = world.mails(requester, 3)[2]
    assert solved["References"] == received["Message-ID"]
    page.locator("input[name=stars][value='5']").check()
    page.locator("form[action$='/rate'] textarea").fill("Danke, merci, спасибо!")
    page.locator("form[action$='/rate'] button").click()
    agent.reload()
    expect(agent.locator(".facts-pane")).to_contain_text("спасибо")
    assert Path(world.site.server.log).read_text().count("Traceback") == 0
