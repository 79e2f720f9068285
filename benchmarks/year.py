"""A year of a busy help centre, the same for the same seed: tickets with their histories, searches, and sums by day."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from benchmarks.desk import NOTHING, PASSWORD, WORDS, sentence
from portal.chains import Kind as Deed
from portal.daily.sources import MEASURES, Source
from portal.locales import CODES
from portal.people import Person, Role
from portal.queries import Verdict
from portal.services import Services
from portal.storage import Database, facts
from portal.storage.facts import Counted, Key, Mark, Measures
from portal.storage.schema import (
    article_views,
    daily_articles,
    daily_facts,
    events,
    form_sessions,
    search_events,
    tickets,
    votes,
)
from portal.tickets import Action, Kind, Resolution, Status

#: Signs in to look at the reports.
SUPERVISOR = "mia@example.org"
#: Of how many days single searches are kept.
RAW_DAYS = 30
#: What is no longer there of the days before these.
_REPEATED = (Source.SEARCHES, Source.VISITS, Source.VOTES, Source.FORMS)
#: Rows that are inserted at once.
_BATCH = 20_000
#: How much is asked in each language, and of how many requests each tier is the last.
_LANGUAGES, _TIERS = (45, 15, 25, 15), (75, 18, 6, 1)

_WORDS = {language: words.split() for language, words in WORDS.items()}

Rows = list[dict[str, Any]]
Topics = Mapping[str, str]


def make_year(
    portal: Services, days: int = 365, searches: int = 10_000, requests: int = 240, gaps: int = 60, seed: int = 7
) -> None:
    """Fill an empty database that `prepare` has made.

    What happened to tickets is written and counted for every day. Single searches are written for the last days only;
    what these are counted as stands for the days before, too, so that there is no seam.

    Args:
        portal: with articles that have been published; its clock says when the year ends.
        days: how many, today among them.
        searches: on a day, in the mean.
        requests: on a day, in the mean.
        gaps: that are opened on a day, in the mean.
        seed: of all that is drawn.
    """
    now = portal.clock()
    topics = {slug: item.article.topic for (_language, slug), item in portal.edition.knowledge.articles.items()}
    staff = _staff(portal, now)
    database, draw = portal.database, random.Random(seed)
    first = now.date() - timedelta(days=days - 1)
    numbers = count(1)
    for past in range(days):
        day = first + timedelta(days=past)
        volume = draw.uniform(0.8, 1.2) * (0.4 if day.weekday() >= 5 else 1.2)  # Weekends are quiet.
        many = round(requests * volume), round(gaps * volume)
        _write_tickets(database, draw, day, numbers, many, topics, staff, now)
        _write_views(database, draw, day, round(searches * volume), topics)
        if days - past <= RAW_DAYS:
            _write_searches(database, random.Random(f"{seed} {day}"), day, round(searches * volume), topics, now)
            _write_forms(database, random.Random(f"{seed} {day}"), day, many[0], now)
    portal.daily.count_all(now)
    _repeat(database, draw, first, now)


def _staff(portal: Services, now: datetime) -> list[int]:
    """A supervisor, and the numbers of twenty agents."""
    everybody = [("Mia Lindt", SUPERVISOR, Role.SUPERVISOR)]
    everybody += [(f"Agent {number}", f"agent{number}@example.org", Role.AGENT) for number in range(1, 21)]
    found = []
    for name, email, role in everybody:
        person = Person(0, email, name, frozenset({role}), (1, 2, 3, 4), CODES)
        found.append(portal.staff.add(person, PASSWORD if role is Role.SUPERVISOR else f"{PASSWORD}-{email}", now).id)
    return found[1:]


def _insert(database: Database, table: Table, rows: Rows) -> None:
    """Store many rows."""
    for start in range(0, len(rows), _BATCH):
        with database.write() as connection:
            connection.execute(insert(table), rows[start : start + _BATCH])


def _moments(draw: random.Random, day: date, many: int) -> list[datetime]:
    """Times of a day in order, most of them between eight and six."""
    begin = datetime.combine(day, time(), UTC)
    return sorted(begin + timedelta(minutes=min(1439.0, max(0.0, draw.gauss(780, 200)))) for _ in range(many))


def _write_tickets(
    database: Database,
    draw: random.Random,
    day: date,
    numbers: Iterator[int],
    many: tuple[int, int],
    topics: Topics,
    staff: Sequence[int],
    now: datetime,
) -> None:
    """The requests and gaps that came on a day, with all that happened to them since."""
    made: Rows = []
    lines: Rows = []
    slugs = sorted(topics)
    for at in _moments(draw, day, sum(many)):
        number, language, slug = next(numbers), draw.choices(CODES, _LANGUAGES)[0], draw.choice(slugs)
        if at > now:
            break
        is_request = draw.random() * sum(many) < many[0]
        words = _WORDS[language]
        ticket = NOTHING | {
            "id": number, "kind": (Kind.REQUEST if is_request else Kind.GAP).value, "status": "new", "tier": 1,
            "language": language, "subject": sentence(draw, words, 5), "description": "", "requester_name": "",
            "requester_email": "", "owner_id": None, "owner_name": "", "resolution": None, "solved_at": None,
            "closed_at": None, "created_at": at, "updated_at": at, "version": 1, "clocked": 1, "searched": 1,
            "code": "" if is_request else "U0", "is_confirmed": is_request or draw.random() < 0.7, "priority": 3,
            "is_major": False, "topic": topics[slug] if draw.random() < 0.8 else "", "due_at": None,
        }  # fmt: skip
        if is_request:
            read = {"kind": "article", "text": slug, "language": language, "slug": slug}
            trail = [read | {"at": (at - timedelta(minutes=9)).isoformat()}] if draw.random() < 0.4 else []
            ticket |= {
                "description": sentence(draw, words, 8), "requester_name": "Anna Nowak", "trail": trail,
                "requester_email": f"person{draw.randrange(5000)}@example.org",
            }  # fmt: skip
        course = (
            _of_request(draw, at, draw.choice(staff)) if is_request else _of_gap(draw, at, draw.choice(staff), slug)
        )
        lines += _happened(ticket, course, now)
        made.append(ticket)
    _insert(database, tickets, made)
    _insert(database, events, lines)


#: What happens to a ticket: when, what, which status follows, by whom, and what else is known.
_Deed = tuple[datetime, Action, Status, int | None, dict[str, str]]


def _of_request(draw: random.Random, at: datetime, agent: int) -> Iterator[_Deed]:
    """The course of a request."""

    def later(mean: float) -> datetime:
        return at + timedelta(minutes=1 + draw.expovariate(1 / mean))

    tier, last = 1, draw.choices((1, 2, 3, 4), _TIERS)[0]
    yield (at := later(20)), Action.TAKE, Status.OPEN, agent, {}
    while tier < last:
        yield (at := later(90)), Action.ESCALATE, Status.OPEN, agent, {"from": str(tier), "to": str(tier + 1)}
        tier += 1
    yield (at := later(40)), Action.REPLY, Status.OPEN, agent, {}
    if draw.random() < 0.4:
        yield (at := later(30)), Action.ASK_REQUESTER, Status.WAITING_REQUESTER, agent, {}
        yield (at := later(600)), Action.REQUESTER_REPLY, Status.OPEN, None, {}
    solved = {"resolution": Resolution.ANSWERED.value}
    yield (at := later(400)), Action.SOLVE, Status.SOLVED, agent, solved
    if draw.random() < 0.06:
        yield (at := later(900)), Action.REQUESTER_REPLY, Status.OPEN, None, {}
        yield (at := later(300)), Action.SOLVE, Status.SOLVED, agent, solved
    yield (at := at + timedelta(days=5)), Action.CLOSE, Status.CLOSED, None, {}
    if draw.random() < 0.5:
        yield (at := later(60)), Action.SURVEY, Status.CLOSED, None, {}
        if draw.random() < 0.3:
            stars = str(draw.choices(range(1, 6), (5, 6, 14, 35, 40))[0])
            yield (at := later(900)), Action.RATE, Status.CLOSED, None, {"stars": stars}


def _of_gap(draw: random.Random, at: datetime, agent: int, slug: str) -> Iterator[_Deed]:
    """The course of a gap: half of them are answered with an article."""
    at += timedelta(minutes=30 + draw.expovariate(1 / 4000))
    yield at, Action.TAKE, Status.OPEN, agent, {}
    at += timedelta(minutes=5 + draw.expovariate(1 / 600))
    proof = {"resolution": Resolution.ARTICLE_WRITTEN.value, "slug": slug, "rank": "1"}
    refused = {"resolution": Resolution.OUT_OF_SCOPE.value}
    yield at, Action.SOLVE, Status.SOLVED, agent, draw.choice((proof, refused))


def _happened(ticket: dict[str, Any], course: Iterator[_Deed], now: datetime) -> Iterator[dict[str, Any]]:
    """The lines of a ticket's history until now; the ticket is brought to where they lead."""
    same = {"ticket_id": ticket["id"], "text": "", "is_public": False, "actor_name": "", "details": {}}
    yield same | {"at": ticket["created_at"], "action": "opened", "person_id": None, "before": None, "after": "new"}
    for at, action, after, person, details in course:
        if at > now:
            return
        line = {"at": at, "action": action.value, "person_id": person, "before": ticket["status"], "details": details}
        yield same | line | {"after": after.value, "actor_name": f"Agent {person}" if person else ""}
        ticket |= {"status": after.value, "updated_at": at, "version": ticket["version"] + 1}
        ticket["clocked"] = ticket["searched"] = ticket["version"]
        if action is Action.ESCALATE:
            ticket["tier"] = int(details["to"])
        if action is Action.SOLVE:
            ticket |= {"solved_at": at, "resolution": details["resolution"], "slug": details.get("slug", "")}
        if action is Action.CLOSE:
            ticket["closed_at"] = at


