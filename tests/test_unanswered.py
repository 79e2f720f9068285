"""A search that nothing answers becomes one L1 ticket; everything else that can be typed does not."""

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal import storage
from portal.app import create_app
from portal.gaps import GAP_PATIENCE
from portal.locales import CODES
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import tickets as store
from portal.tickets import GAPS, Kind, Status, Ticket
from tests.builders import write_article
from tests.postgres import locked


def gaps(services: Services) -> list[Ticket]:
    """All gaps, oldest first."""
    with services.database.read() as connection:
        found = store.find(connection, store.Filter(is_unsolved=None))
    return [ticket for ticket in found if ticket.kind in GAPS]


@pytest.mark.parametrize("language", CODES)
def test_a_search_that_finds_nothing_opens_a_gap_and_says_so(
    language: str, reader: FlaskClient, portal_services: Services
) -> None:
    """One ticket at L1 with language, masked query, page and time; the page offers the form with the query in it."""
    came_from = {"Referer": f"http://localhost/{language}/articles/reset-password"}

    answer = reader.get(f"/{language}/search?q=zyxomat+me@example.org", headers=came_from)

    (gap,) = gaps(portal_services)
    assert answer.status_code == 200
    assert (gap.tier, gap.status, gap.language, gap.occurrences) == (1, Status.NEW, language, 1)
    assert gap.query == "zyxomat [e-mail]"
    assert gap.page == f"/{language}/articles/reset-password"
    assert gap.fingerprint
    assert f'href="/{language}/requests/new?query=zyxomat' in answer.text


def test_asking_again_counts_also_in_other_words(app: Flask, reader: FlaskClient, portal_services: Services) -> None:
    """The same stems in another order are the same gap; the page says how often it was asked."""
    reader.get("/en/search?q=zyxomat+jumping")
    answer = app.test_client().get("/en/search?q=How+to+jump+the+Zyxomat%3F")

    (gap,) = gaps(portal_services)
    assert gap.occurrences == 2
    assert "2 times" in answer.text


def test_another_telephone_number_is_the_same_gap(app: Flask, reader: FlaskClient, portal_services: Services) -> None:
    """What is masked makes no difference."""
    reader.get("/en/search?q=zyxomat+%2B49+30+1234567")
    app.test_client().get("/en/search?q=zyxomat+%2B33+1+23+45+67+89")

    (gap,) = gaps(portal_services)
    assert gap.occurrences == 2
    assert gap.query == "zyxomat [phone]"


def test_another_language_is_another_gap(reader: FlaskClient, portal_services: Services) -> None:
    """The fingerprint holds the language."""
    reader.get("/en/search?q=zyxomat")
    reader.get("/de/search?q=zyxomat")

    assert [gap.language for gap in gaps(portal_services)] == ["en", "de"]


NO_GAP = [
    ("", "nothing typed"),
    ("   ", "blanks"),
    ("?!…", "punctuation"),
    ("*", "a wildcard"),
    ("%00%00", "NUL bytes"),
    ("%E2%80%AE%E2%80%AC", "right-to-left marks"),
    ("%F0%9F%94%A5", "an emoji"),
    ("password", "answered"),
    ("zyxomat&page=2", "paging"),
    ("https://example.org/zyxomat", "an address"),
    ("zyxomat+" * 30, "too many words"),
    ("z" * 300, "too long"),
    ("%3Cscript%3Ealert(1)%3C/script%3E", "HTML"),
    ("Vergessenes+Passwort+zurücksetzen", "asked in another language"),
    ("comment+faire&topic=accounts", "stop words in a topic"),
    ("me@example.org", "an address of somebody"),
    ("%2B49+30+1234567", "a telephone number"),
    ("comment+faire+les", "stop words"),
    ("how+do+I", "stop words of another language"),
]


@pytest.mark.parametrize(("text", "what"), NO_GAP, ids=[row[1] for row in NO_GAP])
def test_what_opens_no_gap(text: str, what: str, reader: FlaskClient, portal_services: Services) -> None:
    """A page in plain words, no ticket, and nothing typed comes back as anything but text."""
    answer = reader.get(f"/fr/search?q={text}")

    assert answer.status_code == (404 if "page=" in text else 200), what
    assert '<html lang="fr"' in answer.text
    assert "<script>alert" not in answer.text
    assert gaps(portal_services) == []


