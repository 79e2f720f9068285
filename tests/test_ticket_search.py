"""Finding tickets: numbers, addresses, names, words in four languages, hostile queries, what has been forgotten."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from portal.desk import finding
from portal.desk.finding import Finding, number_in
from portal.edition import Editions
from portal.errors import SearchUnavailable
from portal.retention import erase
from portal.search.analyzers import words
from portal.settings import Settings
from portal.storage import Database, migration, ticket_search
from portal.storage import tickets as store
from portal.storage.queue import Tab, Wanted
from portal.storage.schema import ticket_texts, tickets
from portal.tickets import SYSTEM, Action, Actor, Event, Status
from tests.builders import NOW, ticket
from tests.publishing import Folder

ALL = Wanted(Tab.ALL, 0, NOW)


def add(database: Database, **fields: Any) -> int:
    """The number of a new ticket."""
    with database.write() as connection:
        number = store.create(connection, ticket(**{"description": "", **fields}))
    assert number is not None
    return number


def say(database: Database, number: int, said: str, action: Action = Action.NOTE, name: str = "Mia Lindt") -> None:
    """Write something on a ticket, as every use case does: with a new version."""
    with database.write() as connection:
        read = store.get(connection, number)
        store.save(connection, read)
        event = Event(NOW, action, Actor(None, name), read.status, read.status, said, action is Action.REPLY)
        store.record(connection, number, event)


def find(database: Database, query: str, **narrowed: Any) -> list[int]:
    """What is found after the words have been read."""
    search = Finding(database)
    while search.index(NOW):
        pass
    return search.find(query, replace(ALL, **narrowed))


@pytest.mark.parametrize(
    ("language", "subject", "query"),
    [
        ("en", "The printers are offline", "printer offline"),
        ("fr", "L’imprimante n’imprime plus", "imprimantes"),
        ("de", "Die Drucker drucken nicht", "Drucker"),
        ("ru", "Принтеры не печатают", "принтер печатать"),
        ("ru", "Ещё не печатает", "еще печатает"),
        ("en", "Error 0x80070035 in v2.3.1", "0x80070035"),
        ("en", "How to print", "how to print"),
        ("de", "VPN über WLAN", "vpn"),
    ],
)
def test_words_are_found_in_their_language(database: Database, language: str, subject: str, query: str) -> None:
    """By their stems, whichever language the reader of the page has; every word must be there."""
    number = add(database, language=language, subject=subject)
    add(database, language=language, subject="Something else", description="offline")

    assert find(database, query) == [number]
    assert find(database, f"{query} flugzeug") == []


def test_what_was_written_and_noted_is_found(database: Database) -> None:
    """Subject, query, description, replies and notes; of an older version until the new one has been read."""
    number = add(database, subject="Help", query="scanner", description="It smells of smoke")
    say(database, number, "Changed the fuser unit", Action.REPLY)
    say(database, number, "Warranty ends in May")

    for query in ("help", "scanners", "smoke", "fuser", "warranty", "smoke warranty"):
        assert find(database, query) == [number], query


def test_numbers_addresses_and_names_come_first(database: Database) -> None:
    """The ticket of the number, then those of just this requester, newest first, then mentions."""
    mentions = add(database, subject="Ask Anna Schmidt, anna@example.org, about 4", requester_name="Bob")
    older = add(database, requester_name="Anna Schmidt", requester_email="anna@example.org", subject="Old")
    newer = add(database, requester_name="ANNA SCHMIDT", requester_email="Anna@Example.org", subject="New")
    fourth = add(database, requester_name="Anna Maria Schmidt", requester_email="am@example.org", subject="Other")

    assert find(database, "anna schmidt")[:2] == [newer, older]
    assert set(find(database, "anna schmidt")) == {mentions, older, newer, fourth}
    assert find(database, "ANNA@example.org") == [newer, older, mentions]
    assert find(database, "4") == [fourth, mentions]
    assert find(database, "#4") == [fourth, mentions]
    assert find(database, "#99") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("#12", (12, True)), ("12", (12, False)), (" № 7 ", (7, True)), ("nr. 3", (3, True)), ("N°5", (5, True))],
)
def test_a_query_that_is_a_number_is_told(text: str, expected: tuple[int, bool]) -> None:
    """With the sign that says so, or without."""
    assert number_in(text) == expected


@pytest.mark.parametrize("text", ["", "12a", "1234567890", "#", "1 2", "١٢", "-1", "1.5"])
def test_other_queries_are_no_numbers(text: str) -> None:
    """Neither are numbers that no ticket has."""
    assert number_in(text) is None


def test_a_filter_narrows_the_search(database: Database) -> None:
    """Part of the queue, tier, language, owner; also for a number."""
    one = add(database, subject="VPN", tier=1)
    two = add(database, subject="VPN", tier=2, language="de")
    done = add(database, subject="VPN", status=Status.SOLVED)

    assert find(database, "vpn") == [done, two, one]
    assert find(database, "vpn", tiers=(2,)) == [two]
    assert find(database, "vpn", tab=Tab.OPEN) == [two, one]
    assert find(database, "vpn", tab=Tab.DONE, language="en") == [done]
    assert find(database, "#1", tiers=(2,)) == []


def test_more_of_the_words_and_rarer_ones_rank_higher(database: Database) -> None:
    """What is about it stands above what mentions it among much else."""
    long = add(database, subject="Various", description="toner " + "paper cable tray drum belt lamp " * 40)
    about = add(database, subject="Toner", description="The toner is empty.")
    add(database, subject="Paper")

    assert find(database, "toner") == [about, long]


def test_only_the_best_are_given(database: Database) -> None:
    """As many as were asked for."""
    for _ in range(5):
        add(database, subject="Printer")
    search = Finding(database)
    search.index(NOW)

    assert search.find("printer", ALL, limit=2) == [5, 4]


HOSTILE = [
    '"', '""', "' OR 1=1 --", "terms:*", "NEAR(a b)", "a AND", "NOT", "*", "a*", "^a", "{x y}: z", "-a", "+a", "(",
    "))", "a:b", "\\", "'\\''", "a <-> b", "!!", "a & | b", ":*", "\0", "\u202e", "😀", "a\\'b", "at&t", "c:\\x\\y",
    "x" * 5000, "printer " * 500, "ﬁ", "İ", "ß", "%s %(x)s", "$1", "?", "#", "#999999999", "99999999999999999999",
]  # fmt: skip


def test_hostile_queries_are_only_words(database: Database) -> None:
    """Whatever is typed is looked for and never taken for syntax; what was written can be found by itself."""
    plain = add(database, subject="printer")
    for query in HOSTILE:
        add(database, subject=query[:200].replace("\0", ""))
    search = Finding(database)
    search.index(NOW)

    for query in HOSTILE:
        search.find(query, ALL)
    assert search.find('printer" OR "x', ALL) == []
    assert search.find("printer | x", ALL) == []
    assert plain in search.find("printer", ALL)
    assert find(database, "at&t") != []
    assert find(database, "c:\\x\\y") != []


@given(written=st.text(max_size=60), query=st.text(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_kept_and_looked_for(database: Database, written: str, query: str) -> None:
    """No error; and a ticket is found by its own subject where that has words."""
    subject = written.replace("\0", "").encode("utf-8", "replace").decode()
    number = add(database, subject=subject)
    search = Finding(database)
    search.index(NOW)

    search.find(query, ALL)
    found = search.find(subject, ALL, limit=1000)

    if list(finding.plain("en", subject)):
        assert number in found


def test_words_are_read_in_shares_and_once(database: Database) -> None:
    """As many as are asked for, oldest first; nothing is left to do afterwards, until something changes."""
    for number in range(7):
        add(database, subject=f"word{number}")
    search = Finding(database)

    assert [search.index(NOW, 3), search.index(NOW, 3), search.index(NOW, 3), search.index(NOW)] == [3, 3, 1, 0]
    say(database, 2, "changed")
    assert search.index(NOW) == 1


def test_a_ticket_that_changes_while_it_is_read_is_read_again(database: Database) -> None:
    """What was read of the old version does not count as the new one's."""
    number = add(database, subject="before")
    with database.read() as connection:
        (old,) = ticket_search.stale(connection, 10)
    say(database, number, "afterwards")
    with database.write() as connection:
        assert not ticket_search.keep(connection, old.id, old.version, ["befor"])

    assert find(database, "afterwards") == [number]


