"""Changes `redirects.yml` and `topics.yml` by a program and keeps their form: remarks, order, quotes, line ends."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml

from portal import redirects
from portal.errors import PortalError
from portal.front_matter import BadYaml, compose

HEADER = """\
# Old slugs of articles and the slugs they lead to, for ever; ~ where an address is gone on purpose.
# `portal articles rename` and `portal articles retire` write them; see docs/writing-articles.md.
"""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class CannotEdit(PortalError):
    """A file is written in a way that a program cannot change without harm; the message is a sentence."""


def with_redirects(raw: bytes | None, add: Mapping[str, str | None], remove: Collection[str] = ()) -> bytes:
    """`redirects.yml` with more old slugs, in their alphabetical places where the file is in that order.

    In order, two writers who rename on two branches seldom meet on one line.

    Args:
        raw: the whole file; None where there is none.
        add: old slugs and what they lead to, None for given up; lines that they had before go.
        remove: old slugs that go.

    Raises:
        CannotEdit: the file has errors, or is not one line for each old slug.
    """
    text = raw.decode() if raw is not None else HEADER
    before = _read(text)
    lines: list[str] = _LINE.findall(text)
    found_end = re.search(r"\r\n|\r|\n", text)
    end = found_end[0] if found_end else "\n"
    gone = set(remove) | add.keys()
    entries = [(entry.old, entry.line - 1) for entry in before.entries if entry.old not in gone]
    is_ordered = entries == sorted(entries)
    inserted: dict[int, list[str]] = {}
    for old, new in sorted(add.items()):
        written = f"{old}: {new or redirects.GIVEN_UP}{end}"
        place = len(lines)
        if is_ordered and entries and old < entries[-1][0]:
            earlier = [line for name, line in entries if name < old]
            place = earlier[-1] + 1 if earlier else entries[0][1]
        inserted.setdefault(place, []).append(written)
    dropped = {entry.line - 1 for entry in before.entries if entry.old in gone}
    result: list[str] = []
    for number in range(len(lines) + 1):
        if number in inserted and result and not result[-1].endswith(("\n", "\r")):
            result[-1] += end
        result += inserted.get(number, [])
        result += [lines[number]] if number < len(lines) and number not in dropped else []
    after = "".join(result)
    wanted = {entry.old: entry.new for entry in before.entries if entry.old not in gone} | dict(add)
    found = redirects.parse(_unix(after))
    if found.problems or {entry.old: entry.new for entry in found.entries} != wanted:
        raise CannotEdit(f"{redirects.NAME} is not one line for each old slug; write it so first.")
    return after.encode()


def _read(text: str) -> redirects.Redirects:
    """The file as it is.

    Raises:
        CannotEdit: it has errors.
    """
    found = redirects.parse(_unix(text))
    if found.problems:
        first = min(found.problems)
        raise CannotEdit(f"{first.path}:{first.line}: {first.message} Mend it first.")
    return found


def _unix(text: str) -> str:
    """Text with Unix line ends and without a byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def with_featured(raw: bytes, old: str, new: str | None) -> tuple[bytes, tuple[str, ...]]:
    """`topics.yml` with another slug among the featured ones, and the topics concerned.

    Args:
        raw: the whole file.
        old: slug.
        new: slug that takes its place; None where none does.

    Raises:
        CannotEdit: the file is not valid YAML, or is written in a way that only people can change.
    """
    text = raw.decode()
    wanted, cuts, topics = _values(text), [], []
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for key, node in root.value if wanted else ():
        for name, items in node.value if isinstance(node, yaml.MappingNode) else ():
            slugs = [item.value for item in items.value] if isinstance(items, yaml.SequenceNode) else []
            if name.value != "featured" or old not in slugs:
                continue
            if not isinstance(wanted.get(key.value), dict):
                raise CannotEdit("topics.yml is written in a way that only people can change")
            topics.append(str(key.value))
            put = new if new not in slugs else None
            wanted[key.value]["featured"] = [put if slug == old else slug for slug in slugs if slug != old or put]
            cuts += [_item(text, items, place, old, put) for place, slug in enumerate(slugs) if slug == old]
    for start, stop, words in sorted(cuts, reverse=True):
        text = text[:start] + words + text[stop:]
    if _values(text) != wanted:
        raise CannotEdit("topics.yml is written in a way that only people can change")
    return text.encode(), tuple(topics)


def _values(text: str) -> Any:
    """What the file says.

    Raises:
        CannotEdit: it is not valid YAML.
    """
    try:
        compose(text)
        return yaml.safe_load(text) or {}
    except (BadYaml, yaml.YAMLError, ValueError) as error:
        reason = getattr(error, "problem", None) or error
        raise CannotEdit(f"topics.yml is not valid YAML: {reason}") from None


def _item(text: str, items: yaml.SequenceNode, place: int, old: str, new: str | None) -> tuple[int, int, str]:
    """What of the text goes for one entry of a list, and what comes."""
    nodes = items.value
    start, stop = int(nodes[place].start_mark.index), int(nodes[place].end_mark.index)
    if new is not None:
        return start, stop, text[start:stop].replace(old, new)
    if not items.flow_style:
        line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
        after = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?").match(text, stop)
        return line, after.end() if after else stop, ""
    if place + 1 < len(nodes):
        return start, int(nodes[place + 1].start_mark.index), ""
    return (int(nodes[place - 1].end_mark.index) if place else start), stop, ""
