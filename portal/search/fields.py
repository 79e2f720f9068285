"""What of an article is searched: its terms, weighted, and its words, the same for every engine."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from portal.search import Document
from portal.search.analyzers import _JOINED, Split, words
from portal.search.chains import CHAINS
from portal.search.compounds import Splitter

#: How much more a word counts in a title, heading or keyword than in the text, measured on judged queries.
TITLE_WEIGHT, HEADING_WEIGHT, KEYWORD_WEIGHT = 4, 4, 4
#: Different words whose analysis a writer remembers.
REMEMBERED = 200_000
#: What the splitter of compounds has learned, beside the index.
_COMPOUNDS = "compounds.json"
#: The writers' synonyms and glossary, in the directory of the generation.
THESAURUS = "thesaurus.json"


class Token(NamedTuple):
    """Something between two blanks, analysed."""

    terms: tuple[str, ...]
    #: Its words as they are written, in small letters.
    written: tuple[str, ...]
    #: Its words, folded.
    folded: tuple[str, ...]


class Fields(NamedTuple):
    """An article, analysed."""

    slug: str
    topic: str
    #: The terms of the title, and of everything, with how often they count.
    title: Counter[str]
    text: Counter[str]
    #: Words as they are written, in small letters.
    written: Counter[str]
    #: The different terms of the title, and of each heading.
    parts: tuple[tuple[str, ...], ...]


def analysis(language: str, split: Split | None) -> Callable[[str], Token]:
    """Analyses what stands between two blanks, and remembers it: the same few words are met again and again."""

    def analyse(raw: str) -> Token:
        found = list(words(language, raw, split))
        return Token(
            tuple(term for word in found for term in word.terms),
            tuple(raw[word.start : word.end].lower() for word in found if word.text.isalpha()),
            tuple(word.text for word in found),
        )

    return lru_cache(maxsize=REMEMBERED)(analyse)


def analysed(analyse: Callable[[str], Token], document: Document) -> Fields:
    """A document's fields."""
    text: Counter[str] = Counter()
    written: Counter[str] = Counter()

    def add(source: str, weight: int) -> None:
        for raw, count in Counter(_JOINED.findall(source)).items():
            token = analyse(raw)
            for term in token.terms:
                text[term] += weight * count
            for word in token.written:
                written[word] += count

    def terms(source: str) -> list[str]:
        return [term for raw in _JOINED.findall(source) for term in analyse(raw).terms]

    add(document.title, TITLE_WEIGHT)
    add("\n".join(document.headings), HEADING_WEIGHT)
    add("\n".join(document.keywords), KEYWORD_WEIGHT)
    add(f"{document.summary}\n{document.text}", 1)
    title = terms(document.title)
    parts = tuple(tuple(dict.fromkeys(part)) for part in (title, *map(terms, document.headings)))
    return Fields(document.slug, document.topic, Counter(title), text, written, parts)


def learn(directory: Path, language: str, documents: Sequence[Document]) -> Split | None:
    """Learn the words that compounds are made of from all documents, and keep them beside the index."""
    if not any(CHAINS[language].links):
        return None
    counts: Counter[str] = Counter()
    analyse = analysis(language, None)
    for document in documents:
        texts = (document.title, *document.headings, *document.keywords, document.summary, document.text)
        raw = set(_JOINED.findall("\n".join(texts)))
        counts.update({folded for token in raw for folded in analyse(token).folded})
    learned = Splitter(language, counts)
    (directory / _COMPOUNDS).write_text(learned.to_text(), encoding="utf-8")
    return learned.split


def splitter(directory: Path, language: str) -> Split | None:
    """What takes the compounds of one language's index apart; None where its language has none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    if not any(CHAINS[language].links):
        return None
    return _splitter(language, (directory / _COMPOUNDS).read_text(encoding="utf-8"))


@lru_cache(maxsize=8)
def _splitter(language: str, text: str) -> Split:
    """A splitter; most generations have that of the one before."""
    return Splitter.from_text(language, text).split


def learned_words(directory: Path) -> str:
    """What changes with the words that compounds of one language's index are made of; empty where it has none."""
    path = directory / _COMPOUNDS
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest() if path.exists() else ""
