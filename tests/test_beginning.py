"""Beginning articles by command: from a title, or from a ticket with what people asked; whatever that was."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.articles import Article, Status, is_slug
from portal.library import PLACEHOLDER, parse
from portal.locales import CODES
from portal.outline import read_outline
from portal.services import Services
from portal.settings import Settings
from portal.storage import gaps
from portal.tickets import Kind
from portal.writing.files.families import Refused, read_file
from portal.writing.planning.beginning import begin_article, of_gap
from portal.writing.planning.naming import suggest
from tests.builders import ticket, write_article
from tests.storing import add, add_gap
from tests.test_commands import run

TODAY = date(2026, 3, 2)


def made(root: Path, language: str, slug: str) -> Article:
    """An article that was begun; the library reads it without a problem."""
    file, problem = read_file(root, language, slug)
    assert problem is None
    assert file is not None
    assert file.article.status is Status.DRAFT
    return file.article


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One article and two topics."""
    write_article(tmp_path, "en", "vpn", aliases="[tunnel]")
    (tmp_path / "topics.yml").write_text("accounts:\n  name: {en: A}\ndevices:\n  name: {en: D}\n", encoding="utf-8")
    (tmp_path / "redirects.yml").write_text("gone: vpn\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "slug", "title"),
    [
        ("Drucker „offline“: was tun?", "drucker-offline-was-tun", "Drucker „offline“: was tun?"),
        ("clear-a-jam", "clear-a-jam", "Clear a jam"),
        ("Ёлка", "elka", "Ёлка"),
        ("Принтер", "printer", "Принтер"),
    ],
)
def test_an_article_is_begun_with_a_title_or_a_slug(words: str, slug: str, title: str, root: Path) -> None:
    """A draft in its place, which says in its language what to do."""
    path = begin_article(root, words, "de", TODAY, "devices")

    article = made(root, "de", slug)
    assert path == root / "de" / f"{slug}.md"
    assert (article.title, article.topic, article.updated) == (title, "devices", TODAY)
    assert article.body.startswith(f"{PLACEHOLDER}\n\nSchreiben Sie")


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ("vpn", {"topic": "devices"}, "en/vpn.md exists already"),
        ("vpn", {"topic": "devices", "language": "fr"}, "translate it: portal articles translate vpn fr"),
        ("Tunnel", {"topic": "devices"}, "an old address of vpn"),
        ("Gone", {"topic": "devices"}, "an old address of vpn"),
        ("!?", {"topic": "devices"}, "no letters to name the file by"),
        ("X", {"topic": "devices", "slug": "Grüße ../x"}, "Try gruesse-x"),
        ("X", {"topic": "device"}, "Did you mean devices?"),
        ("X", {}, "accounts, devices"),
        ("\u202e \n", {"topic": "devices"}, "needs a title"),
    ],
)
def test_what_cannot_be_begun_is_refused_with_advice(
    words: str, options: dict[str, str], message: str, root: Path
) -> None:
    """Nothing is written."""
    before = sorted(root.rglob("*"))

    with pytest.raises(Refused, match=message):
        begin_article(
            root, words, options.get("language", "en"), TODAY, options.get("topic", ""), options.get("slug", "")
        )
    assert sorted(root.rglob("*")) == before


@settings(deadline=None)
@given(st.text(max_size=300))
def test_every_suggested_slug_is_one(title: str) -> None:
    """Of titles in any alphabet."""
    assert is_slug(suggest(title))


