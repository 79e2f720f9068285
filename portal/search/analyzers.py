"""How text of each language becomes the terms that are searched: one chain per language, as data."""

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import snowballstemmer
from whoosh.analysis import Analyzer, Token
from whoosh.lang.stopwords import stoplists

#: Letters and digits; an accent may follow its letter as a sign of its own, and what is invisible parts no word.
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f\u00ad\u200b-\u200d])*")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200d]")
#: Longest word that is searched; what is longer is cut, so that no text makes a giant term.
WORD_LENGTH = 64


@dataclass(frozen=True)
class Chain:
    """What is done to the words of one language."""

    #: Snowball's name of the language.
    stemmer: str
    #: Words that carry no subject, in addition to the usual list.
    stop: frozenset[str]
    #: Articles and pronouns that French joins to a word with an apostrophe.
    elided: frozenset[str] = frozenset()
    #: Letters written in two ways, brought to one before stemming.
    letters: tuple[tuple[str, str], ...] = ()


CHAINS = {
    "en": Chain("english", frozenset("could does doesn didn cannot cant dont isn wont get got want please".split())),
    "fr": Chain(
        "french",
        frozenset(
            "les cette cet ceci cela ça quel quelle quels quelles comment pourquoi quand où faire fait fais peut peux "
            "puis sans plus très si donc alors quoi dont entre vers chez ni aussi être avoir veux veut".split()
        ),
        elided=frozenset("l d j m t s n c qu jusqu lorsqu puisqu quoiqu".split()),
        letters=(("œ", "oe"), ("æ", "ae")),
    ),
    "de": Chain(
        "german",
        frozenset("warum weshalb wieso bitte darf gibt geht mal wird kannst könnt woran welchen".split()),
        letters=(("ß", "ss"),),
    ),
    "ru": Chain(
        "russian",
        frozenset("ещё это почему сделать делать нужно хочу пожалуйста также либо".split()),
        letters=(("ё", "е"),),
    ),
}
"""The chain of every language."""

_ELISION = re.compile(r"(?<![^\W_])(%s)['’ʼ](?=[^\W_])" % "|".join(sorted(CHAINS["fr"].elided)))


def fold(text: str) -> str:
    """Lower case without accents, umlauts or ligatures: what two spellings of a word have in common."""
    # Compatibility forms first: some are capitals that case folding does not know.
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = unicodedata.normalize("NFKD", lower.replace("ё", "е").replace("œ", "oe").replace("æ", "ae"))
    # й is и with a breve to Unicode, but a letter of its own to its readers.
    return unicodedata.normalize("NFC", "".join(s for s in plain if not unicodedata.combining(s) or s == "\u0306"))


@lru_cache(maxsize=200_000)
def _stem(language: str, word: str) -> str:
    """The term of one word; empty for a stop word."""
    if word in _stop_words(language):
        return ""
    for written, one in CHAINS[language].letters:
        word = word.replace(written, one)
    return fold(_stemmers.stem(language, word))


@lru_cache
def _stop_words(language: str) -> frozenset[str]:
    """The stop words as they are written, and with their letters brought to one form."""
    words = frozenset(stoplists[language]) | CHAINS[language].stop
    return words | {word.replace("ё", "е") for word in words}


class _Stemmers(threading.local):
    """Snowball's stemmers, which keep the word they work on in themselves: each thread has its own."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def stem(self, language: str, word: str) -> str:
        """The stem of a word."""
        if language not in self._made:
            self._made[language] = snowballstemmer.stemmer(CHAINS[language].stemmer)
        return str(self._made[language].stemWord(word))


_stemmers = _Stemmers()


def words(language: str, text: str) -> Iterator[tuple[str, int, int]]:
    """The term of each word that carries meaning, with where the word begins and ends in the text."""
    if language == "fr":
        # A blank of the same length keeps every place in the text.
        text = _ELISION.sub(lambda match: " " * len(match[0]), text.lower() if len(text.lower()) == len(text) else text)
    for match in _WORD.finditer(text):
        # One composed, lower-case form, whatever the keyboard or the file produced.
        word = unicodedata.normalize("NFKC", _INVISIBLE.sub("", match[0][:WORD_LENGTH])).lower()
        if term := _stem(language, word):
            yield term, match.start(), match.end()


def without_function_words(text: str) -> str:
    """The words that carry meaning in every language; of “how do I” or “comment faire” nothing is left."""
    found = (match[0][:WORD_LENGTH] for match in _WORD.finditer(_ELISION.sub(" ", text.lower())))
    return " ".join(word for word in found if not any(word in _stop_words(code) for code in CHAINS))


def terms(language: str, text: str) -> list[str]:
    """The terms of a text in their order."""
    return [term for term, _, _ in words(language, text)]


class LanguageAnalyzer(Analyzer):  # type: ignore[misc]  # Whoosh has no types.
    """A chain in the form that Whoosh takes.

    Args:
        language: code of the chain.
    """

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, value: str, **options: Any) -> Iterator[Token]:
        """Whoosh's tokens of a text; `options` are those of `whoosh.analysis`."""
        token = Token(options.get("positions", False), options.get("chars", False), mode=options.get("mode", ""))
        for position, (term, start, end) in enumerate(words(self.language, value), options.get("start_pos", 0)):
            token.text = token.original = term
            token.boost = 1.0
            token.pos = position
            token.startchar, token.endchar = start, end
            token.stopped = False
            yield token

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LanguageAnalyzer) and other.language == self.language

    def __hash__(self) -> int:
        return hash(self.language)