def test_what_only_another_language_answers_is_a_gap(reader: FlaskClient, portal_services: Services) -> None:
    """The reader is shown the article, and the desk learns that their language lacks it."""
    text = reader.get("/fr/search?q=Drucker+offline").text

    assert "/fr/articles/printer-offline" in text
    (gap,) = gaps(portal_services)
    assert (gap.kind, gap.code, gap.slug) == (Kind.TRANSLATION, "U1", "printer-offline")
    assert (gap.language, gap.query) == ("fr", "Drucker offline")


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"Sec-Purpose": "prefetch"},
    ],
    ids=["crawler", "prefetch"],
)
def test_robots_and_prefetching_open_no_gap(
    headers: dict[str, str], reader: FlaskClient, portal_services: Services
) -> None:
    """Nobody submitted these searches."""
    reader.get("/en/search?q=zyxomat", headers=headers)
    reader.head("/en/search?q=zyxomat")

    assert gaps(portal_services) == []


@pytest.mark.parametrize(
    "text", ["why does my zyxomat jump", "is there a zyxomat", "où est le zyxomat", "wo ist mein zyxomat"]
)
def test_the_small_words_of_a_language_are_no_answer_in_another(
    text: str, instance: Settings, library_folder: Path, portal_services: Services
) -> None:
    """“My” and “est” are rare words elsewhere, and say nothing."""
    for code in ("en", "fr", "de"):
        write_article(library_folder, code, "odd", f"Odd {code}", "why does my is there a où est le wo ist mein")
    prepare(instance)

    create_app(instance, portal_services).test_client().get(f"/ru/search?q={text}")

    assert [gap.query for gap in gaps(portal_services)] == [text]


