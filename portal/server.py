"""Serving: everything is prepared before the server forks, then gunicorn runs the application."""

import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from watchfiles import DefaultFilter, run_process

import portal
from portal import draining, key_files, logs, monitoring, nodes, warming, workers
from portal.app import create_app
from portal.edition import Editions
from portal.errors import CannotStart, SearchUnavailable
from portal.locales import CODES
from portal.parallel import Progress
from portal.publishing import Publisher, Report
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import Database, migration, prepare_folder, reachable
from portal.ticking import Dispatcher, Fetcher, Ticker
from portal.watching import Watcher
from portal.web.services import EXTENSION

log = logging.getLogger("portal")

#: Workers of a killed portal keep its port for a moment; how long that is waited for, in seconds.
PORT_PATIENCE = 2.0
#: The longest address that is read; a query of 200 characters is 1,800 bytes when every one is percent-encoded.
LONGEST_LINE = 8190


@dataclass(frozen=True)
class Prepared:
    """What a start found and did."""

    report: Report
    #: Articles by language.
    counts: dict[str, int]
    editions: Editions


def prepare(settings: Settings, progress: Progress = lambda _done, _total: None, *, rebuild: bool = False) -> Prepared:
    """Bring folder, secret, database, articles and index to where workers can serve from them.

    Raises:
        CannotStart: something is missing or cannot be used; the message is one plain sentence.
    """
    if settings.redis_url and find_spec("redis") is None:
        raise CannotStart("Redis needs an extra: pip install 'tier0-portal[redis]'.")
    kept = settings.search_kept  # Refuses what cannot be.
    prepare_folder(settings.data)
    key_files.load(settings)
    database = Database(settings.database)
    try:
        reachable(database)
        migration.upgrade(database)
    finally:
        database.close()
    try:
        report = Publisher(settings.articles, settings.data, kept).publish(utc_now(), progress, rebuild=rebuild)
    except SearchUnavailable as error:
        raise CannotStart(f"The articles could not be published: {error}.") from error
    except OSError as error:
        raise CannotStart(
            f"The articles could not be published in {settings.data}: {error.strerror or error}."
        ) from error
    editions = Editions(settings.data, settings.default_language, settings.cuts)
    return Prepared(report, editions.current().knowledge.counts, editions)


def check_port(settings: Settings) -> None:
    """Make sure that the address can be listened on.

    Raises:
        CannotStart: it cannot.
    """
    end = time.monotonic() + PORT_PATIENCE
    while fault := _port_fault(settings):
        if fault.errno != errno.EADDRINUSE or time.monotonic() > end:
            reason = (fault.strerror or str(fault)).lower()
            message = f"Cannot listen on {settings.host}, port {settings.port}: {reason}. Choose another with --port."
            raise CannotStart(message) from fault
        time.sleep(0.1)


