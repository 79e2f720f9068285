"""Reading the shape of a text: its lines, what stands within them, and its headings' anchors."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from portal.outline.anchors import Anchored, kept, plain_headings, read_structure
from portal.outline.fences import Fence, unread_fences
from portal.outline.inline import Spans, definitions, scan, scan_html
from portal.outline.lines import Kind, Lines, cells, classify, hide, read_code, units, without_fences
from portal.outline.shapes import CodeBlock, Heading, Line, Link, Outline, Table

_MARK = re.compile(r"[ >]*(?:(?:[-*+]|\d{1,9}\.) +)?(#{1,6})[ ]*")
#: What begins a line and is no prose.
_BEGINNING = re.compile(r"[ >]*(?:[-*+] |: |\[\^[^\]\n]*\]:|!!! ?[\w-]+(?: +[\w-]+)*|#{1,6}(?= ))?")
_WHOLE_REMARK = re.compile(r"<!--.*?-->", re.DOTALL)
_BOX_TITLE = re.compile(r"[ >]*!!! ?[\w-]+(?: +[\w-]+)* +\"(.*)\"[ ]*$")


@dataclass(frozen=True)
class _Text:
    """A text that has been read."""

    lines: Lines
    spans: Spans
    #: None where the renderer's parser would take long.
    headings: tuple[Anchored, ...] | None
    #: From and to of the HTML in which Markdown is not read.
    html: list[tuple[int, int]]


@lru_cache(maxsize=4)
def _read(body: str) -> _Text:
    """The lines of a text and what stands in them."""
    lines, spans = read_code(body), Spans()
    structure = read_structure(without_fences(body, lines))
    html = _places(body, structure.html) if structure else []
    classify(lines, html)
    pieces = [lines.span(first, end) for first, end in units(lines)]
    references: dict[str, str] = {}
    for start, end in pieces:
        references |= definitions(lines.text, start, end, spans)
    text = hide(lines.text, spans.hidden)
    for start, end in pieces:
        scan(text, start, end, references, spans)
    for start, end in html:
        scan_html(lines.text, start, end, spans)
    spans.hidden.sort()
    spans.links.sort(key=lambda link: link.start)
    return _Text(lines, spans, structure.headings if structure else None, html)


def _places(body: str, pieces: Iterable[str]) -> list[tuple[int, int]]:
    """Where pieces of a text stand in it, one after the other."""
    found, done = [], 0
    for piece in pieces:
        # The parser joins what follows a remark to it.
        for part in filter(None, (part.strip() for part in _WHOLE_REMARK.split(piece))):
            start = body.find(part, done)
            if start >= 0:
                done = start + len(part)
                found.append((start, done))
    return found


def read_outline(body: str, first_line: int) -> Outline:
    """The shape of a text.

    Args:
        body: Markdown.
        first_line: line of the file on which it starts.
    """
    read = _read(body)
    lines, links = read.lines, []
    for link in read.spans.links:
        number = lines.line_of(link.start)
        column = link.start - lines.starts[number] + 1
        links.append(Link(number + first_line, column, link.text, link.target, link.is_image, link.language))
    code = tuple(
        CodeBlock(block.first + first_line, block.language, _digest(block.text), block.is_fenced)
        for block in lines.code
    )
    headings = sorted((*_headings(read, first_line), *_html_headings(read, first_line)), key=lambda h: h.line)
    tables = sorted((*_tables(lines, first_line), *_html_tables(read, first_line)), key=lambda t: t.line)
    return Outline(tuple(headings), tuple(links), code, tuple(tables))


def fences(body: str) -> list[Fence]:
    """The fences of a text that the renderer does not take for the beginning of code; lines count from 0."""
    read = _read(body)
    return unread_fences(read.lines, read.html) if "```" in body or "~~~" in body else []


def prose(body: str, first_line: int) -> Iterator[Line]:
    """The lines of a text outside of code blocks, empty ones left out."""
    read = _read(body)
    shown = hide(read.lines.text, read.spans.hidden).split("\n")
    original = body.split("\n")
    for number, kind in enumerate(read.lines.kinds):
        if kind in (Kind.PROSE, Kind.HEADING, Kind.TABLE, Kind.HTML):
            text = _BEGINNING.sub(lambda match: " " * len(match[0]), shown[number], count=1)
            if title := _BOX_TITLE.match(shown[number]):
                text = f"{' ' * title.start(1)}{title[1]} {' ' * (len(text) - title.end(1) - 1)}"
            if text.strip():
                yield Line(number + first_line, text, original[number])


def _headings(read: _Text, first_line: int) -> Iterator[Heading]:
    """The headings that the parser finds, or else those that look like it, at the lines that they stand on."""
    lines = read.lines
    candidates = [number for number, kind in enumerate(lines.kinds) if kind is Kind.HEADING]
    raw = [lines.raw(number).expandtabs(4) for number in candidates]
    found = read.headings
    if found is None:
        marks = [(number, _MARK.match(line)) for number, line in zip(candidates, raw, strict=True)]
        found = tuple(plain_headings([_own(lines, number, match) for number, match in marks], force=True) or ())
    place, number = 0, 0
    for heading in found:
        for index in range(place, min(place + 20, len(candidates))):
            if heading.raw in raw[index]:
                number, place = candidates[index], index + 1
                break
        else:  # One within code that the renderer does not take for code, such as between indented fences.
            near = range(number, min(number + 500, len(lines.kinds)))
            number = next((n for n in near if "#" in (line := lines.raw(n)) and heading.raw in line), number)
        match = _MARK.match(lines.raw(number))
        column = match.start(1) + 1 if match else 1
        yield Heading(number + first_line, column, heading.level, heading.text, heading.anchor, heading.is_anchored)


def _own(lines: Lines, number: int, match: re.Match[str] | None) -> tuple[str, int]:
    """Text and level of the heading on a line."""
    line = lines.raw(number)
    if match is None:
        return line.strip(), 1 if lines.raw(number + 1).startswith("=") else 2
    return line[match.end() :].strip().rstrip("#").strip(), len(match[1])


_HTML_HEADING = re.compile(r"<h([1-6])((?:\s[^<>]{0,1000})?)>([^\n]{0,1000}?)</h\1\s*>", re.IGNORECASE)
_HTML_ID = re.compile(r"\sid\s*=\s*[\"']?([^\s\"'>]+)")


def _html_headings(read: _Text, first_line: int) -> Iterator[Heading]:
    """The headings that are written as HTML."""
    for start, end in read.html:
        for match in _HTML_HEADING.finditer(read.lines.text, start, end):
            number = read.lines.line_of(match.start())
            given = _HTML_ID.search(match[2])
            text = " ".join(unescape(re.sub(r"<[^<>]*>", "", match[3])).split())
            column = match.start() - read.lines.starts[number] + 1
            anchor = kept(given[1]) if given else ""
            yield Heading(number + first_line, column, int(match[1]), text, anchor, bool(anchor))


def _tables(lines: Lines, first_line: int) -> Iterator[Table]:
    """The tables."""
    kinds = lines.kinds
    for number, kind in enumerate(kinds[:-1]):
        if kind is Kind.TABLE and kinds[number + 1] is Kind.RULE:
            end = number + 2
            while end < len(kinds) and kinds[end] is Kind.TABLE:
                end += 1
            header = lines.raw(number)
            has_header = bool(re.search(r"[^\s|>]", header))
            yield Table(number + first_line, cells(header), end - number - 2, has_header)


def _html_tables(read: _Text, first_line: int) -> Iterator[Table]:
    """The tables that are written as HTML."""
    for start, end in read.html:
        text = read.lines.text[start:end].lower()
        place = text.find("<table")
        while place >= 0:
            stop = text.find("</table", place)
            stop = len(text) if stop < 0 else stop
            rows = text.count("<tr", place, stop)
            first = text.find("</tr", place, stop)
            header = text[place : stop if first < 0 else first]
            has_header = text.find("<th", place, stop) >= 0
            columns = header.count("<th") - header.count("<thead") + header.count("<td")
            yield Table(read.lines.line_of(start + place) + first_line, columns, rows - has_header, has_header)
            place = text.find("<table", stop)


_REMARK = re.compile(r"^\s*(?:#|//|--|;|REM\b|<!--|/?\*).*$|\s(?:#|//)\s.*$", re.MULTILINE | re.IGNORECASE)


def _digest(code: str) -> str:
    """What identifies code whose remarks may be translated."""
    text = " ".join(_REMARK.sub("", code).split())
    return hashlib.sha256(text.encode()).hexdigest()[:16]
