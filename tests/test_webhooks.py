"""What other systems are told of, by what happens: once, in its transaction, and nothing of any person."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portal.announcements import TEST, About
from portal.desk.acting import act
from portal.desk.merging import Merging
from portal.desk.posting import UNDO, Posting
from portal.edition import Edition
from portal.knowledge import KnowledgeBase
from portal.letters import Letters
from portal.storage import Database, announcing
from portal.storage import gaps as known
from portal.storage import tickets as store
from portal.tickets import Action, Actor, Kind, Resolution, Status
from portal.webhooks.articles import Articles
from tests.asking import did, failed, find, gaps, searched, solve, told, visitor
from tests.builders import NOW, write_article
from tests.hooking import after, dispatch, events, hook, log
from tests.needs import REPOSITORY
from tests.postgres import database_at
from tests.publishing import Folder
from tests.requesting import receive, requests_on, work
from tests.working import at, desk, hire, opened


def names(database: Database) -> list[str]:
    """The events that were announced."""
    return [name for name, _ in events(database)]


def test_nobody_listens_nothing_is_written(database: Database) -> None:
    """Neither without webhooks, nor for those that are turned off, want other events or other languages."""
    told(gaps(database), visitor())
    hook(database, is_active=False)
    hook(database, events=[About.REQUEST_SOLVED])
    hook(database, languages=("fr", "ru"))
    french = told(gaps(database), visitor(), failed("kazoo fr", "fr")).ticket.id
    told(gaps(database), visitor("ben"), failed("tuba"))

    assert [(name, said["ticket"]["number"]) for name, said in events(database)] == [
        ("gap.opened", french), ("gap.confirmed", french)
    ]  # fmt: skip


def test_a_gap_from_its_opening_to_its_answer_and_on(database: Database) -> None:
    """It is told when a person is known to have asked, however that becomes known, and once; then its answer."""
    hook(database)
    asked = gaps(database)
    gap = told(asked, visitor(is_returning=False)).ticket
    told(asked, visitor("ben", is_returning=False))
    with database.write() as connection:
        known.confirm_one(connection, gap.id, NOW)
        known.confirm_one(connection, gap.id, NOW)
    solve(database, gap.id, after(days=1))
    told(asked, visitor("cleo"), now=after(days=2))

    found = events(database)
    assert [name for name, _ in found] == ["gap.opened", "gap.confirmed", "gap.answered", "gap.opened"]
    assert [said.get("reopened") for _, said in found] == [False, None, None, True]
    assert [said["ticket"]["resolution"] for _, said in found] == [None, None, "article_written", None]
    assert found[0][1]["ticket"]["query"] == "kazoo"
    assert found[1][1]["ticket"]["is_confirmed"] is True


def test_a_cookie_that_comes_back_confirms(database: Database) -> None:
    """In the batch in which it is recorded; the ticket that counts what is too much is nobody's question."""
    hook(database, events=[About.GAP_CONFIRMED, About.GAP_OPENED])
    asked = gaps(database)
    gap = told(asked, visitor(is_returning=False)).ticket
    asked.record([searched("anna", 0, code="U0", gap_id=gap.id, is_returning=False), did("anna", 1)])
    asked.record([searched("ben", 2, "tuba", code="U0", is_overflow=True, is_returning=False)])

    assert names(database) == ["gap.opened", "gap.confirmed"]
    assert len(find(database, Kind.OVERFLOW)) == 1


def test_what_is_no_answer_is_not_told_as_one(database: Database) -> None:
    """Out of scope, spam."""
    hook(database, events=[About.GAP_ANSWERED])
    mia = hire(database)
    first, second = (told(gaps(database), visitor(), failed(text)).ticket.id for text in ("kazoo", "tuba"))
    with database.write() as connection:
        gap = store.get(connection, first, lock=True)
        act(connection, gap, Action.SOLVE, NOW, Actor(mia.id, mia.name), text="No.", resolution=Resolution.OUT_OF_SCOPE)
    desk(database).work(mia, second, Action.MARK_SPAM, NOW)

    assert names(database) == []


