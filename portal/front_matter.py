"""The YAML block at the head of an article: a strict schema, every fault with its line."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import yaml

from portal.articles import SLUG_LENGTH, Significance, Status, is_slug
from portal.problems import Problem

#: Longest front matter, in characters; keeps YAML's cost bounded.
MAX_LENGTH = 16 * 1024
TITLE_LENGTH = 200
SUMMARY_LENGTH = 500
#: YAML's loader of plain values, the fast one where it is there.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _text(longest: int) -> Callable[[Any], str]:
    """Reader of one line of text of at most `longest` characters."""

    def read_text(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text; put it in quotation marks")
        # Only the blanks that YAML wraps lines with: a non-breaking one before French punctuation stays.
        folded = re.sub(r"[ \t\n]+", " ", value).strip(" ")
        if not folded.strip():
            raise ValueError("must not be empty")
        if len(folded) > longest:
            raise ValueError(f"has {len(folded)} characters; the limit is {longest}")
        return folded

    return read_text


def _texts(value: Any) -> tuple[str, ...]:
    """A list of short texts."""
    if not isinstance(value, list) or len(value) > 100:
        raise ValueError("must be a list of texts, at most 100, such as [first, second]")
    return tuple(_text(TITLE_LENGTH)(item) for item in value)


def _day(value: Any) -> date:
    """A day."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        value = date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a day such as 2026-03-31")
    return value


def _topic(value: Any) -> str:
    """A topic's slug."""
    slug = _text(SLUG_LENGTH)(value)
    if not is_slug(slug):
        raise ValueError("must be a slug: small Latin letters and digits joined by hyphens")
    return slug


def _slugs(value: Any) -> tuple[str, ...]:
    """A list of slugs."""
    slugs = _texts(value)
    if bad := [slug for slug in slugs if not is_slug(slug)]:
        raise ValueError(f"{bad[0]!r} is no slug")
    return slugs


def _fingerprint(value: Any) -> str:
    """A fingerprint; YAML reads one that has digits only as a number."""
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{16}", value):
        return value
    raise ValueError("must be a fingerprint of 16 hexadecimal digits in quotation marks")


def _member(kind: type[StrEnum]) -> Callable[[Any], StrEnum]:
    """Reader of one word of an enumeration."""

    def read_member(value: Any) -> StrEnum:
        try:
            return kind(value)
        except ValueError:
            raise ValueError("must be one of " + ", ".join(item.value for item in kind)) from None

    return read_member


KEYS: dict[str, Callable[[Any], Any]] = {
    "title": _text(TITLE_LENGTH),
    "topic": _topic,
    "updated": _day,
    "summary": _text(SUMMARY_LENGTH),
    "tags": _texts,
    "keywords": _texts,
    "review_by": _day,
    "aliases": _slugs,
    "status": _member(Status),
    "answers": _texts,
    "license": _text(TITLE_LENGTH),
    "origin": _text(1000),
    "source": _fingerprint,
    "significance": _member(Significance),
}
"""Every key of the front matter and what reads its value."""

REQUIRED = ("title", "topic", "updated")


def read_front_matter(block: str, shown: str, problems: list[Problem]) -> dict[str, tuple[Any, int]]:
    """The valid fields with their lines; everything else becomes a problem."""
    if len(block) > MAX_LENGTH:
        problems.append(Problem(shown, 1, "front-matter-too-long", f"The limit is {MAX_LENGTH} characters."))
        return {}
    try:
        pairs = list(_pairs(block))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "it cannot be read"
        line = (mark.line if mark else 0) + 2
        problems.append(Problem(shown, line, "bad-yaml", f"The front matter is not valid YAML: {reason}."))
        return {}
    except (ValueError, RecursionError) as error:
        problems.append(Problem(shown, 2, "bad-yaml", f"The front matter is not valid: {error}."))
        return {}
    fields: dict[str, tuple[Any, int]] = {}
    for key, value, line in pairs:
        if key not in KEYS:
            problems.append(Problem(shown, line, "unknown-key", f"{key!r} is no key; known are {', '.join(KEYS)}."))
        elif key in fields:
            problems.append(Problem(shown, line, "duplicate-key", f"{key!r} stands twice."))
        else:
            try:
                fields[key] = (KEYS[key](value), line)
            except ValueError as error:
                problems.append(Problem(shown, line, "invalid-value", f"{key} {error}."))
                fields[key] = (None, line)
    for key in REQUIRED:
        if key not in fields:
            problems.append(Problem(shown, 1, f"missing-{key}", f"The front matter has no {key}."))
    return fields


def _pairs(block: str) -> Iterator[tuple[str, Any, int]]:
    """Key, value and line of each front matter entry.

    Raises:
        yaml.YAMLError: it is not YAML.
        ValueError: it is not a mapping of names.
    """
    node = yaml.compose(block, Loader=LOADER)
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        raise ValueError("it must be lines of the form key: value")
    constructor = yaml.SafeLoader("")
    for key, value in node.value:
        yield str(key.value), constructor.construct_object(value, deep=True), key.start_mark.line + 2
