"""The mapping file: which of their keys, values, folders and addresses become which of ours; strict, with lines."""

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from portal.errors import CannotStart, PortalError
from portal.front_matter import KEYS, BadYaml, compose, construct
from portal.locales import CODES

#: Longest mapping file, in bytes.
MAX_BYTES = 256 * 1024
#: What can stand where a key of theirs does.
PLACES = ("@folder", "@file", "@date")
#: Our keys that have several values.
LISTS = ("tags", "keywords", "aliases", "answers")
#: The value that stands for every other one.
ANY = "*"


class BadMapping(PortalError):
    """The mapping file cannot be used; the message names every fault with its line."""


@dataclass(frozen=True)
class Rules:
    """How articles from elsewhere become articles of the portal."""

    #: Our key and their keys, of which the first that is there counts.
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {key: (key,) for key in KEYS})
    #: Our key, and what their values of it become.
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    #: Our keys whose text is taken apart at blanks where it has no comma.
    split_at_blanks: frozenset[str] = frozenset()
    #: Forms of days, as `strptime` has them.
    dates: tuple[str, ...] = ()
    #: Where the language stands: `key`, `suffix`, `folder`.
    language_from: tuple[str, ...] = ("folder",)
    language_keys: tuple[str, ...] = ("lang", "language", "locale")
    #: Their name of a language and ours.
    language_values: Mapping[str, str] = field(default_factory=dict)
    #: Code; empty where every article must name its language.
    language_default: str = ""
    #: What becomes the slug: `key`, `file`, `title`.
    slug_from: tuple[str, ...] = ("file",)
    slug_keys: tuple[str, ...] = ("slug", "permalink", "url")
    family: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    drop: frozenset[str] = frozenset()
    skip: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ()
    #: Empty where nothing is written.
    origin: str = ""
    #: Whether translations get the fingerprint of their source.
    is_current: bool = False
    #: Whether boxes in the manner of others become ours.
    has_boxes: bool = True
    #: Whether nothing was asked for: files that are articles already stay as they are, to the byte.
    is_identity: bool = False


#: The rules for a folder that is one of ours.
IDENTITY = Rules(has_boxes=False, is_identity=True)


def example() -> str:
    """A mapping file with remarks, to begin with."""
    return (Path(__file__).parent / "example.yml").read_text(encoding="utf-8")


def read_mapping(path: Path) -> Rules:
    """The rules of a file.

    Raises:
        BadMapping: something in it is not as it must be.
        CannotStart: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CannotStart(f"The mapping file {path} cannot be read: {error.strerror}.") from error
    if len(raw) > MAX_BYTES:
        raise BadMapping(f"{path}: it has more than {MAX_BYTES} bytes.")
    try:
        return parse_mapping(raw.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError:
        raise BadMapping(f"{path}: it is not UTF-8.") from None


def parse_mapping(text: str, shown: str = "mapping.yml") -> Rules:
    """The rules that a text states.

    Args:
        text: YAML.
        shown: name of the file in messages.

    Raises:
        BadMapping: something in it is not as it must be.
    """
    faults: list[str] = []
    changes: dict[str, Any] = {"origin": "{folder}/{path}"}
    seen: set[str] = set()
    try:
        entries = compose(text.replace("\r\n", "\n"))
    except BadYaml as error:
        raise BadMapping(f"{shown}:{error.line}: {error}.") from None
    for key, node, line in entries:
        try:
            changes |= _part(key, construct(node), seen)
        except ValueError as error:
            faults.append(f"{shown}:{line}: {key[:40]!r} {error}.")
    if faults:
        raise BadMapping("\n".join(faults))
    return replace(Rules(), **changes)


def _part(key: str, value: Any, seen: set[str]) -> dict[str, Any]:
    """What one part of the file changes of the rules.

    Raises:
        ValueError: it is not as it must be, as a clause.
    """
    if key not in READERS:
        raise ValueError(f"is no part of a mapping; known are {', '.join(READERS)}")
    if key in seen:
        raise ValueError("stands twice")
    seen.add(key)
    return READERS[key](value)


def _mapping(value: Any, allowed: frozenset[str] | None = None) -> dict[str, Any]:
    """A mapping whose keys are texts, and known ones.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, dict):
        raise ValueError("must be lines of the form name: value")
    found = {_text(key): item for key, item in value.items()}
    if allowed is not None and (unknown := [key for key in found if key not in allowed]):
        raise ValueError(f"has {unknown[0][:40]!r}, which is none of {', '.join(sorted(allowed))}")
    return found