def test_a_request_from_the_form_to_its_end(database: Database) -> None:
    """Who wrote is told, and never what; what is held back is due with its mail."""
    hook(database)
    mia = hire(database)
    request, token = receive(database)
    desk(database).work(mia, request.id, Action.REPLY, at(1), text="Guten Tag!")
    requests_on(database).answer_back(token, "Danke, geht nicht.", at(2))
    desk(database).escalate(mia, request.id, 2, "schwierig", at(3))
    desk(database).work(mia, request.id, Action.SOLVE, at(4), text="Neustart.", resolution=Resolution.ANSWERED)
    requests_on(database).reopen(token, at(5), "Doch nicht.")
    requests_on(database).close(token, at(6))

    found = events(database)
    assert [name.partition(".")[2] for name, _ in found] == [
        "created", "replied", "replied", "escalated", "solved", "replied", "solved",
    ]  # fmt: skip
    assert [said.get("by") for _, said in found] == [
        None,
        "staff",
        "requester",
        "staff",
        "staff",
        "requester",
        "requester",
    ]
    assert [said.get("reopened") for _, said in found] == [None, False, False, None, None, True, None]
    assert (found[3][1]["from_tier"], found[3][1]["ticket"]["tier"]) == (1, 2)
    assert [(each.due_at - each.created_at) for each in log(database)] == [
        announcing.HELD * is_held for is_held in (0, 1, 0, 0, 1, 0, 0)
    ]
    assert announcing.HELD >= UNDO
    everything = " ".join(each.payload + each.fault for each in log(database))
    for private in ("Anna", "anna@", "Mia", "Guten", "geht", "schwierig", "Neustart", "print", token):
        assert private not in everything


def test_what_is_taken_back_is_not_told(database: Database) -> None:
    """Also on duplicates; what has been told by then stays told."""
    hook(database)
    mia, first, other = hire(database), opened(database), opened(database)
    letters = Letters("https://help.example.org", "Help", "UTC")
    Merging(database, Posting(letters, "help.example.org")).merge(mia, other, first, NOW)
    desk(database).work(mia, first, Action.REPLY, at(1), text="Hello")
    desk(database).retract(mia, first, at(2))
    desk(database).work(mia, first, Action.SOLVE, at(3), text="So.", resolution=Resolution.ANSWERED)
    solved = names(database)
    desk(database).retract(mia, first, at(4))

    assert solved == ["request.created"] * 2 + ["request.solved"] * 2
    assert names(database) == ["request.created"] * 2


def test_spam_is_told_when_it_turns_out_to_be_none(database: Database) -> None:
    """Until then nobody hears of it, whoever writes."""
    hook(database)
    number = opened(database, status=Status.SPAM)
    work(database, number, Action.REQUESTER_REPLY)
    before = names(database)
    work(database, number, Action.REOPEN)

    assert (before, names(database)) == ([], ["request.created"])


