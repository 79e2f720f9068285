"""What the desk keeps of one person: every column of every table that belongs to a ticket is told and forgotten."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from portal import retention
from portal.desk.finding import Finding
from portal.desk.merging import Merging
from portal.desk.posting import Posting
from portal.errors import StaleTicket
from portal.letters import Letters
from portal.storage import Database, mentions, personal, ticket_search
from portal.storage import schema as s
from portal.storage import tickets as ticket_store
from portal.storage.schema import metadata
from portal.tickets import SYSTEM, Action, Resolution, Status
from tests.builders import NOW
from tests.forgetting import Parts, dump, put, request, rows
from tests.full_requests import (
    EMAIL,
    KEPT,
    MADE,
    NOT_TOLD,
    OF_NO_TICKET,
    OLD,
    WORDS,
    everywhere,
    full,
    is_text,
    left,
    reached,
    word,
)
from tests.test_erasure import NEEDLES, person_everywhere
from tests.working import found, hire, history


def old_age(database: Database) -> None:
    """The request ended so long ago that whose it was is forgotten."""
    past = NOW - timedelta(days=800)
    with database.write() as connection:
        connection.execute(update(s.tickets).values(status="closed", closed_at=past))
    assert retention.run(Parts(database), NOW)["requests"] == 1


def own_wish(database: Database) -> None:
    """The requester wants to be forgotten."""
    assert retention.erase(database, EMAIL, NOW)["requests"] == 1


def test_every_table_is_decided_on() -> None:
    """Whoever adds a table says here whether it belongs to tickets; what says that it does is forgotten with them."""
    names = {table.name for table in reached()}

    assert set(metadata.tables) == names | OF_NO_TICKET
    assert not names & OF_NO_TICKET
    assert {name for name in KEPT if name.partition(".")[0] not in names} == set()


@pytest.mark.parametrize("forget", [old_age, own_wish])
def test_no_word_of_any_column_is_left(forget: Callable[[Database], None], database: Database) -> None:
    """Neither in a table nor in the bytes of the search index; what is read again by the search has nothing either."""
    number = full(database)
    Finding(database).index(NOW)
    before = left(database, WORDS)
    with database.read() as connection:
        indexed = connection.execute(select(s.ticket_texts.c.terms)).scalar_one()

    forget(database)
    after = left(database, WORDS)
    with database.read() as connection:
        rest = connection.execute(select(s.ticket_texts)).all()
    Finding(database).index(NOW)

    assert before == set(WORDS)
    assert word(s.tickets.c.description)[:9] in indexed
    assert word(s.events.c.text)[:9] in indexed
    assert after == set()
    assert rest == []
    assert left(database, WORDS) == set()
    assert found(database, number).subject == personal.ERASED


def test_what_the_search_has_read_before_does_not_come_back(database: Database) -> None:
    """A process that read the words of a request before it was erased does not keep them."""
    number = full(database)
    with database.read() as connection:
        read = ticket_search.stale(connection, 10)

    own_wish(database)
    with database.write() as connection:
        is_kept = ticket_search.keep(connection, number, read[0].version, read[0].text.split())

    assert not is_kept
    assert left(database, WORDS) == set()


@pytest.mark.parametrize("forget", [old_age, own_wish])
def test_the_course_of_events_stays(forget: Callable[[Database], None], database: Database) -> None:
    """Who of the staff did what when, with codes and numbers: by these it is known how well the desk worked."""
    number = full(database)
    plain = {"from": "1", "to": "2", "rule": "3", "clock": "tier", "supplier": "Paper & Co", "name": "Mia Lindt"}
    with database.write() as connection:
        mia = connection.execute(select(s.people.c.id)).scalar_one()
        line = {"ticket_id": number, "at": OLD, "action": "escalate", "before": "open", "after": "open"}
        more = {"actor_name": "Mia Lindt", "text": "x", "is_public": False, "details": plain | {"recipient": EMAIL}}
        connection.execute(insert(s.events).values(**line, **more, person_id=mia))

    forget(database)

    event = history(database, number)[0]
    assert (event.action, event.at, event.actor.name) == (Action.ESCALATE, OLD, "Mia Lindt")
    assert (event.text, event.details) == ("", plain)
    for table in ("swarm", "surveys", "notices", "received", "ratings", "cases"):
        assert len(rows(database)[table]) == 1, table
    for table in ("links", "outbox", "drafts", "presence", "callbacks", "incidents"):
        assert rows(database)[table] == [], table


def test_everything_is_told(database: Database) -> None:
    """The export has the word of every column, but proofs, keys and names of the staff."""
    number = full(database)
    Finding(database).index(NOW)
    put(database, s.presence, ticket_id=number, person_id=77, at=NOW, is_writing=True)
    with database.write() as connection:
        said = {"name": "Boris Klein", "invited": "Kim Roe", "left": "Ada Low", "told": "mark", "message": "digest"}
        line = {"ticket_id": number, "at": OLD, "before": "open", "after": "open", "is_public": False}
        more = {"action": "supplier_reply", "actor_name": "Paper & Co", "text": "done", "details": said}
        connection.execute(insert(s.events).values(**line, **more))

    told = retention.export(database, EMAIL)
    text = json.dumps(told, ensure_ascii=False, default=str)

    assert {name for name, each in WORDS.items() if each not in text} == NOT_TOLD
    assert len(told["presence"]) == 1
    assert told["requests"][0]["history"][-1]["by"] == "supplier"
    for hidden in ("Boris", "Kim Roe", "Ada Low", "digest", "mark", "Mia Lindt", "headers", "token"):
        assert hidden not in text
    assert told["search_words"] != []


@pytest.mark.parametrize("status", [Status.NEW, Status.WAITING_SUPPLIER, Status.SOLVED, Status.DUPLICATE])
def test_what_has_not_ended_is_closed_by_the_system(status: Status, database: Database) -> None:
    """The history says why, and does not say that the requester has closed it."""
    number = full(database, status=status.value)

    own_wish(database)

    ticket, event = found(database, number), history(database, number)[-1]
    assert (ticket.status, ticket.closed_at, ticket.requester_email) == (Status.CLOSED, NOW, "")
    assert (event.action, event.actor, event.before, event.after) == (Action.ERASE, SYSTEM, status, Status.CLOSED)
    assert (event.details, event.is_public) == ({"erased": "yes"}, False)


@pytest.mark.parametrize("status", [Status.CLOSED, Status.SPAM])
def test_what_has_ended_stays_as_it_is(status: Status, database: Database) -> None:
    """Nothing is added to its history."""
    number = full(database, status=status.value, closed_at=OLD)

    own_wish(database)

    ticket = found(database, number)
    assert (ticket.status, ticket.closed_at, ticket.subject) == (status, OLD, personal.ERASED)
    assert history(database, number) == []


def merging(database: Database) -> Merging:
    """The merging of a desk."""
    return Merging(database, Posting(Letters("https://help.example.org", "Help", "UTC"), "help.example.org"))


def merged(database: Database) -> tuple[int, int]:
    """Zoé's request and Ben's, which has been merged into it."""
    master = request(database, status=Status.OPEN)
    ben = {"requester_name": "Ben Roth", "requester_email": "ben@example.org", "phone": "", "callback": None}
    other = request(database, status=Status.OPEN, **ben, subject="Ben’s printer", description="Ben’s words", query="")
    merging(database).merge(hire(database), other, master, NOW)
    return master, other


def of(database: Database, number: int) -> str:
    """Everything that belongs to a ticket."""
    mine = {
        name: [row for row in found_rows if number in {row.get("ticket_id"), name == "tickets" and row["id"]}]
        for name, found_rows in rows(database).items()
    }
    return json.dumps(mine, ensure_ascii=False, default=str)


def test_erasing_a_request_leaves_those_that_were_merged_into_it(database: Database) -> None:
    """Ben's own data stays to the letter, but for Zoé's name in it, and somebody works on his request again."""
    master, other = merged(database)
    with database.write() as connection:
        connection.execute(update(s.events).where(s.events.c.ticket_id == other).values(text="own words"))
        connection.execute(update(s.tickets).where(s.tickets.c.id == other).values(resolution_text="", trail=[]))
        connection.execute(update(s.events).where(s.events.c.action == "mail_failed").values(details={}))
    before = of(database, other)

    retention.erase(database, "zoe@example.org", NOW)
    untouched = of(database, other)
    merging(database).run(NOW + timedelta(minutes=5))

    assert untouched == before
    assert "dupont" not in of(database, master).lower()
    assert found(database, other).status is Status.OPEN
    assert found(database, other).requester_email == "ben@example.org"


def test_erasing_a_duplicate_leaves_the_request_that_it_was_merged_into(database: Database) -> None:
    """Zoé's stays to the letter; when it is solved nobody writes to Ben."""
    master, other = merged(database)
    before = of(database, master)

    retention.erase(database, "ben@example.org", NOW)
    untouched = of(database, master)
    with database.write() as connection:
        ticket = replace(ticket_store.get(connection, master), resolution=Resolution.ANSWERED, resolution_text="Done")
        solution = ticket_store.history(connection, master)[0]
        told = merging(database).solve_duplicates(connection, ticket, solution, NOW)

    assert untouched == before
    assert "ben" not in of(database, other).lower()
    assert found(database, other).status is Status.CLOSED
    assert (told, rows(database)["outbox"]) == (0, [])


