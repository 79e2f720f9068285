"""What people did to find something, in the database: for some weeks, and for four days with the session."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from portal.chains import Kind, SearchEvent
from portal.queries import Verdict
from portal.storage.schema import search_events as events

#: Numbers in one statement; SQLite takes no more than 32,766.
_SHARE = 1000
#: What is read at once of what one session did: a person does less, and a robot must not fill the memory.
MOST_OF_SESSION = 1000
#: What is read at most of what the searchers of one gap did.
_MOST_DONE = 1000
#: Longest values, in characters: a longer one would fail its whole batch.
_LENGTHS = {"query": 200, "topic": 120, "slug": 120}
_SAME = ("at", "session", "language", "fingerprint", "code", "gap_id", "is_overflow", "is_returning", "seconds")


def _row(event: SearchEvent) -> dict[str, Any]:
    """An event's columns, without its number."""
    is_search = event.kind is Kind.SEARCH
    # Of a vote the table keeps the text's revision as the one result.
    results = ((event.slug, event.language, event.revision),) if event.kind is Kind.VOTE else event.results
    return {
        **{name: getattr(event, name) for name in _SAME},
        **{name: getattr(event, name)[:length] for name, length in _LENGTHS.items()},
        "kind": event.kind.value,
        "verdict": event.verdict.value if event.verdict else None,
        "confidence": event.confidence if is_search else None,
        "total": event.total if is_search else None,
        "repairs": [list(repair) for repair in event.repairs],
        "results": [list(result) for result in results],
        "is_helpful": event.is_helpful,
    }


def _event(row: Mapping[str, Any]) -> SearchEvent:
    """An event from its row."""
    kind = Kind(row["kind"])
    is_vote = kind is Kind.VOTE
    return SearchEvent(
        **{name: row[name] for name in (*_SAME, *_LENGTHS, "id", "is_helpful")},
        kind=kind,
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        confidence=row["confidence"] or 0.0,
        total=row["total"] or 0,
        repairs=tuple((done, text) for done, text in row["repairs"]),
        results=() if is_vote else tuple((slug, language, revision) for slug, language, revision in row["results"]),
        revision=row["results"][0][2] if is_vote and row["results"] else "",
    )


def _events(connection: Connection, where: ColumnElement[bool], lock: bool = False) -> list[SearchEvent]:
    """The events of a condition, oldest first: of very many the newest, or where they are locked the oldest."""
    order = (events.c.at, events.c.id) if lock else (events.c.at.desc(), events.c.id.desc())
    query = select(events).where(where).order_by(*order).limit(MOST_OF_SESSION)
    found = [_event(dict(row)) for row in connection.execute(query.with_for_update() if lock else query).mappings()]
    return found if lock else found[::-1]


def _shares(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Numbers in parts that a statement takes; always in the same order, so that two writers do not lock each other."""
    ordered = sorted(ids)
    return (ordered[start : start + _SHARE] for start in range(0, len(ordered), _SHARE))


def add(connection: Connection, added: Sequence[SearchEvent]) -> None:
    """Store events; their numbers are not looked at. What is too long for its column is cut."""
    if added:
        connection.execute(insert(events), [_row(event) for event in added])


def of_session(connection: Connection, session: str, since: datetime) -> list[SearchEvent]:
    """What a session did from a time on, oldest first."""
    return _events(connection, (events.c.session == session) & (events.c.at >= since))


def ended(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Sessions that have done nothing since a time and of which something has not been judged; longest ago first."""
    # Not `IS NULL`: SQLite would walk through all that never had a session instead of one day's sessions in order.
    is_unjudged = (events.c.session > "") & (func.coalesce(events.c.chain, "") == "")
    last = func.max(events.c.at)
    query = select(events.c.session).where(is_unjudged).group_by(events.c.session).having(last < before)
    return list(connection.execute(query.order_by(last, events.c.session).limit(limit)).scalars())


def unjudged(connection: Connection, session: str) -> list[SearchEvent]:
    """What a session did that has not been judged, oldest first, locked until the write transaction ends.

    A second process waits here for the first, and then finds nothing left.
    """
    return _events(connection, (events.c.session == session) & events.c.chain.is_(None), lock=True)


def close(connection: Connection, ids: Sequence[int], chain: str) -> None:
    """Mark events as one chain that has been judged."""
    for share in _shares(ids):
        connection.execute(update(events).where(events.c.id.in_(share)).values(chain=chain))


def set_gap(connection: Connection, ids: Sequence[int], gap_id: int) -> None:
    """Mark searches as those of a gap."""
    for share in _shares(ids):
        connection.execute(update(events).where(events.c.id.in_(share)).values(gap_id=gap_id))


def forget_sessions(connection: Connection, before: datetime) -> int:
    """Forget whose the events before a time were; of how many. What another process has locked is left for later."""
    is_old = (events.c.session > "") & (events.c.at < before)
    old = select(events.c.id).where(is_old).order_by(events.c.id).with_for_update(skip_locked=True)
    return connection.execute(update(events).where(events.c.id.in_(old)).values(session=None)).rowcount


def of_gap(connection: Connection, gap_id: int, limit: int = 50) -> list[SearchEvent]:
    """The searches of a gap, newest first, each followed by what was done after it.

    Args:
        connection: of any transaction.
        gap_id: number of the gap.
        limit: how many searches at most.

    Returns:
        After each search, oldest first, what was opened, read and voted on in its chain, or by its session where the
        chain has not ended, up to the next search of any kind: that is another question.
    """
    is_asked = (events.c.gap_id == gap_id) & (events.c.kind == Kind.SEARCH.value)
    query = select(events).where(is_asked).order_by(events.c.at.desc(), events.c.id.desc()).limit(limit)
    searches = [dict(row) for row in connection.execute(query).mappings()]
    # By the attempt that it belongs to: a chain, or a session whose chain has not ended.
    attempts = {_attempt(row) for row in searches} - {(None, None)}
    followed: dict[int, list[SearchEvent]] = {row["id"]: [] for row in searches}
    latest: dict[tuple[str | None, str | None], int] = {}
    for row in _done(connection, sorted(attempts, key=str)) if attempts else ():
        if row["kind"] == Kind.SEARCH.value:
            latest[_attempt(row)] = row["id"]
        elif (search := latest.get(_attempt(row))) in followed:
            followed[search].append(_event(row))
    return [event for row in searches for event in (_event(row), *followed.get(row["id"], ()))]


def _attempt(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """What says which events belong together."""
    return (row["chain"], None) if row["chain"] else (None, row["session"])


def _done(connection: Connection, attempts: list[tuple[str | None, str | None]]) -> list[dict[str, Any]]:
    """What was searched, opened, read and voted on in some attempts, oldest first; of very much the newest."""
    chains = [chain for chain, _ in attempts if chain]
    sessions = [session for _, session in attempts if session]
    is_theirs = or_(events.c.chain.in_(chains), events.c.session.in_(sessions) & events.c.chain.is_(None))
    is_done = events.c.kind.in_([Kind.SEARCH.value, Kind.OPEN.value, Kind.READ.value, Kind.VOTE.value])
    query = select(events).where(is_theirs & is_done).order_by(events.c.at.desc(), events.c.id.desc())
    return [dict(row) for row in connection.execute(query.limit(_MOST_DONE)).mappings()][::-1]
