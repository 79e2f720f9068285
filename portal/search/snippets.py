"""The lines of an article that a query is about, with its words marked."""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.search.analyzers import words

#: Length of a snippet in characters; about two lines of a result.
LENGTH = 200
#: How many of a text's characters are looked at; more than any help article's section has.
SCANNED = 20_000


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
        The window with the most different terms, from the first section where several have as many; the beginning
        of the text where no term occurs.
    """
    sections = list(sections)
    best = (0, 0, ("", "", next((text for _, _, text in sections if text), "")), 0)
    found: list[tuple[int, int]] = []
    for section in sections:
        places = [place for place in words(language, section[2][:SCANNED]) if place[0] in query_terms]
        for first, (_, start, _) in enumerate(places):
            inside = [place for place in places[first:] if place[2] - start <= LENGTH - 40]
            score = (len({term for term, _, _ in inside}), len(inside))
            if score > best[:2]:
                best = (*score, section, start)
                found = [(begin, end) for _, begin, end in inside]
    _, _, (anchor, heading, text), start = best
    begin, end = _window(text, start, found[-1][1] if found else 0)
    return Snippet(tuple(_pieces(text, begin, end, found)), anchor, heading)


def _window(text: str, first: int, last: int) -> tuple[int, int]:
    """Where to cut, at the ends of words, so that the places from `first` to `last` are inside."""
    begin = max(0, min(first - 40, len(text) - LENGTH))
    if begin > 0 and (blank := text.find(" ", begin, first + 1)) >= 0:
        begin = blank + 1
    end = max(min(len(text), begin + LENGTH), last)
    if end < len(text) and (blank := text.rfind(" ", last, end)) > begin:
        end = blank
    return begin, end


def _pieces(text: str, begin: int, end: int, marks: list[tuple[int, int]]) -> Iterable[tuple[str, bool]]:
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
