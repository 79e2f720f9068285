"""Every request is numbered, timed, counted and logged; and Prometheus is told what it asks for."""

import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from portal import library, logs, monitoring
from portal.api_tokens import Scope
from portal.edition import Edition
from portal.errors import NotFound, SearchUnavailable
from portal.keeping import Kept
from portal.monitoring import Meter, Reading
from portal.queries import Query
from portal.selfservice import Answer, answer
from portal.services import Services
from portal.storage import Database, gauges, published
from portal.web.security import limited

blueprint = Blueprint("monitoring", __name__)
access = logging.getLogger("portal.access")

#: Where an application keeps what it measures with.
EXTENSION = "portal.monitoring"
#: How long readings are used before they are taken again, in seconds; of the files of the articles.
READ_EVERY, SCAN_EVERY = 5.0, 60.0
#: Methods that are counted by their names; others are one.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: What is counted as the page where the address leads to none.
NOWHERE = "none"
#: How long a token is believed after the database, which does not answer, has confirmed it last, in seconds.
BELIEVED = 3600.0


class Monitor:
    """What one application measures with.

    Args:
        portal: its parts.
        meter: counts; None without the library.
    """

    def __init__(self, portal: Services, meter: Meter | None) -> None:
        self.portal = portal
        self.meter = meter
        self._readings: Kept[list[Reading]] = Kept([], READ_EVERY)
        self._unpublished: Kept[int] = Kept(0, SCAN_EVERY)
        #: When tokens were confirmed last, by their hashes.
        self._confirmed: dict[str, float] = {}

    def begin(self, given: str, method: str, endpoint: str) -> None:
        """Number a request; what a proxy in front of us calls it is its number.

        Args:
            given: number that came with it.
            method: of HTTP.
            endpoint: which page or resource.
        """
        number = logs.number_of(given if self.portal.settings.proxy_count else "")
        logs.begin(logs.Asked(number, method if method in METHODS else "other", endpoint))

    def finish(self, begun: float, method: str, endpoint: str, status: int) -> str:
        """Count a request that has been answered and, as JSON, log it; its number."""
        seconds = time.perf_counter() - begun
        if self.meter is not None:
            known = method if method in METHODS else "other"
            self.meter.count_request(monitoring.Asked(known, endpoint, status, seconds))
        if self.portal.settings.log_format == "json" and access.isEnabledFor(logging.INFO):
            access.info("answered", extra={logs.VALUES: {"status": status, "ms": round(1000 * seconds, 1)}})
        return logs.request_number()

    @staticmethod
    def end() -> None:
        """The thread works for nobody any more."""
        logs.end()

    def count_search(self, language: str, verdict: str, seconds: float) -> None:
        """Count the first page of a search, and how long it took."""
        if self.meter is not None:
            self.meter.count_search(language, verdict, seconds)

    def text(self) -> str:
        """What Prometheus reads.

        Raises:
            NotFound: the library is not installed.
        """
        if self.meter is None:
            raise NotFound("metrics")
        return self.meter.text((*monitoring.readings((self._round,)), *self._readings.get(self._read)))

    def may_read(self, token: str) -> bool:
        """Whether a token opens the metrics; one that did so lately still does while the database does not answer."""
        key = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        try:
            found = self.portal.api_tokens.find(token, self.portal.clock())
        except SQLAlchemyError:
            return time.monotonic() - self._confirmed.get(key, float("-inf")) < BELIEVED
        if found is None or Scope.METRICS_READ not in found.granted:
            self._confirmed.pop(key, None)
            return False
        self._confirmed = {**dict(list(self._confirmed.items())[-9:]), key: time.monotonic()}
        return True

    def _round(self) -> Iterator[Reading]:
        """Since when the background work has not been done; whatever else fails, this must be told."""
        yield Reading("portal_tick_lag_seconds", monitoring.since_round(self.portal.settings.data, time.time()))

    def _build(self) -> Iterator[Reading]:
        """Which code runs."""
        yield Reading("portal_build_info", 1, (version("tier0-portal"), self.portal.build))

    def _read(self) -> list[Reading]:
        """What is kept for a while."""
        now = self.portal.clock()
        parts = (self._build, self._parts, self._index, partial(self._tickets, now), partial(self._mails, now))
        return monitoring.readings((*parts, partial(self._webhooks, now), partial(self._backups, now)))

    def _parts(self) -> Iterator[Reading]:
        """Whether the parts can do their work."""
        for part, state in self.portal.health.check().items():
            yield Reading("portal_part_ready", float(state == "ok"), (part,))
        yield Reading("portal_disk_free_bytes", shutil.disk_usage(self.portal.settings.data).free)

    def _index(self) -> Iterator[Reading]:
        """The generation that readers see."""
        knowledge = self.portal.edition.knowledge
        yield Reading("portal_index_generation_info", 1, (knowledge.generation,))
        # A generation is named for when it was made.
        made = datetime.strptime(knowledge.generation.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        yield Reading("portal_index_age_seconds", max((self.portal.clock() - made).total_seconds(), 0.0))
        for code, number in knowledge.counts.items():
            yield Reading("portal_articles", number, (code,))
        yield Reading("portal_articles_unpublished", self._unpublished.get(self._count_unpublished))

    def _count_unpublished(self) -> int:
        """How many files of articles are not as they were when they were read last."""
        found = library.scan(self.portal.settings.articles).files
        files = {(file.language, file.slug): file.signature for file in found}
        database = Database(f"sqlite:///{self.portal.settings.data / 'articles.db'}")
        try:
            known = {key: row.signature for key, row in published.signatures(database).items()}
        finally:
            database.close()
        return sum(1 for key in files.keys() | known.keys() if files.get(key) != known.get(key))

    def _tickets(self, now: datetime) -> Iterator[Reading]:
        """The queue."""
        with self.portal.database.read() as connection:
            found = gauges.unsolved(connection, now)
        for row in found:
            labels = str(row.tier), row.kind
            yield Reading("portal_tickets_unsolved", row.confirmed, labels)
            yield Reading("portal_tickets_overdue", row.overdue, labels)
            yield Reading("portal_tickets_unowned", row.unowned, labels)
        yield Reading("portal_gaps_unconfirmed", sum(row.unconfirmed for row in found))

    def _mails(self, now: datetime) -> Iterator[Reading]:
        """The outbox."""
        with self.portal.database.read() as connection:
            queue = gauges.mails(connection, now)
        yield from _of_queue("portal_outbox", queue, now)

    def _webhooks(self, now: datetime) -> Iterator[Reading]:
        """What other systems are to be told."""
        with self.portal.database.read() as connection:
            queue, failing = gauges.messages(connection), gauges.failing_webhooks(connection)
        yield from _of_queue("portal_webhooks", queue, now)
        yield Reading("portal_webhooks_failing", failing)

    def _backups(self, now: datetime) -> Iterator[Reading]:
        """The last backup, if the portal has been told of any."""
        with self.portal.database.read() as connection:
            made = gauges.last_backup(connection)
        if made:
            yield Reading("portal_backup_age_seconds", max((now - made).total_seconds(), 0.0))


def _of_queue(name: str, queue: gauges.Queue, now: datetime) -> Iterator[Reading]:
    """What waits to leave."""
    oldest = (now - queue.oldest).total_seconds() if queue.oldest else 0.0
    yield Reading(f"{name}_waiting", queue.waiting)
    yield Reading(f"{name}_oldest_seconds", max(oldest, 0.0))
    yield Reading(f"{name}_failed", queue.failed)


def _monitor() -> Monitor:
    """What this application measures with."""
    return cast(Monitor, current_app.extensions[EXTENSION])


@blueprint.get("/metrics")
@limited("60 per minute", lambda answer: answer.status_code == 401)
def metrics() -> Response:
    """What Prometheus reads; for a token alone, and without the library there is no such page."""
    monitor = _monitor()
    if monitor.meter is None:
        raise NotFound("metrics")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not monitor.may_read(token.strip()):
        challenge = f'Bearer realm="metrics", scope="{Scope.METRICS_READ.value}"'
        return Response(
            "A token with the scope metrics:read is needed.\n", 401, {"WWW-Authenticate": challenge}, "text/plain"
        )
    return Response(monitor.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def answered(edition: Edition, query: Query, page: int = 1) -> Answer:
    """What a search found, see `selfservice.answer`; its first page is timed and counted by verdict.

    Raises:
        SearchUnavailable: as `answer`; counted as failed, as is a database that does not answer.
    """
    begun = time.perf_counter()
    verdict = "failed"
    try:
        found = answer(edition, query, page)
        verdict = found.verdict.value
    except (SearchUnavailable, DBAPIError):
        page = 1  # A failure is one on every page.
        raise
    else:
        return found
    finally:
        if page == 1:
            _monitor().count_search(query.language, verdict, time.perf_counter() - begun)


def _begin() -> None:
    """Number a request."""
    g.begun = time.perf_counter()
    _monitor().begin(request.headers.get("X-Request-Id", ""), request.method, request.endpoint or NOWHERE)


def _finish(response: Response) -> Response:
    """Name the request in its answer, count it and, as JSON, log it."""
    if "begun" in g:  # Else it was refused before it began.
        asked = g.begun, request.method, request.endpoint or NOWHERE, response.status_code
        response.headers["X-Request-Id"] = _monitor().finish(*asked)
    return response


def _end(_error: BaseException | None = None) -> None:
    """The thread works for nobody any more."""
    _monitor().end()


def init(app: Flask, portal: Services, open_meter: Callable[[], Meter | None] = monitoring.open_meter) -> None:
    """Watch over an application; the first of all that is called before requests, and so the last after them.

    Args:
        app: that is watched.
        portal: its parts.
        open_meter: makes what counts.
    """
    app.extensions[EXTENSION] = Monitor(portal, open_meter())
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_end)
