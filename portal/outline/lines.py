"""What each line of a Markdown text is: code, heading, table, HTML, or prose; in time linear in its length."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto


class Kind(Enum):
    """What a line is."""

    BLANK = auto()
    PROSE = auto()
    #: Of a block of code, its fences too.
    CODE = auto()
    #: Of HTML, in which Markdown is not read.
    HTML = auto()
    HEADING = auto()
    TABLE = auto()
    #: Of signs only: below a table's header or a heading, or a horizontal rule.
    RULE = auto()


@dataclass
class Code:
    """A block of code: its lines from the first to before the end."""

    first: int
    end: int
    #: As the fence names it.
    language: str
    text: str
    #: Whether it stands between fences.
    is_fenced: bool = False
    #: Whether they stand at the beginning of a line, which is how the renderer knows them.
    is_rendered: bool = False


@dataclass
class Lines:
    """A text by lines; they count from 0."""

    #: With remarks (`<!-- … -->`) that begin a line blanked out.
    text: str
    #: Where each line begins in the text, and where one behind the last would.
    starts: list[int]
    kinds: list[Kind]
    code: list[Code] = field(default_factory=list)

    def line_of(self, offset: int) -> int:
        """The line that a place in the text is in."""
        return bisect_right(self.starts, offset) - 1

    def raw(self, number: int) -> str:
        """A line without its end."""
        return self.text[self.starts[number] : self.starts[number + 1] - 1]

    def span(self, first: int, end: int) -> tuple[int, int]:
        """From and to of some lines, without the last one's end."""
        return self.starts[first], self.starts[end] - 1


_FENCE = re.compile(
    r"([ \t>]*)(`{3,}|~{3,})[ ]*(?:\{([^\n]*)\}|\.?([\w#.+-]*)[ ]*(?:hl_lines=(?:\"[^\"]*\"|'[^']*')[ ]*)?)"
)
_OPENS = re.compile(r" {0,11}(?:(?:[-*+]|\d{1,9}\.) +|!!! ?[\w-]|:( {1,3})|\[\^[^\]\n]{0,80}\]:)")
_HEADING = re.compile(r"[ >]*(?:(?:[-*+]|\d{1,9}\.) +)?#{1,6}")
_RULE = re.compile(r"[ >]*(?:[-][- ]*|[_][_ ]*|[*][* ]*|=+[ ]*)")
_DELIMITER = re.compile(r"[ >]*[|:\- ]+")
_REMARK = re.compile(r"^ {0,3}<!--", re.MULTILINE)


def read_code(body: str) -> Lines:
    """The lines of a text; only fenced code and remarks are known yet."""
    raw = body.split("\n")
    starts = [0]
    for line in raw:
        starts.append(starts[-1] + len(line) + 1)
    lines = Lines(body, starts, [Kind.PROSE] * len(raw))
    if "```" in body or "~~~" in body:
        _find_fences(lines, raw)
    if "<!--" in body:
        lines.text = hide(body, list(_remarks(lines)))
    return lines


def _find_fences(lines: Lines, raw: list[str]) -> None:
    """Mark fenced code, also where it is indented: it is meant as code."""
    fences = [number for number, line in enumerate(raw) if "```" in line or "~~~" in line]
    ends: dict[tuple[str, bool], list[int]] = {}
    for number in fences:
        sign, indented = raw[number].strip(" \t>"), raw[number][0] in " \t>"
        ends.setdefault((sign, False), []).append(number)
        if not indented:
            ends.setdefault((sign, True), []).append(number)
    done = -1
    for number in fences:
        match = _FENCE.fullmatch(raw[number].rstrip("\t ")) if number > done else None
        if match is None:
            continue
        closing = ends.get((match[2], not match[1]), [])
        place = bisect_right(closing, number)
        if place == len(closing):
            continue
        done = closing[place]
        lines.kinds[number : done + 1] = [Kind.CODE] * (done + 1 - number)
        text = "\n".join(raw[number + 1 : done])
        language = match[4] or _class(match[3])
        lines.code.append(Code(number, done + 1, language, text, is_fenced=True, is_rendered=not match[1]))


def _class(attributes: str | None) -> str:
    """The first class of an attribute list, which names the language."""
    match = re.search(r"\.([\w#+-]+)", attributes or "")
    return match[1] if match else ""


def _remarks(lines: Lines) -> Iterator[tuple[int, int]]:
    """From and to of the remarks that begin a line outside of code."""
    done = 0
    for match in _REMARK.finditer(lines.text):
        start = match.end() - 4
        if start < done or lines.kinds[lines.line_of(start)] is Kind.CODE:
            continue
        end = lines.text.find("-->", start + 4)
        if end < 0:
            return
        done = end + 3
        yield start, done


