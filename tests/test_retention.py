"""What is forgotten in time and what is kept of it; everything of one person, told and forgotten."""

import json
import multiprocessing
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, insert, select, update

from portal import chains, retention
from portal.budgets import Budgets
from portal.chains import SearchEvent
from portal.cli import main
from portal.gaps import GapRules, Gaps
from portal.locales import CODES
from portal.queries import Verdict
from portal.settings import Settings
from portal.storage import Database, personal, searches
from portal.storage import retention as store
from portal.storage import schema as s
from portal.storage import tickets as ticket_store
from portal.tickets import Action, Actor, Callback, Event, Kind, Resolution, Status
from tests.builders import NOW, ticket

OLD, YOUNG = NOW - timedelta(days=40), NOW - timedelta(days=3)
FORM_OUTCOMES = ("shown", "solved", "sent")


@dataclass
class Periods:
    """How long things are kept."""

    event_days: int = 30
    doubt_days: int = 7
    unconfirmed_days: int = 14
    request_months: int = 12


@dataclass
class Parts:
    """The parts of a portal that forgetting needs."""

    database: Database
    settings: Periods = field(default_factory=Periods)

    @property
    def gaps(self) -> Gaps:
        budgets = Budgets("memory://", session=1, network=1, anonymous=1, total=1)
        return Gaps(self.database, b"s" * 32, budgets, GapRules(unconfirmed_days=self.settings.unconfirmed_days))


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything in every table."""
    with database.read() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in s.metadata.sorted_tables
        }


def dump(database: Database) -> str:
    """Every text of every table, in lower case."""
    return json.dumps(rows(database), ensure_ascii=False, default=str).lower()


def put(database: Database, table: Any, **values: Any) -> int:
    """A row; its number."""
    with database.write() as connection:
        key = connection.execute(insert(table).values(**values)).inserted_primary_key
        assert key is not None
        return key[0]  # type: ignore[no-any-return]


def request(database: Database, **changes: Any) -> int:
    """A stored request of Zoé Dupont with a history; her name and address stand everywhere."""
    made = ticket(
        **{
            "subject": "Zoé Dupont cannot print",
            "query": "imprimante zoé dupont",
            "page": "/fr/search",
            "description": "I am Zoé Dupont, ZOE@example.org",
            "requester_name": "Zoé Dupont",
            "requester_email": "zoe@example.org",
            "phone": "01 23 45 67 89",
            "callback": Callback.MORNING,
            "resolution_text": "Dear Zoé Dupont, done",
            "trail": ({"kind": "search", "text": "zoé dupont drucker", "language": "fr", "at": NOW.isoformat()},),
            **changes,
        }
    )
    with database.write() as connection:
        number = ticket_store.create(connection, made, f"{random.randrange(16**12):064x}") or 0
        opened = Event(NOW, Action.OPENED, Actor(name=made.requester_name), None, Status.NEW, "I am Zoé Dupont", True)
        failed = {"recipient": "zoe@example.org", "language": "fr"}
        for event in (
            replace(opened, details={"language": "fr"}),
            replace(opened, action=Action.REPLY, actor=Actor(None, "Mia Lindt"), text="Dear Zoé Dupont"),
            replace(opened, action=Action.MAIL_FAILED, actor=Actor(), text="", details=failed),
            replace(opened, action=Action.RATE, text="zoe@example.org is glad", details={"stars": "5"}),
        ):
            ticket_store.record(connection, number, event)
    return number


def posted(database: Database, key: str, **changes: Any) -> int:
    """A stored mail."""
    values: dict[str, Any] = {
        "ticket_id": None, "recipient": "other@example.org", "recipient_name": "", "language": "fr",
        "message_id": f"<{key}@localhost>", "headers": {}, "subject": "s", "text": "", "html": "", "created_at": OLD,
        "state": "sent", "due_at": OLD, "attempts": 1, "ended_at": OLD, "fault": "",
    }  # fmt: skip
    return put(database, s.outbox, key=key, **{**values, **changes})


def happened(at: datetime, kind: chains.Kind, language: str = "en", **changes: Any) -> SearchEvent:
    """An event."""
    return SearchEvent(at, kind, language, **changes)


def random_events(seed: int, days: int, chosen: int) -> list[tuple[SearchEvent, str | None]]:
    """Events with their chains, of some days that end a month ago; chains may run over midnight."""
    draw = random.Random(seed)
    made: list[tuple[SearchEvent, str | None]] = []
    for number in range(chosen):
        at = NOW.replace(hour=0, minute=0) - timedelta(days=32 + draw.randrange(days), minutes=-draw.randrange(1440))
        language, chain = draw.choice(CODES), draw.choice((f"{seed:016x}{number:016x}", None))
        verdict = draw.choice(list(Verdict))
        code = draw.choice(("U0", "U1")) if verdict is Verdict.UNANSWERED else ""
        search = happened(at, chains.Kind.SEARCH, language, query=f"q{number}", fingerprint=f"{number:032x}",
                          verdict=verdict, total=draw.choice((0, 3)), code=code)  # fmt: skip
        made.append((search, chain))
        for kind in draw.sample(list(chains.Kind)[1:5], draw.randrange(4)):
            at += timedelta(seconds=draw.randrange(1, 1500))
            made.append(
                (
                    happened(at, kind, language, slug="vpn", seconds=draw.choice((5, 30, 90)),
                             is_helpful=draw.choice((True, False))),
                    chain,
                )
            )  # fmt: skip
    return made


def keep(database: Database, made: list[tuple[SearchEvent, str | None]]) -> None:
    """Store events with their chains."""
    with database.write() as connection:
        searches.add(connection, [event for event, _ in made])
        numbers = connection.execute(select(s.search_events.c.id).order_by(s.search_events.c.id)).scalars().all()
        for number, (_, chain) in zip(numbers[-len(made) :], made, strict=True):
            connection.execute(update(s.search_events).where(s.search_events.c.id == number).values(chain=chain))


def counted(made: list[tuple[SearchEvent, str | None]]) -> Counter[tuple[date, str, str]]:
    """What daily counts must be, worked out anew."""
    sums: Counter[tuple[date, str, str]] = Counter()
    grouped: dict[str, list[SearchEvent]] = {}
    for event, chain in made:
        names = {
            chains.Kind.SEARCH: ["searches", f"searches.{event.verdict}", f"searches.{event.code}"],
            chains.Kind.OPEN: ["opens"],
            chains.Kind.READ: ["reads_30s"] if (event.seconds or 0) >= 30 else [],
            chains.Kind.VOTE: ["votes.yes" if event.is_helpful else "votes.no"],
            chains.Kind.REQUEST: ["requests"],
        }[event.kind]
        names += ["searches.no_hit"] if event.kind is chains.Kind.SEARCH and event.total == 0 else []
        for name in names:
            if name not in {"searches.", "searches.empty"}:
                sums[event.at.date(), event.language, name] += 1
        if chain:
            grouped.setdefault(chain, []).append(event)
    for chain_events in grouped.values():
        ordered = sorted(chain_events, key=lambda event: event.at)
        outcome = chains.judge(ordered).outcome.value
        sums[ordered[0].at.date(), ordered[0].language, "chains"] += 1
        sums[ordered[0].at.date(), ordered[0].language, f"chains.{outcome}"] += 1
    return sums


def daily(database: Database) -> dict[tuple[date, str, str], int]:
    """The daily counts that are not 0."""
    with database.read() as connection:
        query = select(*(s.daily_counts.c[name] for name in ("day", "language", "measure", "value")))
        return {(row[0], row[1], row[2]): row[3] for row in connection.execute(query) if row[3]}


def everything(database: Database) -> None:
    """Something old and something young of each kind."""
    keep(database, random_events(1, 5, 60))
    keep(database, [(happened(YOUNG, chains.Kind.SEARCH, query="young", verdict=Verdict.ANSWERED, total=1), None)])
    for at in (OLD, YOUNG):
        for outcome in FORM_OUTCOMES:
            put(database, s.form_sessions, form_hash=f"{at}{outcome}", at=at, language="de", outcome=outcome, slug="")
        doubt = {"fingerprint": "f", "code": "U2", "language": "en", "query": "q", "topic": ""}
        put(database, s.doubts, session_hash=str(at), at=at, **doubt)
        posted(database, f"sent {at}", ended_at=at)
        posted(database, f"waiting {at}", state="waiting", created_at=at, ended_at=None, text="token")
        put(database, s.link_requests, number=1, email="a@example.org", language="en", at=at)
        failure = {"account_hash": "a" * 64}
        put(database, s.sign_in_failures, at=at if at == OLD else NOW, **failure)
        query = {"language": "en", "key": str(at), "text": "q", "times": 0, "is_answered": True}
        put(database, s.frequent_queries, last_day=at.date(), **query)
    person = {"name": "Mia", "email": "mia@example.org", "password_hash": "", "roles": [], "tiers": [], "languages": []}
    mia = put(database, s.people, **person, created_at=OLD)
    for hours in (-1, 1):
        ends = NOW + timedelta(hours=hours)
        put(database, s.sessions, key_hash=f"{hours}", person_id=mia, created_at=OLD, expires_at=ends)
    gap = ticket(kind=Kind.GAP, is_confirmed=False, created_at=OLD, updated_at=OLD)
    with database.write() as connection:
        lonely, asked, waited = (ticket_store.create(connection, replace(gap, fingerprint=x)) or 0 for x in "abc")
    subscription = {"email": "sub@example.org", "language": "fr", "created_at": OLD}
    put(database, s.subscriptions, gap_id=asked, token_hash="a", **subscription)
    put(database, s.subscriptions, gap_id=waited, token_hash="b", confirmed_at=OLD, **subscription)
    put(database, s.gap_sessions, session_hash="old", ticket_id=waited, at=OLD)
    put(database, s.gap_sessions, session_hash="young", ticket_id=waited, at=YOUNG)
    assert lonely
    year, month = NOW - timedelta(days=366), NOW - timedelta(days=30)
    for at in (year, month):
        for status, times in (
            (Status.CLOSED, {"closed_at": at}),
            (Status.SOLVED, {"solved_at": at, "resolution": Resolution.ANSWERED}),
            (Status.SPAM, {"updated_at": at}),
            (Status.OPEN, {"updated_at": at}),
        ):
            request(database, status=status, **times)


def test_what_is_old_goes_and_what_is_young_stays(database: Database) -> None:
    """Of each kind as the settings say; a dry run says the same numbers and changes nothing; twice is once."""
    everything(database)
    before = rows(database)

    promised = retention.run(Parts(database), NOW, dry_run=True)
    untouched = rows(database)
    done = retention.run(Parts(database), NOW)
    after = rows(database)
    promised_again = retention.run(Parts(database), NOW, dry_run=True)
    again = retention.run(Parts(database), NOW)

    assert untouched == before
    assert promised == done
    assert set(promised_again.values()) == {0}
    assert set(again.values()) == {0}
    assert rows(database) == after
    assert done.pop("search_events") == len(before["search_events"]) - 1
    assert done == {
        "days": 6, "form_sessions": 3, "doubts": 1, "gap_sessions": 1, "link_requests": 2, "mails": 1,
        "frequent_queries": 1, "sessions": 1, "sign_in_failures": 1, "requests": 3, "subscriptions": 1, "gaps": 2,
    }  # fmt: skip
    assert [row["query"] for row in after["search_events"]] == ["young"]
    assert {row["state"] for row in after["outbox"] if row["ended_at"] == OLD} == set()
    assert sum(row["state"] == "waiting" for row in after["outbox"]) == 2


def test_old_requests_forget_whose_they_were(database: Database) -> None:
    """Those that ended more than a year ago, once; the course of events stays, and others stay whole."""
    everything(database)
    retention.run(Parts(database), NOW)

    with database.read() as connection:
        requests = [
            ticket_store.get(connection, number)
            for number in connection.execute(select(s.tickets.c.id).where(s.tickets.c.kind == "request")).scalars()
        ]
        histories = {found.id: ticket_store.history(connection, found.id) for found in requests}
    nameless = [found for found in requests if not found.requester_email]

    assert sorted(found.status for found in nameless) == [Status.CLOSED, Status.SOLVED, Status.SPAM]
    for found in nameless:
        told = json.dumps([str(found), str(histories[found.id])], ensure_ascii=False).lower()
        assert "zoé" not in told
        assert "dupont" not in told
        assert (found.phone, found.callback, found.trail, found.subject) == ("", None, (), personal.ERASED)
        assert [event.action for event in histories[found.id]][:2] == [Action.OPENED, Action.REPLY]
        assert histories[found.id][3].details == {"stars": "5"}
    assert {found.requester_name for found in requests if found not in nameless} == {"Zoé Dupont"}


def test_a_ticket_that_somebody_works_on_is_not_overwritten(database: Database) -> None:
    """Who read a request before it forgot its requester cannot save that again."""
    number = request(database, status=Status.CLOSED, closed_at=NOW - timedelta(days=400))
    with database.read() as connection:
        read = ticket_store.get(connection, number)

    retention.run(Parts(database), NOW)

    with pytest.raises(Exception, match="has changed"), database.write() as connection:
        ticket_store.save(connection, read)


def test_daily_counts_are_what_an_independent_count_gives(database: Database) -> None:
    """Every measure by day and language, also of chains that run over midnight, in one run or day by day."""
    made = random_events(2, 6, 150)
    keep(database, made)

    for earlier in range(8, -1, -1):  # Each run finds one more day that is old enough.
        retention.run(Parts(database), NOW - timedelta(days=earlier))

    assert daily(database) == counted(made)
    assert rows(database)["search_events"] == []


def test_daily_counts_of_forms(database: Database) -> None:
    """By how each form ended."""
    for number, (language, outcome) in enumerate((("de", "sent"), ("de", "sent"), ("ru", "solved"), ("de", "shown"))):
        values = {"at": OLD, "language": language, "outcome": outcome, "slug": ""}
        put(database, s.form_sessions, form_hash=str(number), **values)

    retention.run(Parts(database), NOW)

    day = OLD.date()
    assert daily(database) == {
        (day, "de", "forms.sent"): 2, (day, "de", "forms.shown"): 1, (day, "ru", "forms.solved"): 1
    }  # fmt: skip


def test_a_day_is_counted_once(database: Database) -> None:
    """Neither what is left of its events nor one that comes late changes its sums."""
    made = random_events(3, 4, 60)
    keep(database, made)
    with database.write() as connection:
        for day in store.uncounted(connection, s.search_events, NOW - timedelta(days=30)):
            store.count_day(connection, s.search_events, day)
        numbers = connection.execute(select(s.search_events.c.id)).scalars().all()
        connection.execute(delete(s.search_events).where(s.search_events.c.id.in_(numbers[::2])))

    retention.run(Parts(database), NOW)
    keep(database, [(replace(made[0][0]), None)])
    retention.run(Parts(database), NOW)

    assert daily(database) == counted(made)
    assert rows(database)["search_events"] == []


def test_a_chain_that_is_not_old_yet_stays_whole(database: Database) -> None:
    """It is counted for the day on which it began, and for that day alone."""
    begin = (NOW - timedelta(days=31)).replace(hour=23, minute=50)
    search = happened(begin, chains.Kind.SEARCH, verdict=Verdict.ANSWERED, total=1)
    opened = happened(begin + timedelta(minutes=20), chains.Kind.OPEN, slug="vpn")
    keep(database, [(search, "c" * 32), (opened, "c" * 32)])

    first = retention.run(Parts(database), NOW)
    second = retention.run(Parts(database), NOW + timedelta(days=1))

    assert (first["search_events"], second["search_events"]) == (0, 2)
    assert sum(value for (_, _, measure), value in daily(database).items() if measure == "chains") == 1


def _die(url: str, when: int) -> None:
    """Forget, and be killed before a transaction commits; `when` says which."""
    database = Database(url)
    commits = 0
    whole = database.write

    def write(patience: float = 5.0) -> Any:
        nonlocal commits
        commits += 1
        if commits > when:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(patience)

    database.write = write  # type: ignore[method-assign]
    retention.run(Parts(database), NOW)


@pytest.mark.parametrize("when", [0, 1, 3, 6, 8, 12, 20])
def test_killed_in_the_middle_the_next_run_ends_it(
    when: int, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever transactions were done, in the end everything is as after one run."""
    monkeypatch.setattr(store, "SHARE", 20)
    monkeypatch.setattr(retention, "SHARE", 1)
    everything(database)
    made = random_events(1, 5, 60)
    database.close()

    process = multiprocessing.get_context("fork").Process(target=_die, args=(database_url, when))
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    retention.run(Parts(database), NOW)
    sums = {key: value for key, value in daily(database).items() if not key[2].startswith("forms.")}
    assert sums == counted(made)
    assert set(retention.run(Parts(database), NOW, dry_run=True).values()) == {0}
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(s.search_events)).scalar_one() == 1


