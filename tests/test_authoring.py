"""From a ticket to an article: drafts without personal data that the library reads; plans; proof before solving."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.articles import Status as ArticleStatus
from portal.articles import is_slug
from portal.authoring import ANSWERS, Authoring, Planned, check, draft, state
from portal.errors import InvalidInput, NotAllowed, NotProven, SearchUnavailable, StaleTicket
from portal.library import PLACEHOLDER, parse
from portal.locales import CODES
from portal.people import Person, Role
from portal.services import Services
from portal.storage import Database
from portal.tickets import PROVEN, Action, Actor, Event, Kind, Resolution, Status, Ticket
from tests.builders import NOW, ticket, write_article
from tests.postgres import database_at
from tests.publishing import Folder
from tests.storing import LATER, add, agent, get, history

TODAY = date(2026, 3, 2)
MIA = Actor(5, "Mia Lindt")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Database]:
    """The tickets of the small library."""
    made = database_at(tmp_path / "desk.db")
    yield made
    made.close()


@pytest.fixture
def mia(desk: Database) -> Person:
    """An agent who is known to the database."""
    return agent(desk)


def said(action: Action, text: str, actor: Actor = MIA) -> Event:
    """Something that was said."""
    is_public = action in {Action.REPLY, Action.SOLVE, Action.REQUESTER_REPLY}
    return Event(NOW, action, actor, Status.OPEN, Status.OPEN, text, is_public)


def request(**changes: Any) -> Ticket:
    """A request of Anna's about a printer."""
    fields = {"requester_name": "Anna Kühn", "requester_email": "anna@example.org", "language": "en"}
    return ticket(**fields | changes)


def read(text: str, language: str = "en") -> Any:
    """A draft as the library reads it."""
    found = parse(text.encode(), language, "new", f"{language}/new.md")
    assert found.problems == ()
    assert found.article is not None
    assert found.article.status is ArticleStatus.DRAFT
    return found.article


def test_a_draft_has_what_solved_the_request(shipped_services: Services) -> None:
    """Subject, searches, solution and topic; the words to be replaced are marked, so that it cannot be published so."""
    topic = shipped_services.edition.knowledge.shelves("en")[-1].topic.slug
    trail = (
        {"kind": "search", "language": "en", "text": "printer blinks", "at": NOW.isoformat(), "results": ""},
        {"kind": "article", "language": "en", "text": "Printers", "at": NOW.isoformat(), "slug": "printers"},
        {"kind": "search", "language": "de", "text": "Drucker blinkt", "at": NOW.isoformat(), "results": ""},
        {"kind": "search", "language": "en", "text": "Printer offline", "at": NOW.isoformat(), "results": ""},
    )
    found = request(
        subject="Printer is offline", query="printer offline", topic=topic, trail=trail, resolution_text="Restart it."
    )

    name, text = draft(found, [said(Action.REPLY, "Is it on?")], shipped_services.edition, TODAY)

    article = read(text)
    assert (name, article.title, article.topic, article.updated) == (
        "printer-is-offline",
        "Printer is offline",
        topic,
        TODAY,
    )
    assert article.answers == ("printer offline", "printer blinks")
    assert article.body.startswith(PLACEHOLDER)
    assert article.body.endswith("Restart it.")
    assert "Is it on?" not in text


def test_the_last_public_reply_where_nothing_is_solved(shipped_services: Services) -> None:
    """No note, nothing that the requester wrote, nothing that was taken back."""
    events = [
        said(Action.REPLY, "Restart it."),
        said(Action.REPLY, "Taken back."),
        Event(NOW, Action.RETRACT, MIA, Status.OPEN, Status.OPEN),
        said(Action.REQUESTER_REPLY, "Mine.", Actor(name="Anna Kühn")),
        said(Action.NOTE, "A note."),
    ]

    body = read(draft(request(), events, shipped_services.edition, TODAY)[1]).body

    assert body.endswith("Restart it.")
    assert not any(text in body for text in ("Taken back.", "Mine.", "A note."))


