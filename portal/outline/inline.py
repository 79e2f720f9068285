"""Links, images and code within the lines of a piece of prose, each sign looked at a bounded number of times."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape

#: Longest address with its title, and longest tag, in characters.
LONGEST = 4_000
#: From so many addresses without an end on, no more are looked for in this piece.
MAX_FAILURES = 200

_TOKEN = re.compile(r"\\.|`+|<|!?\[|\]|\{|https?://[^\s<>|\])]+", re.DOTALL)
_AUTOLINK = re.compile(rf"<([A-Za-z][A-Za-z0-9+.-]{{0,40}}://[^<>]{{0,{LONGEST}}})>")
_ADDRESS = re.compile(r"<([^<> !@]{1,200}@[^@<> ]{1,200})>")
_TAG = re.compile(rf"</?([A-Za-z][A-Za-z0-9-]{{0,40}})(?=[\s/>])((?:[^<>\"']|\"[^\"]*\"|'[^']*'){{0,{LONGEST}}}?)>")
_ATTRIBUTE = re.compile(r"([A-Za-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'=<>`]+))")
_SIMPLE = re.compile(r"\(\s*(?:<([^<>\n]*)>|([^\s()<>\"']*))(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)")
_ANGLE = re.compile(r"\(\s*<([^<>]*)>\s*(?:(?:'[^']*'|\"[^\"]*\")\s*)?\)")
_REFERENCE = re.compile(r"\s?\[([^\[\]]{0,1000})\]")
_ATTRIBUTES = re.compile(r"\{:?[ ]*((?:[#.][^\s{}]|[\w-]{1,40}=)[^{}\n]{0,500})\}")
_DEFINITION = re.compile(
    r"^[ >]{0,8}\[([^\[\]\n]{1,1000})\]:[ ]*(?:\n[ ]*)?(\S+)[ ]*(?:(?:\n[ ]*)?(?:\"[^\n]*\"|'[^\n]*'|\([^\n]*\)))?[ ]*$",
    re.MULTILINE,
)
_TITLE = re.compile(r"(?:\"[^\"]*\"|'[^']*')\s*$")
_LANGUAGE = re.compile(r"\.([a-z]{2})\.[A-Za-z0-9]{2,5}(?:[?#].*)?$")
#: Elements in which signs are not words: what people type, and what the browser reads.
_VERBATIM = re.compile(r"pre|code|kbd|samp|script|style", re.IGNORECASE)
_LANG = re.compile(r"\blang=[\"']?([A-Za-z]{2})\b")


@dataclass
class Found:
    """A link or an image, by its place in the text."""

    start: int
    end: int
    text: str
    target: str
    is_image: bool
    language: str = ""


@dataclass
class Spans:
    """What stands in a text."""

    links: list[Found] = field(default_factory=list)
    #: From and to of what is no prose: code, also within HTML elements, addresses, tags, attribute lists.
    hidden: list[tuple[int, int]] = field(default_factory=list)


def definitions(text: str, start: int, end: int, spans: Spans) -> dict[str, str]:
    """The addresses that a piece of a text names for `[words][name]`; they are hidden."""
    if text.find("]:", start, end) < 0:
        return {}
    found = {}
    for match in _DEFINITION.finditer(text, start, end):
        if match[1].startswith("^"):
            continue
        found[" ".join(match[1].lower().split())] = match[2].removeprefix("<").removesuffix(">")
        spans.hidden.append((match.start(), match.end()))
    return found


def scan(text: str, start: int, end: int, references: Mapping[str, str], spans: Spans) -> None:
    """Add what stands in one piece of a text.

    Args:
        text: the whole.
        start: of the piece.
        end: of the piece.
        references: addresses by name.
        spans: what is added to.
    """
    _Scan(text, start, end, references, spans).run()


def scan_html(text: str, start: int, end: int, spans: Spans) -> None:
    """Add what stands in a piece of HTML, in which Markdown is not read."""
    scanner = _Scan(text, start, end, {}, spans)
    place = text.find("<", start, end)
    while place >= 0:
        place = text.find("<", scanner.tag(place), end)


class _Scan:
    """One pass over a piece of text."""

    def __init__(self, text: str, start: int, end: int, references: Mapping[str, str], spans: Spans) -> None:
        self._text = text
        self._start = start
        self._end = end
        self._references = references
        self._spans = spans
        self._open: list[tuple[int, int]] = []  # Brackets: where the link would begin, and its words.
        self._ticks: dict[int, list[int]] | None = None
        self._no_remark_end = False
        self._verbatim_end = start  # Of the outermost such element.
        self._failures = 0

    def run(self) -> None:
        """Look at one sign after the other."""
        place = self._start
        while match := _TOKEN.search(self._text, place, self._end):
            sign = match[0]
            if sign[0] == "`":
                place = self._code(match.start(), len(sign))
            elif sign[0] == "<":
                place = self.tag(match.start())
            elif sign == "]":
                place = self._close(match.start())
            elif sign == "{":
                place = self._attributes(match.start())
            else:
                place = match.end()
                if sign[0] == "h":
                    self._hide(match.start(), place - (sign[-1] in ".,;:!?)"))
                elif sign[-1] == "[" and sign[0] != "\\":
                    self._open.append((match.start(), place))

    def _hide(self, start: int, end: int) -> int:
        """Note that this is no prose; where it ends."""
        self._spans.hidden.append((start, end))
        return end

    def _code(self, start: int, length: int) -> int:
        """Skip code, which ends with as many backticks as it began with."""
        if self._ticks is None:
            self._ticks = {}
            for run in re.compile("`+").finditer(self._text, start, self._end):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
            for places in self._ticks.values():
                places.reverse()
        for size in [length, *sorted((size for size in self._ticks if size < length), reverse=True)]:
            places = self._ticks.get(size, [])
            while places and places[-1] <= start:
                places.pop()
            if places:
                return self._hide(start + length - size, places[-1] + size)
        return start + length

    def tag(self, start: int) -> int:
        """Skip a tag, a remark, or an address in angle brackets."""
        text, end = self._text, self._end
        if text.startswith("<!--", start):
            stop = -1 if self._no_remark_end else text.find("-->", start + 4, end)
            self._no_remark_end = stop < 0
            return start + 4 if stop < 0 else self._hide(start, stop + 3)
        if (match := _AUTOLINK.match(text, start, end)) or (match := _ADDRESS.match(text, start, end)):
            target = match[1] if "://" in match[1] else f"mailto:{match[1]}"
            self._spans.links.append(Found(start, match.end(), match[1], target, is_image=False))
            return self._hide(start, match.end())
        match = _TAG.match(text, start, min(end, start + LONGEST))
        if match is None:
            return start + 1
        if text[start + 1] != "/":
            if match[1].lower() in ("a", "img"):
                self._element(match)
            elif start >= self._verbatim_end and _VERBATIM.fullmatch(match[1]):
                self._hide(match.end(), self._end_of(match[1], match.end()))
        return self._hide(start, match.end())

    def _end_of(self, name: str, start: int) -> int:
        """Where an element that has been opened ends; with the piece if it is not closed."""
        closing = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(self._text, start, self._end)
        self._verbatim_end = closing.start() if closing else self._end
        return self._verbatim_end

    def _element(self, match: re.Match[str]) -> None:
        """Add an HTML link or image."""
        values = {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(match[2])}
        is_image = match[1].lower() == "img"
        target = values.get("src" if is_image else "href")
        if target is None:
            return
        words = values.get("alt", "")
        if not is_image:
            stop = self._text.find("</a", match.end(), min(self._end, match.end() + LONGEST))
            words = re.sub(r"<[^<>]*>", "", self._text[match.end() : stop]) if stop >= 0 else ""
        language = values.get("lang", "")[:2].lower() if is_image else ""
        self._add(match.start(), match.end(), words, target, is_image, language)

    def _add(self, start: int, end: int, words: str, target: str, is_image: bool, language: str = "") -> None:
        """Add a link or an image."""
        if is_image and not language and (suffix := _LANGUAGE.search(target)):
            language = suffix[1]
        self._spans.links.append(Found(start, end, " ".join(words.split()), target, is_image, language))

    def _close(self, place: int) -> int:
        """End a link's words, and read its address."""
        if not self._open:
            return place + 1
        start, inner = self._open.pop()
        text, is_image, after = self._text, self._text[start] == "!", place + 1
        words = text[inner:place]
        if words.startswith("^") and not is_image:
            return self._hide(start, after)
        target, stop = self._address(after)
        if target is not None:
            while is_image and self._spans.links and self._spans.links[-1].start > start:
                self._spans.links.pop()  # What describes an image is text.
            self._add(start, stop, words, target, is_image)
            return self._hide(after, stop)
        if not self._references:
            return after
        reference = _REFERENCE.match(text, after, self._end)
        name = " ".join((reference[1] if reference and reference[1] else words).lower().split())
        if reference is None or name not in self._references:
            reference, name = None, " ".join(words.lower().split())
        if name in self._references:
            self._add(start, reference.end() if reference else after, words, self._references[name], is_image)
            if reference:
                return self._hide(after, reference.end())
        return after

    def _address(self, place: int) -> tuple[str | None, int]:
        """The address in round brackets, and where they end; None where there is none."""
        text, end = self._text, min(self._end, place + LONGEST)
        if not text.startswith("(", place) or self._failures > MAX_FAILURES:
            return None, place
        if match := _SIMPLE.match(text, place, end) or _ANGLE.match(text, place, end):
            return (match[1] if match[1] is not None else match[2]).strip(), match.end()
        address, stop = _nested(text, place, end)
        self._failures += address is None
        return address, stop

    def _attributes(self, start: int) -> int:
        """Skip an attribute list; one behind an image may name its language."""
        match = _ATTRIBUTES.match(self._text, start, self._end)
        if match is None:
            return start + 1
        last = self._spans.links[-1] if self._spans.links else None
        if last and last.is_image and last.end == start and (language := _LANG.search(match[1])):
            last.language = language[1].lower()
        return self._hide(start, match.end())


def _nested(text: str, place: int, end: int) -> tuple[str | None, int]:
    """An address with round brackets in it, or with a title over two lines."""
    depth, quote = 0, ""
    for match in re.compile(r"[()\"']").finditer(text, place, end):
        sign = match[0]
        if quote:
            if sign == quote and re.match(r"\s*\)", text[match.end() : match.end() + 100]):
                quote = ""
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth == 0:
                inner = _TITLE.sub("", text[place + 1 : match.start()])
                return inner.strip().removeprefix("<").removesuffix(">"), match.end()
        elif match.start() > place and text[match.start() - 1].isspace():
            quote = sign
    return None, place