def _write_views(database: Database, draw: random.Random, day: date, searches: int, topics: Topics) -> None:
    """How often each article was opened on a day."""
    rows: Rows = []
    for language, share in zip(CODES, _LANGUAGES, strict=True):
        for place, slug in enumerate(sorted(topics), 1):
            views = int(searches * 0.8 * share / 100 / place / 4.5 * draw.uniform(0.6, 1.4))
            if views:
                rows.append({"day": day, "language": language, "slug": slug, "views": views})
    _insert(database, article_views, rows)


def _write_searches(
    database: Database, draw: random.Random, day: date, many: int, topics: Topics, now: datetime
) -> None:
    """What people did on a day: searches, what they opened and read, votes; attempts that have ended have chains."""
    rows: Rows = []
    slugs = sorted(topics)
    for number, at in enumerate(_moments(draw, day, int(many / 1.25))):
        language = draw.choices(CODES, _LANGUAGES)[0]
        name = f"{day:%y%m%d}{number:08x}".ljust(32, "0")
        same: dict[str, Any] = {
            "session": name.ljust(64, "0"), "chain": name if at < now - timedelta(minutes=30) else None,
            "language": language, "query": "", "topic": "", "fingerprint": None, "verdict": None, "confidence": None,
            "total": None, "code": "", "repairs": [], "results": [], "gap_id": None, "is_overflow": False,
            "is_returning": True, "slug": "", "seconds": None, "is_helpful": None,
        }  # fmt: skip
        rows += (same | row for row in _attempt(draw, at, language, slugs, topics) if row["at"] <= now)
    _insert(database, search_events, rows)
    voted = [row for row in rows if row["kind"] == Deed.VOTE.value]
    opinion: dict[str, Any] = {"reason": None, "comment": "", "revision": "0123456789abcdef"}
    same_in_both = ("at", "slug", "language", "is_helpful")
    _insert(
        database, votes, [opinion | {k: row[k] for k in same_in_both} | {"voter_hash": row["session"]} for row in voted]
    )