def test_words_are_never_kept_of_a_ticket_that_is_gone(database: Database) -> None:
    """A gap that was purged leaves nothing behind, in the engine's own index either."""
    number = add(database, subject="zyxomat")
    assert find(database, "zyxomat") == [number]
    with database.read() as connection:
        assert ticket_search.stale(connection, 5) == []

    with database.write() as connection:
        connection.execute(delete(tickets).where(tickets.c.id == number))
        assert not ticket_search.keep(connection, number, 1, ["zyxomat"])

    with database.read() as connection:
        assert connection.execute(select(ticket_texts)).all() == []
        if database.is_sqlite:
            left = text("SELECT count(*) FROM ticket_search WHERE ticket_search MATCH 'zyxomat'")
            assert connection.execute(left).scalar() == 0
    assert find(database, "zyxomat") == []


def test_what_is_forgotten_is_found_no_more_at_once(database: Database) -> None:
    """Also before the words that are left have been read again."""
    number = add(database, subject="Printer of Anna")
    assert find(database, "anna") == [number]

    with database.write() as connection:
        ticket_search.forget(connection, [number])

    assert Finding(database).find("anna", ALL) == []
    assert find(database, "anna") == [number]


def test_who_is_erased_is_found_no_more(database: Database) -> None:
    """Neither by name, address nor words; the ticket is still found by its number."""
    fields = {"requester_name": "Anna Schmidt", "requester_email": "anna@example.org"}
    number = add(database, subject="Smoke", **fields)
    say(database, number, "Anna Schmidt says it burns", Action.REQUESTER_REPLY, "Anna Schmidt")
    assert find(database, "anna schmidt burns") == [number]

    erase(database, "anna@example.org", NOW)

    for query in ("anna", "schmidt", "anna@example.org", "smoke", "burns"):
        assert find(database, query) == [], query
    assert find(database, f"#{number}") == [number]


