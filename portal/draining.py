"""A portal that is told to end says so first, serves on while its load balancer turns to others, and cuts nobody off."""

import contextlib
import ctypes
import logging
import socket
import struct
import sys
import time
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from portal.health import ENDING

log = logging.getLogger("portal")

#: How long connections that have begun may take to arrive, in seconds: longer than a way between two machines.
ARRIVING = 0.05
#: asm-generic/socket.h; Python has no name for it.
_SO_ATTACH_FILTER = 26
#: A filter of packets (linux/filter.h: code, two jumps, operand) that takes all but the first of a connection: of the
#: flags in byte 13 of TCP's header (RFC 9293, 3.1), SYN without ACK.
_NO_SYN = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def run(server: BaseApplication, seconds: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        server: gunicorn's application.
        seconds: how long it serves on after a first SIGTERM, while `/readyz` answers 503; 0 ends at once.
    """
    _Draining(server, seconds).run()


class _Draining(Arbiter):  # type: ignore[misc]  # gunicorn has no types.
    """gunicorn's first process, which takes its time to end."""

    def __init__(self, server: BaseApplication, seconds: int) -> None:
        self._seconds = seconds
        self._end: float | None = None
        super().__init__(server)

    def handle_term(self) -> None:
        """Begin to end; asked once more, or where no time is set, end now."""
        if self._end is None and self._seconds:
            self._end = time.monotonic() + self._seconds
            ENDING.announce()
            log.info("ending in %s s; /readyz says so", self._seconds)
            return
        super().handle_term()

    def stop(self, graceful: bool = True) -> None:
        """End the workers; at a graceful end nobody comes any more before the sockets close, which would reset whoever does.

        Sockets that another process goes on serving (a new first process, or systemd) are left as they are.
        """
        if graceful and not (self.reexec_pid or self.master_pid or self.systemd):
            for listener in self.LISTENERS:
                _let_nobody_begin(listener.sock)
            time.sleep(ARRIVING)  # The workers still let in whoever had begun.
        super().stop(graceful)

    def manage_workers(self) -> Any:
        """Keep the processes going, as gunicorn does at least once a second, until the time is over."""
        super().manage_workers()
        if self._end is not None and time.monotonic() >= self._end:
            raise StopIteration


def _let_nobody_begin(listener: socket.socket) -> None:
    """Take no further beginnings of connections from a listening socket: they are tried again, and refused by then.

    Linux resets what waits in a socket that is closed, and to look and to close are two steps. Elsewhere it stays so.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in _NO_SYN))
        with contextlib.suppress(OSError):
            listener.setsockopt(
                socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(_NO_SYN), ctypes.addressof(program))
            )
