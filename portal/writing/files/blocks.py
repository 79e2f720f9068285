"""A text as its sections and their blocks, as they are written."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from portal.outline import Heading, read_outline

_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)]) ")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_RULE = re.compile(r"[ >]*\|?[ :|-]*-[ :|-]*")
_IMAGE = re.compile(r"\s*!\[[^\]]*\]\([^)]*\)(?:\{[^}]*\})?\s*")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ ]*")
_WORD = re.compile(r"\w+")
_SIGN = re.compile(r"`[^`\n]+`|\d+|\]\([^)\s]+|\b[A-Z][a-z]*[A-Z]\w*|\b[A-Z]{2,}\b")


class Kind(StrEnum):
    """What a block is."""

    TITLE = "title"
    SUMMARY = "summary"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    TABLE = "table"
    CODE = "code"
    IMAGE = "image"
    BOX = "box"


@dataclass(frozen=True)
class Block:
    """A paragraph, an item of a list, a table, a piece of code, or a heading."""

    kind: Kind
    #: As it is written, in Markdown.
    text: str
    #: Of the file, from 1.
    line: int

    @cached_property
    def folded(self) -> str:
        """With white space folded: a re-wrapped paragraph has not changed."""
        return self.text if self.kind is Kind.CODE else " ".join(self.text.split())

    @cached_property
    def words(self) -> Counter[str]:
        """Its words, with how often each stands in it."""
        return Counter(_WORD.findall(self.text.casefold()))

    @cached_property
    def signs(self) -> Counter[str]:
        """What is the same in every language: numbers, code, addresses, names in capitals."""
        return Counter(_SIGN.findall(self.text))


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it up to the next one."""

    #: None before the first.
    heading: Heading | None
    #: The first is the heading.
    blocks: tuple[Block, ...]
    #: Of the file.
    line: int

    @property
    def anchor(self) -> str:
        """As the page has it; empty before the first heading."""
        return self.heading.anchor if self.heading else ""

    @cached_property
    def words(self) -> Counter[str]:
        """The words of all blocks."""
        return sum((block.words for block in self.blocks), Counter[str]())

    @cached_property
    def signs(self) -> Counter[str]:
        """The signs of all blocks."""
        return sum((block.signs for block in self.blocks), Counter[str]())


def share(one: Counter[str], other: Counter[str]) -> float:
    """How much of two bags they have in common, from 0 to 1; 0 of two empty ones."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def read_sections(body: str, first_line: int) -> list[Section]:
    """The sections of a text; the first is what stands before the first heading, also where that is nothing.

    Args:
        body: Markdown.
        first_line: line of the file on which it starts.
    """
    lines = body.split("\n")
    headings = {heading.line - first_line: heading for heading in read_outline(body, first_line).headings}
    starts = sorted(headings)
    first = Section(None, tuple(_blocks(lines, 0, starts[0] if starts else len(lines), first_line)), first_line)
    sections = [first]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        below = start + 1
        if not lines[start].lstrip(" >").startswith("#") and below < end and _UNDERLINE.fullmatch(lines[below]):
            below += 1
        heading = Block(Kind.HEADING, "\n".join(lines[start:below]), start + first_line)
        blocks = (heading, *_blocks(lines, below, end, first_line))
        sections.append(Section(headings[start], blocks, start + first_line))
    return sections


def _blocks(lines: Sequence[str], start: int, end: int, first_line: int) -> Iterator[Block]:
    """The blocks of some lines."""
    place = start
    while place < end:
        if not lines[place].strip():
            place += 1
            continue
        begin = place
        if fence := _FENCE.match(lines[place]):
            place += 1
            while place < end and lines[place].strip() != fence[1]:
                place += 1
            place = min(place + 1, end)
            kind = Kind.CODE
        else:
            place += 1
            while (
                place < end
                and lines[place].strip()
                and not _ITEM.match(lines[place])
                and not _FENCE.match(lines[place])
            ):
                place += 1
            kind = _kind(lines[begin:place])
        yield Block(kind, "\n".join(lines[begin:place]), begin + first_line)


def _kind(lines: Sequence[str]) -> Kind:
    """What a block is that is no code."""
    if lines[0].lstrip().startswith("!!!"):
        return Kind.BOX
    if len(lines) > 1 and "|" in lines[0] and _RULE.fullmatch(lines[1]):
        return Kind.TABLE
    if _ITEM.match(lines[0]):
        return Kind.ITEM
    return Kind.IMAGE if all(map(_IMAGE.fullmatch, lines)) else Kind.PARAGRAPH
