"""How text of each language becomes the terms that are searched."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from portal.search.chains import CHAINS
from portal.search.stemming import stem_of

_LETTERS = r"[^\W_](?:[^\W_]|[\u0300-\u036f\u00ad\u200b-\u200d])*"
#: Letters and digits, and what joins them without a blank: hyphens, dots, slashes, @, apostrophes.
_JOINED = re.compile(rf"{_LETTERS}(?:(?:[-‐‑_.@/\\'’ʼ+&]|:\\?){_LETTERS})*")
_PART = re.compile(_LETTERS)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200d]")
_APOSTROPHES = re.compile(r"['’ʼ]")
_POSSESSIVE = re.compile(r"['’ʼ]s$")
#: What is joined in front of a word, by language.
_ELIDED = {
    code: re.compile(r"(?:(?:%s)['’ʼ])+(?=[^\W_])" % "|".join(sorted(chain.elided)), re.IGNORECASE)
    for code, chain in CHAINS.items()
    if chain.elided
}
#: Letters followed by a number, as in “Office365”; not the digits of an error code.
_NUMBERED = re.compile(r"([^\W\d_]{3,})(\d{1,4})")
#: What a version number may begin with.
_VERSION = re.compile(r"^v(?=\d+(?:\.\d+)+$)")
#: Longest word that is searched; what is longer is cut, so that no text makes a giant term.
WORD_LENGTH = 64

#: Gives the parts of a compound, folded; none for any other word.
Split = Callable[[str], tuple[str, ...]]


class Word(NamedTuple):
    """A word that carries meaning."""

    #: Folded, as it is looked up in the lexicon; of what signs join as a whole, its first term.
    text: str
    #: Where it begins and ends in the text.
    start: int
    end: int
    #: Its terms: the whole first, then its parts.
    terms: tuple[str, ...]


@lru_cache(maxsize=200_000)
def fold(text: str) -> str:
    """Lower case without accents, umlauts or ligatures: what two spellings of a word have in common."""
    if text.isascii():
        return text.lower()
    # Compatibility forms first: some are capitals that case folding does not know.
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = unicodedata.normalize("NFKD", lower.replace("ё", "е").replace("œ", "oe").replace("æ", "ae"))
    # й is и with a breve to Unicode, but a letter of its own to its readers.
    return unicodedata.normalize("NFC", "".join(s for s in plain if not unicodedata.combining(s) or s == "\u0306"))


@lru_cache
def stop_words(language: str) -> frozenset[str]:
    """The words of a language that carry no subject, folded."""
    return frozenset(fold(_APOSTROPHES.sub("", word)) for word in CHAINS[language].stop)


@lru_cache(maxsize=200_000)
def stem(language: str, word: str) -> str:
    """The term of one folded word; empty for a word that carries no subject.

    Accents go before stemming, not after: “accès” and “acces” would otherwise have different stems.
    """
    one = _one_way(language, word)
    return "" if word in stop_words(language) or one in _stop_words(language) else stem_of(language, one)


def _one_way(language: str, word: str) -> str:
    """A folded word with what is written in two ways brought to one."""
    letters = CHAINS[language].letters
    return letters[0].sub(letters[1], word) if letters else word


@lru_cache
def _stop_words(language: str) -> frozenset[str]:
    """The words that carry no subject, as they are written without umlauts in two letters: “fuer” is “für”."""
    written = (fold(word.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")) for word in CHAINS[language].stop)
    return frozenset(_one_way(language, word) for word in written if CHAINS[language].letters)


def words(language: str, text: str, split: Split | None = None) -> Iterator[Word]:
    """The words of a text that carry meaning.

    Args:
        language: code of the chain.
        text: any.
        split: parts of compounds, which are searched as well.
    """
    elided = CHAINS[language].elided
    for match in _JOINED.finditer(text):
        start, raw = match.start(), match[0]
        if elided and (found := _ELIDED[language].match(raw)):
            # “l'accès”: what is joined in front says nothing of the subject.
            start, raw = start + found.end(), raw[found.end() :]
        if raw.isalnum():
            # Folding may take a ligature or fraction apart.
            folded = "".join(filter(str.isalnum, fold(raw[:WORD_LENGTH])))[:WORD_LENGTH]
            if terms := _plain(language, folded, split):
                yield Word(folded, start, match.end(), terms)
        else:
            yield from _composed(language, raw, start, split)


def _plain(language: str, folded: str, split: Split | None) -> tuple[str, ...]:
    """The terms of a word that nothing joins."""
    whole = stem(language, folded)
    if not whole:
        return ()
    if (numbered := _NUMBERED.fullmatch(folded)) is not None:
        return whole, *filter(None, (stem(language, numbered[1]), numbered[2]))
    if split is not None and (parts := split(folded)):
        return tuple(dict.fromkeys((whole, *filter(None, (stem(language, part) for part in parts)))))
    return (whole,)


def _composed(language: str, raw: str, start: int, split: Split | None) -> Iterator[Word]:
    """The words of something joined by signs: as a whole where that is a name of its own, and its parts."""
    text = _INVISIBLE.sub("", raw)
    if language == "en":
        text = _POSSESSIVE.sub("", text)
    text = _APOSTROPHES.sub("", text)
    joints = [sign for sign in text if not sign.isalnum() and not unicodedata.combining(sign)]
    if not joints:
        folded = "".join(filter(str.isalnum, fold(text[:WORD_LENGTH])))[:WORD_LENGTH]
        if terms := _plain(language, folded, split):
            yield Word(folded, start, start + len(raw), terms)
        return
    parts = [
        Word(folded, start + found.start(), start + found.end(), terms)
        for found in _PART.finditer(raw)
        if (folded := "".join(filter(str.isalnum, fold(_INVISIBLE.sub("", found[0])[:WORD_LENGTH])))[:WORD_LENGTH])
        and (terms := _plain(language, folded, split))
    ]
    whole = _whole(language, text, joints, is_all=not parts)
    if not whole:
        yield from parts
        return
    # One word for a query, all of whose terms a text has.
    # The single digits of “2.3.1” are no subject.
    inner = dict.fromkeys(term for part in parts for term in part.terms if len(term) > 1 or not term.isdigit())
    yield Word(whole, start, start + len(raw), tuple(dict.fromkeys((whole, *inner))))


def _whole(language: str, text: str, joints: list[str], *, is_all: bool) -> str:
    """The term of something joined by signs; empty where only its parts are words, as in “and/or”.

    Args:
        language: code of the chain.
        text: what is joined.
        joints: the signs.
        is_all: no part of it carries meaning by itself; then “AT&T” does as a whole, and “puis-je” does not.
    """
    signs = set(joints)
    if signs <= set("-‐‑_"):
        if is_all:
            return ""
        joined = "".join(filter(str.isalnum, fold(text)))[:WORD_LENGTH]
        return joined if any(map(str.isdigit, joined)) else stem(language, joined)
    if (is_all and signs & set("&+")) or signs & set("@_") or len(joints) > 1 or any(map(str.isdigit, text)):
        return _VERSION.sub("", fold(text[:WORD_LENGTH])[:WORD_LENGTH].rstrip("."))
    return ""


def without_function_words(text: str) -> str:
    """The words that carry meaning in every language; of “how do I” or “comment faire” nothing is left."""
    kept = []
    for match in re.finditer(r"\S+", text):
        bare = [word.text for code in CHAINS for word in words(code, match[0])]
        if bare and all(any(words(code, match[0])) for code in CHAINS):
            kept.append(match[0])
    return " ".join(kept)


def terms(language: str, text: str, split: Split | None = None) -> list[str]:
    """The terms of a text in their order."""
    return [term for word in words(language, text, split) for term in word.terms]
