"""Where the API begins: its resources, its OpenAPI document, and what its problems mean."""

import hashlib
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from flask import Flask, Response, make_response, render_template, request
from msgspec import Meta, Struct

from portal.errors import NotFound
from portal.locales import CODES
from portal.web import i18n
from portal.web.api import PREFIX, blueprint, cors, is_asked, limits, openapi, speech
from portal.web.api.endpoints import OPERATIONS, PART, REVALIDATE, Call, endpoint
from portal.web.api.meanings import MEANINGS
from portal.web.links import absolute
from portal.web.security import csrf


class Resource(Struct, frozen=True, kw_only=True):
    """One thing that can be asked."""

    name: str
    method: str
    url: Annotated[str, Meta(description="Absolute address, its parts in braces.")]
    summary: str
    scope: Annotated[str | None, Meta(description="What a token needs; null: no token is needed.")]


class Index(Struct, frozen=True, kw_only=True):
    """What the API has."""

    version: str
    openapi: Annotated[str, Meta(description="Address of the OpenAPI document.")]
    languages: list[str]
    resources: list[Resource]


class ProblemMeaning(Struct, frozen=True, kw_only=True):
    """What a problem means."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str


@endpoint("GET", "/", summary="What the API has", tag="about")
def index(_call: Call) -> Index:
    """Every resource with its address and the scope that it needs."""
    resources = [
        Resource(
            name=each.name,
            method=each.method,
            url=absolute(PREFIX) + each.path,
            summary=each.summary,
            scope=each.scope.value if each.scope else None,
        )
        for each in OPERATIONS.values()
    ]
    address = absolute(f"{PREFIX}/openapi.json")
    return Index(version="1", openapi=address, languages=list(CODES), resources=resources)


@lru_cache(maxsize=4)
def _document(server: str) -> bytes:
    """The OpenAPI document for one of the names that this portal is asked by."""
    return msgspec.json.encode(openapi.document(server))


@blueprint.get("/openapi.json", provide_automatic_options=False)
def openapi_document() -> Response:
    """The OpenAPI document."""
    return _cached(Response(_document(absolute(PREFIX)), mimetype="application/json"))


@blueprint.get("/problems/<code>", provide_automatic_options=False)
def problem(code: str) -> Response:
    """What a problem means: a page for people, JSON for programs."""
    meaning = MEANINGS.get(code)
    if meaning is None:
        raise NotFound(code)
    is_page = request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json") == "text/html"
    title, told = str(meaning.title), f"{meaning.detail} {meaning.remedy}"
    if is_page:
        response = make_response(render_template("error.html", status=meaning.status, title=title, text=told))
    else:
        facts: dict[str, Any] = {"type": absolute(request.path), "title": title, "status": meaning.status}
        content = ProblemMeaning(**facts, detail=str(meaning.detail), remedy=str(meaning.remedy))
        response = Response(msgspec.json.encode(content), mimetype="application/json")
    response.headers["Content-Language"] = i18n.language()
    response.vary.add("Accept")
    return _cached(response)


def _cached(response: Response) -> Response:
    """An answer that whoever has it checks with us."""
    response.headers["Cache-Control"] = f"public, {REVALIDATE}"
    response.set_etag(hashlib.blake2b(response.get_data(), digest_size=12).hexdigest(), weak=True)
    response.make_conditional(request)
    return response


@blueprint.url_value_preprocessor
def _begin(asked: str | None, parts: dict[str, Any] | None) -> None:
    """Fix the language before anything is refused, or could read a cookie for it."""
    operation = cors.operation_of(asked)
    if operation is None or operation.is_spoken:
        speech.speak(speech.wished((parts or {}).get(f"{PART}language") or request.args.get("language")))
    else:
        speech.speak(speech.wished(None))


def init(app: Flask) -> None:
    """Serve the API."""

    @app.before_request
    def answer_preflight() -> Response | None:
        return cors.preflight() if is_asked() and request.method == "OPTIONS" else None

    @app.after_request
    def finish(response: Response) -> Response:
        if is_asked():
            cors.finish(response)
            limits.tell(response)
            if response.status_code == HTTPStatus.PERMANENT_REDIRECT:  # Of a slash too many; with a page for people.
                response.set_data(b"")
                del response.headers["Content-Type"]
            response.vary.add("Accept-Language")
        return response

    csrf.exempt(blueprint)  # No cookies are read, so there is nothing to protect.
    app.register_blueprint(blueprint)


limits.init()
