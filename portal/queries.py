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
MAX_WORDS = 40
#: Blanks and control characters, which may surround what was meant.
_INVISIBLE = "".join(chr(code) for code in (*range(33), *range(127, 161)))
#: A web address, which nobody searches a help centre for and every robot tries.
ADDRESS = re.compile(r"^(?:(?:\w+:)?//|www\.)\S+$|^(?:\.\./|/etc/|<script)", re.IGNORECASE)


class Verdict(StrEnum):
    """What a search came to."""

    #: An article in the reader's language most likely answers it.
    ANSWERED = "answered"
    #: There are results, and it cannot be told whether one of them answers it.
    UNCERTAIN = "uncertain"
    #: Nothing in the reader's language answers it.
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
    #: Whether the person wants it taken as it was typed, without repairs and other languages.
    is_exact: bool = False

    @property
    def is_plausible(self) -> bool:
        """Whether a person may have meant it: robots' addresses and attacks never open tickets."""
        return not self.is_cut and not ADDRESS.search(self.text)


@dataclass(frozen=True)
class Cuts:
    """Where the confidence that a search is answered divides the verdicts, for one language."""

    #: Below, it is unanswered.
    low: float
    #: From here on, it is answered.
    high: float

    def verdict(self, confidence: float) -> Verdict:
        """What a search with this confidence came to."""
        if confidence >= self.high:
            return Verdict.ANSWERED
        return Verdict.UNCERTAIN if confidence >= self.low else Verdict.UNANSWERED


def read_query(language: str, text: str, topic: str | None = None, *, is_exact: bool = False) -> Query:
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
    if folded[MAX_CHARACTERS : MAX_CHARACTERS + 1].strip() and " " in kept:
        kept = kept.rpartition(" ")[0]  # Half a word is another word.
    is_cut = len(text) > len(head) or len(words) > MAX_WORDS or len(folded) > MAX_CHARACTERS
    return Query(language, kept, topic, is_cut, is_exact)


def gap_fingerprint(language: str, stems: Iterable[str], topic: str | None) -> str:
    """What makes two unanswered searches the same gap: language, sorted stems without stop words, topic filter."""
    parts = (language, topic or "", *sorted(set(stems)))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
