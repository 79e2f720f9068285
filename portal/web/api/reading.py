"""What the API is sent, read strictly: every value that is wrong is named, and nothing is guessed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin
from urllib.parse import unquote_to_bytes

import msgspec
from flask import request
from msgspec import NODEFAULT, Struct

from portal.api_tokens import PREFIX
from portal.web.api import speech
from portal.web.api.problems import Problem, invalid

#: Largest body, in bytes; the longest text that people may write is far below.
MAX_BODY = 64 * 1024
#: How deep values may be nested.
DEEPEST = 8
#: Tokens, which have no business in an address.
_SECRET = re.compile(rf"{PREFIX}[\w-]{{43}}")
_LONE = re.compile("[\ud800-\udfff]")
_PATH = re.compile(r" - at `(?:key in )?\$?(.*)`$")
Model = TypeVar("Model", bound=Struct)


def query(model: type[Model]) -> Model:
    """The query of the address.

    Raises:
        Problem: `bad-request`, `token-in-address`, or `invalid-input` with every value that is wrong.
    """
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError:
        raise Problem("bad-request") from None
    sent = request.args.to_dict(flat=False)
    if any(_SECRET.search(text) for texts in sent.values() for text in texts):
        raise Problem("token-in-address")
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    wrong = [(name[:100], "unknown") for name in sent if name not in fields]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        texts = sent.get(name)
        if texts is None:
            continue
        if any("\0" in text for text in texts):
            wrong.append((name, "not_printable"))
        elif _is_list(field.type):
            values[name] = texts
        elif len(texts) > 1:
            wrong.append((name, "repeated"))
        else:
            values[name] = texts[0]
    found = _of_texts(model, values, wrong)
    if found is None or wrong:
        raise Problem("invalid-input", wrong)
    return found


def path(model: type[Model], parts: Mapping[str, str]) -> Model:
    """The parts of the address.

    Raises:
        Problem: `not-found`: nothing can be at such an address.
    """
    wrong: list[tuple[str, str]] = []
    found = None if any("\0" in text for text in parts.values()) else _of_texts(model, parts, wrong)
    if found is None:
        raise Problem("not-found")
    return found


def body(model: type[Model], *, is_spoken: bool) -> Model:
    """The body, as JSON in UTF-8.

    Args:
        model: of it.
        is_spoken: whether its `language` is that of who reads the answer, also of one that says what is wrong with it.

    Raises:
        Problem: `wrong-media-type`, `too-large`, or `invalid-input` with every value that is wrong.
    """
    if request.mimetype != "application/json" or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise Problem("wrong-media-type")
    values = _json(content())
    if not isinstance(values, dict):
        raise invalid("", "wrong_type")
    if is_spoken and (language := speech.known(values.get("language"))):
        speech.speak(language)
    wrong = [(_name(place), code) for place, code in _unspeakable(values)]
    if wrong:
        raise Problem("invalid-input", wrong)
    found = _struct(model, values, wrong)
    if found is None:
        raise Problem("invalid-input", wrong)
    return found


def content() -> bytes:
    """The body as it was sent.

    Raises:
        Problem: `too-large`.
    """
    # One more than may be: a body that comes in chunks is cut there, and must not pass for a whole one.
    request.max_content_length = MAX_BODY + 1
    sent = request.get_data()
    if len(sent) > MAX_BODY:
        raise Problem("too-large")
    return sent


def no_body() -> None:
    """Make sure that nothing is sent where nothing is read; an empty object counts as nothing.

    Raises:
        Problem: `too-large`, or `invalid-input`.
    """
    if request.method not in {"GET", "HEAD"} and content().strip() not in {b"", b"{}"}:
        raise invalid("", "unknown")


def _json(sent: bytes) -> Any:
    """Any JSON.

    Raises:
        Problem: it is none, or nested too deeply.
    """
    try:
        return msgspec.json.decode(sent)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise invalid("", "not_json") from None
    except RecursionError:
        raise invalid("", "too_deep") from None


def _unspeakable(values: Any) -> list[tuple[tuple[str, ...], str]]:
    """What no text can hold and no database keeps: NUL, halves of characters; and what is nested too deeply."""
    found: list[tuple[tuple[str, ...], str]] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), values)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value or _LONE.search(value):
                found.append((place, "not_printable"))
            continue
        if not isinstance(value, dict | list):
            continue
        if len(place) >= DEEPEST:
            found.append((place, "too_deep"))
            continue
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        waiting += [((*place, str(key)), part) for key, part in parts]
    return found


def _name(place: tuple[str, ...]) -> str:
    """Where a value stands; names of fields that are ours are short, others are cut."""
    return ".".join(part[:100] for part in place)


def _of_texts(model: type[Model], texts: Mapping[str, Any], wrong: list[tuple[str, str]]) -> Model | None:
    """A struct from the texts of an address; None with what is wrong added.

    What is left out is None where that may be; no text is, not even `null`.
    """
    before, values = len(wrong), {}
    for field in msgspec.structs.fields(model):
        name = field.encode_name
        if name in texts:
            try:
                value = msgspec.convert(texts[name], _without_none(field.type), strict=False)
                values[field.name] = value.astimezone(UTC) if isinstance(value, datetime) else value
            except msgspec.ValidationError as error:
                wrong.append(_fault(str(error), name))
            except OverflowError:  # At the ends of time some zones are beyond them.
                wrong.append((name, "out_of_range"))
        elif _is_needed(field):
            wrong.append((name, "missing"))
    return model(**values) if len(wrong) == before else None


def _without_none(kind: Any) -> Any:
    """A type without None."""
    if get_origin(kind) in {Union, UnionType}:
        rest = tuple(part for part in get_args(kind) if part is not NoneType)
        return Union[rest]  # noqa: UP007 - made of parts that are known here only
    return kind


def _is_needed(field: msgspec.structs.FieldInfo) -> bool:
    """Whether a value may not be left out."""
    return field.default is NODEFAULT and field.default_factory is NODEFAULT


def _struct(model: type[Model], values: Mapping[str, Any], wrong: list[tuple[str, str]]) -> Model | None:
    """A struct from JSON; None with what is wrong added, every field of it."""
    try:
        return msgspec.convert(values, model)
    except msgspec.ValidationError as error:
        whole = str(error)
    before = len(wrong)
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)} if _is_struct(model) else {}
    for name, field in fields.items():
        if name not in values:
            if _is_needed(field):
                wrong.append((name, "missing"))
            continue
        try:
            msgspec.convert(values[name], field.type)
        except msgspec.ValidationError as error:
            wrong.append(_fault(str(error), name))
    if fields:
        wrong += [(name[:100], "unknown") for name in values if name not in fields]
    if len(wrong) == before:
        wrong.append(_fault(whole, ""))
    return None


def _is_struct(model: Any) -> bool:
    """Whether a model is one shape, and not one of several."""
    return isinstance(model, type) and issubclass(model, Struct) and model.__struct_config__.tag is None


def _is_list(kind: Any) -> bool:
    """Whether a value may be given several times; also one that may be left out."""
    return get_origin(kind) in {list, tuple, set, frozenset} or any(
        _is_list(part) for part in get_args(kind) if get_origin(part) or isinstance(part, type)
    )


def _fault(message: str, name: str) -> tuple[str, str]:
    """Field and code of what msgspec says is wrong; its own words repeat what was sent."""
    found = _PATH.search(message)
    inner = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", found[1]).replace("...", "*").strip(".") if found else ""
    place = ".".join(part for part in (name, inner) if part)
    told = message[: found.start()] if found else message
    if lacking := re.search(r"missing required field `([^`]*)`", told):
        return ".".join(part for part in (place, lacking[1]) if part), "missing"
    if extra := re.search(r"unknown field `([^`]*)`", told):
        return ".".join(part for part in (place, extra[1][:100]) if part), "unknown"
    if "length" in told:
        return place, "too_long" if "<=" in told else "too_short"
    if re.search(r"(>=|<=|>|<|out of range|multiple)", told):
        return place, "out_of_range"
    if "Invalid" in told:
        return place, "unknown" if "enum" in told else "invalid"
    if "matching regex" in told:
        return place, "invalid"
    return place, "wrong_type"
