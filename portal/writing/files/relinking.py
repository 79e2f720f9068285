"""Turns the links of a text from one article to another and leaves every other byte of the file as it is."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from itertools import islice

from portal.outline import read_outline

_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Relinked:
    """A file with its links turned."""

    raw: bytes
    #: Links that were turned.
    count: int = 0
    #: Anchors that the new article does not have; those links lead to its top.
    dropped: tuple[str, ...] = ()


def relink(raw: bytes, body_line: int, old: str, new: str, anchors: Container[str] | None = None) -> Relinked:
    """A file whose links to one article lead to another; what only looks like one, as in code, stays.

    Each place that could be a link is given a name of its own, and the outline is asked which names are links: it knows
    Markdown, and this module need not.

    Args:
        raw: the whole file, UTF-8.
        body_line: line on which its body starts; there are no links above.
        old: slug.
        new: slug.
        anchors: of the new article; others go, and the links lead to its top. None keeps them all.
    """
    text = raw.decode()
    line_ends = [match.end() for match in islice(_END.finditer(text), body_line - 1)]
    start = line_ends[-1] if line_ends else 0
    places = re.compile(rf"(?<![\w.%-]){re.escape(old)}\.md(?P<anchor>#[^\s()<>\"'\]]*)?(?![\w-])")
    body = text[start:]
    mark = "relinked"
    while mark in body:
        mark += "0"
    number = iter(range(len(body)))
    tried = places.sub(lambda match: f"{mark}n{next(number)}.md{match['anchor'] or ''}", body)
    outline = read_outline(unicodedata.normalize("NFC", _END.sub("\n", tried)), 1)
    target = re.compile(rf"(?:\.\./(?:en|fr|de|ru)/|\./)?{mark}n(\d+)\.md(?:[#?].*)?")
    links = {int(match[1]) for link in outline.links if not link.is_image and (match := target.fullmatch(link.target))}
    dropped: list[str] = []
    number = iter(range(len(body)))

    def turned(match: re.Match[str]) -> str:
        if next(number) not in links:
            return match[0]
        anchor = match["anchor"] or ""
        if len(anchor) > 1 and anchors is not None and anchor[1:] not in anchors:
            dropped.append(anchor[1:])
            anchor = ""
        return f"{new}.md{anchor}"

    return Relinked((text[:start] + places.sub(turned, body)).encode(), len(links), tuple(dropped))
