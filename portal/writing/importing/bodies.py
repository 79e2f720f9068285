"""Their Markdown as ours: boxes of other dialects, links between articles, and images."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from portal.outline import read_outline

#: Kinds of boxes that others have, and ours.
KINDS = {
    "note": "note", "info": "note", "abstract": "note", "example": "note", "question": "note", "quote": "note",
    "tip": "tip", "hint": "tip", "success": "tip", "check": "tip", "important": "important", "attention": "important",
    "warning": "warning", "caution": "warning", "danger": "danger", "error": "danger", "failure": "danger", "bug": "danger",
}  # fmt: skip
#: What a link or an image leads to, as it may be written.
_INLINE = r"(?P<open>\]\(\s*<?)(?P<inline>[^\s<>()]+(?:\([^\s<>()]*\)[^\s<>()]*)*)"
_REFERENCE = r"(?P<name>^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*<?)(?P<reference>[^\s<>]+)"
_HTML = r"(?P<tag>\b(?:href|src)[ \t]*=[ \t]*[\"'])(?P<html>[^\"'\n<>]+)"
_ADDRESS = re.compile(f"{_INLINE}|{_REFERENCE}|{_HTML}", re.MULTILINE)
#: An address that generators work out: {{< ref "reset.md" >}}, {% link reset.md %}, {{ site.baseurl }}.
_WORKED_OUT = re.compile(
    r"\{\{[<%]\s*(?:rel)?ref\s+\"?(?P<ref>[^\s\"]+)\"?\s*[%>]\}\}|\{%-?\s*(?:link|post_url)\s+(?P<link>\S+)\s*-?%\}"
    r"|\{\{\s*(?:site|page)\.(?:baseurl|url)\s*\}\}"
)
_SHORTCODE = re.compile(r"\{\{[<%]|\{%|^(?:import|export)\s.*;?$", re.MULTILINE)
#: Addresses that lead out of the folder.
_ELSEWHERE = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_COLONS = re.compile(
    r"^(?P<fence>:{3,})[ \t]*(?P<kind>[a-z]+)[ \t]*(?:\[(?P<title>[^\]]*)\]|(?P<words>[^{}\n]*))?[ \t]*$"
)
_ALERT = re.compile(r"^ {0,3}>[ \t]?\[!(?P<kind>[A-Za-z]+)\][ \t]*$")
_HINT = re.compile(r"^\{%[ \t]*hint[ \t]+style=\"(?P<kind>[a-z]+)\"[ \t]*%\}[ \t]*$")
_END = re.compile(r"^(?::{3,}|\{% endhint %\})[ \t]*$")
#: Longest line that may begin a box, in characters.
_LONGEST = 300


@dataclass
class Notes:
    """What became of a body."""

    changes: list[str] = field(default_factory=list)
    #: Line and sentence: what a person should look at.
    notes: list[tuple[int, str]] = field(default_factory=list)


#: Gives what an address becomes, None where it stays, and what a person should know of it. Told the address, and
#: whether it is an image's.
Lead = Callable[[str, bool], tuple[str | None, str]]


def with_our_boxes(body: str, notes: Notes) -> str:
    """A body whose boxes are ours; what looks like one inside code stays."""
    lines = body.split("\n")
    ends: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if _END.match(line):
            ends.setdefault(line.strip(), []).append(number)
    made: list[str] = []
    at = boxes = 0
    fence = ""
    while at < len(lines):
        line = lines[at]
        if found := _FENCE.match(line):
            mark = found[1]
            fence = mark if not fence else "" if mark[0] == fence[0] and len(mark) >= len(fence) else fence
        box = None if fence or len(line) > _LONGEST else _box(lines, at, ends)
        if box is None:
            made.append(line)
            at += 1
            continue
        inside, at = box
        made += inside
        boxes += 1
    if boxes:
        notes.changes.append(f"{boxes} {'box' if boxes == 1 else 'boxes'} in our form")
    return "\n".join(made) if boxes else body


def _box(lines: list[str], at: int, ends: Mapping[str, list[int]]) -> tuple[list[str], int] | None:
    """A box that begins on a line, in our form, and the line after it; None where none begins there, or it never ends.

    Args:
        lines: of the body.
        at: number of the line.
        ends: numbers of the lines that end boxes, by what they say.
    """
    title = ""
    if found := _ALERT.match(lines[at]):
        last = next((n for n in range(at + 1, len(lines)) if not lines[n].lstrip().startswith(">")), len(lines))
        return _ours(found["kind"], "", [re.sub(r"^ {0,3}> ?", "", line) for line in lines[at + 1 : last]]), last
    if found := _COLONS.match(lines[at]):
        title, end = (found["title"] or found["words"] or "").strip(), found["fence"]
    elif found := _HINT.match(lines[at]):
        end = "{% endhint %}"
    else:
        return None
    places = ends.get(end, [])
    place = bisect_right(places, at)
    return (
        (_ours(found["kind"], title, lines[at + 1 : places[place]]), places[place] + 1) if place < len(places) else None
    )


def _ours(kind: str, title: str, inside: list[str]) -> list[str]:
    """A box in our form."""
    named = ' "{}"'.format(title.replace('"', "”")) if title else ""
    text = "\n".join(inside).strip("\n").split("\n")
    return [
        "",
        f"!!! {KINDS.get(kind.lower(), 'note')}{named}",
        *(f"    {line}" if line.strip() else "" for line in text),
        "",
    ]


def rewritten(body: str, first_line: int, lead: Lead, notes: Notes) -> str:
    """A body with the addresses of its links and images turned; what only looks like one, as in code, stays.

    Each address is given a name of its own, and the outline is asked which of the names are links: it knows Markdown,
    and this module need not.

    Args:
        body: Markdown.
        first_line: line of the file on which it starts, for notes.
        lead: what an address becomes; addresses elsewhere are not asked for.
        notes: where changes are told.
    """
    body = _without_shortcodes(body, first_line, notes)
    longest = max(map(len, re.findall("turned0*", body)), default=0)
    mark = "turned".ljust(longest + 1, "0")
    line_of = _lines(body, first_line)
    found: list[tuple[str, int]] = []

    def name(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        if _ELSEWHERE.match(match[kind]):
            return match[0]
        found.append((match[kind], line_of(match.start())))
        return f"{match[0][: match.start(kind) - match.start()]}{mark}n{len(found) - 1}.md"

    tried = _ADDRESS.sub(name, body)
    if not found:
        return body
    named = re.compile(rf"{mark}n(\d+)\.md")
    kinds = {
        int(match[1]): link.is_image for link in read_outline(tried, 1).links if (match := named.fullmatch(link.target))
    }
    turned: Counter[str] = Counter()

    def settle(match: re.Match[str]) -> str:
        number = int(match[1])
        address, line = found[number]
        if number not in kinds:
            return address
        new, note = lead(address, kinds[number])
        if note:
            notes.notes.append((line, note))
        if new in (None, address):
            return address
        turned["image" if kinds[number] else "link"] += 1
        return str(new)

    body = named.sub(settle, tried)
    notes.changes += [f"{number} {kind}{'s' if number > 1 else ''} turned" for kind, number in sorted(turned.items())]
    return body


def _without_shortcodes(body: str, first_line: int, notes: Notes) -> str:
    """A body with addresses that generators work out as they are meant; what else they would work out is told."""
    if not _SHORTCODE.search(body):
        return body
    body = _WORKED_OUT.sub(lambda match: match["ref"] or (f"/{match['link']}" if match["link"] else ""), body)
    line_of = _lines(body, first_line)
    for match in _SHORTCODE.finditer(body):
        notes.notes.append((line_of(match.start()), f"{match[0].strip()[:40]!r} is no Markdown and stays as it is"))
    return body


def _lines(body: str, first_line: int) -> Callable[[int], int]:
    """Gives the line of each place of a body."""
    ends = [match.start() for match in re.finditer("\n", body)]
    return lambda place: first_line + bisect_left(ends, place)


def plain_anchor(text: str) -> str:
    """A heading as the anchors of others have it: small letters, digits and hyphens."""
    kept = re.sub(r"[^\w\- ]", "", unquote(text).lower())
    return kept.strip().replace(" ", "-")
