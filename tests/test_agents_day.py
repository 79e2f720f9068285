"""An agent's day in a browser: a gap, a request answered live, taken back, escalated, swarmed, a supplier, a proof."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import EMAIL, Site, press_send, sign_in
from tests.builders import PASSWORD
from tests.mailing import MailServer
from tests.needs import REPOSITORY
from tests.serving import Server, portal, portal_with_input
from tests.test_deflection_loop import World, link_in, search, solve

pytestmark = [pytest.mark.browser, pytest.mark.writes]

SUPPLIER = "service@netzwerk-sued.example"
SET_UP = f"""
suppliers:
  - name: Netzwerk Süd
    email: {SUPPLIER}
    languages: [de, en]
saved_replies:
  - name: Restart
    texts:
      en: "Hello {{name}}, please restart it. {{agent}}"
      de: "Guten Tag {{name}}, bitte starten Sie neu. {{agent}}"
    checklist:
      en: "Asked for the model?"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The shipped articles, a mail server, a supplier, a saved reply, an agent of L1 and one of L1 and L2."""
    folder = tmp_path_factory.mktemp("day")
    articles = shutil.copytree(REPOSITORY / "articles", folder / "articles")
    set_up = folder / "desk.yml"
    set_up.write_text(SET_UP, encoding="utf-8")
    with MailServer() as post:
        server = Server(
            folder / "var",
            articles,
            PORTAL_REQUESTS_PER_HOUR="1000",
            PORTAL_MAIL_URL=post.url,
            PORTAL_MAIL_FROM="support@example.org",
            PORTAL_MAIL_IN="true",
        ).start()
        data = ("--data", str(server.data))
        for name, email, tiers in (("Mia Lindt", EMAIL, ["1"]), ("Boris Orlov", "boris@example.org", ["1", "2"])):
            chosen = [part for tier in tiers for part in ("--tier", tier)]
            command = ("staff", "add", email, "--name", name, "--own-password", "--password-stdin", *chosen, *data)
            assert portal_with_input(f"{PASSWORD}\n", *command) == 0
        imported = portal("desk", "import", str(set_up), *data)
        assert imported.returncode == 0, imported.stderr
        yield World(Site(server, ""), articles, post)
        server.kill()


def ask(page: Page, site: Site, language: str, words: str, email: str) -> None:
    """Send a request."""
    page.goto(site.url(f"/{language}/requests/new"))
    page.fill("#ui-subject", words)
    page.fill("#ui-description", f"{words} 1, 2, 3.")
    page.fill("#ui-name", "Léa Kühn")
    page.fill("#ui-email", email)
    page.locator("#ui-urgency").select_option("4")
    press_send(page)
    page.wait_for_url(re.compile("/requests/[0-9a-f]{64}"))


def unfold(page: Page, part: str) -> None:
    """Open a folded part of the page."""
    panel = page.locator(f"details:has({part})").first
    if panel.get_attribute("open") is None:
        panel.locator("summary").first.click()


def as_boris(page: Page, site: Site, language: str) -> None:
    """Sign in as the second agent."""
    page.goto(site.url(f"/{language}/sign-in"))
    page.fill("#ui-email", "boris@example.org")
    page.fill("#ui-password", PASSWORD)
    page.locator("main form button").first.click()


@pytest.mark.parametrize("language", ["de", "ru"])
def test_a_request_through_all_hands(language: str, world: World, person: Callable[..., Page]) -> None:
    """Taken as next, answered live both ways, taken back, swarmed, escalated, sent to a supplier and back, solved."""
    site, requester = world.site, f"lea-{language}@example.org"
    words = {"de": "Plotter klemmt", "ru": "Плоттер зажёвывает"}[language]
    lea = person()
    ask(lea, site, language, words, requester)

    # The agent takes what is next.
    mia = person()
    sign_in(mia, site, language)
    mia.goto(site.url(f"/{language}/desk/"))
    mia.locator("form[action$='/next'] button").first.click()
    expect(mia.locator("#ui-subject")).to_contain_text(words)
    number = mia.url.split("?")[0].split("#")[0].rpartition("/")[2]
    expect(mia.locator("#ui-head .status-open")).to_be_visible()
    expect(mia.locator("#ui-head .priority-4")).to_be_visible()

    # Both have the page open: each sees the other, and what they write, without reloading.
    expect(mia.locator(".present").first).to_contain_text("Léa Kühn")
    field = mia.locator("#ui-reply-form textarea")
    mia.locator("#ui-saved").select_option(index=1)
    mia.locator("[data-insert-saved]").click()
    expect(field).to_have_value(re.compile("Léa Kühn"))
    expect(lea.locator(".writing")).to_be_visible()
    mia.locator("#ui-reply-form button:not(.button-quiet)").click()
    expect(lea.locator(".message-agent")).to_have_count(1)
    lea.fill("#ui-text", "¡Hola! 1")
    lea.locator("form[action$='/reply'] button").click()
    expect(mia.locator(".thread .message")).to_have_count(3)

    # Sent too soon: taken back, it is gone from the requester's page.
    field.fill("Too soon!")
    mia.locator("#ui-reply-form button:not(.button-quiet)").click()
    mia.locator(".undo button").click()
    expect(mia.locator("#ui-reply-form textarea")).to_have_value("Too soon!")
    lea.reload()
    expect(lea.locator("main")).not_to_contain_text("Too soon!")

    # A colleague is asked to help, is told, and answers in a note.
    mia.goto(site.url(f"/{language}/desk/tickets/{number}"))
    unfold(mia, "#ui-invite")
    mia.locator("#ui-invite label", has_text="Boris Orlov").click()
    mia.locator("form[action$='/swarm'] button").click()
    boris = person()
    as_boris(boris, site, language)
    expect(boris.locator(".notices-link .badge")).to_be_visible()
    boris.goto(site.url(f"/{language}/desk/tickets/{number}"))
    unfold(boris, "form[action$='/note']")
    boris.locator("form[action$='/note'] textarea").fill("@Mia Lindt: L2!")
    boris.locator("form[action$='/note'] button").click()
    expect(mia.locator(".message-note").last).to_contain_text("L2!")

    # Passed to L2 with a reason; the other takes it there.
    unfold(mia, "form[action$='/escalate']")
    mia.locator("form[action$='/escalate'] textarea").fill("Firmware")
    mia.locator("form[action$='/escalate'] button").click()
    expect(mia.locator("#ui-head .tier")).to_contain_text("2")
    boris.goto(site.url(f"/{language}/desk/tickets/{number}"))
    expect(boris.locator("#ui-head .tier")).to_contain_text("2")
    boris.locator("form[action$='/take'] button").click()

    # The supplier is asked by mail, and answers by mail; the requester learns nothing of it.
    unfold(boris, "#ui-supplier")
    boris.locator("#ui-supplier_text").fill("Bitte prüfen Sie die Firmware.")
    boris.locator("form[action$='/supplier/preview'] button").click()
    expect(boris.locator("pre.mail")).not_to_contain_text("Kühn")
    before = len(world.mails(SUPPLIER, 0))
    boris.locator("form[action$='/supplier/send'] button").click()
    expect(boris.locator("#ui-head .status-waiting_supplier")).to_be_visible()
    sent = world.mails(SUPPLIER, before + 1)[-1]
    answer = (
        f"From: {SUPPLIER}\r\nTo: {sent['Reply-To']}\r\nSubject: Re: {sent['Subject']}\r\n"
        f"Message-ID: <answer-{language}@netzwerk-sued.example>\r\nIn-Reply-To: {sent['Message-ID']}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\nVersion 7 einspielen.\r\n"
    )
    assert receive(answer, site.server) == 0
    expect(boris.locator(".message-supplier").last).to_contain_text("Version 7 einspielen.")
    lea.reload()
    expect(lea.locator("main")).not_to_contain_text("Netzwerk")
    expect(lea.locator("main")).not_to_contain_text("Version 7")

    # Solved; the requester is told on their page and by mail.
    unfold(boris, "#ui-resolution")
    boris.locator("#ui-resolution").select_option("answered")
    boris.locator("form[action$='/solve'] textarea").fill("✓ 7")
    boris.locator("form[action$='/solve'] button").click()
    expect(lea.locator("#ui-thread .status-solved")).to_be_visible()
    mails = world.mails(requester, 3)
    assert not any("Too soon" in str(mail) for mail in mails)
    assert link_in(mails[-1], "/requests/").startswith(site.url(f"/{language}/requests/"))


def receive(message: str, server: Server) -> int:
    """What an MTA's pipe gets for a mail."""
    options = {"PORTAL_MAIL_IN": "true", "PORTAL_MAIL_FROM": "support@example.org"}
    return portal_with_input(message, "mail", "receive", "--data", str(server.data), **options)


