"""What is measured of a running portal, and what Prometheus is told of it; the library is an extra."""

import contextlib
import fcntl
import logging
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple

log = logging.getLogger(__name__)

#: Where the library looks for the folder in which several processes count together.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
#: Room that a process takes for its counts when it begins, in bytes: a full disk later on cannot end it.
ROOM = {"counter": 256 * 1024, "histogram": 1024 * 1024}
#: Bounds of times, in seconds: from a page that the reader has already to a search that is far too slow.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measure(NamedTuple):
    """One thing that is measured."""

    #: With its unit; `_total` where it is counted.
    name: str
    #: counter, histogram or gauge
    kind: str
    help: str
    labels: tuple[str, ...] = ()


REQUESTS = Measure(
    "portal_http_requests_total", "counter", "Requests answered, by page and class of status.",
    ("method", "endpoint", "status"),
)  # fmt: skip
REQUEST_SECONDS = Measure(
    "portal_http_request_duration_seconds", "histogram", "Time to answer a request.", ("endpoint",)
)
SEARCHES = Measure("portal_searches_total", "counter", "Searches by verdict.", ("language", "verdict"))
SEARCH_SECONDS = Measure("portal_search_duration_seconds", "histogram", "Time to answer a search.", ("language",))
#: What each process counts for itself.
COUNTED = (REQUESTS, REQUEST_SECONDS, SEARCHES, SEARCH_SECONDS)
#: What is read when it is asked for; the same whichever process answers.
READ = (
    Measure("portal_build_info", "gauge", "Version and build; always 1.", ("version", "build")),
    Measure("portal_part_ready", "gauge", "Whether a part can do its work: 1 or 0.", ("part",)),
    Measure("portal_disk_free_bytes", "gauge", "Room that is left for the instance folder."),
    Measure("portal_index_generation_info", "gauge", "Generation of the index; always 1.", ("generation",)),
    Measure("portal_index_age_seconds", "gauge", "Time since the index was published."),
    Measure("portal_articles", "gauge", "Published articles.", ("language",)),
    Measure("portal_articles_unpublished", "gauge", "Files of articles that differ from what was read last."),
    Measure("portal_tickets_unsolved", "gauge", "Tickets with work left.", ("tier", "kind")),
    Measure("portal_tickets_overdue", "gauge", "Unsolved tickets past their due time.", ("tier", "kind")),
    Measure("portal_tickets_unowned", "gauge", "Unsolved tickets that nobody has taken.", ("tier", "kind")),
    Measure("portal_gaps_unconfirmed", "gauge", "Gaps that perhaps no person asked."),
    Measure("portal_outbox_waiting", "gauge", "Mails that wait to be sent."),
    Measure("portal_outbox_oldest_seconds", "gauge", "How long the oldest of them has waited; 0 where none does."),
    Measure("portal_outbox_failed", "gauge", "Mails that were given up and are still remembered."),
    Measure("portal_webhooks_waiting", "gauge", "Messages to other systems that wait."),
    Measure("portal_webhooks_oldest_seconds", "gauge", "How long the oldest of them has waited; 0 where none does."),
    Measure("portal_webhooks_failed", "gauge", "Messages to other systems that were given up."),
    Measure("portal_webhooks_failing", "gauge", "Webhooks that are switched on and whose receiver does not work."),
    Measure(
        "portal_backup_age_seconds", "gauge", "Time since `portal backup` last made one; absent where it never has."
    ),
    Measure("portal_tick_lag_seconds", "gauge", "Time since the last round of the background work."),
)
MEASURES = COUNTED + READ


class Reading(NamedTuple):
    """A value of one of `READ`."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A request that has been answered."""

    method: str
    endpoint: str
    status: int
    seconds: float


def is_available() -> bool:
    """Whether the library is installed."""
    return find_spec("prometheus_client") is not None


