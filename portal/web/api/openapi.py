"""The OpenAPI 3.1 document of the API, made from the operations themselves."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from types import UnionType
from typing import Any, get_args

import msgspec
from msgspec import NODEFAULT

from portal.api_tokens import PREFIX, Scope
from portal.locales import CODES
from portal.web.api import idempotency
from portal.web.api.endpoints import OPERATIONS, Operation
from portal.web.api.meanings import MEANINGS
from portal.web.api.problems import MEDIA_TYPE, ProblemDocument

_REF = "#/components/schemas/{name}"
#: Schemas of our lists are called after what they list: `ArticlePage` for `Page[Article]`.
_LIST = re.compile(r"\bPage_(\w+?)_(?=\W|$)")
SCHEME = "token"
DESCRIPTION = """\
Everything that people can do in the portal, for other systems.

Errors are documents of RFC 9457; the address in `type` says what each means. Texts come in the language that the
request names with `language`, or that its `Accept-Language` asks for. Lists come a page at a time; pass `next` on as
`cursor`. Requests with an `Idempotency-Key` are done once however often they are sent within 24 hours. Every answer
says in `RateLimit` how many requests are left."""
#: What scopes open.
SCOPES: dict[Scope, str] = {
    Scope.GAPS_READ: "read the searches that nothing answered",
    Scope.GAPS_WRITE: "take searches that nothing answered on as a writer, and close them",
    Scope.TICKETS_READ: "read tickets with their history, and the live board",
    Scope.TICKETS_WRITE: "work on tickets",
    Scope.REPORTS_READ: "read the reports",
    Scope.METRICS_READ: "read the figures for monitoring (Prometheus)",
}


def document(server: str) -> dict[str, Any]:
    """The whole document.

    Args:
        server: absolute address of the API, without a last slash.
    """
    operations = list(OPERATIONS.values())
    shapes = {(operation.name, part): kinds for operation in operations for part, kinds in _shapes(operation)}
    types = [kind for each in shapes.values() for kind in each]
    queries = [model for operation in operations for model in (operation.parts, operation.query) if model is not None]
    fields = {(model, each.name): each for model in queries for each in msgspec.structs.fields(model)}
    kinds = [*types, *(each.type for each in fields.values()), ProblemDocument]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    of_types = iter(schemas)
    bodies = {key: _either([next(of_types) for _ in each]) for key, each in shapes.items()}
    of_fields = {key: next(of_types) for key in fields}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        told = _operation(operation, bodies, of_fields)
        paths.setdefault(operation.path, {})[operation.method.lower()] = told
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tier 0 portal",
            "version": f"1 ({version('tier0-portal')})",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": dict(_responses()),
            "headers": _HEADERS,
            "securitySchemes": {SCHEME: {"type": "http", "scheme": "bearer", "description": _scheme()}},
        },
    }
    return _named(whole)


def _shapes(operation: Operation) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What its body and its answer can look like, where an operation has them."""
    if operation.body is not None:
        yield "body", (operation.body,)
    if operation.returns is not None:
        yield (
            "returns",
            get_args(operation.returns) if isinstance(operation.returns, UnionType) else (operation.returns,),
        )


def _either(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema for several."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _scheme() -> str:
    """How tokens are sent, and what they open."""
    scopes = "\n".join(f"- `{scope.value}`: {text}" for scope, text in SCOPES.items())
    return (
        f"`Authorization: Bearer {PREFIX}…`; administrators make tokens for a person, who never gains rights by it. "
        f"Scopes:\n\n{scopes}"
    )


def _named(whole: dict[str, Any]) -> dict[str, Any]:
    """The same with lists called after what they list."""
    return msgspec.json.decode(_LIST.sub(r"\1Page", msgspec.json.encode(whole).decode()), type=dict[str, Any])


def _operation(
    operation: Operation,
    bodies: dict[tuple[str, str], dict[str, Any]],
    of_fields: dict[tuple[Any, str], dict[str, Any]],
) -> dict[str, Any]:
    """One operation as the document tells it."""
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.tag],
        "parameters": [*_parameters(operation, of_fields)],
        "responses": {str(operation.status): _success(operation, bodies)},
        # Whoever needs no token may have one, for its limit.
        "security": [{SCHEME: [operation.scope.value]}] if operation.scope else [{}, {SCHEME: []}],
    }
    if operation.scope:
        told["description"] = f"{operation.description}\n\nNeeds the scope `{operation.scope.value}`.".strip()
    if operation.body is not None:
        content: dict[str, Any] = {"schema": bodies[operation.name, "body"]}
        if operation.example is not None:
            content["example"] = msgspec.to_builtins(operation.example, str_keys=True)
        told["requestBody"] = {"required": True, "content": {"application/json": content}}
    if operation.has_etag:
        told["responses"]["304"] = {"description": "It has not changed since the ETag in `If-None-Match`."}
    for code in sorted(problems_of(operation), key=lambda code: MEANINGS[code].status):
        told["responses"].setdefault(
            str(MEANINGS[code].status), {"$ref": f"#/components/responses/Problem{MEANINGS[code].status}"}
        )
    return told