def test_who_comes_moves_nothing(world: World, person: Callable[..., Page]) -> None:
    """A colleague opens the same ticket: the page says so, and what stands below stays where it is."""
    reader = person()
    search(reader, world.site, "en", "defragment the gizmotron")
    mia = person()
    sign_in(mia, world.site)
    mia.goto(world.site.url("/en/desk/?show=all"))
    mia.get_by_role("link", name="defragment the gizmotron").first.click()
    expect(mia.locator("#ui-keys")).to_be_visible()
    expect(mia.locator(".present")).to_have_count(0)
    place = mia.locator("#ui-conversation-parts").bounding_box()

    boris = person()
    as_boris(boris, world.site, "en")
    boris.goto(mia.url)

    expect(mia.locator(".present")).to_contain_text("Boris Orlov")
    assert mia.locator("#ui-conversation-parts").bounding_box() == place


def test_a_gap_is_closed_with_proof_from_the_keyboard(world: World, person: Callable[..., Page]) -> None:
    """Single keys: the queue's next ticket, a note, solving; the article that answers it is published meanwhile."""
    site = world.site
    reader = person()
    search(reader, site, "en", "recalibrate the wobbulator")
    search(reader, site, "en", "recalibrate the wobbulator")
    mia = person()
    sign_in(mia, site)
    mia.goto(site.url("/en/desk/"))
    mia.get_by_role("link", name="recalibrate the wobbulator").first.click()
    expect(mia.locator("#ui-keys")).to_be_visible()  # The keys are there.
    mia.keyboard.press("a")
    expect(mia.locator("#ui-head .status-open")).to_be_visible()
    mia.keyboard.press("n")
    expect(mia.locator("form[action$='/note'] textarea")).to_be_focused()
    mia.keyboard.type("Writing an article.")
    mia.keyboard.press("Control+Enter")
    expect(mia.locator(".message-note").last).to_contain_text("Writing an article.")
    mia.keyboard.press("?")
    expect(mia.locator("#ui-keys-dialog")).to_be_visible()
    mia.keyboard.press("Escape")
    slug = "recalibrate-wobbulator"
    text = '---\ntitle: "Recalibrate the wobbulator"\ntopic: devices\nupdated: 2026-11-01\n---\n\nTurn it to zero.\n'
    (Path(world.articles) / "en" / f"{slug}.md").write_text(text, encoding="utf-8")
    site.server.wait_for(f"/en/articles/{slug}", "Recalibrate the wobbulator")

    solve(mia, slug)

    expect(mia.locator("#ui-head .status-solved")).to_be_visible()
