"""How a text is built: headings in their order, sections that say something, tables with a header."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from portal.markup import ADMONITIONS
from portal.outline import Heading, Unread, fences
from portal.problems import Fix, Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Text
from portal.writing.rules.passages import lines_of

RULES = (
    Rule(
        "first-level-heading",
        Severity.WARNING,
        "a heading of the text is of the first level",
        "That is the title's; screen readers announce two titles, and the table of contents is lost.",
        "Begin with `##`, and move the headings below it down as well.",
    ),
    Rule(
        "heading-skips-level",
        Severity.WARNING,
        "a heading is more than one level below the one before it",
        "Who goes through the page by its headings looks for what is missing between.",
        "Use the next level: `###` below `##`.",
    ),
    Rule(
        "empty-section",
        Severity.WARNING,
        "nothing stands below a heading",
        "Readers are led to a place that answers nothing.",
        "Write the section, or remove its heading.",
    ),
    Rule(
        "duplicate-heading",
        Severity.WARNING,
        "two sections of the same part of a text have the same heading",
        "In the table of contents nobody can tell them apart, and the second one's anchor gets a number that changes.",
        "Say in each heading what sets it apart, or make one section of the two.",
    ),
    Rule(
        "duplicate-anchor",
        Severity.ERROR,
        "two headings have the same anchor",
        "A link to the second leads to the first.",
        "Give one of them another anchor, in all languages.",
    ),
    Rule(
        "table-without-header",
        Severity.WARNING,
        "a table has no header, or an empty one",
        "Screen readers tell for each cell which column it is in, and have nothing to say.",
        "Write into the first row what each column holds, in HTML with `<th>`; if there is nothing to say, use a list.",
    ),
    Rule(
        "unknown-box",
        Severity.WARNING,
        "a box is of a kind that does not exist",
        "It is shown as a note with the kind's English word as its title.",
        f"Use one of {', '.join(ADMONITIONS)}, with a title of your own where you need one.",
    ),
    Rule(
        "unclosed-fence",
        Severity.WARNING,
        "a fence of code is not closed, or the renderer does not take it for one",
        "Readers see the backticks, and the lines of code run into each other; a `#` among them makes a heading.",
        "Close it with a line that is the same sign and nothing else. Both begin their line: in a list, indent the code"
        " by eight blanks instead, without a fence. Behind the first stands the name of a language, or nothing.",
    ),
    Rule(
        "heading-end",
        Severity.WARNING,
        "a heading ends like a sentence",
        "In the table of contents and in results, the full stop or colon stands between words that it does not divide.",
        "Remove the sign, or let `--fix` do it; question marks and exclamation marks stay.",
        is_fixable=True,
    ),
    Rule(
        "trailing-blanks",
        Severity.WARNING,
        "a line ends with blanks",
        "Nobody sees them; two are a line break, and it is not to be told which are meant.",
        "Remove them, or let `--fix` do it. For a line break, write exactly two, or `<br>`.",
        is_fixable=True,
    ),
)

_UNREAD = {
    Unread.UNCLOSED: "The code that begins here has no end: no line below is the same fence and nothing else.",
    Unread.INDENTED: "A fence that does not begin its line is not read; in a list, indent the code by eight blanks.",
    Unread.LABELLED: "The fence is not read: only the name of a language can stand behind it.",
}
#: A box's first line.
_BOX = re.compile(r"[ >]*!!! ?([\w-]{1,50})")
#: A sign that is only one because a blank follows it.
_LONE = re.compile(r"(?:[-*+>:|]|\d{1,9}[.)]|\[\^[^\]]*\]:)*")
#: What ends a heading and should not, before an anchor.
_END = re.compile(r"(?<=[^\W\d_])[ \u00a0\u202f]?[.:;,](?=(?:[ ]*\{[^{}\n]*\})?[ #]*$)")
#: The line below a heading that makes it one.
_UNDERLINE = re.compile(r"[ >]*(?:=+|-+)[ ]*")


def of_text(text: Text) -> Iterator[Problem]:
    """What is wrong with how a text is built."""
    headings = text.outline.headings
    yield from _of_levels(text.path, headings)
    yield from _of_names(text.path, headings)
    lines = text.article.body.split("\n")
    for heading, following in zip_longest(headings, headings[1:]):
        if following is None or following.level <= heading.level:
            below = lines[heading.line - text.body_line + 1 : following.line - text.body_line if following else None]
            if not _says_something(below):
                message = f"Nothing stands below the heading “{heading.text}”."
                yield Problem(text.path, heading.line, "empty-section", message, Severity.WARNING, heading.column)
        yield from _of_end(text.path, heading, lines[heading.line - text.body_line])
    for table in text.outline.tables:
        if not table.has_header:
            message = "The table has no header: its first row names the columns, in HTML with <th>."
            yield Problem(text.path, table.line, "table-without-header", message, Severity.WARNING)
    for fence in fences(text.article.body):
        yield Problem(text.path, text.body_line + fence.line, "unclosed-fence", _UNREAD[fence.why], Severity.WARNING)
    if " \n" in text.article.body or "\t\n" in text.article.body or text.article.body.endswith((" ", "\t")):
        yield from _of_line_ends(text)
    if "!!!" in text.article.body:
        yield from _of_boxes(text)


def _of_levels(path: str, headings: Sequence[Heading]) -> Iterator[Problem]:
    """Headings of the first level, and those that skip one."""
    level = 1
    for heading in headings:
        if heading.level == 1:
            message = "Headings of an article begin with ##; the title is the first level."
            yield Problem(path, heading.line, "first-level-heading", message, Severity.WARNING, heading.column)
        elif heading.level > level + 1:
            message = f"The heading skips from level {level} to {heading.level}."
            yield Problem(path, heading.line, "heading-skips-level", message, Severity.WARNING, heading.column)
        level = heading.level


def _of_names(path: str, headings: Sequence[Heading]) -> Iterator[Problem]:
    """Headings and anchors that stand twice."""
    anchors: dict[str, int] = {}
    above: list[Heading] = []
    names: dict[tuple[int, str], int] = {}
    for heading in headings:
        while above and above[-1].level >= heading.level:
            above.pop()
        parent = above[-1].line if above else 0
        above.append(heading)
        if heading.anchor and (first := anchors.setdefault(heading.anchor, heading.line)) != heading.line:
            message = f"The heading of line {first} has the anchor {heading.anchor!r} too."
            yield Problem(path, heading.line, "duplicate-anchor", message, Severity.ERROR, heading.column)
        name = heading.text.casefold()
        if name and (first := names.setdefault((parent, name), heading.line)) != heading.line:
            message = f"Line {first} has the same heading, “{heading.text}”."
            yield Problem(path, heading.line, "duplicate-heading", message, Severity.WARNING, heading.column)


def _says_something(lines: Sequence[str]) -> bool:
    """Whether anything stands in a section that readers see."""
    rest = list(lines)
    if rest and _UNDERLINE.fullmatch(rest[0]):
        del rest[0]
    text = "\n".join(rest).strip()
    while text.startswith("<!--"):
        text = text.partition("-->")[2].strip()
    return bool(text)


def _of_end(path: str, heading: Heading, raw: str) -> Iterator[Problem]:
    """A heading that ends with a full stop, colon, semicolon or comma."""
    if heading.text[-1:] in ".:;," and heading.text[-3:] != "..." and (match := _END.search(raw)):
        column = match.start() + 1
        fix = Fix(heading.line, column, len(match[0]), "") if heading.is_anchored else None
        message = f"The heading ends with {match[0].strip()}"
        yield Problem(path, heading.line, "heading-end", message, Severity.WARNING, column, fix)


def _of_line_ends(text: Text) -> Iterator[Problem]:
    """Blanks at the end of lines that are no line breaks."""
    body = text.article.body.split("\n")
    for line in lines_of(text.article.body, text.body_line):
        end = len(line.raw) - len(line.raw.rstrip(" \t"))
        if not end or _LONE.fullmatch(line.raw.strip()):
            continue
        below = line.number - text.body_line + 1
        is_break = line.raw.endswith("  ") and below < len(body) and bool(body[below].strip())
        kept = "  " if is_break else ""
        if line.raw[-end:] != kept:
            column = len(line.raw) - end + 1
            message = "The line ends with blanks." if not kept else "The line ends with more than two blanks."
            fix = Fix(line.number, column, end, kept)
            yield Problem(text.path, line.number, "trailing-blanks", message, Severity.WARNING, column, fix)


def _of_boxes(text: Text) -> Iterator[Problem]:
    """Boxes of a kind that does not exist."""
    body = text.article.body.split("\n")
    found = {number: match for number, line in enumerate(body) if (match := _BOX.match(line))}
    unknown = {number: match for number, match in found.items() if match[1].lower() not in ADMONITIONS}
    shown = {line.number - text.body_line for line in lines_of(text.article.body, text.body_line)} if unknown else ()
    for number, match in unknown.items():
        # A box is followed by its text; what looks like one within code is not.
        below = next((place for place in range(number + 1, len(body)) if body[place].strip()), number)
        if number in shown or below in shown:
            message = f"There is no box “{match[1]}”; known are {', '.join(ADMONITIONS)}."
            place = text.body_line + number
            yield Problem(text.path, place, "unknown-box", message, Severity.WARNING, match.start(1) + 1)
