"""What the search of an exported site knows: the portal's own index, in small scripts that a page loads from a disk.

The index is made by the portal's engine and read back: terms, rarities and what each term adds to an article's score
are the engine's, so that the same words find the same articles. `search.js` says what each script holds.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import log2
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from portal import vocabulary
from portal.articles import Article
from portal.markup import Section
from portal.search import Clue, Document, Way, whoosh_index
from portal.search.analyzers import Split, stop_words, words
from portal.search.chains import CHAINS
from portal.search.layouts import retyped
from portal.search.thesaurus import SynonymGroup, Thesaurus, small_words
from portal.search.view import View

#: Characters in one script, about; a first search loads one of words, one of terms for each word, and ten of texts.
SHARD = 16_000
#: Endings by which a word is taken for another form of one that the articles have.
ENDINGS = 40
_Item = TypeVar("_Item")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Entry:
    """An article as it is searched."""

    article: Article
    sections: tuple[Section, ...]
    document: Document


def write(folder: Path, language: str, entries: Sequence[Entry], topics: Mapping[str, str], root: Path) -> None:
    """Write the scripts of one language.

    Args:
        folder: where they go; it exists.
        language: code.
        entries: the articles, in the order in which they are numbered.
        topics: the name of each topic.
        root: folder of the articles, for synonyms and glossary.

    Raises:
        OSError: they cannot be written.
    """
    with TemporaryDirectory(prefix="portal-export-") as made:
        directory = Path(made) / language
        whoosh_index.write(directory, language, [entry.document for entry in entries])
        view = View(directory, language)
        try:
            _write(folder, view, entries, topics, _thesaurus(root, language, view.split), root)
        finally:
            view.close()


def _thesaurus(root: Path, language: str, split: Split | None) -> Thesaurus:
    """The writers' synonyms and glossary."""
    synonyms = {language: vocabulary.read_synonyms(root, language)[0]}
    return Thesaurus(synonyms, vocabulary.read_glossary(root)[0], {language: split})


def _said(root: Path, language: str) -> list[str]:
    """The terms of one language that the thesaurus knows."""
    groups: Iterable[SynonymGroup] = vocabulary.read_synonyms(root, language)[0]
    glossary = vocabulary.read_glossary(root)[0]
    said = [term for group in groups for term in group.terms]
    return sorted({*said, *(term for entry in glossary.values() for term in entry.get(language, ()))})


def _write(
    folder: Path, view: View, entries: Sequence[Entry], topics: Mapping[str, str], thesaurus: Thesaurus, root: Path
) -> None:
    """Write the scripts of one language."""
    said = _said(root, view.language)
    forms = _forms(view, entries, said)
    synonyms = list(_synonyms(view, thesaurus, said))
    used = {term for terms, _ in forms.values() for term in terms}
    used |= {term for key, _, ways in synonyms for terms in (key, *(way for _, way in ways)) for term in terms}
    terms = sorted(used, key=_order)
    numbers = {term: number for number, term in enumerate(terms)}
    endings = Counter(
        form[len(found[0]) :] for form, (found, _) in forms.items() if form.startswith(found[0]) and form != found[0]
    )
    chain = CHAINS[view.language]
    texts = _text_shards(folder, entries)
    manifest = {
        "language": view.language,
        "highest": round(view.highest_idf, 3),
        "words": _word_shards(folder, forms, numbers),
        "terms": _term_shards(folder, view, terms),
        "texts": texts,
        "slugs": [entries[number].article.slug for number in texts],
        "topics": topics,
        "stop": sorted(stop_words(view.language)),
        "elided": rf"^(?:(?:{'|'.join(sorted(chain.elided))})['’ʼ])+(?=[\p{{L}}\p{{N}}])" if chain.elided else "^(?!)",
        "umlauts": chain.letters is not None,
        "links": list(chain.links),
        "layouts": _layouts(view.language),
        "endings": [ending for ending, _ in sorted(endings.items(), key=lambda one: (-one[1], one[0]))[:ENDINGS]],
    }
    found: dict[str, list[object]] = {}
    for key, needs, ways in synonyms:
        there = [[worth, [numbers[term] for term in way]] for worth, way in ways]
        found.setdefault(",".join(str(numbers[term]) for term in key), []).append([sorted(needs), there])
    _script(folder, "s", found)
    _script(folder, "m", manifest)


def _order(text: str) -> bytes:
    """Sorts as browsers compare texts."""
    return text.encode("utf-16-be", "surrogatepass")


def _number(value: int) -> str:
    """A number with 36 digits."""
    text = ""
    while True:
        value, digit = divmod(value, 36)
        text = _DIGITS[digit] + text
        if not value:
            return text


def _script(folder: Path, name: str, data: object) -> None:
    """Write data as a script that hands it over."""
    # "</" and the line ends that JSON allows and scripts once did not are escaped.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    language = folder.parent.name
    (folder / f"{name}.js").write_text(f'portalData("{language}/{name}",{text});\n', encoding="utf-8")


def _layouts(language: str) -> list[tuple[str, str]]:
    """For each keyboard layout that may be switched on by mistake, its signs and those that were meant."""
    signs = "".join(chr(code) for code in (*range(0x21, 0x7F), *range(0xA1, 0x100), *range(0x410, 0x452), 0x2116))
    pairs = (zip(signs, meant, strict=True) for meant in retyped(language, signs))
    return [
        ("".join(typed for typed, _ in kept), "".join(meant for _, meant in kept))
        for pair in pairs
        if (kept := [(typed, meant) for typed, meant in pair if typed != meant])
    ]