def test_what_was_written_to_both_stays_with_the_other_without_the_name(database: Database) -> None:
    """An answer that greeted Zoé was sent to Ben as well: he keeps the answer."""
    _master, other = merged(database)
    with database.write() as connection:
        ticket = replace(ticket_store.get(connection, other), resolution_text="Dear Zoé Dupont, switch it on")
        ticket_store.save(connection, ticket)

    retention.erase(database, "zoe@example.org", NOW)

    assert found(database, other).resolution_text == "Dear [erased], switch it on"


def test_a_duplicate_that_waits_keeps_its_requester(database: Database) -> None:
    """However old it is: they are told when the other is solved. So is who waits behind a duplicate."""
    past = {"updated_at": NOW - timedelta(days=800)}
    master = request(database, status=Status.OPEN, **past)
    first = request(database, status=Status.DUPLICATE, duplicate_of=master, **past)
    second = request(database, status=Status.DUPLICATE, duplicate_of=first, **past)
    alone = request(database, status=Status.DUPLICATE, **past)

    retention.run(Parts(database), NOW)
    waiting = {number for number in (first, second, alone) if found(database, number).requester_email}
    with database.write() as connection:
        closed = {"status": "closed", "closed_at": past["updated_at"]}
        connection.execute(update(s.tickets).where(s.tickets.c.id == master).values(**closed))
    retention.run(Parts(database), NOW)

    assert waiting == {first, second}
    assert "zoé" not in dump(database)


