"""Fences that the renderer does not take for the beginning of code: what stands below them is shown as text."""

import re
from enum import Enum, auto
from typing import NamedTuple

from portal.outline.lines import Lines, indented_lines, is_fence

#: What is meant as a fence: also in an item of a list, and with more behind it than the name of a language.
_MEANT = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})[^`~\n]*")


class Unread(Enum):
    """Why a fence is not read."""

    #: No line below it closes it.
    UNCLOSED = auto()
    #: It does not begin its line.
    INDENTED = auto()
    #: More stands behind it than the name of a language.
    LABELLED = auto()


class Fence(NamedTuple):
    """A fence that is not read."""

    #: From 0, within the text.
    line: int
    why: Unread


def unread_fences(lines: Lines, html: list[tuple[int, int]]) -> list[Fence]:
    """The fences of a text that are not read, each pair once.

    Args:
        lines: that have been classified.
        html: from and to, as offsets, of the pieces that are not read as Markdown.
    """
    read = {number for code in lines.code if code.is_rendered for number in range(code.first, code.end)}
    meant = {
        number: match[1]
        for number in range(len(lines.kinds))
        if number not in read and (match := _MEANT.fullmatch(lines.raw(number)))
    }
    if not meant:
        return []
    pairs = [code for code in lines.code if code.is_fenced and not code.is_rendered]
    closing = {code.end - 1 for code in pairs}
    shown = indented_lines(lines) | {
        number for start, end in html for number in range(lines.line_of(start), lines.line_of(end - 1) + 1)
    }
    # One line between backticks is code in a line for the renderer, which is what it looks like too.
    shown |= {
        code.first
        for code in pairs
        if code.end - code.first == 3 and meant.get(code.first) == lines.raw(code.first).strip() == "```"
    }
    found: list[Fence] = []
    opened = ""
    for number, sign in meant.items():
        # What closes one that is not read is no fault of its own.
        if number in closing or (opened == sign and lines.raw(number).strip(" \t>") == sign):
            opened = ""
        elif number not in shown:
            why = _why(lines.raw(number))
            found.append(Fence(number, why))
            opened = "" if why is Unread.UNCLOSED else sign
    return found


def _why(line: str) -> Unread:
    """Why the fence on a line is not read."""
    if line[0] not in "`~":
        return Unread.INDENTED
    return Unread.UNCLOSED if is_fence(line) else Unread.LABELLED
