"""The lines of an article that a query is about, with its words marked."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from portal.search.analyzers import words

#: Length of a snippet in characters; about two lines of a result.
LENGTH = 200
#: What stands before the first marked word, in characters.
LEAD = 40
#: How many of a text's characters are looked at; more than any help article's section has.
SCANNED = 20_000

#: A word's term with where it begins and ends.
_Place = tuple[str, int, int]


@dataclass(frozen=True)
class Snippet:
    """Text in pieces, each with whether it is one of the query's words."""

    pieces: tuple[tuple[str, bool], ...]
    #: Anchor of the section that it comes from; empty for the beginning.
    anchor: str = ""
    #: Heading of that section.
    heading: str = ""


def snippet(language: str, query_terms: frozenset[str], sections: Iterable[tuple[str, str, str]]) -> Snippet:
    """The best window of an article.

    Args:
        language: of the text.
        query_terms: analysed terms of the query, in the text's language.
        sections: anchor, heading and plain text of each.

    Returns:
        The window with the most different terms, the first where several have as many; the beginning of the text
        where no term occurs.
    """
    parts = list(sections)
    best, start, found = 0, 0, ("", "", next((text for _, _, text in parts if text), ""))
    places: list[_Place] = []
    for part in parts:
        here = [place for place in words(language, part[2][:SCANNED]) if place[0] in query_terms]
        different, first = _densest(here)
        if different > best:
            best, start, found, places = different, first, part, here
    anchor, heading, text = found
    begin, end = _window(text, start)
    marks = [(first, last) for _, first, last in places if begin <= first and last <= end]
    return Snippet(tuple(_pieces(text, begin, end, marks)), anchor, heading)


def _densest(places: list[_Place]) -> tuple[int, int]:
    """The most different terms within a window's reach, and where the first such window begins."""
    best, start, last = 0, 0, 0
    inside: Counter[str] = Counter()
    for term, begin, _ in places:
        while last < len(places) and places[last][2] - begin <= LENGTH - LEAD:
            inside[places[last][0]] += 1
            last += 1
        if len(inside) > best:
            best, start = len(inside), begin
        inside[term] -= 1
        if inside[term] <= 0:
            del inside[term]
    return (best, start) if best else (min(len(places), 1), places[0][1] if places else 0)


def _window(text: str, first: int) -> tuple[int, int]:
    """Where to cut, at the ends of words, around a word that begins at `first`."""
    begin = max(0, min(first - LEAD, len(text) - LENGTH))
    if begin > 0 and (blank := text.find(" ", begin, first + 1)) >= 0:
        begin = blank + 1
    end = min(len(text), begin + LENGTH)
    if end < len(text) and (blank := text.rfind(" ", max(begin, first) + 1, end + 1)) > begin:
        end = blank
    return begin, end


def _pieces(text: str, begin: int, end: int, marks: list[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """The window in pieces; an ellipsis stands where something was cut off."""
    position = begin
    lead = "… " if begin > 0 else ""
    for start, stop in marks:
        if lead + text[position:start]:
            yield lead + text[position:start], False
        yield text[start:stop], True
        lead, position = "", stop
    tail = " …" if end < len(text) else ""
    if lead + text[position:end] + tail:
        yield lead + text[position:end] + tail, False
