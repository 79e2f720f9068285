"""The YAML block at the head of an article: a strict schema, every fault with its line."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import yaml

from portal.articles import SLUG_LENGTH, Significance, Status, is_slug
from portal.problems import Problem, Severity

#: Longest front matter, in characters; keeps YAML's cost bounded.
MAX_LENGTH = 16 * 1024
TITLE_LENGTH = 200
SUMMARY_LENGTH = 500
#: Nothing here is nested deeper than a list in a mapping of mappings.
MAX_DEPTH = 6
#: YAML's loader of plain values, the fast one where it is there.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def has_invisible(text: str) -> bool:
    """Whether control characters or line ends are in it; soft hyphens and the like are good typography."""
    return any(unicodedata.category(sign) in {"Cc", "Zl", "Zp"} for sign in text)


def _text(longest: int) -> Callable[[Any], str]:
    """Reader of one line of text of at most `longest` characters."""

    def read_text(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text; put it in quotation marks")
        # Only the blanks that YAML wraps lines with: a non-breaking one before French punctuation stays.
        folded = re.sub(r"[ \t\n]+", " ", value).strip(" ")
        if not folded.strip():
            raise ValueError("must not be empty")
        if has_invisible(folded):
            raise ValueError("has an invisible character")
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
    """The valid fields with their lines; everything else becomes a problem.

    Args:
        block: between the two lines of hyphens, which begin on the file's second line.
        shown: path named in problems.
        problems: where they are added.
    """
    if len(block) > MAX_LENGTH:
        problems.append(Problem(shown, 1, "front-matter-too-long", f"The limit is {MAX_LENGTH} characters."))
        return {}
    try:
        pairs = compose(block)
    except BadYaml as error:
        problems.append(Problem(shown, error.line + 1, "bad-yaml", f"The front matter is not valid YAML: {error}."))
        return {}
    fields: dict[str, tuple[Any, int]] = {}
    problems += _remarks(block, pairs, shown)
    for key, node, start in pairs:
        line = start + 1
        if key not in KEYS:
            problems.append(
                Problem(shown, line, "unknown-key", f"{key[:40]!r} is no key; known are {', '.join(KEYS)}.")
            )
        elif key in fields:
            problems.append(Problem(shown, line, "duplicate-key", f"{key!r} stands twice."))
        else:
            try:
                fields[key] = (KEYS[key](construct(node)), line)
            except ValueError as error:
                problems.append(Problem(shown, line, "invalid-value", f"{key} {error}."))
                fields[key] = (None, line)
    for key in REQUIRED:
        if key not in fields:
            problems.append(Problem(shown, 1, f"missing-{key}", f"The front matter has no {key}."))
    return fields


#: Keys whose values are words, in which a # may be meant; behind a day or a status it is a remark.
_WORDS = frozenset({"title", "summary", "tags", "keywords", "answers", "license", "origin"})


def _remarks(block: str, pairs: list[tuple[str, yaml.Node, int]], shown: str) -> Iterator[Problem]:
    """Words that YAML takes for a remark: those behind a blank and a # where there are no quotation marks."""
    for key, value, _ in pairs:
        for node in value.value if isinstance(value, yaml.SequenceNode) else (value,):
            if key not in _WORDS or not isinstance(node, yaml.ScalarNode) or node.style:
                continue
            place = node.end_mark.index
            if match := re.compile(r"[ \t]+#[^\n]*").match(block, place):
                line = block.count("\n", 0, place) + 2
                message = (
                    f"{key} ends before “{match[0].strip()[:40]}”, which is a remark; put all of it in quotation marks."
                )
                yield Problem(shown, line, "yaml-comment", message, Severity.WARNING)


class BadYaml(Exception):
    """A text is not the plain YAML that is read here.

    Args:
        reason: as a clause.
        line: where, from 1.
    """

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def compose(text: str) -> list[tuple[str, yaml.Node, int]]:
    """Key, value and line of each entry of a YAML mapping of names.

    Aliases, tags and deep nesting are refused before anything is built: a few lines of them can take all memory.

    Raises:
        BadYaml: it is not such a mapping.
    """
    depth = 0

    # YAML counts more signs as line ends than editors do.
    ends = [match.start() for match in re.finditer("\n", text)]

    def line_of(mark: Any) -> int:
        return bisect_left(ends, mark.index) + 1 if mark else 1

    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
                raise BadYaml("anchors, aliases and tags are not used here", line_of(event.start_mark))
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise BadYaml("it is nested too deeply", line_of(event.start_mark))
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        reason, mark = _cause(error, text)
        raise BadYaml(reason, line_of(mark)) from None
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise BadYaml("it must be lines of the form key: value", line_of(node.start_mark))
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise BadYaml("a key must be one word", line_of(key.start_mark))
    return [(str(key.value), value, line_of(key.start_mark)) for key, value in node.value]


#: What has a beginning and no end, by the words of YAML's errors, and what is said of it.
_BEGUN = {
    "flow sequence": "the list that begins here has no ], or a comma is missing in it",
    "flow mapping": "the bracket { that begins here has no }, or a comma is missing behind it",
    "simple key": "the line has no colon behind its key",
}
_QUOTED = "the text that begins here has no second quotation mark, or one too many"


def _cause(error: yaml.YAMLError, text: str) -> tuple[str, Any]:
    """What is wrong, as a clause, and the mark of the place to mend.

    That is not always where YAML stumbles: what has no end is mended where it begins.
    """
    problem = getattr(error, "problem", None) or "it cannot be read"
    mark, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    context = getattr(error, "context", None) or ""
    if begun and "quoted scalar" in context and ("end of stream" in problem or "document" in problem):
        return _QUOTED, begun
    if begun and (reason := next((words for name, words in _BEGUN.items() if name in context), "")):
        return reason, begun
    # The next quotation mark closes what has none: YAML stumbles over what stands behind it, lines below.
    last = None
    try:
        for token in yaml.scan(text, Loader=LOADER):
            if isinstance(token, yaml.ScalarToken) and mark and token.start_mark.index < mark.index:
                last = token
    except yaml.YAMLError:
        pass
    if last and last.style in ("'", '"') and "\n" in text[last.start_mark.index : last.end_mark.index]:
        return _QUOTED, last.start_mark
    return problem, mark


def construct(node: yaml.Node) -> Any:
    """The plain value of a node.

    Raises:
        ValueError: what it looks like it is not, such as the 30th of February.
    """
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (ValueError, yaml.YAMLError, KeyError, AttributeError, TypeError) as error:
        reason = getattr(error, "problem", None) or error
        raise ValueError(f"cannot be read: {reason}") from None
