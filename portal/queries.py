"""A search and what came of it as values: bounds, verdicts, and the fingerprint of a gap."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

#: A query is cut to this many characters; nobody reads a longer one, and the engine never sees it.
MAX_CHARACTERS = 200
#: And to this many words.
MAX_WORDS = 16
#: Blanks and control characters, which may surround what was meant.
_INVISIBLE = "".join(chr(code) for code in (*range(33), *range(127, 161)))
#: A web address, which nobody searches a help centre for and every robot tries.
ADDRESS = re.compile(r"^(?:(?:\w+:)?//|www\.)\S+$|^(?:\.\./|/etc/|<script)", re.IGNORECASE)


class Verdict(StrEnum):
    """What a search came to."""

    #: There are results in the reader's language.
    ANSWERED = "answered"
    #: There are results, in other languages only.
    ELSEWHERE = "elsewhere"
    #: Nothing was found in any language: code U0.
    UNANSWERED = "unanswered"
    #: There was no word to search for.
    EMPTY = "empty"


@dataclass(frozen=True)
class Query:
    """What a person typed, within bounds."""

    #: Language of the page it was typed on.
    language: str
    #: Without control characters, white space folded, cut to the bounds.
    text: str
    #: Topic it is limited to; None for all.
    topic: str | None = None
    #: Whether something was cut off.
    is_cut: bool = False

    @property
    def is_plausible(self) -> bool:
        """Whether a person may have meant it: robots' addresses and attacks never open tickets."""
        return not self.is_cut and not ADDRESS.search(self.text)


@dataclass(frozen=True)
class Hit:
    """One result."""

    slug: str
    #: Language of the text that was found.
    language: str
    #: The engine's own score: orders results of one search, means nothing across searches.
    score: float


@dataclass(frozen=True)
class Results:
    """One page of results in one language."""

    hits: tuple[Hit, ...]
    #: How many there are in all.
    total: int


def read_query(language: str, text: str, topic: str | None = None) -> Query:
    """A query within bounds from whatever was sent.

    Control characters, direction marks and other invisible characters become blanks, white space is folded,
    and what exceeds `MAX_CHARACTERS` or `MAX_WORDS` is cut off.
    """
    text = text.strip(_INVISIBLE)
    # Only what can matter is looked at, so that a text of any length costs the same.
    head = text[: 4 * MAX_CHARACTERS]
    visible = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in head)
    words = visible.split()
    folded = " ".join(words[:MAX_WORDS])
    kept = folded[:MAX_CHARACTERS].rstrip()
    is_cut = len(text) > len(head) or len(words) > MAX_WORDS or len(folded) > MAX_CHARACTERS
    return Query(language, kept, topic, is_cut)


def gap_fingerprint(language: str, stems: Iterable[str], topic: str | None) -> str:
    """What makes two unanswered searches the same gap: language, sorted stems without stop words, topic filter."""
    parts = (language, topic or "", *sorted(set(stems)))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
