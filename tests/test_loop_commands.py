"""The deflection loop by command, and the page for writers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from portal.chains import Kind, SearchEvent
from portal.locales import CODES
from portal.queries import Verdict
from portal.services import Services
from portal.settings import Settings
from portal.storage import searches
from portal.storage import tickets as store
from portal.tickets import Kind as TicketKind
from portal.tickets import Resolution, Status
from tests.builders import ticket
from tests.test_commands import as_json, run


@pytest.fixture
def lived(portal_services: Services) -> Services:
    """An instance in which a translation was wanted, words failed, an article did not help, and a gap was closed."""
    services = portal_services
    now = services.clock()
    then = now - timedelta(hours=1)
    session = services.gaps.session_hash("s" * 32)
    failed = SearchEvent(then, Kind.SEARCH, "en", session, "kennwort vergessen", fingerprint="f" * 32, code="U0")
    shown = (("reset-password", "en", "r" * 16),)
    found = replace(failed, at=then + timedelta(seconds=9), query="password", fingerprint="g" * 32, code="", total=1)
    with services.database.write() as connection:
        number = store.create(connection, ticket(kind=TicketKind.GAP, fingerprint="f" * 32, query="kennwort vergessen"))
        wanted = ticket(kind=TicketKind.TRANSLATION, language="ru", query="туннель", fingerprint="t" * 32, code="U1")
        store.create(connection, replace(wanted, slug="vpn-only-english"))
        closed = ticket(kind=TicketKind.GAP, language="de", query="Drucker tot", fingerprint="d" * 32, solved_at=now)
        closed = replace(closed, status=Status.SOLVED, resolution=Resolution.ARTICLE_WRITTEN, slug="printer-offline")
        store.create(connection, closed)
        searches.add(
            connection,
            [
                replace(failed, gap_id=number),
                replace(found, verdict=Verdict.ANSWERED, results=shown),
                SearchEvent(then + timedelta(seconds=12), Kind.OPEN, "en", session, slug="reset-password"),
                replace(found, at=then + timedelta(seconds=60), query="printer", fingerprint="p" * 32),
                SearchEvent(then + timedelta(seconds=70), Kind.OPEN, "en", session, slug="printer-offline"),
                SearchEvent(
                    then + timedelta(seconds=80), Kind.VOTE, "en", session, slug="printer-offline", is_helpful=False,
                    revision="0" * 16,
                ),
            ],
        )  # fmt: skip
    return services


def test_a_round_judges_and_the_lists_for_writers_say_what_was_lacking(lived: Services, instance: Settings) -> None:
    """`portal tick`, then `portal articles wanted`; a second round finds nothing left."""
    first = as_json(instance, "tick")
    second = as_json(instance, "tick")
    wanted = as_json(instance, "articles", "wanted")

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert isinstance(wanted, dict)
    assert (first["judged"], second["judged"], first["faults"]) == (1, 0, [])
    assert [(row["slug"], row["language"], row["query"]) for row in wanted["translations"]] == [
        ("vpn-only-english", "ru", "туннель")
    ]
    assert [(row["failed"], row["found_by"], row["slug"]) for row in wanted["wordings"]] == [
        ("kennwort vergessen", "password", "reset-password")
    ]
    assert [(row["slug"], row["language"], row["times"]) for row in wanted["articles"]] == [
        ("printer-offline", "en", 1)
    ]
    assert "translate  vpn-only-english into ru" in run(instance, "articles", "wanted").stdout


def test_searches_that_an_article_has_answered_become_judged_queries(lived: Services, instance: Settings) -> None:
    """In the form of the files in `tests/judgments`."""
    rows = as_json(instance, "search", "judged")
    text = run(instance, "search", "judged", "--language", "de").stdout

    assert rows == [{"query": "Drucker tot", "relevant": "printer-offline", "language": "de"}]
    assert text == "query\trelevant\tkind\nDrucker tot\tprinter-offline\tgap\n"
    assert run(instance, "search", "judged", "--language", "fr").stdout == "query\trelevant\tkind\n"


@pytest.mark.parametrize("language", CODES)
def test_the_writers_page_shows_the_same(language: str, lived: Services, agent: FlaskClient) -> None:
    """Translations wanted, words that failed, articles that did not help; in every language."""
    empty = agent.get(f"/{language}/desk/writers/").text
    lived.gaps.judge(lived.clock())

    page = agent.get(f"/{language}/desk/writers/").text

    empty_before, empty_now = (text.count('class="empty"') for text in (empty, page))
    assert empty_before - empty_now == 2
    for text in ("туннель", "kennwort vergessen", "vpn-only-english", "printer-offline"):
        assert text in page


def test_the_writers_page_is_for_staff(reader: FlaskClient) -> None:
    """Who is not signed in is asked to sign in."""
    assert reader.get("/en/desk/writers/").status_code == 303


def test_without_a_visit_there_is_a_sentence_and_one_row_a_language(
    portal_services: Services, instance: Settings
) -> None:
    """Rows of zeros say nothing."""
    shown = run(instance, "articles", "status").stdout

    assert "No article has been opened yet" in shown
    assert "top 20" not in shown
    assert shown.count("  all  ") == len(CODES)