def test_words_of_others_are_forgotten_by_the_search_too(database: Database) -> None:
    """A colleague's request, notices, drafts, references, banners and filters that name the person."""
    other = request(
        database, requester_name="Ben Roth", requester_email="ben@example.org", subject="Ben’s", resolution_text="",
        description="ZOÉ DUPONT has it too", query="", trail=(), page="/fr/search?q=Zo%C3%A9+Dupont",
    )  # fmt: skip
    number, mia = request(database), hire(database).id
    beside = {"ticket_id": other, "at": NOW}
    notice = {"person_id": mia, "about": "mention", "key": "k", "actor_name": "Zoé Dupont", "text": "zoé dupont?"}
    put(database, s.notices, **beside, **notice)
    put(database, s.drafts, **beside, person_id=mia, field="note", text="ask zoe@example.org")
    put(
        database,
        s.incidents,
        ticket_id=number,
        texts={"fr": "Zoé Dupont et tous"},
        is_shown=True,
        began_at=NOW,
        version=1,
    )
    for name, query in (
        ("Zoé Dupont", "tier=1"),
        ("x", "q=zoe%40example.org"),
        ("y", "q=ZO%C3%89+DUPONT"),
        ("z", "q=zoo"),
    ):
        put(database, s.saved_filters, person_id=mia, name=name, query=query)
    Finding(database).index(NOW)
    with database.read() as connection:
        read = ticket_store.get(connection, other)

    promised = retention.erase(database, "zoe@example.org", NOW, dry_run=True)
    done = retention.erase(database, "zoe@example.org", NOW)
    at_once = everywhere(database)
    Finding(database).index(NOW)

    assert promised == done
    assert NEEDLES.findall(at_once) == []
    assert "%c3%a" not in at_once
    assert [row["name"] for row in rows(database)["saved_filters"]] == ["z"]
    assert NEEDLES.findall(everywhere(database)) == []
    assert found(database, other).description == "[erased] has it too"
    with pytest.raises(StaleTicket), database.write() as connection:
        ticket_store.save(connection, read)


def test_what_the_portal_says_of_an_incident_stays_until_it_has_ended(database: Database) -> None:
    """Everybody waits for its end; then it is forgotten with whose request it was."""
    number = request(database, is_major=True, status=Status.OPEN)
    put(database, s.incidents, ticket_id=number, texts={"en": "No mail"}, is_shown=True, began_at=NOW, version=1)

    retention.erase(database, "zoe@example.org", NOW)
    retention.run(Parts(database), NOW)
    lasting = rows(database)["incidents"]
    with database.write() as connection:
        connection.execute(update(s.incidents).values(ended_at=NOW))
    counted = retention.run(Parts(database), NOW)["incidents"]

    assert [row["texts"] for row in lasting] == [{"en": "No mail"}]
    assert (counted, rows(database)["incidents"]) == (1, [])


def test_asking_changes_nothing_and_keeps_nobody_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be done is only read."""
    person_everywhere(database)
    monkeypatch.setattr(database, "write", None)

    assert retention.erase(database, "zoe@example.org", NOW, dry_run=True)["requests"] == 2


def test_places_are_columns_with_texts() -> None:
    """Where names are looked for there are texts, and every table that a person can write in is among these."""
    for place in mentions.PLACES:
        assert all(is_text(place.table.c[name]) for name in place.columns)
    written = {place.table.name for place in mentions.PLACES}
    gone = {table.name for table in personal._GONE} | MADE
    codes = {
        "rule_runs",
        "surveys",
        "received",
        "swarm",
        "gap_claims",
        "gap_sessions",
        "subscriptions",
        "link_requests",
    }
    assert {table.name for table in reached()} <= written | gone | codes
