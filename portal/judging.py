"""Judging: attempts that have ended become doubts, gaps, flags and suggestions; each is judged once."""

import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from portal.asking import Asking, Askings, gap_of
from portal.budgets import Budgets
from portal.chains import Finding, Visitor, Withdrawal, judge, split
from portal.errors import NotFound
from portal.faults import reason
from portal.lifecycle import apply
from portal.storage import Database, facts, searches
from portal.storage import gaps as known
from portal.storage import tickets as store
from portal.storage.schema import search_events
from portal.tickets import SYSTEM, Action, Status

log = logging.getLogger(__name__)


class Judging:
    """Judges the attempts that have ended.

    Args:
        database: where they are.
        askings: finds and counts gaps.
        budgets: of new gaps.
        chain_minutes: a pause of so many minutes ends an attempt.
        doubt_sessions: so many different sessions must doubt the results of a question for a gap,
        doubt_days: within so many days.
    """

    def __init__(
        self,
        database: Database,
        askings: Askings,
        budgets: Budgets,
        *,
        chain_minutes: int,
        doubt_sessions: int,
        doubt_days: int,
    ) -> None:
        self._database = database
        self._askings = askings
        self._budgets = budgets
        self._minutes = chain_minutes
        self._enough = doubt_sessions
        self._kept = timedelta(days=doubt_days)

    def run(self, now: datetime, limit: int, session_kept: timedelta) -> int:
        """Judge the attempts of some sessions; see `Gaps.judge`."""
        before = now - timedelta(minutes=self._minutes)
        with self._database.read() as connection:
            sessions = searches.ended(connection, before, limit)
        judged = 0
        for session in sessions:
            try:
                while self._judge_next(session, before, now):
                    judged += 1
            except SQLAlchemyError:
                raise
            except Exception as fault:  # One attempt that nobody foresaw must not keep the others for ever.
                log.error("an attempt could not be judged: %s", reason(fault))
                self._set_aside(session)
        with self._database.write() as connection:
            known.alone(connection)
            known.forget_doubts(connection, now - self._kept)
            # Only of days that the reports have counted for good: they need to know what one session did.
            facts.seal(connection, "visits", search_events.c.at, now, now)
            open_since = facts.first_open(connection, search_events.c.at, "visits", "searches")
            searches.forget_sessions(connection, min(now - session_kept, open_since or now))
        return judged

    def _set_aside(self, session: str) -> None:
        """Judge nothing more of what a session has done so far."""
        with self._database.write() as connection:
            known.alone(connection)
            searches.close(
                connection, [event.id for event in searches.unjudged(connection, session)], secrets.token_hex(16)
            )

    def _judge_next(self, session: str, before: datetime, now: datetime) -> bool:
        """Judge a session's first attempt that has ended and is not judged; whether there was one."""
        with self._database.write() as connection:
            known.alone(connection)
            chains = split(searches.unjudged(connection, session), self._minutes)
            if not chains or (len(chains) == 1 and chains[0][-1].at >= before):
                return False
            chain = chains[0]
            judgement = judge(chain)
            for withdrawal in judgement.withdrawals:
                if withdrawal.found.language != withdrawal.failed.language:
                    continue  # The language of the gap still lacks the answer.
                known.keep_wording(connection, withdrawal)
                self._withdraw(connection, withdrawal, now)
            is_returning = any(event.is_returning for event in chain)
            for finding in judgement.findings:
                if finding.code == "U4":
                    known.flag(connection, finding)
                elif finding.code in ("U2", "U3"):
                    self._doubt(connection, finding, is_returning, now)
            searches.close(connection, [event.id for event in chain], secrets.token_hex(16))
        return True

    def _withdraw(self, connection: Connection, withdrawal: Withdrawal, now: datetime) -> None:
        """Take a gap back whose only asker found the article by other words, unless somebody works or waits."""
        try:
            gap = store.get(connection, withdrawal.failed.gap_id or 0, lock=True)
        except NotFound:
            return
        is_free = gap.status is Status.NEW and gap.owner_id is None and not known.is_awaited(connection, gap.id)
        if is_free and known.sessions(connection, gap.id) == {self._askings.asker(withdrawal.failed)}:
            changed, event = apply(gap, Action.WITHDRAW, now, SYSTEM, withdrawal.found.query)
            found = {"query": withdrawal.found.query, "slug": withdrawal.slug, "language": withdrawal.language}
            store.save(connection, replace(changed, slug=withdrawal.slug))
            store.record(connection, gap.id, replace(event, details=found))

    def _doubt(self, connection: Connection, finding: Finding, is_returning: bool, now: datetime) -> None:
        """Count a search whose results were doubted: for its gap, or until there are enough for one."""
        search = replace(finding.search, code=finding.code, is_returning=is_returning)
        if not search.fingerprint or not search.session:
            return
        gap = self._askings.living(connection, search.fingerprint, now, lock=True)
        if gap is not None and gap.status is not Status.SOLVED:
            # Nobody knows from which network it came, and a robot must not make a gap urgent by itself.
            if not is_returning and not self._budgets.occurrence(Visitor(), search.fingerprint):
                return
            self._askings.ask(connection, gap, search, now)
            return
        doubt = known.Doubt(self._askings.asker(search), search.at, search.code, search.query)
        known.doubt(connection, search.fingerprint, doubt, search.language, search.topic)
        doubts = known.doubted(connection, search.fingerprint, now - self._kept)
        if len(doubts) < self._enough:
            return
        if gap is None and not self._budgets.take(Visitor(search.session, is_returning)):
            return  # They are kept, and the next one tries again.
        gap, _ = self._askings.open(connection, gap_of(search, now), search, now)
        askings = [Asking(doubt.at, search.language, doubt.query, doubt.session_hash) for doubt in doubts]
        self._askings.count(connection, gap, askings, now, is_confirmed=is_returning)
        known.settle_doubts(connection, search.fingerprint)
