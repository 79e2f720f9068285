"""Asking: the gap of a search is found or made, and each asking of it counted once."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.chains import SearchEvent
from portal.errors import NotFound, StaleTicket
from portal.lifecycle import apply, asked
from portal.storage import gaps as known
from portal.storage import merging
from portal.storage import tickets as store
from portal.tickets import SYSTEM, UNSOLVED, Action, Event, Kind, Resolution, Status, Ticket

#: Written into the history when a solved gap is asked again; pages show it in the reader's language.
ASKED_AFTER_ANSWER = "asked again after answer"
#: How often a gap is looked for that another process makes or purges at the same moment.
_TRIES = 5


@dataclass(frozen=True)
class Asking:
    """One time, or some times of one day, that a gap was asked."""

    at: datetime
    language: str
    #: Masked.
    wording: str
    #: Hash of session and gap; None where sessions are not told apart.
    session_hash: str | None = None
    times: int = 1


class Askings:
    """Finds, makes and counts gaps within other use cases' transactions.

    Args:
        secret: key of the hashes of sessions.
        reopen: a solved gap asked again within this time opens again; later the search is a new gap.
        pause: ends an attempt; within it a session's repeats are no further occurrence.
    """

    def __init__(self, secret: bytes, reopen: timedelta, pause: timedelta) -> None:
        self._secret = secret
        self._reopen = reopen
        self._pause = pause

    def session_hash(self, session: str) -> str | None:
        """What a session is recorded as; None where there is none."""
        return self._hash("session", session) if session else None

    def asker(self, search: SearchEvent) -> str:
        """What is kept of who asked a gap, from which no two gaps of a session can be linked."""
        if search.session is None:
            return secrets.token_hex(32)  # Nobody is followed; that somebody has asked is known all the same.
        return self._hash("gap", search.session, search.fingerprint or "")

    def _hash(self, *parts: str) -> str:
        """A keyed hash."""
        return hmac.new(self._secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()

    def living(self, connection: Connection, fingerprint: str, now: datetime, lock: bool = False) -> Ticket | None:
        """The gap that a search would count for; None where it would be a new one."""
        try:
            gap = merging.master(connection, store.by_fingerprint(connection, fingerprint, lock), lock)
        except NotFound:
            return None
        return None if self._is_over(gap, now) else gap

    def _is_over(self, gap: Ticket, now: datetime) -> bool:
        """Whether asking again is a new gap: this one is closed, or was solved long ago."""
        is_long_solved = gap.solved_at is not None and now - gap.solved_at > self._reopen
        return gap.status is Status.CLOSED or (gap.status is Status.SOLVED and is_long_solved)

    def open(self, connection: Connection, new: Ticket, search: SearchEvent, now: datetime) -> tuple[Ticket, bool]:
        """Find the gap of a fingerprint, or make it; nothing is counted yet.

        The unique fingerprint makes it one ticket also when several processes are asked at once.

        Args:
            connection: of a write transaction.
            new: the gap where there is none, see `gap_of`.
            search: that it is for.
            now: aware, UTC.

        Returns:
            The gap, locked, and whether it was made just now.
        """
        for _ in range(_TRIES):
            try:
                found = store.by_fingerprint(connection, new.fingerprint or "", lock=True)
                # What was merged into another gap counts for that one.
                gap = merging.master(connection, found, lock=True)
                if not self._is_over(gap, now):
                    return gap, False
                store.save(connection, replace(found, fingerprint=None))
            except NotFound:
                pass
            number = store.create(connection, new)
            if number is not None:
                store.record(
                    connection,
                    number,
                    Event(now, Action.OPENED, SYSTEM, None, Status.NEW, details=_details(new, search)),
                )
                return replace(new, id=number), True
        raise StaleTicket("a gap comes and goes")

    def ask(self, connection: Connection, gap: Ticket, search: SearchEvent, now: datetime) -> Ticket:
        """Count a search for its gap, which is locked; the same attempt of the same session counts once."""
        asker = self.asker(search)
        asked = known.asked_at(connection, asker)
        is_same = asked is not None and asked[0] == gap.id and abs(search.at - asked[1]) < self._pause
        if is_same and gap.status is not Status.SOLVED:
            if search.is_returning:
                known.confirm_one(connection, gap.id, now)
            return replace(gap, is_confirmed=gap.is_confirmed or search.is_returning)
        asking = Asking(search.at, search.language, search.query, asker)
        return self.count(connection, gap, [asking], now, is_confirmed=search.is_returning)

    def count(
        self, connection: Connection, gap: Ticket, askings: Sequence[Asking], now: datetime, *, is_confirmed: bool
    ) -> Ticket:
        """Count askings of a gap, which is locked; one that was solved opens again."""
        for asking in askings:
            day = known.day_of(asking.at)
            known.count_occurrence(connection, gap.id, day, asking.language, asking.wording, gap.query, asking.times)
            if asking.session_hash:
                known.remember(connection, asking.session_hash, gap.id, asking.at)
        last = max(asking.at for asking in askings)
        counted = replace(
            gap,
            **asked(gap.occurrences + sum(asking.times for asking in askings)),
            last_asked_at=max(last, gap.last_asked_at or last),
            # What has ended is not kept from being forgotten by being asked.
            updated_at=now if gap.status in UNSOLVED else gap.updated_at,
            is_confirmed=gap.is_confirmed or is_confirmed,
        )
        if gap.status is not Status.SOLVED:
            store.count_again(connection, counted)
            if is_confirmed:
                known.confirm_one(connection, gap.id, now)
            return counted
        note = "" if gap.resolution is Resolution.WITHDRAWN else ASKED_AFTER_ANSWER
        opened, event = apply(counted, Action.REOPEN, now, SYSTEM, note)
        store.save(connection, opened)
        store.record(connection, gap.id, replace(event, is_public=False))
        return replace(opened, version=gap.version + 1)


def gap_of(search: SearchEvent, now: datetime) -> Ticket:
    """The gap of a search, not yet stored and not yet asked."""
    is_foreign = search.code == "U1"
    wanted = (slug for slug, language, _ in search.results if is_foreign and language != search.language)
    return Ticket(
        0, Kind.TRANSLATION if is_foreign else Kind.GAP, Status.NEW, 1, search.language, search.query, now, now, search.query,
        page=f"/{search.language}/search", fingerprint=search.fingerprint, occurrences=0, last_asked_at=search.at,
        code=search.code, slug=next(wanted, ""), topic=search.topic, is_confirmed=search.is_returning, urgency=1, impact=1,
        priority=1,
    )  # fmt: skip


def _details(gap: Ticket, search: SearchEvent) -> dict[str, str]:
    """What the history says of the search that opened a gap."""
    return {
        "language": gap.language,
        "topic": gap.topic,
        "query": gap.query,
        "page": gap.page,
        "code": gap.code,
        "repairs": json.dumps(search.repairs, ensure_ascii=False),
        "results": json.dumps(search.results),
    }
