"""Changes keys of an article's front matter and leaves every other byte of the file as it is."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import yaml

from portal.errors import PortalError
from portal.front_matter import MAX_LENGTH, BadYaml, compose, construct

#: What a key can be given: text, a day, a list of texts; None removes it.
Value = str | date | Sequence[str] | None

_END = r"(?:\r\n|\n|\r)"
_FRONT_MATTER = re.compile(
    rf"(\ufeff?---[ \t]*(?P<end>{_END}))(?P<block>.*?)(?<=[\n\r])---[ \t]*(?:{_END}|\Z)", re.DOTALL
)
_COLON = re.compile(r"[ \t]*\n?:")
#: Read by YAML as itself, whatever its version.
_WORD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_NO_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class CannotRewrite(PortalError):
    """A file's front matter cannot be changed by a program; the message is a clause that says why."""


def rewrite(raw: bytes, changes: Mapping[str, Value]) -> bytes:
    """A file with some keys of its front matter changed: comments, order, quotes and line ends stay.

    A key that is not there is added as the last. A list that stood on several lines stands on one.

    Args:
        raw: the whole file.
        changes: new value by key; None removes the key with its value.

    Raises:
        CannotRewrite: it has no front matter in lines of `key: value`, or the key stands twice.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise CannotRewrite("it is not UTF-8") from None
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise CannotRewrite("it has no front matter")
    block, start = match["block"], match.start("block")
    before = _values(block)
    for key, value in changes.items():
        block = _remove(block, key) if value is None else _put(block, key, _written(value), match["end"])
    after = {key: _plain(value) for key, value in changes.items() if value is not None}
    kept = {key: value for key, value in before.items() if key not in changes}
    if _values(block) != kept | after:
        raise CannotRewrite("its front matter is written in a way that only people can change")
    return (text[:start] + block + text[match.end("block") :]).encode()


def _entries(block: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """The keys and values of a front matter with their places.

    Raises:
        CannotRewrite: it is not lines of `key: value`.
    """
    if len(block) > MAX_LENGTH:
        raise CannotRewrite(f"its front matter is longer than {MAX_LENGTH} characters")
    try:
        # Refuses what is no plain mapping; its places are not exact in the fast parser.
        compose(block)
        node = yaml.compose(block, Loader=yaml.SafeLoader)
    except (BadYaml, yaml.YAMLError) as error:
        raise CannotRewrite(f"its front matter is not valid YAML: {getattr(error, 'problem', error)}") from None
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise CannotRewrite("its front matter is not lines of the form key: value")
    return list(node.value)


def _values(block: str) -> dict[str, Any]:
    """What each key says.

    Raises:
        CannotRewrite: it cannot be read, or a key stands twice.
    """
    values: dict[str, Any] = {}
    for key, node in _entries(block):
        if key.value in values:
            raise CannotRewrite(f"{key.value!r} stands twice in its front matter")
        try:
            values[key.value] = construct(node)
        except ValueError as error:
            # What cannot be read is not changed either.
            values[key.value] = (str(error), block[node.start_mark.index : _end(block, node)])
    return values


def _end(block: str, node: yaml.Node) -> int:
    """Where a value ends; YAML counts what follows a list in lines, or a text in lines, as part of it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(block, last[1] if isinstance(last, tuple) else last)
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    return start + len(block[start:end].rstrip())


def _line_start(block: str, place: int) -> int:
    """Where the line begins that a place is in."""
    return max(block.rfind("\n", 0, place), block.rfind("\r", 0, place)) + 1


def _find(block: str, key: str) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    """A key and its value."""
    return next((entry for entry in _entries(block) if entry[0].value == key), None)


def _remove(block: str, key: str) -> str:
    """The front matter without a key."""
    found = _find(block, key)
    if found is None:
        return block
    start = _line_start(block, int(found[0].start_mark.index))
    rest = re.compile(rf"[^\r\n]*{_END}?").match(block, max(_end(block, found[1]), int(found[0].end_mark.index)))
    return block[:start] + block[rest.end() if rest else len(block) :]


def _put(block: str, key: str, written: str, end: str) -> str:
    """The front matter with a key's new value."""
    found = _find(block, key)
    if found is None:
        return f"{block}{key}: {written}{end}"
    colon = _COLON.match(block, int(found[0].end_mark.index))
    if colon is None:
        raise CannotRewrite("its front matter is written in a way that only people can change")
    start, finish = int(found[1].start_mark.index), max(_end(block, found[1]), colon.end())
    if start <= colon.end():
        return f"{block[: colon.end()]} {written}{block[finish:]}"
    line = _line_start(block, start)
    if line <= colon.end():
        return f"{block[:start]}{_quoted_as(block[start:finish], written)}{block[finish:]}"
    # The value began on a line of its own: it goes up to the key, the remarks between stay.
    between = block[colon.end() : line].rstrip("\r\n")
    return f"{block[: colon.end()]} {written}{between}{block[finish:]}"


def _quoted_as(old: str, written: str) -> str:
    """A written text in the quotation marks that the old one had."""
    if old.startswith("'") and re.fullmatch(r'"[^"\\\']*"', written):
        return f"'{written[1:-1]}'"
    return written


def _plain(value: Value) -> Any:
    """A value as YAML gives it back."""
    return value if value is None or isinstance(value, (str, date)) else list(value)


def _written(value: Value) -> str:
    """A value as YAML on one line."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        is_word = _WORD.fullmatch(value) and value not in _NO_TEXT and not re.fullmatch(r"[0-9a-f]{16}", value)
        # What JSON escapes, YAML reads; DEL and the like must not stand as they are.
        return (
            value
            if is_word
            else re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff]", _escape, json.dumps(value, ensure_ascii=False))
        )
    return f"[{', '.join(map(_written, value or ()))}]"


def _escape(sign: re.Match[str]) -> str:
    """A sign that a file should not have, as an escape."""
    return f"\\u{ord(sign[0]):04x}"
