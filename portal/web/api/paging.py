"""Lists a page at a time: where the next one begins is a cursor that only we can make, bound to list and conditions."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

from portal import keys
from portal.web.api.problems import Problem
from portal.web.services import services

Item = TypeVar("Item")
Position = TypeVar("Position")

MOST = 100
DEFAULT = 20
_SIGNATURE = 12


class Paged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query of every list."""

    limit: Annotated[int, Meta(ge=1, le=MOST, description="Items on one page, at most.")] = DEFAULT
    cursor: (
        Annotated[str, Meta(max_length=1000, description="`next` of the page before; without it, the first page.")]
        | None
    ) = None


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A page of a list."""

    items: list[Item]
    next: Annotated[str | None, Meta(description="Cursor of the next page; null on the last one.")]


def encode(place: str, position: Any) -> str:
    """A cursor.

    Args:
        place: list and conditions that it belongs to.
        position: of the last item of a page, as JSON can hold it.
    """
    content = msgspec.json.encode(position)
    return base64.urlsafe_b64encode(_signatures(place, content)[0] + content).rstrip(b"=").decode()


def decode(place: str, cursor: str, kind: type[Position]) -> Position:
    """The position of a cursor.

    Raises:
        Problem: `invalid-cursor`: it was not made here, or for another list.
    """
    try:
        sent = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        signature, content = sent[:_SIGNATURE], sent[_SIGNATURE:]
        if keys.is_any(signature, _signatures(place, content)):
            return msgspec.json.decode(content, type=kind)
    except (binascii.Error, UnicodeError, msgspec.MsgspecError):
        pass
    raise Problem("invalid-cursor")


def _signatures(place: str, content: bytes) -> list[bytes]:
    """What proves that a cursor was made here, by each key that is believed; that of the present one first."""
    message = f"cursor\0{place}\0".encode("utf-8", "replace") + content
    return [proof[:_SIGNATURE] for proof in keys.macs(services().secret, message)]


def place_of(operation: str, query: Struct | None) -> str:
    """What a cursor belongs to: the list and its conditions, without where in it one is."""
    conditions = {} if query is None else {**msgspec.to_builtins(query)}
    for name in ("cursor", "limit"):
        conditions.pop(name, None)
    return f"{operation} {msgspec.json.encode(conditions, order='sorted').decode()}"
