"""Log lines as text or JSON, each with the number of the request that it belongs to; never what people typed."""

import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

#: What a proxy in front may call a request.
_NUMBER = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: Attribute of a record with further values of its JSON object.
VALUES = "values"
#: Loggers that say below a warning what is nobody's business, such as network addresses.
_QUIET = ("alembic", "watchfiles", "flask-limiter", "httpx", "httpx2")


#: What ends a line or commands a terminal, and how it is written; JSON reads it back.
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_IN_A_STACK = {code: sign for code, sign in _ESCAPES.items() if code != ord("\n")}


@dataclass(frozen=True)
class Asked:
    """The request that a thread works for."""

    #: By which people and logs name it.
    number: str
    method: str = ""
    #: Which page or resource, never its address; empty where there is none.
    endpoint: str = ""


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)


def begin(asked: Asked) -> None:
    """The log lines of this thread, or task, belong to a request from now on."""
    _asked.set(asked)


def end() -> None:
    """They belong to none any more."""
    _asked.set(None)


def request_number() -> str:
    """The number of the request that is being answered; empty outside of one."""
    asked = _asked.get()
    return asked.number if asked else ""


def number_of(given: str) -> str:
    """The number of a request: the one that it was given, where that is one, else a new one of 16 characters."""
    return given if _NUMBER.fullmatch(given) else secrets.token_hex(8)


def moment(record: logging.LogRecord) -> str:
    """When something was logged, in UTC to the millisecond."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Text(logging.Formatter):
    """A line of text, with the request's number at its end."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - as above
        """When, in UTC to the millisecond, as in the lines of JSON."""
        return moment(record)

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a stack below it; of what was logged nothing makes a line of its own."""
        return super().format(record).translate(_IN_A_STACK)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line without a stack."""
        number = request_number()
        return super().formatMessage(record).translate(_ESCAPES) + (f" [{number}]" if number else "")


class Json(logging.Formatter):
    """One JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line.

        Of an exception its kind and places are told and not its message, which may repeat what was typed.
        """
        line: dict[str, object] = {
            "time": moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if asked := _asked.get():
            line["request_id"] = asked.number
            line |= {name: value for name in ("endpoint", "method") if (value := getattr(asked, name))}
        more = getattr(record, VALUES, None)
        line |= more if isinstance(more, Mapping) else {}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["stack"] = "".join(traceback.format_tb(record.exc_info[2]))
        return json.dumps(line, ensure_ascii=False, default=str).translate(_ESCAPES)


def formatter(form: str) -> logging.Formatter:
    """What writes lines in a form, `text` or `json`."""
    return Json() if form == "json" else Text()


def configure(form: str, level: str) -> None:
    """Let everything that is logged, and Python's warnings, go to standard error.

    Args:
        form: `text` or `json`.
        level: the least severity that is logged.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