def problems_of(operation: Operation) -> set[str]:
    """The codes of what can go wrong."""
    found = {"bad-request", "invalid-input", "invalid-token", "too-many-requests", "fault", "unavailable"}
    found |= {"missing-scope", "not-allowed"} if operation.scope else set()
    found |= {"not-found"} if operation.parts is not None else set()
    found |= {"too-large", "wrong-media-type"} if operation.body is not None else set()
    found |= {"too-large", "in-progress", "key-reused"} if operation.is_write else set()
    return found | set(operation.problems)


def _parameters(operation: Operation, of_fields: dict[tuple[Any, str], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is read beside the body."""
    for place, model in (("path", operation.parts), ("query", operation.query)):
        for each in msgspec.structs.fields(model) if model is not None else ():
            schema = dict(of_fields[model, each.name])
            is_needed = each.default is NODEFAULT and each.default_factory is NODEFAULT
            if each.default is not NODEFAULT and each.default is not None:
                schema["default"] = msgspec.to_builtins(each.default)
            told = {"name": each.encode_name, "in": place, "required": is_needed or place == "path"}
            if text := schema.pop("description", None) or _described(schema):
                told["description"] = text
            yield told | {"schema": _without_null(schema)}
    yield {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "Language of the texts of errors, where the request names none.",
        "schema": {"type": "string", "examples": list(CODES)},
    }
    if operation.has_etag:
        yield {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "ETag of the copy that the caller has.",
            "schema": {"type": "string"},
        }
    if operation.is_write:
        yield {
            "name": idempotency.HEADER,
            "in": "header",
            "required": False,
            "description": "Printable ASCII, best a random UUID. The same request with the same key is done once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST, "pattern": "^[!-~]+$"},
        }


def _described(schema: dict[str, Any]) -> str:
    """The description of what may be left out stands with its type."""
    return next((part["description"] for part in schema.get("anyOf", ()) if "description" in part), "")


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What may be left out of an address is not there; it cannot be null."""
    options = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    if not options:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})


def _success(operation: Operation, bodies: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """What is answered where all is well."""
    told: dict[str, Any] = {
        "description": operation.summary,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")},
    }
    if operation.has_etag:
        told["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
    if operation.is_write:
        told["headers"][idempotency.REPLAYED] = {"$ref": f"#/components/headers/{idempotency.REPLAYED}"}
    if operation.returns is not None:
        content: dict[str, Any] = {"schema": bodies[operation.name, "returns"]}
        if operation.answer is not None:
            content["example"] = msgspec.to_builtins(operation.answer, str_keys=True)
        told["content"] = {"application/json": content}
    return told


def _responses() -> Iterator[tuple[str, dict[str, Any]]]:
    """The problems, one answer for each status; which codes have it is told in English."""
    for status in sorted({meaning.status for meaning in MEANINGS.values()}):
        codes = [code for code, meaning in MEANINGS.items() if meaning.status == status]
        told: dict[str, Any] = {
            "description": "; ".join(f"`{code}`: {_english(MEANINGS[code].title)}" for code in codes),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": _REF.format(name=ProblemDocument.__name__)},
                    "examples": {code: {"value": _example(code)} for code in codes},
                }
            },
        }
        if status in {409, 429, 503}:
            told["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
        yield f"Problem{status}", told


def _english(text: Any) -> str:
    """A text of ours as it stands in the code, which is English."""
    return str(text._args[0])  # noqa: SLF001 - Flask-Babel has no other way to the message itself


def _example(code: str) -> dict[str, Any]:
    """What a problem looks like."""
    meaning = MEANINGS[code]
    return {
        "type": f"/api/v1/problems/{code}",
        "title": _english(meaning.title),
        "status": meaning.status,
        "detail": _english(meaning.detail),
    }


_HEADERS: dict[str, Any] = {
    "ETag": {"description": "Changes with the content.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "Requests left, and seconds until there are as many as `RateLimit-Policy` says again.",
        "schema": {"type": "string", "examples": ['"minute";r=58;t=31']},
    },
    "RateLimit-Policy": {
        "description": "Requests in a window of so many seconds.",
        "schema": {"type": "string", "examples": ['"minute";q=60;w=60']},
    },
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}},
    idempotency.REPLAYED: {
        "description": "`true` where it had been done before, and was not done again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
