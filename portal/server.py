"""Serving: everything is prepared before the server forks, then gunicorn runs the application."""

import errno
import fcntl
import logging
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker
from watchfiles import DefaultFilter, run_process

import portal
from portal import draining, key_files, logs, monitoring, nodes, warming
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
from portal.web.security import HEADERS
from portal.web.services import EXTENSION

log = logging.getLogger("portal")

#: What answers call the server: whoever looks for holes of a product is not told which it is.
wsgi.SERVER = "portal"

#: Workers of a killed portal keep its port for a moment; how long that is waited for, in seconds.
PORT_PATIENCE = 2.0
#: How long a client may take for the next bytes of a request, in seconds.
CLIENT_PATIENCE = 5
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


_UNREADABLE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{status}</title></head><body>
<main><p lang="en">The address is too long or cannot be read. Shorten your search to a few words and try again.</p>
<p lang="fr">L’adresse est trop longue ou illisible. Réduisez votre recherche à quelques mots et réessayez.</p>
<p lang="de">Die Adresse ist zu lang oder nicht lesbar. Kürzen Sie Ihre Suche auf wenige Wörter und versuchen Sie es erneut.</p>
<p lang="ru">Адрес слишком длинный или его не удаётся прочитать. Сократите запрос до нескольких слов и повторите попытку.</p>
</main></body></html>
"""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types.
    """A worker whose answers to what cannot even be read are in the readers' languages.

    Such a request never reaches the application, and which language it is in cannot be known.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept new connections or not; at the end whoever has come already is still let in, and nobody else can come.

        What waits in the listening socket would be lost with it, as soon as the last process closes it.
        """
        if not self.alive:
            for listener in self.sockets:
                while select.select([listener], [], [], 0)[0]:
                    self.accept(listener)
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that cannot be read; nothing of it is logged, for it may hold what people typed."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status = "414 URI Too Long" if isinstance(exc, LimitRequestLine) else "400 Bad Request"
        status = "431 Request Header Fields Too Large" if isinstance(exc, LimitRequestHeaders) else status
        body = _UNREADABLE.format(status=status).encode()
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in {**HEADERS, "Cache-Control": "no-store"}.items())
        self.log.debug("a request could not be read: %s", type(exc).__name__)
        try:
            client.sendall(head.encode() + b"\r\n" + body)
        except OSError:
            self.log.debug("and its client has gone")


class _Patience(logging.Filter):
    """Keeps clients that took too long out of the log; there is nothing to mend."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is about anything else."""
        return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))


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
            "worker_class": Worker,
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
            "post_fork": _post_fork,
            "post_worker_init": self._post_worker_init,
            "worker_exit": _worker_exit,
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


def _post_fork(_arbiter: Any, worker: Any) -> None:
    """Let a worker wait for no client for ever."""
    worker.log.error_log.addFilter(_Patience())
    for listener in worker.sockets:
        # Inherited by every connection; gunicorn itself waits for a request's bytes, and for a reader, without an end.
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", CLIENT_PATIENCE, 0))


def _worker_exit(_arbiter: Any, worker: Any) -> None:
    """End a worker's duties, so that another takes over at once, and write down what it still remembers.

    Twice: a worker that ends at once (SIGINT) is still answering, and what it was asked meanwhile is remembered late.
    """
    for name in ("watcher", "ticker", "dispatcher", "fetcher", "heart"):
        if duty := getattr(worker, name, None):
            duty.stop()
    if app := getattr(worker, "wsgi", None):
        app.extensions[EXTENSION].close()
        worker.tpool.shutdown(cancel_futures=True)
        app.extensions[EXTENSION].close()


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