def test_a_gap_becomes_a_draft_with_what_people_asked(portal_services: Services, instance: Settings) -> None:
    """Its wordings, most asked first, as answers and as a remark with counts; what it found instead; nothing private."""
    gap = add_gap(portal_services.database, "Drucker druckt nicht", 3)
    with portal_services.database.write() as connection:
        for wording, times in (("Drucker tot", 5), ("--> [x](y) anna@example.org", 1)):
            gaps.count_occurrence(connection, gap.id, TODAY, "de", wording, gap.query, times)
        gaps.count_occurrence(connection, gap.id, TODAY, "en", "printer dead", gap.query, 9)

    result = run(instance, "articles", "new", "--gap", str(gap.id))
    article = made(instance.articles, "de", "drucker-druckt-nicht")

    assert result.stdout == f"{instance.articles}/de/drucker-druckt-nicht.md\n"
    assert article.title == "Drucker druckt nicht"
    assert article.answers[:2] == ("Drucker druckt nicht", "Drucker tot")
    assert "- Drucker tot (5)\n- Drucker druckt nicht (3)\n- ––› (x)(y) (1)" in article.body
    assert "- de/printer-offline.md: Der Drucker ist offline" in article.body
    assert "anna" not in article.body
    assert "printer dead" not in article.body
    assert run(instance, "articles", "draft", str(gap.id)).exit_code == 1


def test_a_wanted_translation_begins_with_the_source(portal_services: Services, instance: Settings) -> None:
    """With its fingerprint and what was asked; it is translated, not written anew."""
    gap = add(
        portal_services.database, kind=Kind.TRANSLATION, code="U1", slug="vpn-only-english", language="de",
        query="Tunnel öffnen", subject="Tunnel öffnen", requester_email="", occurrences=2,
    )  # fmt: skip

    result = run(instance, "articles", "draft", str(gap.id), "--topic", "accounts")
    article = made(instance.articles, "de", "vpn-only-english")

    assert result.exit_code == 0, result.output
    assert (article.title, article.answers, article.topic) == ("Connect to the VPN", ("Tunnel öffnen",), "accounts")
    assert article.source
    assert article.body.endswith(f"{PLACEHOLDER}\n\nThe tunnel opens with your token.")
    assert run(instance, "articles", "translate", "vpn-only-english", "de").exit_code == 0


def test_a_request_and_tickets_that_no_article_answers(portal_services: Services, instance: Settings) -> None:
    """A request's draft has no personal data; what counts floods, and what is not there, is refused."""
    request = add(
        portal_services.database, subject="Принтер мигает", resolution_text="Restart it, Anna.", language="ru"
    )
    flood = add(portal_services.database, kind=Kind.OVERFLOW, requester_email="", fingerprint="overflow")

    named = run(instance, "articles", "new", "--ticket", str(request.id))
    again = run(instance, "articles", "new", "--ticket", str(request.id))
    done = run(instance, "articles", "new", "--ticket", str(request.id), "--slug", "printer-blinks")

    assert named.stdout.endswith("/ru/printer-migaet.md\n")
    assert "It is called printer-migaet" in named.stderr
    assert "ru/printer-migaet.md exists already" in again.stderr
    assert done.exit_code == 0, done.output
    assert "Anna" not in made(instance.articles, "ru", "printer-blinks").body
    assert "counts searches" in run(instance, "articles", "draft", str(flood.id)).stderr
    assert run(instance, "articles", "draft", "999").exit_code == 1
    assert run(instance, "articles", "new", "Title", "--gap", "1").exit_code == 2
    assert run(instance, "articles", "new", "--gap", str(request.id), "--language", "de").exit_code == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(wordings=st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=3), language=st.sampled_from(CODES))
def test_whatever_was_asked_the_draft_is_an_article(
    wordings: list[str], language: str, portal_services: Services, instance: Settings
) -> None:
    """No query ends the remark that it stands in, makes a link, a heading or a key."""
    gap = ticket(kind=Kind.GAP, language=language, query=f"x {wordings[0]}", subject=wordings[0])
    asked = dict.fromkeys(wordings, 2)

    begun = of_gap(instance.articles, gap, asked, portal_services.edition, TODAY, CODES)
    reading = parse(begun.text.encode(), language, "new", "new.md")

    assert reading.problems == ()
    assert reading.article is not None
    body = reading.article.body
    assert body.count("<!--") == body.count("-->") <= 2
    assert body.count(PLACEHOLDER) == 1
    outline = read_outline(body, 1)
    assert (outline.headings, outline.links) == ((), ())