def _forms(view: View, entries: Sequence[Entry], said: Sequence[str]) -> dict[str, tuple[tuple[str, ...], int]]:
    """Every word as it is written in the articles or the thesaurus, folded: its terms, and how many articles have it.

    Terms that nobody writes as they are stand here as well, with 0 articles.
    """
    counts: Counter[str] = Counter()
    for entry in entries:
        made = entry.document
        texts = (made.title, *made.headings, *made.keywords, made.summary, made.text)
        counts.update(set("\n".join(texts).split()))
    found: dict[str, tuple[tuple[str, ...], int]] = {}
    for raw, count in [*counts.items(), *((term, 1) for term in said)]:
        for word in words(view.language, raw, view.split):
            terms, before = found.get(word.text, (word.terms, 0))
            found[word.text] = terms, before + count
    for terms, _ in list(found.values()):
        found.setdefault(terms[0], (terms[:1], 0))
    return {form: (terms, count) for form, (terms, count) in found.items() if form and " " not in form}


def _chunks(items: Iterable[_Item], size: Callable[[_Item], int]) -> Iterator[list[_Item]]:
    """Items in runs of about as many characters as a script may have."""
    held: list[_Item] = []
    length = 0
    for item in items:
        if held and length + size(item) > SHARD:
            yield held
            held, length = [], 0
        held.append(item)
        length += size(item)
    if held:
        yield held


def _word_shards(
    folder: Path, forms: Mapping[str, tuple[tuple[str, ...], int]], numbers: Mapping[str, int]
) -> list[str]:
    """Write the words, a line for each: what it shares with the one before, the rest, frequency, terms.

    Returns:
        The first word of each script.
    """
    firsts: list[str] = []
    for number, chunk in enumerate(_chunks(sorted(forms, key=_order), lambda form: len(form) // 2 + 8)):
        lines: list[str] = []
        before = ""
        for form in chunk:
            terms, count = forms[form]
            facts = f"{_DIGITS[min(35, int(2 * log2(count)) if count else 0)]}{'w' if count else '-'}"
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before[:35], form, strict=False)))
            lines.append(
                f"{_DIGITS[shared]}{form[shared:]} {facts}{','.join(_number(numbers[term]) for term in terms)}"
            )
            before = form
        _script(folder, f"w{number}", "\n".join(lines))
        firsts.append(chunk[0])
    return firsts


def _term_shards(folder: Path, view: View, terms: Sequence[str]) -> list[int]:
    """Write the terms, a line for each: rarity, and each article with what the term adds to its score.

    Behind that, each of its titles and headings that has the term, with the rarity of all its terms; titles are 0.

    Returns:
        The number of the first term of each script.
    """
    firsts: list[int] = []
    done = 0
    for number, chunk in enumerate(_chunks((_term_line(view, term) for term in terms), len)):
        _script(folder, f"t{number}", "\n".join(chunk))
        firsts.append(done)
        done += len(chunk)
    return firsts


def _term_line(view: View, term: str) -> str:
    """See `_term_shards`; empty for a term that no article has."""
    postings = view.postings(term)
    if postings is None:
        return ""
    places: dict[int, list[str]] = {}
    for part in postings.parts.tolist():
        document = int(np.searchsorted(view.parts.first, part, side="right")) - 1
        mass = round(100 * float(view.parts.mass[part]))
        places.setdefault(document, []).append(f".{_number(part - int(view.parts.first[document]))}.{_number(mass)}")
    line = [_number(round(100 * postings.idf))]
    before = 0
    for document, impact in zip(postings.documents.tolist(), postings.impacts.tolist(), strict=True):
        more = "".join(places.get(document, ()))
        line.append(f"{_number(document - before)}.{_number(round(100 * impact))}{more}")
        before = document
    return " ".join(line)


def _text_shards(folder: Path, entries: Sequence[Entry]) -> list[int]:
    """Write the texts: slug, title, topic, and anchor, heading and text of each section.

    Returns:
        The number of the first article of each script.
    """
    firsts: list[int] = []
    done = 0
    texts = (
        [
            entry.article.slug,
            entry.article.title,
            entry.article.topic,
            *([part.anchor, part.heading, part.text.replace("\n", " ")] for part in entry.sections),
        ]
        for entry in entries
    )
    for number, chunk in enumerate(_chunks(texts, lambda text: len(str(text)))):
        _script(folder, f"d{number}", chunk)
        firsts.append(done)
        done += len(chunk)
    return firsts


def _synonyms(
    view: View, thesaurus: Thesaurus, said: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], frozenset[str], list[tuple[float, tuple[str, ...]]]]]:
    """What the thesaurus adds to a query that is one of its terms: the query's terms, words that it needs, ways."""
    for text in said:
        found: dict[str, Clue] = {}
        for word in words(view.language, text, view.split):
            known = [term for term in word.terms if view.postings(term) is not None]
            for term in known or word.terms[:1]:
                found.setdefault(term, Clue(word.text, (Way((term,)),)))
        ways = {
            (way.worth, way.terms): None
            for clue in thesaurus.expand(view.language, tuple(found.values()), text)
            for way in clue.ways[1:]
        }
        if found and ways:
            yield tuple(found), small_words(view.language, text), list(ways)