def _run_with_others(url: str, begin: Any) -> None:
    """Forget at the same moment as others."""
    parts = Parts(Database(url))
    begin.wait(30)
    retention.run(parts, NOW)


def test_several_processes_at_once_count_once(database: Database, database_url: str) -> None:
    """None fails, and the sums are those of one."""
    everything(database)
    made = random_events(1, 5, 60)
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(3)
    database.close()

    processes = [context.Process(target=_run_with_others, args=(database_url, begin)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    sums = {key: value for key, value in daily(database).items() if not key[2].startswith("forms.")}
    assert sums == counted(made)
    assert set(retention.run(Parts(database), NOW, dry_run=True).values()) == {0}


@pytest.mark.parametrize(
    ("now", "months", "expected"),
    [
        (datetime(2026, 3, 31, 9, tzinfo=UTC), 1, datetime(2026, 2, 28, 9, tzinfo=UTC)),
        (datetime(2026, 3, 2, tzinfo=UTC), 12, datetime(2025, 3, 2, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), 12, datetime(2023, 2, 28, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 1, datetime(2025, 12, 15, tzinfo=UTC)),
        (datetime(2026, 5, 31, tzinfo=UTC), 120, datetime(2016, 5, 31, tzinfo=UTC)),
    ],
)
def test_months_of_any_length(now: datetime, months: int, expected: datetime) -> None:
    """The same day, or the last one of a shorter month."""
    assert retention._months_before(now, months) == expected


def test_the_commands(instance: Settings) -> None:
    """They say what they did, for people and for scripts, and refuse what is no address in one sentence."""
    database = Database(instance.database)
    number = request(database, status=Status.CLOSED, closed_at=NOW - timedelta(days=4000))
    where = ("--data", str(instance.data), "--articles", str(instance.articles))

    def portal(*arguments: str) -> str:
        done = CliRunner().invoke(main, [*arguments, *where])
        return f"{done.exit_code}\n{done.output}"

    exported = json.loads(portal("privacy", "export", "zoe@example.org").partition("\n")[2])
    promised = portal("privacy", "erase", "zoe@example.org", "--dry-run")
    assert [item["id"] for item in exported["requests"]] == [number]
    assert "         1  requests" in promised
    assert json.loads(portal("privacy", "run", "--dry-run", "--json").partition("\n")[2])["requests"] == 1
    assert portal("privacy", "run").startswith("0\n")
    assert json.loads(portal("privacy", "run", "--json").partition("\n")[2])["requests"] == 0
    assert portal("privacy", "erase", "nobody").startswith("1\nportal: email: invalid_email")
    assert portal("privacy", "erase", "zoe@example.org").startswith("1\n")  # Nobody said yes.
    assert "Nothing is kept" in portal("privacy", "erase", "stranger@example.org", "--yes")
    assert "dupont" not in dump(database)
    database.close()