def _text(value: Any) -> str:
    """A short text; YAML's numbers and truth values as they are written there.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str) or not value or len(value) > 500:
        raise ValueError("must have texts of at most 500 characters")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """One text, or a list of texts.

    Raises:
        ValueError: it is something else.
    """
    items = value if isinstance(value, list) else [value]
    if len(items) > 500:
        raise ValueError("has more than 500 entries")
    return tuple(_text(item) for item in items)


def _some_of(*allowed: str) -> Callable[[Any], tuple[str, ...]]:
    """Reader of a list of known words."""

    def read(value: Any) -> tuple[str, ...]:
        words = _texts(value)
        if unknown := [word for word in words if word not in allowed]:
            raise ValueError(f"has {unknown[0][:40]!r}, which is none of {', '.join(allowed)}")
        return words

    return read


_OURS = frozenset(KEYS)


def _keys(value: Any) -> dict[str, Any]:
    found = {ours: _texts(theirs) for ours, theirs in _mapping(value, _OURS).items() if theirs is not None}
    for names in found.values():
        if unknown := [name for name in names if name.startswith("@") and name not in PLACES]:
            raise ValueError(f"has {unknown[0][:40]!r}, which is none of {', '.join(PLACES)}")
    return {"keys": found}


def _values(value: Any) -> dict[str, Any]:
    tables = {ours: _mapping(table) for ours, table in _mapping(value, _OURS).items()}
    read = {ours: {theirs: _text(item) for theirs, item in table.items()} for ours, table in tables.items()}
    return {"values": read}


def _checked(name: str) -> Callable[[Any], dict[str, Any]]:
    """Reader of values that articles are given, checked as those of articles are."""

    def read(value: Any) -> dict[str, Any]:
        found = _mapping(value, _OURS)
        for key, item in found.items():
            try:
                found[key] = KEYS[key](item)
            except ValueError as error:
                raise ValueError(f"has a value for {key} that {error}") from None
        return {name: found}

    return read


def _language(value: Any) -> dict[str, Any]:
    found = _mapping(value, frozenset({"from", "keys", "values", "default"}))
    changes: dict[str, Any] = {}
    if "from" in found:
        changes["language_from"] = _some_of("key", "suffix", "folder")(found["from"])
    if "keys" in found:
        changes["language_keys"] = _texts(found["keys"])
    if "values" in found:
        table = {theirs.lower(): _text(ours) for theirs, ours in _mapping(found["values"]).items()}
        _some_of(*CODES)(list(table.values()))
        changes["language_values"] = table
    if "default" in found:
        changes["language_default"] = _some_of(*CODES)(found["default"])[0]
    return changes


def _slug(value: Any) -> dict[str, Any]:
    found = _mapping(value, frozenset({"from", "keys"}))
    changes: dict[str, Any] = {}
    if "from" in found:
        changes["slug_from"] = _some_of("key", "file", "title")(found["from"])
    if "keys" in found:
        changes["slug_keys"] = _texts(found["keys"])
    return changes


def _dates(value: Any) -> dict[str, Any]:
    forms = _texts(value)
    for form in forms:
        if not re.fullmatch(r"(?:[^%\x00-\x1f]|%[YymdBbHMSzjf%])+", form):
            raise ValueError(f"has {form[:40]!r}, which is no form of a day such as %d.%m.%Y")
    return {"dates": forms}


def _encodings(value: Any) -> dict[str, Any]:
    names = _texts(value)
    for name in names:
        try:
            is_text = codecs.lookup(name)._is_text_encoding  # noqa: SLF001 - “zip” and “rot13” are encodings too
        except (LookupError, ValueError):
            is_text = False
        if not is_text:
            raise ValueError(f"has {name[:40]!r}, which is no encoding of texts")
    return {"encodings": names}


def _origin(value: Any) -> dict[str, Any]:
    text = _text(value)
    if re.search(r"\{(?!path\}|folder\})", text):
        raise ValueError("may have {path} and {folder} in it, and no other brackets")
    return {"origin": "" if text == "none" else text}


READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "keys": _keys,
    "values": _values,
    "constants": _checked("constants"),
    "defaults": _checked("defaults"),
    "split_at_blanks": lambda value: {"split_at_blanks": frozenset(_some_of(*LISTS)(value))},
    "dates": _dates,
    "language": _language,
    "slug": _slug,
    "family": lambda value: {"family": _texts(value)},
    "addresses": lambda value: {"addresses": _texts(value)},
    "images": lambda value: {"images": _texts(value)},
    "drop": lambda value: {"drop": frozenset(_texts(value))},
    "skip": lambda value: {"skip": _texts(value)},
    "encodings": _encodings,
    "origin": _origin,
    "translations": lambda value: {"is_current": _some_of("current", "unknown")(value) == ("current",)},
    "boxes": lambda value: {"has_boxes": _some_of("convert", "keep")(value) == ("convert",)},
}
"""What reads each part of the file."""
