"""Idempotency keys: what is sent twice is done once, and answered each time as things stand."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime

from flask import request
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from portal import keys
from portal.storage import idempotency as store
from portal.web.api import reading
from portal.web.api.problems import Problem, invalid
from portal.web.services import services

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST = 64
_KEY = re.compile(rf"[\x21-\x7e](?:[\x20-\x7e]{{0,{LONGEST - 2}}}[\x21-\x7e])?")


@dataclass(frozen=True)
class Held:
    """The key of a request."""

    key_hash: str
    begun: datetime
    #: Of the key and of when its request was first begun: no other request ever has it.
    nonce: str
    #: Of the answer, where it has been done already; else the key is ours until the request has ended.
    status: int | None


def sent_key() -> str | None:
    """The key of this request, if it has one.

    Raises:
        Problem: `invalid-input`: it is none.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise invalid(HEADER, "invalid")
    return key


def _hash(secret: bytes, *parts: bytes) -> bytes:
    """Of some parts; nobody can tell from it what they were."""
    message = b"".join(len(part).to_bytes(8) + part for part in (b"idempotency", *parts))
    return keys.mac(secret, message)


def _secret_of(connection: Connection, *parts: bytes) -> bytes:
    """The secret that a key was kept by where it was taken before the secret was changed; else the present one."""
    present, *others = keys.believed(services().secret)
    return next((old for old in others if store.is_known(connection, _hash(old, *parts).hex())), present)


def begin(who: str, key: str) -> Held:
    """Take the key of this request.

    Args:
        who: asks; the keys of others are others.
        key: as sent.

    Raises:
        Problem: `key-reused` or `in-progress`.
        SQLAlchemyError: the database does not answer.
    """
    named = b"key", who.encode(), key.encode()
    asked = request.method.encode(), request.full_path.encode(), reading.content()
    now = services().clock()
    with services().database.write() as connection:
        secret = _secret_of(connection, *named)
        key_hash, request_hash = _hash(secret, *named).hex(), _hash(secret, b"request", *asked).hex()
        earlier = store.begin(connection, key_hash, request_hash, now)
    if earlier is not None and earlier.request_hash != request_hash:
        raise Problem("key-reused")
    if earlier is not None and earlier.status is None and not earlier.is_dead:
        raise Problem("in-progress")
    first = earlier.first if earlier else now
    nonce = _hash(secret, b"nonce", who.encode(), key.encode(), first.isoformat().encode()).hex()
    return Held(key_hash, now, nonce, earlier.status if earlier else None)


def finish(held: Held, status: int) -> None:
    """Keep that a request was done; that this fails is no reason to say that it was not."""
    try:
        with services().database.write() as connection:
            store.finish(connection, held.key_hash, held.begun, status)
    except SQLAlchemyError as error:
        log.warning("an idempotency key could not be kept: %s", type(error).__name__)


def drop(held: Held) -> None:
    """Give a key back of whose request nothing was done."""
    try:
        with services().database.write() as connection:
            store.drop(connection, held.key_hash, held.begun)
    except SQLAlchemyError as error:
        log.warning("an idempotency key could not be given back: %s", type(error).__name__)