class Meter:
    """Counts in this process, and tells what all of them have counted.

    The library must be there, see `is_available`.

    Args:
        folder: where the processes of one server keep their counts; None: this process is alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None:
            _reserve(folder)
        from prometheus_client import (  # noqa: PLC0415 - it is an extra
            CollectorRegistry,
            Counter,
            Histogram,
            disable_created_metrics,
        )

        disable_created_metrics()  # type: ignore[no-untyped-call]  # Several processes cannot tell since when.
        self._folder = folder
        self._own = CollectorRegistry()
        made: dict[str, Any] = {
            measure.name: Counter(measure.name, measure.help, measure.labels, registry=self._own)
            if measure.kind == "counter"
            else Histogram(measure.name, measure.help, measure.labels, buckets=BOUNDS, registry=self._own)
            for measure in COUNTED
        }
        self._requests, self._request_seconds = made[REQUESTS.name], made[REQUEST_SECONDS.name]
        self._searches, self._search_seconds = made[SEARCHES.name], made[SEARCH_SECONDS.name]

    def count_request(self, asked: Asked) -> None:
        """A request has been answered."""
        self._requests.labels(asked.method, asked.endpoint, f"{asked.status // 100}xx").inc()
        self._request_seconds.labels(asked.endpoint).observe(asked.seconds)

    def count_search(self, language: str, verdict: str, seconds: float) -> None:
        """A search has been answered, or has failed."""
        self._searches.labels(language, verdict).inc()
        self._search_seconds.labels(language).observe(seconds)

    def text(self, readings: Iterable[Reading]) -> str:
        """What Prometheus reads, in its text format.

        Args:
            readings: of `READ`; one that could not be taken is left out.
        """
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

        registry = self._own
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        gauges = CollectorRegistry()
        gauges.register(_Gauges(tuple(readings)))
        return (generate_latest(registry) + generate_latest(gauges)).decode()


class _Gauges:
    """Readings as the library collects them."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Any]:
        """Each measure with its values."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        for measure in READ:
            family = GaugeMetricFamily(measure.name, measure.help, labels=measure.labels)
            for reading in self._readings:
                if reading.name == measure.name:
                    family.add_metric(reading.labels, reading.value)
            if family.samples:
                yield family


def open_meter() -> Meter | None:
    """What counts in this process; None without the library."""
    if not is_available():
        return None
    folder = os.environ.get(VARIABLE)
    return Meter(Path(folder) if folder else None)


@contextlib.contextmanager
def counting_together(data: Path) -> Iterator[None]:
    """Let the processes that are forked from this one count together, in a new folder of their own.

    Of servers that have been killed the folders are removed: a lock says which server still lives.

    Args:
        data: instance folder.
    """
    if not is_available():
        yield
        return
    home = data / "metrics"
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        with (home / "lock").open("w", encoding="utf-8") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            _sweep(home)
            folder = Path(tempfile.mkdtemp(dir=home))
            lock = _lock(folder)
    except OSError as error:
        log.warning("the processes cannot count together: %s", error.strerror or error)
        yield
        return
    os.environ[VARIABLE], owner = str(folder), os.getpid()
    try:
        yield
    finally:
        # Workers end here too, in their copies of this very function.
        if os.getpid() == owner:
            del os.environ[VARIABLE]
            shutil.rmtree(folder, ignore_errors=True)
            if lock is not None:
                lock.close()


def _lock(folder: Path) -> IO[str] | None:
    """The lock of a folder, which forked processes hold too; None while another server has it."""
    lock = (folder / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _sweep(home: Path) -> None:
    """Remove the folders that no server counts in any more."""
    for folder in home.iterdir():
        if folder.is_dir() and (lock := _lock(folder)):
            with lock:
                shutil.rmtree(folder, ignore_errors=True)


def _reserve(folder: Path) -> None:
    """Take room for what this process counts; without any it counts for nobody, and works on."""
    try:
        for kind, size in ROOM.items():
            with (folder / f"{kind}_{os.getpid()}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        log.warning("this process counts for nobody: %s", error.strerror or error)
        for kind in ROOM:
            (folder / f"{kind}_{os.getpid()}.db").unlink(missing_ok=True)
        os.environ.pop(VARIABLE, None)


def give_back(process: int) -> None:
    """Give back the room that a process took and did not need; what it counted stays.

    Args:
        process: number of one that has ended.
    """
    folder = os.environ.get(VARIABLE)
    for kind in ROOM if folder else ():
        path = Path(str(folder)) / f"{kind}_{process}.db"
        with contextlib.suppress(OSError, struct.error), path.open("rb+") as file:
            (used,) = struct.unpack("i", file.read(4))
            file.truncate(max(used, 8))


def note_round(data: Path) -> None:
    """Note that a round of the background work has ended: the time of an empty file, which no full disk refuses."""
    with contextlib.suppress(OSError):
        (data / "ticked").touch()


def since_round(data: Path, now: float) -> float:
    """Seconds since the last round; infinite where there was none.

    Args:
        data: instance folder.
        now: seconds since 1970.
    """
    try:
        return max(now - (data / "ticked").stat().st_mtime, 0.0)
    except OSError:
        return float("inf")


Part = Callable[[], Iterable[Reading]]


def readings(parts: Iterable[Part]) -> list[Reading]:
    """What the parts have to tell; one that does not work tells nothing, and keeps no other from it."""
    found: list[Reading] = []
    for part in parts:
        try:
            found += part()
        except Exception as fault:  # Monitoring must work when something else does not.
            log.debug("a part could not be read: %s", type(fault).__name__)
    return found
