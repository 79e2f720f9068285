"""The thesaurus: other ways to say what a query asks for, from the synonyms and the glossary that writers keep.

A run of clues is a term when it can be read as one, however either is written: “two-factor”, “two factor” and
“twofactor” are the same term. For this, a word that has a whole and parts (joined by signs, or a compound) is read as
the whole or as its parts, never as both, and two neighbouring words are read as one, too.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice, product
from typing import Any, NamedTuple, Self

from portal.search import Clue, Way
from portal.search.analyzers import Split, fold, stem, words
from portal.search.chains import CHAINS

#: What a synonym is worth beside the person's own word, and a glossary's further terms beside its first.
SYNONYM = 0.8
#: Most ways to say one clue.
WAYS = 8
#: Clues that are looked at; nothing is known of further ones.
CLUES = 16
#: Most readings of one term; each of its words may be a whole or parts.
READINGS = 32
#: Shortest part of “two-factor” that articles are searched for; the “e” of “e-mail” says too little.
PART = 3

_TOKEN = re.compile(r"[^\W_]+")

#: By slug of the concept and language its terms, the one that articles use first.
Glossary = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class SynonymGroup:
    """Terms of which each finds all others; where `found` names any, each finds those and nothing else."""

    terms: tuple[str, ...]
    found: tuple[str, ...] = ()


class _Meaning(NamedTuple):
    """What a term may mean."""

    #: See `_Phrases.concepts`.
    concept: int | str
    #: Which of the concept's terms it is.
    member: int
    #: The term's words that are searched, folded, as one.
    spelling: str
    #: Words that must be in the query but are not searched, such as the “in” of “sign in”.
    needs: frozenset[str]


#: The ways to say a concept, each with the number of the term that it says.
_Ways = tuple[tuple[int, Way], ...]


class _Phrases(NamedTuple):
    """The terms of one language."""

    #: Groups of synonyms by number, entries of the glossary by slug.
    concepts: Mapping[int | str, _Ways]
    #: By analysed term. Beginnings of terms are here as well, without meanings.
    meanings: Mapping[tuple[str, ...], tuple[_Meaning, ...]]


#: Numbers of the clues that are a term together, and what it may mean.
_Run = tuple[frozenset[int], tuple[_Meaning, ...]]


class Thesaurus:
    """Synonyms and glossary; never changes, safe to use from several threads.

    Args:
        synonyms: groups by language.
        glossary: terms by concept and language.
        split: by language what takes compounds apart when queries are analysed.
    """

    def __init__(
        self,
        synonyms: Mapping[str, Sequence[SynonymGroup]],
        glossary: Glossary,
        split: Mapping[str, Split | None] | None = None,
    ) -> None:
        self._synonyms = {language: tuple(groups) for language, groups in synonyms.items()}
        self._glossary = {slug: dict(terms) for slug, terms in glossary.items()}
        self._split = dict(split or {})
        # A language is analysed when it is first asked for.
        self._phrases = lru_cache(maxsize=None)(self._analyse)

    def expand(self, language: str, clues: tuple[Clue, ...], text: str | None = None) -> tuple[Clue, ...]:
        """The clues with synonyms as further ways to say them, behind those that they have.

        Every other term of its group and of its glossary entry is added to each clue of a run that is a term, the
        longest run first. Runs within a longer one add nothing: who asks for “mobile working” means no mobile.

        Args:
            language: of the clues.
            clues: of a query.
            text: the query. With it, a term of which only one word is searched must be there with its other words,
                so that “office” is not “out of office”; without it, that word is enough.
        """
        if language not in CHAINS:
            return clues
        concepts = self._phrases(language).concepts
        ways = [list(clue.ways) for clue in clues]
        for run, meanings in self._runs(language, clues, text, lambda _concept: True):
            own = {term for place in run for way in clues[place].ways[:1] for term in way.terms}
            for meaning in meanings:
                for member, way in concepts[meaning.concept]:
                    # The same term may be written otherwise in articles, as “two factor” for “twofactor”.
                    is_own = own.issuperset(way.terms) if member == meaning.member else own == set(way.terms)
                    if not is_own:
                        _add(way, [ways[place] for place in run])
        return tuple(Clue(clue.text, tuple(more)) for clue, more in zip(clues, ways, strict=True))

    def translate(
        self, source: str, target: str, clues: tuple[Clue, ...], text: str | None = None
    ) -> tuple[tuple[Way, ...], ...]:
        """For each clue the ways to say it in another language; none where the glossary knows nothing.

        A run of clues that is a term gives its ways to each of them; the first term of an entry is worth 1.

        Args:
            source: language of the clues.
            target: language of the ways.
            clues: of a query.
            text: the query, as for `expand`.
        """
        ways: list[list[Way]] = [[] for _ in clues]
        if source not in CHAINS or target not in CHAINS:
            return tuple(map(tuple, ways))
        there = {slug: said for slug, said in self._phrases(target).concepts.items() if isinstance(slug, str)}
        for run, meanings in self._runs(source, clues, text, there.__contains__):
            said = [
                Way(way.terms, SYNONYM if member else 1.0)
                for slug in dict.fromkeys(meaning.concept for meaning in meanings)
                for member, way in there[str(slug)]
            ]
            for way in sorted(said, key=lambda way: -way.worth):
                _add(way, [ways[place] for place in run])
        return tuple(map(tuple, ways))

    def to_text(self) -> str:
        """What `from_text` reads."""
        synonyms = {
            code: [[group.terms, group.found] for group in groups] for code, groups in sorted(self._synonyms.items())
        }
        return json.dumps({"synonyms": synonyms, "glossary": self._glossary}, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str, split: Mapping[str, Split | None] | None = None) -> Self:
        """A thesaurus that was kept.

        Raises:
            ValueError: the text is damaged.
        """
        try:
            kept = json.loads(text)
            synonyms = {
                str(code): [SynonymGroup(_texts(terms), _texts(found)) for terms, found in groups]
                for code, groups in kept["synonyms"].items()
            }
            glossary = {
                str(slug): {str(code): _texts(terms) for code, terms in entry.items()}
                for slug, entry in kept["glossary"].items()
            }
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"not a thesaurus: {error}") from None
        return cls(synonyms, glossary, split)

    def _analyse(self, language: str) -> _Phrases:
        """The terms of one language."""
        split = self._split.get(language)
        groups: dict[int | str, SynonymGroup] = dict(enumerate(self._synonyms.get(language, ())))
        for slug, terms in self._glossary.items():
            groups[slug] = SynonymGroup(terms.get(language, ()))
        known: dict[tuple[str, ...], dict[_Meaning, None]] = {}
        for concept, group in groups.items():
            for member, term in enumerate(group.terms):
                for key, spelling, needs in _readings(language, term, split):
                    known.setdefault(key, {})[_Meaning(concept, member, spelling, needs)] = None
                    for length in range(1, len(key)):
                        known.setdefault(key[:length], {})
        concepts = {concept: _ways(language, group) for concept, group in groups.items()}
        return _Phrases(concepts, {key: tuple(meanings) for key, meanings in known.items()})

    def _runs(
        self, language: str, clues: tuple[Clue, ...], text: str | None, wanted: Callable[[int | str], bool]
    ) -> list[_Run]:
        """The runs of clues that are terms of the concepts that are wanted, longest first, none within a longer one."""
        meanings = self._phrases(language).meanings
        here = None if text is None else {fold(token) for token in _TOKEN.findall(text)}
        found: dict[frozenset[int], dict[_Meaning, int]] = {}
        for run, key in _keys(language, clues[:CLUES], meanings):
            spelling = "".join(dict.fromkeys(clues[place].text for place in sorted(run)))
            for meaning in meanings[key]:
                if wanted(meaning.concept) and (here is None or meaning.needs <= here):
                    likeness = (meaning.spelling == spelling) + (len(meaning.needs) if here else 0)
                    found.setdefault(run, {})[meaning] = likeness
        longest: list[_Run] = []
        for run in sorted(found, key=lambda run: (-len(run), min(run))):
            if not any(run < longer for longer, _ in longest):
                longest.append((run, _likeliest(found[run])))
        return longest


def _likeliest(likeness: Mapping[_Meaning, int]) -> tuple[_Meaning, ...]:
    """The meanings that are written most like the query, of the synonyms as of the glossary.

    “Drucker” and “drucken” are one to the search, but not to a translator.
    """
    best: dict[type, int] = {}
    for meaning, value in likeness.items():
        kind = type(meaning.concept)
        best[kind] = max(best.get(kind, 0), value)
    return tuple(meaning for meaning, value in likeness.items() if value == best[type(meaning.concept)])


def _add(way: Way, lists: Iterable[list[Way]]) -> None:
    """Add a way to each list that has room and does not have its terms yet."""
    for ways in lists:
        if len(ways) < WAYS and all(way.terms != other.terms for other in ways):
            ways.append(way)


def _texts(values: Any) -> tuple[str, ...]:
    """Texts from JSON.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("not a list of texts")
    return tuple(values)