def test_the_same_is_written_once_and_with_what_happens(database: Database) -> None:
    """A transaction that fails announces nothing; the same key is one delivery for each webhook."""
    hook(database)
    hook(database, name="Other")

    def announce_and_fail() -> None:
        with database.write() as connection:
            announcing.announce(connection, About.GAP_OPENED, "a", "en", {}, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        announce_and_fail()
    with database.write() as connection:
        for key in ("a", "a", "b"):
            announcing.announce(connection, About.GAP_OPENED, key, "en", {}, NOW)

    assert len(log(database)) == 4
    assert len({json.loads(each.payload)["id"] for each in log(database)}) == 2


def test_articles_are_told_when_readers_see_something_new(folder: Folder, tmp_path: Path) -> None:
    """The first time nothing; then what is new, changed or stale, in the database's order; drafts never."""
    database = database_at(tmp_path / "portal.db")
    hook(database)
    said = Articles(database)
    assert said.announce(folder.edition, NOW) == 0
    source = folder.edition.knowledge.articles["en", "printer-offline"].fingerprint
    write_article(folder.articles, "de", "printer-offline", "Der Drucker", "Neu.", topic="devices", source=source)
    write_article(folder.articles, "en", "draft", "Not yet", status="draft")
    folder.publish()
    assert [said.announce(folder.edition, after(hours=1)), said.announce(folder.edition, after(hours=2))] == [1, 0]
    write_article(folder.articles, "en", "printer-offline", "The printer", "Another text.", topic="devices")
    folder.publish()
    Articles(database).announce(folder.edition, after(hours=3))
    (folder.articles / "en" / "vpn-only-english.md").write_text("---\ntitle: [\n---\n", encoding="utf-8")
    folder.publish()
    said.announce(folder.edition, after(hours=4))
    database.close()

    found = [(name, s["article"]["language"], s["article"]["slug"], s.get("is_new")) for name, s in events(database)]
    assert found == [
        ("article.published", "de", "printer-offline", False),
        ("article.stale", "de", "printer-offline", None),
        ("article.published", "en", "printer-offline", False),
    ]
    assert events(database)[0][1]["article"]["url"] == "/de/articles/printer-offline"


def test_a_machine_that_has_not_got_the_newest_articles_says_nothing(folder: Folder, tmp_path: Path) -> None:
    """With one database for several, each change is said once; a clock that was wrong keeps nobody silent."""
    database = database_at(tmp_path / "portal.db")
    hook(database)
    knowledge = folder.edition.knowledge
    printer = knowledge.articles["en", "printer-offline"]

    def at_one(hours: int, text: str) -> Edition:
        """What one machine shows whose articles were published then."""
        articles = {**knowledge.articles, ("en", "printer-offline"): replace(printer, fingerprint=text)}
        made = KnowledgeBase(f"{after(hours=hours):%Y%m%dT%H%M%S}-{text}", articles, knowledge.topics, "en")
        return cast(Edition, SimpleNamespace(knowledge=made))

    old, new, wrong = at_one(0, "old"), at_one(1, "new"), at_one(100, "wrong")
    Articles(database).announce(old, after(hours=1))
    first, other = Articles(database), Articles(database)
    told = [first.announce(new, after(hours=2)), other.announce(old, after(hours=3))]
    told += [first.announce(new, after(hours=4)), other.announce(new, after(hours=5))]
    told += [first.announce(wrong, after(hours=6)), other.announce(at_one(7, "mended"), after(hours=7))]
    database.close()

    assert told == [1, 0, 0, 0, 1, 1]
    assert [said["article"]["fingerprint"] for _, said in events(database)] == ["new", "wrong", "mended"]


def documented() -> dict[str, Any]:
    """The examples of the documentation, by event."""
    text = (REPOSITORY / "docs" / "webhooks.md").read_text(encoding="utf-8")
    found = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    return {each["type"]: each for each in found if "type" in each}


def shape(value: Any) -> Any:
    """The names in a message, without its values."""
    return {name: shape(each) for name, each in sorted(value.items())} if isinstance(value, dict) else None


def test_the_documentation_shows_every_event_as_it_is(database: Database, folder: Folder) -> None:
    """Nothing is missing in it, and nothing in it is made up."""
    hook(database)
    mia = hire(database)
    gap = told(gaps(database), visitor()).ticket.id
    solve(database, gap, NOW)
    request, _ = receive(database)
    desk(database).work(mia, request.id, Action.REPLY, at(1), text="Hello")
    desk(database).escalate(mia, request.id, 2, "hard", at(3))
    desk(database).work(mia, request.id, Action.SOLVE, at(4), text="So.", resolution=Resolution.ANSWERED)
    Articles(database).announce(folder.edition, NOW)
    with database.write() as connection:
        announcing.test(connection, 1, NOW)
    source = folder.edition.knowledge.articles["en", "printer-offline"].fingerprint
    write_article(folder.articles, "de", "printer-offline", "Neu", "Neu.", topic="devices", source=source)
    write_article(folder.articles, "en", "printer-offline", "New", "New.", topic="devices")
    folder.publish()
    Articles(database).announce(folder.edition, NOW)
    bodies = [json.loads(dispatch(database).message(each.payload)[1]) for each in log(database)]
    sent = {each["type"]: each for each in bodies}

    assert set(sent) == set(documented()) == {*About, TEST}
    for name, example in documented().items():
        assert shape(example) == shape(sent[name]), name
