"""All that can be made of one query: as it was typed, put right, in other languages; and which of these to go by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from typing import Protocol

from portal.search import Clue, Found, SearchIndex, Way
from portal.search.analyzers import stop_words, words
from portal.search.confidence import Signals, confidence, signals
from portal.search.understanding import Repair, repair

#: Matches that a reading is judged by, and the first page of what is shown.
JUDGED = 10
#: How much surer a reading in another language must be, for words that several languages share decide nothing.
MARGIN = 0.1


class Translator(Protocol):
    """Says how words are said in another language."""

    def ways(self, source: str, target: str, clues: tuple[Clue, ...], text: str) -> tuple[tuple[Way, ...], ...]:
        """For each clue the ways to say it in the target language; none where nothing is known."""
        ...


@dataclass(frozen=True)
class Reading:
    """One way to take a query, and what was found for it."""

    #: Whose articles were searched.
    language: str
    text: str
    clues: tuple[Clue, ...]
    found: Found
    signals: Signals
    #: The probability that it is answered, 0–1.
    confidence: float
    repairs: tuple[Repair, ...] = ()
    #: Words of other languages in it, each with the terms that it was taken for.
    translated: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def terms(self) -> frozenset[str]:
        """All terms that were looked for."""
        return frozenset(term for clue in self.clues for way in clue.ways for term in way.terms)


@dataclass(frozen=True)
class Inquiry:
    """A query and what was made of it."""

    #: As it was typed, in the reader's language.
    typed: Reading
    #: The one to go by in the reader's language.
    own: Reading
    #: A surer one in the language that the query seems to be in; None where that is the reader's own.
    asked_in: Reading | None
    #: Finds out the language that the query seems to be in.
    guessed: Callable[[], str]

    @property
    def guess(self) -> str:
        """The language that the query seems to be in."""
        return self.asked_in.language if self.asked_in else self.guessed()


class Inquirer:
    """Makes inquiries.

    Args:
        index: that is searched.
        languages: those that have articles.
        good: from which confidence on the query as typed is left alone.
        translator: of words.
    """

    def __init__(
        self, index: SearchIndex, languages: tuple[str, ...], good: float, translator: Translator | None = None
    ) -> None:
        self._index = index
        self._languages = languages
        self._good = good
        self._translator = translator

    def read(self, language: str, text: str, topic: str | None = None) -> Reading:
        """Search a language for a text as it is.

        Raises:
            SearchUnavailable: the index is missing or broken.
        """
        return self._judged(language, text, self._index.clues(language, text), topic)

    def _judged(self, language: str, text: str, clues: tuple[Clue, ...], topic: str | None = None) -> Reading:
        """Search a language for clues."""
        found = self._index.search(language, clues, topic, 0, JUDGED)
        given = signals(clues, found)
        return Reading(language, text, clues, found, given, confidence(given))

    def ask(self, language: str, text: str, topic: str | None = None, *, exact: bool = False) -> Inquiry:
        """Find out what a query may mean.

        Args:
            language: of the reader.
            text: what was typed, within bounds.
            topic: only articles of it.
            exact: take it as it was typed.

        Raises:
            SearchUnavailable: the index is missing or broken.
        """
        own = typed = self.read(language, text, topic)
        if exact or not typed.clues:
            return Inquiry(typed, typed, None, partial(self.guess, language, text))
        # What finds something good is left as it is, whatever is unknown in it.
        if typed.confidence < self._good:
            own = self._repaired(typed, topic)
        if own.confidence < self._good:
            own = self._with_foreign_words(own, topic)
        foreign = None
        if own.confidence < self._good:
            others = [self.read(code, text, topic) for code in self._languages if code != language]
            foreign = max(others, key=lambda reading: reading.confidence, default=None)
            if foreign is not None and not self._is_surer(foreign, own):
                foreign = None
        return Inquiry(typed, own, foreign, partial(self.guess, language, text))

    def _is_surer(self, foreign: Reading, own: Reading) -> bool:
        """Whether to go by a reading in another language: it is surer, and good or of the words' own language."""
        if foreign.confidence <= own.confidence + MARGIN:
            return False
        return foreign.confidence >= self._good or self.guess(own.language, foreign.text) == foreign.language

    def _repaired(self, typed: Reading, topic: str | None) -> Reading:
        """The reading with its unknown words put right, if that is surer or more of its words are known."""
        mended = repair(self._index, typed.language, typed.text)
        if not mended.repairs:
            return typed
        reading = replace(self.read(typed.language, mended.text, topic), repairs=mended.repairs)
        more = sum(reading.found.known) > sum(typed.found.known)
        return reading if more or reading.confidence > typed.confidence else typed

    def _with_foreign_words(self, own: Reading, topic: str | None) -> Reading:
        """The reading with the words of other languages in it translated, if that is surer."""
        if self._translator is None or all(own.found.known):
            return own
        clues, translated = list(own.clues), []
        for place, known in enumerate(own.found.known):
            if not known and (ways := self._from_elsewhere(own.language, clues[place])):
                translated.append((clues[place].text, ways[0].terms))
                clues[place] = Clue(clues[place].text, (*clues[place].ways, *ways))
        reading = self._judged(own.language, own.text, tuple(clues), topic)
        if reading.confidence <= own.confidence:
            return own
        return replace(reading, repairs=own.repairs, translated=tuple(translated))

    def _from_elsewhere(self, language: str, clue: Clue) -> tuple[Way, ...]:
        """What a word of any other language means in the reader's."""
        assert self._translator is not None
        ways: list[Way] = []
        for code in self._languages:
            if code != language and (there := self._index.clues(code, clue.text)):
                for found in self._translator.ways(code, language, there, clue.text):
                    ways.extend(found)
        return tuple(sorted(set(ways), key=lambda way: (-way.worth, way.terms))[:8])

    def elsewhere(self, own: Reading, topic: str | None = None) -> Iterator[Reading]:
        """The query put into each other language, word by word, and searched there.

        Args:
            own: the reading to go by.
            topic: only articles of it.

        Raises:
            SearchUnavailable: the index is missing or broken.
        """
        for code in self._languages:
            if code == own.language:
                continue
            clues = self.translated(own, code)
            if clues:
                yield self._judged(code, own.text, clues, topic)

    def translated(self, own: Reading, target: str) -> tuple[Clue, ...]:
        """The clues of a reading in another language; words that nothing is known of stay as they are."""
        known: tuple[tuple[Way, ...], ...] = ((),) * len(own.clues)
        if self._translator is not None:
            known = self._translator.ways(own.language, target, own.clues, own.text)
        clues = []
        for clue, ways in zip(own.clues, known, strict=True):
            same = tuple(Way(found.ways[0].terms) for found in self._index.clues(target, clue.text))
            here = tuple(way for way in (ways or same) if any(self._index.has(target, term) for term in way.terms))
            clues.append(Clue(clue.text, here or clue.ways[:1]))
        return tuple(clues)

    def guess(self, language: str, text: str) -> str:
        """The language that most words of a text are words of; the reader's own where it is no worse than any."""
        tokens = text.split()

        def known(code: str) -> float:
            counts = self._index.lexicon(code).counts
            return sum(_is_of(code, counts, token) for token in tokens)

        return max((language, *self._languages), key=known)


def _is_of(language: str, counts: dict[str, int], token: str) -> float:
    """How much a token is one of a language: a small word is more telling than a name that articles mention."""
    found = [word.text for word in words(language, token)]
    if found:
        return sum(word in counts for word in found) / len(found)
    return 1.0 if token.lower().strip(".,?!") in stop_words(language) else 0.0


def by_probability(pairs: tuple[tuple[str, float], ...]) -> tuple[Way, ...]:
    """Translations of a term as ways to say it: the likelier, the more worth."""
    return tuple(Way((term,), sqrt(p)) for term, p in pairs)