def test_an_upgrade_reads_the_words_of_old_tickets(database: Database) -> None:
    """All of them are read anew, also those that a newer version had read before it was given up."""
    number = add(database, subject="printer")
    assert find(database, "printers") == [number]

    migration.downgrade(database, "0005")
    migration.upgrade(database)

    assert Finding(database).find("printers", ALL) == []
    assert find(database, "printers") == [number]


def test_german_compounds_are_found_by_their_parts(database: Database, folder: Folder) -> None:
    """With the words of the articles, from which the splitter knows them; without an index, as wholes."""

    def analyse(language: str, said: str) -> list[tuple[str, ...]]:
        parts = {"druckerkabel": ("drucker", "kabel")}
        return [word.terms for word in words(language, said, lambda word: parts.get(word, ()))]

    number = add(database, language="de", subject="Druckerkabel defekt")
    search = Finding(database, analyse)
    search.index(NOW)

    assert search.find("Kabel", ALL) == [number]
    assert search.find("Druckerkabel", ALL) == [number]
    assert search.find("Kabeldrucker", ALL) == []


def test_the_words_are_those_of_the_articles_search(folder: Folder) -> None:
    """Where there is no index, words are read without it."""
    there = finding.analysis(Editions(folder.data, "en", Settings().cuts))
    nowhere = finding.analysis(_NoEditions())  # type: ignore[arg-type]

    assert list(there("de", "Drucker")) == list(nowhere("de", "Drucker")) != []


class _NoEditions:
    """Nothing has been published."""

    def current(self) -> None:
        """Refuse."""
        raise SearchUnavailable("nothing")


def test_the_system_writes_no_words_without_text(database: Database) -> None:
    """Events that say nothing are no words."""
    number = add(database, subject="printer")
    with database.write() as connection:
        store.record(connection, number, Event(NOW, Action.TAKE, SYSTEM, Status.NEW, Status.OPEN))

    with database.read() as connection:
        (read,) = ticket_search.stale(connection, 5)
    assert read.text.split() == ["printer"]
