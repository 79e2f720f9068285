"""Gaps: searches that nothing answered become tickets, one for each question, however often it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from portal.asking import Asking, Askings, gap_of
from portal.budgets import Budgets
from portal.chains import Kind as Deed
from portal.chains import SearchEvent, Visitor
from portal.judging import Judging
from portal.privacy import mask
from portal.queries import MAX_CHARACTERS, Query, gap_fingerprint
from portal.storage import Database, searches
from portal.storage import gaps as known
from portal.tickets import Kind, Ticket

#: A reader waits no longer than this for their search to be counted, in seconds.
GAP_PATIENCE = 1.0
#: Fingerprint and subject of the one ticket that counts what was over the budgets.
OVERFLOW = "overflow"
#: How long a cookie that comes back confirms what its session asked.
CONFIRMED_WITHIN = timedelta(hours=24)
#: How long it is known at least which searches are of one session: a request so long after an attempt says that it was
#: in vain. When the day has been counted for good, which is up to a day and two hours later, that is forgotten.
SESSION_KEPT = timedelta(hours=72)
#: Sessions of one batch, and searches of each, that are opened after all when their cookies come back.
MOST_BACK, MOST_OF_ONE = 50, 10
_PURGED_AT_ONCE = 500


@dataclass(frozen=True)
class Failed:
    """A search that nothing answered."""

    query: Query
    #: Its terms, without stop words.
    stems: list[str]
    #: U0 where nothing was found, U1 where the answer exists in other languages only.
    code: str
    #: Address of the page that it was typed on, without host and query.
    page: str
    #: What was put right in it, as pairs of kind and text, masked.
    repairs: tuple[tuple[str, str], ...] = ()
    #: What was shown all the same: slug, language and revision, by rank.
    results: tuple[tuple[str, str, str], ...] = ()
    #: Of U1: the article whose translation is wanted.
    slug: str = ""


@dataclass(frozen=True)
class Opened:
    """What came of a search that nothing answered."""

    #: Without a number where it was over the budgets.
    ticket: Ticket
    #: Whether it was the first time.
    is_new: bool
    #: Whether it was over the budgets; it is counted when its event is recorded.
    is_overflow: bool = False


@dataclass(frozen=True)
class GapRules:
    """The times and numbers of the settings that gaps live by."""

    #: A solved gap asked again within so many days opens again; later the search is a new gap.
    reopen_days: int = 30
    #: For so many days a gap is kept that perhaps no person asked.
    unconfirmed_days: int = 14
    #: A pause of so many minutes ends an attempt; within it a session's repeats are no further occurrence.
    chain_minutes: int = 30
    #: So many different sessions must doubt the results of a question, within so many days, for a gap.
    doubt_sessions: int = 3
    doubt_days: int = 7


class Gaps:
    """The use cases of gaps.

    Args:
        database: where they are.
        secret: key of the hashes of sessions.
        budgets: of new gaps.
        rules: in force.
    """

    def __init__(self, database: Database, secret: bytes, budgets: Budgets, rules: GapRules) -> None:
        self._database = database
        self._budgets = budgets
        self._unconfirmed = timedelta(days=rules.unconfirmed_days)
        reopen, pause = timedelta(days=rules.reopen_days), timedelta(minutes=rules.chain_minutes)
        self._askings = Askings(secret, reopen, pause)
        self._judging = Judging(
            database,
            self._askings,
            budgets,
            chain_minutes=rules.chain_minutes,
            doubt_sessions=rules.doubt_sessions,
            doubt_days=rules.doubt_days,
        )

    def session_hash(self, session: str) -> str | None:
        """What a session is recorded as; None where there is none."""
        return self._askings.session_hash(session)

    def report(self, failed: Failed, visitor: Visitor, now: datetime) -> Opened | None:
        """Open a gap at L1 for a search that nothing answered, or count that it was asked again.

        Who repeats a search within the same attempt is not counted again. Of those whose cookie has not come back some
        from each network and half an hour are counted, see `budgets.REPEATS`.

        Args:
            failed: the search; its words are masked before anything is stored.
            visitor: who searched.
            now: aware, UTC.

        Returns:
            The gap; None where the search has no words.

        Raises:
            OperationalError: the database is locked or gone.
        """
        if not failed.stems:
            return None
        query = failed.query
        fingerprint = gap_fingerprint(query.language, failed.stems, query.topic)
        search = SearchEvent(
            now, Deed.SEARCH, query.language, self.session_hash(visitor.session), mask(query.text)[:MAX_CHARACTERS],
            query.topic or "", fingerprint, code=failed.code, repairs=failed.repairs, results=failed.results,
            is_returning=visitor.is_returning,
        )  # fmt: skip
        who = replace(visitor, session=search.session or "")
        new = replace(gap_of(search, now), page=failed.page, slug=failed.slug)
        with self._database.read() as connection:
            gap = self._askings.living(connection, fingerprint, now)
        is_counted = visitor.is_returning
        if gap is None:
            if not self._budgets.take(who):
                return Opened(new, False, is_overflow=True)
        elif not is_counted:
            is_counted = self._budgets.occurrence(who, fingerprint)
            if not is_counted:
                return Opened(gap, False)
        with self._database.write(patience=GAP_PATIENCE) as connection:
            gap, is_new = self._askings.open(connection, new, search, now)
            # Another process may have been faster.
            if is_new or is_counted or self._budgets.occurrence(who, fingerprint):
                gap = self._askings.ask(connection, gap, search, now)
            return Opened(gap, is_new)

    def press(self, connection: Connection, gap_id: int, now: datetime) -> None:
        """A person has pressed a button of a gap: it is confirmed.

        Args:
            connection: of the write transaction in which what they wanted is done.
            gap_id: number of the gap; one that is not there is no fault.
            now: aware, UTC.
        """
        known.confirm_one(connection, gap_id, now)

    def record(self, events: Sequence[SearchEvent]) -> None:
        """Store what people did, wholly or not at all; the journal's sink.

        What was over the budgets is counted in one ticket. What no transaction was free for when it was asked is
        counted for its gap where there is one by now, else with what was over the budgets. Sessions whose cookies came
        back confirm the gaps that they asked in the last day, and what they asked of such things is opened where there
        is room now.

        Raises:
            SQLAlchemyError: nothing was stored.
        """
        if not events:
            return
        now = max(event.at for event in events)
        since = now - CONFIRMED_WITHIN
        back = {event.session: event.network for event in events if event.session and event.is_returning}
        with self._database.write() as connection:
            known.alone(connection)
            events = [self._made_up_for(connection, event, now) if _is_missed(event) else event for event in events]
            searches.add(connection, [event for event in events if event.kind is not Deed.SEEN])
            known.confirm_asked_by(connection, back, since, now)
            self._count_overflow(connection, [event for event in events if event.is_overflow], now)
            for session in known.overflowed(connection, back, since, MOST_BACK):
                self._open_overflowed(connection, session, back[session], since, now)

    def _made_up_for(self, connection: Connection, missed: SearchEvent, now: datetime) -> SearchEvent:
        """Count for its gap what no transaction was free for when it was asked; over the budgets where there is none."""
        fingerprint = missed.fingerprint or ""
        gap = self._askings.living(connection, fingerprint, now, lock=True)
        if gap is None:
            return replace(missed, is_overflow=True)
        who = Visitor(missed.session or "", missed.is_returning, missed.network)
        if missed.is_returning or self._budgets.occurrence(who, fingerprint):
            self._askings.ask(connection, gap, missed, now)
        return replace(missed, gap_id=gap.id)

    def _count_overflow(self, connection: Connection, events: Sequence[SearchEvent], now: datetime) -> None:
        """Count what was over the budgets in the one ticket for it."""
        if not events:
            return
        first = SearchEvent(now, Deed.SEARCH, events[0].language, fingerprint=OVERFLOW)
        new = replace(gap_of(first, now), kind=Kind.OVERFLOW, subject=OVERFLOW, is_confirmed=True)
        ticket, _ = self._askings.open(connection, new, first, now)
        days: dict[tuple[date, str], list[datetime]] = {}
        for event in events:
            days.setdefault((known.day_of(event.at), event.language), []).append(event.at)
        askings = [Asking(max(times), language, "", times=len(times)) for (_, language), times in sorted(days.items())]
        self._askings.count(connection, ticket, askings, now, is_confirmed=True)

    def _open_overflowed(
        self, connection: Connection, session: str, network: str, since: datetime, now: datetime
    ) -> None:
        """Open what a session that came back had asked beyond the budgets, as far as they allow it now."""
        left: dict[str, list[SearchEvent]] = {}
        for event in searches.of_session(connection, session, since):
            if event.is_overflow and event.gap_id is None and event.fingerprint:
                left.setdefault(event.fingerprint, []).append(event)
        for fingerprint, asked in list(left.items())[-MOST_OF_ONE:]:
            search = replace(asked[-1], is_returning=True)
            is_new = self._askings.living(connection, fingerprint, now) is None
            if is_new and not self._budgets.take(Visitor(session, True, network)):
                return
            gap, _ = self._askings.open(connection, gap_of(search, now), search, now)
            self._askings.ask(connection, gap, search, now)
            searches.set_gap(connection, [event.id for event in asked], gap.id)
            for event in asked:
                known.uncount(connection, OVERFLOW, known.day_of(event.at), event.language)

    def judge(self, now: datetime, limit: int = 500) -> int:
        """Judge the attempts that have ended; each in a transaction of its own, and once, whoever else judges.

        Args:
            now: aware, UTC.
            limit: sessions at most.

        Returns:
            How many attempts were judged.
        """
        return self._judging.run(now, limit, SESSION_KEPT)

    def purge(self, now: datetime, dry_run: bool = False) -> int:
        """Delete the gaps that no person is known to have asked, after their time; how many.

        Args:
            now: aware, UTC.
            dry_run: whether only to count them.
        """
        before = now - self._unconfirmed
        if dry_run:
            with self._database.read() as connection:
                return known.purgeable(connection, before)
        purged, last = 0, _PURGED_AT_ONCE
        while last == _PURGED_AT_ONCE:
            with self._database.write() as connection:
                known.alone(connection)
                last = known.purge(connection, before, _PURGED_AT_ONCE)
            purged += last
        return purged


def _is_missed(event: SearchEvent) -> bool:
    """Whether a search should have a gap and has none, because the database did not answer in time."""
    is_unanswered = event.kind is Deed.SEARCH and event.code != "" and event.fingerprint is not None
    return is_unanswered and event.gap_id is None and not event.is_overflow
