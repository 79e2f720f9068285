"""What a person may have meant: words that no article has, put right where that can be explained."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from portal.locales import CODES
from portal.search import SearchIndex
from portal.search.analyzers import fold, stop_words, words
from portal.search.chains import CHAINS
from portal.search.layouts import retyped
from portal.search.transliteration import skeleton

#: A word of another language is one only if this many articles have it; rarer ones are mistakes of theirs.
FOREIGN = 3
#: Most words of a query that are put right; looking for a near word is the dearest part of a search.
REPAIRED = 16
#: Longest word, in letters, that the words beside it decide about.
SMALL = 2


#: Russian words that say nothing of the subject, by their skeletons.
_SMALL_WORDS = {skeleton(word): word for word in sorted(stop_words("ru"))}


class RepairKind(StrEnum):
    """Why something else was searched for than was typed."""

    #: Another keyboard layout was switched on.
    LAYOUT = "layout"
    #: It was written in another alphabet.
    TRANSLITERATION = "transliteration"
    SPELLING = "spelling"
    #: Two words were written as one, or one as two.
    BLANKS = "blanks"


@dataclass(frozen=True)
class Repair:
    """One word that was put right."""

    kind: RepairKind
    typed: str
    meant: str


@dataclass(frozen=True)
class Repaired:
    """A query with its words put right."""

    text: str
    repairs: tuple[Repair, ...] = ()


def repair(index: SearchIndex, language: str, text: str) -> Repaired:
    """Put right the words that no article of the language has.

    A word with a digit in it is never touched, nor is one that articles in another language have.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    tokens = text.split()
    known = [_is_known(index, language, token) for token in tokens]
    if all(known):
        return Repaired(text)
    found: list[Repair | None] = [None] * len(tokens)
    place = looked_up = 0
    while place < len(tokens) and looked_up < REPAIRED:
        pair = tokens[place : place + 2]
        if len(pair) == 2 and not all(known[place : place + 2]) and (one := _as_one(index, language, pair)):
            found[place] = one
            place += 2
            continue
        if not known[place]:
            found[place] = _meant(index, language, tokens[place])
            looked_up += 1
        place += 1
    _with_small_words(language, tokens, known, found)
    return _joined(tokens, found)


def _as_one(index: SearchIndex, language: str, pair: list[str]) -> Repair | None:
    """Two tokens that are one word in the articles."""
    joined = fold("".join(pair))
    lexicon = index.lexicon(language)
    if not joined.isalpha() or joined not in lexicon.counts:
        return None
    return Repair(RepairKind.BLANKS, " ".join(pair), lexicon.written(joined))


def _joined(tokens: list[str], found: list[Repair | None]) -> Repaired:
    """The query with its repairs in place."""
    result: list[str] = []
    taken = 0
    for token, repaired in zip(tokens, found, strict=True):
        if taken:
            taken -= 1
            continue
        result.append(repaired.meant if repaired else token)
        taken = len(repaired.typed.split()) - 1 if repaired else 0
    return Repaired(" ".join(result), tuple(repaired for repaired in found if repaired))


def _with_small_words(language: str, tokens: list[str], known: list[bool], found: list[Repair | None]) -> None:
    """Put right the words that say nothing, as the words beside them were: “r” is «к» where “gfhjkm” is «пароль»."""
    kinds = {repaired.kind for repaired in found if repaired and len(repaired.typed) > SMALL}
    for place, token in enumerate(tokens):
        is_doubtful = RepairKind.LAYOUT not in kinds and RepairKind.TRANSLITERATION in kinds and len(token) <= SMALL
        if found[place] is not None and not (is_doubtful and _SMALL_WORDS.get(skeleton(fold(token)))):
            continue
        # Articles name keys and drives by one letter; beside words on another layout it is one of theirs.
        if known[place] and not (RepairKind.LAYOUT in kinds and len(token) == 1):
            continue
        if RepairKind.TRANSLITERATION in kinds and (small := _SMALL_WORDS.get(skeleton(fold(token)))):
            found[place] = Repair(RepairKind.TRANSLITERATION, token, small)
        elif RepairKind.LAYOUT in kinds:
            ways = (layout for layout in retyped(language, token) if layout != token)
            if small := next((way for way in ways if fold(way) in stop_words(language)), None):
                found[place] = Repair(RepairKind.LAYOUT, token, small.lower())


def _is_known(index: SearchIndex, language: str, token: str) -> bool:
    """Whether a token needs no repair: it has a digit, says nothing, or some article has it."""
    if any(map(str.isdigit, token)):
        return True
    found = list(words(language, token))
    if not found:
        return not token.isalpha() or fold(token) in stop_words(language)
    return all(any(index.has(language, term) for term in word.terms) for word in found)


def _meant(index: SearchIndex, language: str, token: str) -> Repair | None:
    """What was most likely meant by a token that no article has."""
    for layout in retyped(language, token):
        if layout != token and _is_word(index, language, layout):
            return Repair(RepairKind.LAYOUT, token, layout.lower())
    lexicon = index.lexicon(language)
    word = fold(token)
    ways: tuple[tuple[RepairKind, Callable[[], str | None]], ...] = (
        (RepairKind.TRANSLITERATION, partial(lexicon.transliterated, word)),
        (RepairKind.SPELLING, partial(_with_apostrophe, language, lexicon.counts, word)),
        (RepairKind.BLANKS, lambda: " ".join(lexicon.apart(word) or ()) or None),
        (RepairKind.SPELLING, partial(lexicon.nearest, word)),
    )
    for kind, way in ways:
        if kind is RepairKind.TRANSLITERATION and language != "ru":
            continue
        if kind is RepairKind.BLANKS and any(
            index.lexicon(code).counts.get(word, 0) >= FOREIGN for code in CODES if code != language
        ):
            return None
        if meant := way():
            return Repair(kind, token, " ".join(map(lexicon.written, meant.split())))
    return None


def _is_word(index: SearchIndex, language: str, token: str) -> bool:
    """Whether a token is made of words that articles of the language have."""
    found = list(words(language, token)) if token[:1].isalpha() else []
    return bool(found) and all(index.has(language, word.terms[0]) for word in found)


def _with_apostrophe(language: str, counts: dict[str, int], word: str) -> str | None:
    """“lacces” with the apostrophe that it lacks."""
    for elided in sorted(CHAINS[language].elided, key=len, reverse=True):
        rest = word.removeprefix(elided)
        if rest != word and len(rest) >= 4 and rest in counts:
            return rest
    return None