def _write_forms(database: Database, draw: random.Random, day: date, requests: int, now: datetime) -> None:
    """How the request forms of a day ended."""
    rows: Rows = []
    for outcome, share in (("shown", 0.4), ("solved", 0.2), ("sent", 0.8)):
        for number, at in enumerate(_moments(draw, day, round(requests * share))):
            row = {"form_hash": f"{day}{outcome}{number}", "at": at, "outcome": outcome, "slug": ""}
            if at <= now:
                rows.append(row | {"language": draw.choices(CODES, _LANGUAGES)[0]})
    _insert(database, form_sessions, rows)


def _attempt(
    draw: random.Random, at: datetime, language: str, slugs: list[str], topics: Topics
) -> Iterator[dict[str, Any]]:
    """What one person did: one search or several, until something is opened, or nothing."""
    while True:
        found = draw.sample(slugs, min(10, len(slugs)))
        verdict = draw.choices((Verdict.ANSWERED, Verdict.UNCERTAIN, Verdict.UNANSWERED), (75, 17, 8))[0]
        hits = 0 if verdict is Verdict.UNANSWERED and draw.random() < 0.6 else 10
        query = sentence(draw, _WORDS[language], 2)
        yield {
            "at": at, "kind": Deed.SEARCH.value, "query": query, "fingerprint": query.replace(" ", "")[:32],
            "verdict": verdict.value, "total": hits,
            "topic": topics[found[0]] if draw.random() < 0.1 else "",
            "code": "U0" if verdict is Verdict.UNANSWERED else "",
            "results": [[slug, language, "0123456789abcdef"] for slug in found[:hits]],
        }  # fmt: skip
        at += timedelta(seconds=40)
        if hits and draw.random() < 0.6:
            break
        if draw.random() < 0.7:
            return
    article = {"slug": found[min(len(found) - 1, int(draw.expovariate(0.6)))]}
    yield {"at": at, "kind": Deed.OPEN.value, **article}
    at += timedelta(seconds=draw.expovariate(1 / 60))
    yield {"at": at, "kind": Deed.READ.value, "seconds": int(draw.expovariate(1 / 60)), **article}
    if draw.random() < 0.1:
        yield {"at": at, "kind": Deed.VOTE.value, "is_helpful": draw.random() < 0.8, **article}
    if draw.random() < 0.02:
        yield {"at": at, "kind": Deed.REQUEST.value}


