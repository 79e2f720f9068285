"""A server process: gunicorn's worker with threads, how it begins and ends, and what it tells those it cannot read."""

import logging
import select
import socket
import struct
from typing import Any

from gunicorn.http import wsgi
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import PollableMethodQueue, ThreadWorker

from portal.web.security import HEADERS
from portal.web.services import EXTENSION

#: What answers call the server: whoever looks for holes of a product is not told which it is.
wsgi.SERVER = "portal"

#: How long a client may take for the next bytes of a request, in seconds.
CLIENT_PATIENCE = 5

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

        What waits in the listening socket would be lost with it, as soon as the last process closes it; that nobody comes
        between the last look and the end is `draining`'s matter.
        """
        if not self.alive:
            for listener in self.sockets:
                while select.select([listener], [], [], 0)[0]:
                    self.accept(listener)
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def run(self) -> None:
        """Serve until told to end; threads that answer longer than that is waited for wake nobody any more.

        gunicorn has closed the pipe by which they did. They would write into whatever has its number now.
        """
        super().run()
        self.method_queue = PollableMethodQueue()
        self.method_queue.init()

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


def began(_arbiter: Any, worker: Any) -> None:
    """Let a worker wait for no client for ever."""
    worker.log.error_log.addFilter(_Patience())
    for listener in worker.sockets:
        # Inherited by every connection; gunicorn itself waits for a request's bytes, and for a reader, without an end.
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", CLIENT_PATIENCE, 0))


def ends(_arbiter: Any, worker: Any) -> None:
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