@pytest.mark.parametrize(
    ("language", "name", "text", "left"),
    [
        (
            "en", "Anna Kühn", "Hello Anna,\n\nrestart it. Anna's phone +44 20 7946 0018 is fine.\n\nKind regards\nMia Lindt",
            "restart it. … phone   is fine.",
        ),
        ("de", "Anna Kühn", "Guten Tag Anna Kühn,\n\nKühns Drucker ist an.\n\nMit freundlichen Grüßen\nMia", "… Drucker ist an."),
        ("fr", "Anna Kühn", "Bonjour Anna,\nredémarrez-la.\n\nCordialement,\nMia Lindt", "redémarrez-la."),
        (
            "ru", "Анна Петрова",
            "Здравствуйте, Анна!\n\nУ Анны Петровой всё работает. Передайте Анне.\n\nС уважением,\nМиа",
            "У … всё работает. Передайте ….",
        ),
    ],
)  # fmt: skip
def test_names_greetings_and_numbers_are_left_out(
    language: str, name: str, text: str, left: str, shipped_services: Services
) -> None:
    """In every language, also declined."""
    found = request(language=language, requester_name=name, resolution_text=text, owner_name="Mia Lindt")

    body = read(draft(found, [said(Action.NOTE, "x")], shipped_services.edition, TODAY)[1], language).body

    assert body.split("\n\n", 2)[2] == left


def test_names_are_left_out_of_subject_and_searches(shipped_services: Services) -> None:
    """A name in small letters is another word."""
    found = request(requester_name="Will Rose", subject="Will Rose cannot print", query="will rose garden print")

    article = read(draft(found, [], shipped_services.edition, TODAY)[1])

    assert (article.title, article.answers) == ("… cannot print", ("will rose garden print",))


@settings(deadline=None, max_examples=60)
@given(
    subject=st.text(max_size=300), text=st.text(max_size=300), name=st.text(max_size=40), query=st.text(max_size=250)
)
def test_whatever_was_written_the_draft_is_read(
    subject: str, text: str, name: str, query: str, shipped_services: Services
) -> None:
    """Every alphabet, control characters, Markdown and YAML."""
    items = tuple({"kind": "search", "language": "en", "text": f"{query} {n}"} for n in range(2 * ANSWERS))
    found = request(subject=subject, resolution_text=text, requester_name=name, query=query, trail=items)

    file, made = draft(found, [], shipped_services.edition, TODAY)

    article = read(made)
    assert is_slug(file)
    assert len(article.answers) <= ANSWERS


def test_a_draft_without_anything(shipped_services: Services) -> None:
    """There is a title and a text all the same."""
    article = read(draft(request(subject="", resolution_text="", query=""), [], shipped_services.edition, TODAY)[1])

    assert article.title
    assert article.body.startswith(PLACEHOLDER)


def test_an_article_is_planned(desk: Database, mia: Person) -> None:
    """The ticket has it and its history says so; the same again is nothing; nothing typed takes it away."""
    found, authoring = add(desk), Authoring(desk)

    planned = authoring.plan(mia, found.id, "https://help.example.org/en/articles/Printer-Blinks?vote=yes", LATER)
    again = authoring.plan(mia, found.id, "printer-blinks", LATER)
    emptied = authoring.plan(mia, found.id, " ", LATER)

    assert (planned.slug, again, emptied.slug) == ("printer-blinks", planned, "")
    assert get(desk, found) == emptied
    notes = [(event.action, event.details, event.is_public) for event in history(desk, found)[1:]]
    assert notes == [
        (Action.NOTE, {"article": "printer-blinks"}, False),
        (Action.NOTE, {"article": "none"}, False),
    ]


def test_what_cannot_be_planned(desk: Database, mia: Person) -> None:
    """What is no slug, a missing translation, a stale page; and who may not."""
    writer = agent(desk, "w@example.org", roles=frozenset({Role.WRITER}))
    authoring, found, wanted = Authoring(desk), add(desk), add(desk, kind=Kind.TRANSLATION, slug="vpn")

    for number, typed in ((found.id, "no slug!"), (wanted.id, "printer")):
        with pytest.raises(InvalidInput) as refused:
            authoring.plan(mia, number, typed, LATER)
        assert (refused.value.field, refused.value.code) == ("planned", "invalid")
    with pytest.raises(StaleTicket):
        authoring.plan(mia, found.id, "printer", LATER, found.version + 1)
    with pytest.raises(NotAllowed):
        authoring.plan(writer, found.id, "printer", LATER)
    assert (get(desk, found), get(desk, wanted)) == (found, wanted)