def _repeat(database: Database, draw: random.Random, first: date, now: datetime) -> None:
    """Let the days whose searches are no longer there come to what a late day of the same name came to."""
    today = now.date()
    last = {day: today - timedelta(days=day) for day in range(2, RAW_DAYS)}  # Days that are over, four of each name.
    with database.read() as connection:
        known = {
            day: {source: _counted(connection, MEASURES[source], day) for source in _REPEATED} for day in last.values()
        }
    day = first
    while day <= today - timedelta(days=RAW_DAYS):
        like = draw.choice([late for late in known if late.weekday() == day.weekday()])
        with database.write() as connection:
            for source, counted in known[like].items():
                facts.put(connection, source, MEASURES[source], None, Mark(day, now, is_final=True), counted)
        day += timedelta(days=1)


def _counted(connection: Connection, measures: Measures, day: date) -> Counted:
    """What a day was counted as, without the sums of it."""
    mine, articles = daily_facts.c, daily_articles.c
    rows = select(mine.measure, mine.language, mine.topic, mine.tier, mine.value).where(
        mine.day == day, mine.measure.in_(measures.facts), mine.language != facts.ALL, mine.topic != facts.ALL
    )
    found = Counted()
    for *key, value in connection.execute(rows):
        found.facts[Key(*key)] = value
    of_articles = select(articles.measure, articles.language, articles.slug, articles.value).where(
        articles.day == day, articles.measure.in_(measures.articles)
    )
    for measure, language, slug, number in connection.execute(of_articles):
        found.articles[measure, language, slug] = number
    return found