def test_a_locked_database_keeps_nobody_waiting(
    reader: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search that cannot be counted is answered all the same, with the way to a person."""
    monkeypatch.setattr(storage, "BUSY_TIMEOUT", 120.0)  # Who waits as long as other writers do is not just slow.
    reader.get("/de/search?q=Drucker")  # The next one comes with the cookie of a visit.
    with locked(portal_services.database.url):
        begin = time.monotonic()

        answer = reader.get("/de/search?q=zyxomat")
        answered = reader.get("/de/search?q=Drucker")

        took = time.monotonic() - begin
    assert answer.status_code == answered.status_code == 200
    assert (took < 60, GAP_PATIENCE) == (True, 1)
    assert "/de/requests/new?query=zyxomat" in answer.text
    assert gaps(portal_services) == []


def test_suggestions_wait_for_no_writer(
    reader: FlaskClient, portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who types is not kept waiting by what is forgotten once a day."""
    monkeypatch.setattr(storage, "BUSY_TIMEOUT", 120.0)
    with locked(portal_services.database.url):
        begin = time.monotonic()

        answer = reader.get("/de/suggest?q=druck")

        took = time.monotonic() - begin
    assert answer.json is not None
    assert [item["title"] for item in answer.json["items"]] == ["Der Drucker ist offline"]
    assert took < 60


def test_addresses_that_are_none_are_no_fault(reader: FlaskClient, portal_services: Services) -> None:
    """A broken Referer is no page; a request's private address is never written down."""
    for referrer in (
        "http://[",
        f"http://localhost/en/requests/{'a' * 64}",
        "http://localhost//evil.example",
        "x" * 9000,
    ):
        assert reader.get("/en/search?q=zyxomat", headers={"Referer": referrer}).status_code == 200

    with portal_services.database.read() as connection:
        pages = {event.details["page"] for event in store.history(connection, 1)}
    assert pages == {"/en/search"}


def test_a_telephone_that_is_called_like_a_robot_is_a_person(reader: FlaskClient, portal_services: Services) -> None:
    """People search with a Cubot too."""
    reader.get("/en/search?q=zyxomat", headers={"User-Agent": "Mozilla/5.0 (Linux; Android 13; CUBOT P80) Chrome/120"})

    assert [gap.query for gap in gaps(portal_services)] == ["zyxomat"]


def test_suggestions_open_no_gap(reader: FlaskClient, portal_services: Services) -> None:
    """Only submitted searches count."""
    found = reader.get("/en/suggest?q=pass")
    nothing = reader.get("/en/suggest?q=zyxomat")

    items = [{"title": "Reset a forgotten password", "context": "", "url": "/en/articles/reset-password"}]
    assert found.json == {"items": items}
    assert nothing.json == {"items": []}
    assert gaps(portal_services) == []


def test_an_agent_who_tries_a_search_opens_no_gap(agent: FlaskClient, portal_services: Services) -> None:
    """Staff look up what was asked; that is no asking."""
    agent.get("/en/search?q=zyxomat")

    assert gaps(portal_services) == []


def test_a_query_in_another_language_is_answered_in_the_readers_own(reader: FlaskClient) -> None:
    """Asked in German, read in French, through the family."""
    text = reader.get("/fr/search?q=Vergessenes").text

    assert "Réinitialiser un mot de passe oublié" in text
    assert "Vergessenes Passwort" not in text


def test_what_exists_in_another_language_only_is_a_labelled_group(reader: FlaskClient) -> None:
    """Each title carries its language, and the group says which it is."""
    text = reader.get("/ru/search?q=tunnel").text

    assert "Также на английском" in text
    assert re.search(r'<a href="/ru/articles/vpn-only-english[^"]*" lang="en" hreflang="en">Connect', text)


def test_nothing_in_a_topic_is_no_gap_where_other_topics_answer(reader: FlaskClient, portal_services: Services) -> None:
    """The page leads to all topics instead."""
    text = reader.get("/en/search?q=password&topic=devices").text
    nothing = reader.get("/en/search?q=zyxomat&topic=devices").text

    assert 'href="/en/search?q=password"' in text
    assert [gap.query for gap in gaps(portal_services)] == ["zyxomat"]
    assert "zyxomat" in nothing


def shares(value: float) -> tuple[tuple[str, float], ...]:
    """The same cut for every language."""
    return tuple((code, value) for code in CODES)


@pytest.mark.parametrize(
    ("low", "high", "is_gap"),
    [(0.0, 0.0, False), (0.0, 1.0, False), (1.0, 1.0, True)],
    ids=["sure", "unsure", "no answer"],
)
def test_only_what_is_surely_unanswered_is_a_gap(
    low: float, high: float, is_gap: bool, instance: Settings, portal_services: Services
) -> None:
    """The cuts of the settings decide; what was found is shown whatever the verdict, and so is the way to a person."""
    told = replace(instance, search_low_cuts=shares(low), search_high_cuts=shares(high))
    services = open_services(told)

    text = create_app(told, services).test_client().get("/en/search?q=cable").text
    services.database.close()

    assert "/en/articles/printer-offline" in text
    assert 'href="/en/requests/new?query=cable' in text
    assert ("Perhaps none of these articles answers your question." in text) is (low < high)
    assert ("We found no good answer to “cable”" in text) is is_gap
    assert [gap.query for gap in gaps(portal_services)] == ["cable"] * is_gap


@pytest.mark.parametrize("cut", [0.0, 1.0])
def test_where_nothing_is_found_no_cut_makes_an_answer(
    cut: float, instance: Settings, portal_services: Services
) -> None:
    """Nonsense is a gap, however sure the portal is to be."""
    told = replace(instance, search_low_cuts=shares(0.0), search_high_cuts=shares(cut))
    services = open_services(told)

    text = create_app(told, services).test_client().get("/en/search?q=zxqv+blorp").text
    services.database.close()

    assert "We found nothing for “zxqv blorp”" in text
    assert [gap.query for gap in gaps(portal_services)] == ["zxqv blorp"]


def test_marks_stand_in_the_snippet_and_nothing_else_is_markup(reader: FlaskClient) -> None:
    """Inflected words are marked, the result leads to its section."""
    text = reader.get("/en/search?q=forgot+signing").text

    assert "<mark>" in text
    assert "/en/articles/reset-password#reset" in text


@pytest.mark.parametrize("language", CODES)
def test_a_missing_index_opens_no_gap_and_offers_a_person(
    language: str, reader: FlaskClient, portal_services: Services, tmp_path: Path
) -> None:
    """The page says that search is unavailable, in the reader's language, with the form one step away."""
    shutil.rmtree(tmp_path / "var" / "index")

    answer = reader.get(f"/{language}/search?q=zyxomat")

    assert answer.status_code == 503
    assert f'href="/{language}/requests/new?query=zyxomat' in answer.text
    assert 'value="zyxomat"' in answer.text
    assert gaps(portal_services) == []
    assert reader.get(f"/{language}/articles/reset-password").status_code == 200