def _readings(language: str, term: str, split: Split | None) -> Iterator[tuple[tuple[str, ...], str, frozenset[str]]]:
    """What a term may be analysed to in a query, however it is written there; its spelling; the words that it needs.

    It is taken as it is, with any two neighbouring words written as one, and with all of them written as one.
    """
    tokens = _TOKEN.findall(term)
    joined = [" ".join((*tokens[:n], tokens[n] + tokens[n + 1], *tokens[n + 2 :])) for n in range(len(tokens) - 1)]
    for spelling in dict.fromkeys((term, *joined, "".join(tokens))):
        found = list(words(language, spelling, split))
        choices = [(word.terms[:1], word.terms[1:]) if len(word.terms) > 1 else (word.terms,) for word in found]
        needs = small_words(language, spelling) if len(found) == 1 else frozenset[str]()
        for choice in islice(product(*choices), READINGS) if found else ():
            yield tuple(part for parts in choice for part in parts), "".join(word.text for word in found), needs


def small_words(language: str, term: str) -> frozenset[str]:
    """The words of a term that are not searched, folded, where only one is; else none."""
    chunks = term.split()
    if len(chunks) == 1 or len(list(words(language, term))) > 1:
        return frozenset()
    silent = (chunk for chunk in chunks if not any(words(language, chunk)))
    return frozenset(fold(token) for chunk in silent for token in _TOKEN.findall(chunk))