def test_how_a_planned_article_stands(folder: Folder) -> None:
    """Not there yet; there in another language; there, found by the ticket's own search."""
    none = request(query="kazoo tuning")
    found = request(query="kazoo tuning", slug="kazoo")
    before = state(folder.edition, found)
    write_article(folder.articles, "de", "kazoo", "Kazoo stimmen", "Kazoo stimmen.")
    folder.publish()
    elsewhere = state(folder.edition, found)
    write_article(folder.articles, "en", "kazoo", "Kazoo tuning", "Kazoo tuning.")
    folder.publish()

    assert state(folder.edition, none) == Planned("", "")
    assert before == Planned("kazoo", "kazoo")
    assert elsewhere == Planned("kazoo", "Kazoo stimmen", "de", has_query=True)
    assert state(folder.edition, found) == Planned("kazoo", "Kazoo tuning", "en", True, date(2026, 1, 5), 1, True)
    assert state(folder.edition, request(slug="kazoo")).rank is None


@pytest.mark.parametrize("resolution", sorted(PROVEN))
def test_a_request_is_solved_by_an_article_that_answers_it(
    resolution: Resolution, folder: Folder, desk: Database, mia: Person
) -> None:
    """Before it is there nothing happens; afterwards the ticket names it."""
    found, authoring = add(desk, query="kazoo tuning"), Authoring(desk)
    with pytest.raises(NotProven) as refused:
        authoring.prepare(folder.edition, mia, found.id, resolution, "kazoo", LATER)
    untouched = get(desk, found)
    write_article(folder.articles, "en", "kazoo", "Kazoo tuning", "Kazoo tuning.")
    folder.publish()

    prepared = authoring.prepare(folder.edition, mia, found.id, resolution, "kazoo", LATER, found.version)

    assert (refused.value.rank, refused.value.slug, untouched) == (None, "kazoo", found)
    assert (get(desk, found).slug, get(desk, found).version, prepared) == (
        "kazoo",
        found.version + 1,
        found.version + 1,
    )
    # A second press, and one that does not say which version it saw.
    for version in (prepared, found.version, None):
        assert authoring.prepare(folder.edition, mia, found.id, resolution, "", LATER, version) == version


def test_an_article_that_the_search_does_not_find_is_no_answer(folder: Folder) -> None:
    """It is there, but not for these words; without words it is enough that it is there."""
    with pytest.raises(NotProven):
        check(folder.edition, request(query="kazoo tuning"), "printer-offline")
    with pytest.raises(NotProven):
        check(folder.edition, request(language="fr", query=""), "printer-offline")

    assert check(folder.edition, request(query=""), "printer-offline") == ("printer-offline", None)
    assert check(folder.edition, request(query="printer offline"), "printer-offline") == ("printer-offline", 1)


@pytest.mark.parametrize(("typed", "code"), [("", "missing"), (" ", "missing"), ("no slug!", "invalid")])
def test_an_article_must_be_named(typed: str, code: str, folder: Folder) -> None:
    """By its slug or address."""
    with pytest.raises(InvalidInput) as refused:
        check(folder.edition, request(), typed)

    assert (refused.value.field, refused.value.code) == ("slug", code)


def test_other_ways_need_no_article(folder: Folder, desk: Database, mia: Person) -> None:
    """Answered in person, or no topic of ours; gaps have a proof of their own; without an index nothing is proven."""
    found, gap, authoring = add(desk), add(desk, kind=Kind.GAP), Authoring(desk)

    for number, way in (
        (found.id, Resolution.ANSWERED),
        (found.id, Resolution.OUT_OF_SCOPE),
        (found.id, None),
        (gap.id, Resolution.ARTICLE_WRITTEN),
    ):
        assert authoring.prepare(None, mia, number, way, "", LATER, 7) == 7
    with pytest.raises(SearchUnavailable):
        authoring.prepare(None, mia, found.id, Resolution.ARTICLE_WRITTEN, "kazoo", LATER)


@pytest.mark.parametrize("language", CODES)
def test_the_words_to_be_replaced_are_in_the_language(language: str, shipped_services: Services) -> None:
    """Of the article, not of who downloads it."""
    texts = {code: draft(request(language=code), [], shipped_services.edition, TODAY)[1] for code in CODES}

    assert texts[language].count(PLACEHOLDER) == 1
    assert len({text.split("\n\n")[2] for text in texts.values()}) == len(CODES)