def _port_fault(settings: Settings) -> OSError | None:
    """Why the address cannot be listened on; None where it can."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError:
        return OSError(errno.EINVAL, "that is no host name")
    except OSError as fault:
        return fault
    return None


def worker_count(settings: Settings) -> int:
    """Server processes: as set, else one for each core that this process may use, at least two."""
    if settings.dev:
        return 1
    return settings.workers or max(2, min(len(os.sched_getaffinity(0)), 16))


class JsonLog(Logger):  # type: ignore[misc]  # gunicorn has no types.
    """gunicorn's own log as JSON."""

    def setup(self, cfg: Any) -> None:
        """Set the log up as gunicorn does, and change its form."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter("json"))


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types.
    """gunicorn with the product's configuration.

    Args:
        settings: in force.
        when_ready: called once the server accepts requests.
    """

    def __init__(self, settings: Settings, when_ready: Callable[[], None]) -> None:
        self._settings = settings
        self._when_ready = when_ready
        super().__init__()

    def load_config(self) -> None:
        """Hand the configuration to gunicorn."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        values = {
            "bind": f"{host}:{settings.port}",
            "workers": worker_count(settings),
            "threads": settings.threads,
            "worker_class": workers.Worker,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - gunicorn's own advice
            "proc_name": "portal",
            "logger_class": JsonLog if settings.log_format == "json" else Logger,
            "loglevel": settings.log_level if settings.dev else "warning",
            "limit_request_line": LONGEST_LINE,
            "forwarded_allow_ips": "*" if settings.proxy_count else "",
            # Else a stranger's SCRIPT_NAME, which many proxies hand on, would take the beginning off any path.
            "forwarder_headers": "",
            "control_socket_disable": True,
            "graceful_timeout": 15,
            "timeout": 60,
            "keepalive": 5,
            # It waits without an end for a client that reads nothing.
            "sendfile": False,
            "post_fork": workers.began,
            "post_worker_init": self._post_worker_init,
            "worker_exit": workers.ends,
            "child_exit": lambda _arbiter, worker: monitoring.give_back(worker.pid),
            "when_ready": lambda _arbiter: self._when_ready(),
            "on_reload": lambda _arbiter: log.info("reloading"),
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, once in each worker."""
        return create_app(self._settings)

    def _post_worker_init(self, worker: Any) -> None:
        """Let each worker stand by for its duties; not before its application is there, whose libraries they share."""
        parts, settings = worker.wsgi.extensions[EXTENSION], self._settings
        ahead = warming.start(parts.editions)
        own = nodes.this(settings, parts.build, parts.secret)
        agreement = nodes.Agreement(settings.database, own, settings.agree_seconds)
        publisher = Publisher(settings.articles, settings.data, settings.search_kept, agreement.wait)
        worker.watcher = Watcher(publisher, settings.data, utc_now)
        worker.ticker = Ticker(self._settings)
        worker.dispatcher = Dispatcher(self._settings)
        duties = [worker.watcher, worker.ticker, worker.dispatcher]
        if self._settings.imap_url:
            worker.fetcher = Fetcher(self._settings)
            duties.append(worker.fetcher)
        if not parts.database.is_sqlite:
            worker.heart = nodes.Heart(settings, own)
            duties.append(worker.heart)
        for duty in duties:
            duty.ahead = ahead
            duty.start()


def serve(settings: Settings, progress: Progress, announce: Callable[[Prepared], None]) -> None:
    """Prepare, then serve until SIGTERM or SIGINT; SIGHUP starts the workers anew.

    Args:
        settings: in force.
        progress: told how far reading and indexing are.
        announce: called once when the portal accepts requests.

    Raises:
        CannotStart: see `prepare` and `check_port`.
    """
    logs.configure(settings.log_format, settings.log_level)
    check_port(settings)
    prepare_folder(settings.data)
    with _claim(settings), monitoring.counting_together(settings.data):
        with warming.undisturbed():
            prepared = prepare(settings, progress)
            prepared.editions.hand_on()
            warming.share(settings.data)
        with nodes.present(settings):
            draining.run(Server(settings, lambda: announce(prepared)), settings.drain_seconds)


def _claim(settings: Settings) -> IO[str]:
    """Hold an instance folder for a folder of articles as long as the file that is given is open.

    Several portals may share both; with other articles, each would replace what the other has published.

    Raises:
        CannotStart: a running portal publishes another folder of articles there.
    """
    try:
        return _claimed(settings)
    except OSError as error:
        raise CannotStart(
            f"The instance folder {settings.data} cannot be written: {error.strerror or error}."
        ) from error


def _claimed(settings: Settings) -> IO[str]:
    """The file that holds an instance folder; see `_claim`."""
    claim = (settings.data / "serve.lock").open("a+", encoding="utf-8")
    claim.seek(0)
    root, held = str(settings.articles.resolve()), claim.read()
    if held != root:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.close()
            reason = f"Another portal serves {held} from the instance folder {settings.data}."
            raise CannotStart(f"{reason} Choose another with --data.") from None
        claim.truncate(0)
        claim.write(root)
        claim.flush()
    fcntl.flock(claim, fcntl.LOCK_SH)
    return claim


def serve_and_reload(run: Callable[..., None], *arguments: object) -> None:
    """Run something in a new interpreter, and anew whenever the product's own code or templates change."""
    package = Path(portal.__file__).parent
    run_process(package, target=run, args=arguments, watch_filter=DefaultFilter(), target_type="function")


def addresses(settings: Settings) -> list[str]:
    """Where the portal is found, one address per language."""
    return [f"{settings.public_url}/{code}/" for code in CODES]