def _ways(language: str, group: SynonymGroup) -> _Ways:
    """The ways to search for what a group finds: words joined by signs as wholes, after all others as parts.

    A term of which only one word is searched is a way only where it is the first: as “office”, “out of office” would
    find too much.
    """
    first = len(group.terms) if group.found else 0
    wholes: list[tuple[int, Way]] = []
    parts: list[tuple[int, Way]] = []
    for number, term in enumerate(group.found or group.terms, first):
        found = list(words(language, term))
        if not found or (number > first and small_words(language, term)):
            continue
        wholes.append((number, Way(tuple(dict.fromkeys(word.terms[0] for word in found)), SYNONYM)))
        apart = tuple(dict.fromkeys(t for word in found for t in word.terms[1:] or word.terms))
        if apart != wholes[-1][1].terms and all(len(t) >= PART for word in found for t in word.terms[1:]):
            parts.append((number, Way(apart, SYNONYM)))
    return (*wholes, *parts)


class _Step(NamedTuple):
    """One step along the clues of a query."""

    terms: tuple[str, ...]
    clues: frozenset[int]
    #: Number of the word, and of its part, that a step after it begins with.
    then: tuple[int, int]


def _keys(
    language: str, clues: tuple[Clue, ...], known: Mapping[tuple[str, ...], object]
) -> Iterator[tuple[frozenset[int], tuple[str, ...]]]:
    """Every run of clues that can be read as a known key, with the key; all parts of a word are the word."""
    words_apart = [
        (text, [place for place, _ in places]) for text, places in groupby(enumerate(clues), lambda one: one[1].text)
    ]
    parts = [[place for place in places if not _is_whole(language, clues[place])] for _, places in words_apart]
    steps = _steps(language, clues, words_apart, parts)
    waiting: list[tuple[tuple[int, int], frozenset[int], tuple[str, ...]]] = [
        (start, frozenset(), ()) for start in steps
    ]
    while waiting:
        start, before, key = waiting.pop()
        for step in steps.get(start, ()):
            longer = key + step.terms
            if longer in known:
                run = before | step.clues
                full = [places for (_, places), own in zip(words_apart, parts, strict=True) if own and run >= {*own}]
                yield run.union(*full), longer
                waiting.append((step.then, run, longer))


def _steps(
    language: str, clues: tuple[Clue, ...], words_apart: list[tuple[str, list[int]]], parts: list[list[int]]
) -> dict[tuple[int, int], list[_Step]]:
    """The steps that begin with each word and with each of its parts."""
    steps: dict[tuple[int, int], list[_Step]] = {}
    for number, (text, places) in enumerate(words_apart):
        after = (number + 1, 0)
        begin = [_Step((whole,), frozenset(places), after) for whole in {text: 0, stem(language, text): 0}]
        for beside, more in words_apart[number + 1 : number + 2]:
            begin.append(_Step((stem(language, text + beside),), frozenset(places + more), (number + 2, 0)))
        steps[number, 0] = begin
        for part, place in enumerate(parts[number]):
            then = (number, part + 1) if part + 1 < len(parts[number]) else after
            own = _Step(clues[place].ways[0].terms if clues[place].ways else (), frozenset({place}), then)
            steps.setdefault((number, part), []).append(own)
    return steps


def _is_whole(language: str, clue: Clue) -> bool:
    """Whether a clue is a word as a whole, not a part of it."""
    own = clue.ways[0].terms if clue.ways else ()
    return own in {(clue.text,), (stem(language, clue.text),)}
