"""Answers that others keep a copy of, and ask only whether it is still good."""

import hashlib

from flask import Response, request

from portal.web.links import absolute
from portal.web.services import services


def kept(body: str | bytes, kind: str, seconds: int) -> Response:
    """An answer that everybody may keep.

    Args:
        body: the text.
        kind: media type, without the character set.
        seconds: how long a copy need not be checked.
    """
    data = body.encode() if isinstance(body, str) else body
    response = _answer(data, kind, seconds)
    if response.status_code != 304:
        response.set_data(data)
    return response


def of_edition(kind: str, seconds: int) -> Response:
    """An answer without its body yet, which depends on nothing but its address, the articles and the settings.

    Its status is 304 for who has it already; then no body has to be made.

    Args:
        kind: media type, without the character set.
        seconds: how long a copy need not be checked.
    """
    parts = services()
    depends = (request.path, parts.edition.knowledge.digest, parts.build, parts.settings.site_name, absolute(""))
    return _answer("\0".join(depends).encode(), kind, seconds)


def _answer(depends: bytes, kind: str, seconds: int) -> Response:
    """An answer with what its copies need, named by what it depends on."""
    response = Response(content_type=f"{kind}; charset=utf-8")
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    name = hashlib.blake2b(depends, digest_size=12).hexdigest()
    response.set_etag(name)
    if request.if_none_match.contains_weak(name):
        response.status_code = 304
    return response