def hide(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with some places blanked out; its lines and columns stay.

    Args:
        text: any.
        spans: from and to, in order; they may overlap.
    """
    parts, done = [], 0
    for start, end in spans:
        if end > done:
            parts.append(text[done:start])
            parts.append("\n".join(" " * len(line) for line in text[max(start, done) : end].split("\n")))
            done = end
    return "".join([*parts, text[done:]]) if parts else text


def without_fences(body: str, lines: Lines) -> str:
    """A text as the renderer's parser may read it: a word instead of each block of fenced code."""
    parts, done = [], 0
    for code in lines.code:
        if code.is_rendered:
            start, end = lines.span(code.first, code.end)
            parts += [body[done:start], "\n\ncode\n\n"]
            done = end
    return "".join([*parts, body[done:]]) if parts else body


def classify(lines: Lines, html: list[tuple[int, int]]) -> None:
    """Find what else the lines are.

    Args:
        lines: as `read_code` gives them.
        html: from and to, as offsets, of the pieces that are not read as Markdown.
    """
    for start, end in html:
        for number in range(lines.line_of(start), lines.line_of(end - 1) + 1):
            if lines.kinds[number] is Kind.PROSE:
                lines.kinds[number] = Kind.HTML
    raw = lines.text.split("\n")
    _find_indented(lines, raw)
    _find_the_rest(lines, raw)
    lines.code.sort(key=lambda code: code.first)


def is_fence(line: str) -> bool:
    """Whether a line could begin fenced code, where another one ends it."""
    return _FENCE.fullmatch(line.rstrip("\t ")) is not None


def indented_lines(lines: Lines) -> set[int]:
    """The lines of indented code, if fences that do not begin their line are no fences, as the renderer sees it."""
    bare = Lines(lines.text, lines.starts, [Kind.PROSE] * len(lines.kinds))
    for code in lines.code:
        if code.is_rendered:
            bare.kinds[code.first : code.end] = [Kind.CODE] * (code.end - code.first)
    _find_indented(bare, lines.text.split("\n"))
    return {number for code in bare.code for number in range(code.first, code.end)}


def _indent(line: str) -> int:
    """Columns before the first sign."""
    text = line.expandtabs(4) if "\t" in line else line
    return len(text) - len(text.lstrip(" "))


def _find_indented(lines: Lines, raw: list[str]) -> None:
    """Mark blank lines, and code that is indented beyond the list or box that it stands in."""
    inner: list[int] = []  # Indents of the contents of the open lists and boxes.
    after_blank, last = True, -1  # Last line of the indented code before.
    for number, line in enumerate(raw):
        if not line.strip():
            if lines.kinds[number] is not Kind.CODE:
                lines.kinds[number] = Kind.BLANK
            after_blank = True
            continue
        if lines.kinds[number] is not Kind.PROSE:
            after_blank = True
            continue
        indent = _indent(line)
        opens = _OPENS.match(line)
        if after_blank or opens:
            while inner and indent < inner[-1]:
                inner.pop()
        if after_blank and indent >= (inner[-1] if inner else 0) + 4 and not (opens and inner):
            _add_indented(lines, raw, number, last)
            last = number
            continue
        if opens:
            inner.append((indent // 4 + 1) * 4)
        # A heading and a rule end their block as an empty line does.
        after_blank = line[0] in "#*-_=" and bool(_HEADING.match(line) or _RULE.fullmatch(line))


def _add_indented(lines: Lines, raw: list[str], number: int, last: int) -> None:
    """Add a line to the indented code before it, or begin a block with it."""
    between = lines.kinds[last + 1 : number] if last >= 0 and number - last < 100 else [Kind.PROSE]
    if all(kind is Kind.BLANK for kind in between):
        block = lines.code[-1]
        block.text += "\n" * (number - last) + raw[number]
        block.end = number + 1
        lines.kinds[last + 1 : number] = [Kind.CODE] * len(between)
    else:
        lines.code.append(Code(number, number + 1, "", raw[number]))
    lines.kinds[number] = Kind.CODE


def _find_the_rest(lines: Lines, raw: list[str]) -> None:
    """Mark headings, tables and rules."""
    kinds, before = lines.kinds, Kind.BLANK
    in_table = False
    for number, line in enumerate(raw):
        if kinds[number] is not Kind.PROSE:
            in_table = False
        elif in_table:
            kinds[number] = Kind.TABLE
        elif _HEADING.match(line):
            kinds[number] = Kind.HEADING
        elif "|" in line and _begins_table(lines, raw, number):
            kinds[number : number + 2] = [Kind.TABLE, Kind.RULE]
            in_table = True
        elif _RULE.fullmatch(line):
            is_below = before is Kind.PROSE and line[0] in "=-" and " " not in line.rstrip()
            if is_below and (number < 2 or kinds[number - 2] is not Kind.PROSE):
                kinds[number - 1] = Kind.HEADING
            kinds[number] = Kind.RULE
        in_table |= kinds[number] is Kind.RULE and before is Kind.TABLE
        before = kinds[number]


def _begins_table(lines: Lines, raw: list[str], number: int) -> bool:
    """Whether a line is the header of a table."""
    if number + 1 >= len(raw) or lines.kinds[number + 1] is not Kind.PROSE:
        return False
    if number and lines.kinds[number - 1] is Kind.PROSE and not raw[number - 1].lstrip().startswith("!!!"):
        return False
    below = raw[number + 1]
    return "-" in below and _DELIMITER.fullmatch(below) is not None and cells(raw[number]) == cells(below)


def cells(row: str) -> int:
    """How many cells a table's row has; a stroke in code or behind a backslash divides nothing."""
    text = re.sub(r"\\.|`[^`]*`", "", row.strip(" >"))
    return text.removeprefix("|").removesuffix("|").count("|") + 1


_UNIT = re.compile(r"[ >]*(?:(?:[-*+]|\d{1,9}\.) |: |!!!|\[\^)")


def units(lines: Lines) -> Iterator[tuple[int, int]]:
    """The pieces of prose that links and code within a line do not reach beyond: first line and the one behind."""
    first = -1
    for number, kind in enumerate(lines.kinds):
        if first >= 0 and (kind is not Kind.PROSE or _UNIT.match(lines.text, lines.starts[number])):
            yield first, number
            first = -1
        if kind in (Kind.HEADING, Kind.TABLE):
            yield number, number + 1
        elif kind is Kind.PROSE and first < 0:
            first = number
    if first >= 0:
        yield first, len(lines.kinds)
