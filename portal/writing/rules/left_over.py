"""What was left in another language: lines that tell so by their words, and lines that are the source's own."""

import hashlib
import re
from collections.abc import Iterator
from datetime import date
from functools import cache

from portal.articles import source_language
from portal.locales import LANGUAGES
from portal.outline import Line
from portal.problems import Problem, Severity
from portal.recognition import language_of
from portal.rules import Rule
from portal.search.analyzers import fold, stop_words
from portal.writing.checking.texts import Collection, Facts, Text
from portal.writing.rules.passages import lines_of, passages

RULES = (
    Rule(
        "untranslated",
        Severity.WARNING,
        "a title or a line is in another language than its article",
        "Readers chose their language because they read it best; search does not find words of another one.",
        "Translate it. What the screen says in that language stays: put it in bold, in quotation marks or in code.",
    ),
)

#: Shorter lines, in characters of prose, and shorter titles may well be the same in two languages.
LONG_LINE, LONG_TITLE = 60, 30
#: Words that a line must have for its language to be told, small ones of that language among them, and their share.
_WORDS, _SMALL, _SHARE = 6, 3, 0.3
#: Of the article's own small words, so many may be there for one of the other language's.
_OWN = 0.2

_WORD = re.compile(r"[^\W\d_]+")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
#: What may be in any language: the words of a link, names of the interface and messages in bold, italics or quotes.
_ENCLOSED = re.compile(
    r"\[[^\[\]\n]{1,500}\]|\*{1,3}[^*\n]{1,500}\*{1,3}|__?[^_\n]{1,500}__?"
    r"|[„“«\"][^„“”«»\"\n]{1,500}[“”»\"]|(?<!\w)['‘][^'‘’\n]{1,300}['’](?!\w)"
)
_MARK = re.compile(r"[\[*_„“«\"'‘]")
#: Words of one language only. A line without any is not looked at, nor one with the article's own: next to no cost.
_HINTS = {
    "en": (" the ", " you ", " and ", " to ", " is ", " of "),
    "fr": (" les ", " vous ", " pour ", " est ", " une ", " le "),
    "de": (" die ", " und ", " Sie ", " der ", " das ", " ist "),
    "ru": (" и ", " в ", " на ", " не ", " для ", " вы "),
}


def of_text(text: Text) -> Iterator[Problem]:
    """Lines of a text that are in another language."""
    language = text.article.language
    for line, other in foreign_lines(text.article.body, text.body_line, language):
        column = len(line.text) - len(line.text.lstrip()) + 1
        message = f"This line is in {_english(other)}, the article in {_english(language)}."
        yield Problem(text.path, line.number, "untranslated", message, Severity.WARNING, column)


def of_collection(collection: Collection, _today: date) -> Iterator[Problem]:
    """Titles, summaries and long lines of translations that are their source's, word for word."""
    families: dict[str, dict[str, Facts]] = {}
    for (language, slug), facts in collection.texts.items():
        families.setdefault(slug, {})[language] = facts
    for family in families.values():
        sources = {code: facts.article.source for code, facts in family.items()}
        origin = source_language(sources, collection.preferred) or ""
        if source := family.get(origin):
            for facts in family.values():
                if facts is not source:
                    yield from _of_translation(facts, source)


def long_lines(body: str, first_line: int, language: str) -> tuple[tuple[str, int], ...]:
    """Digests of the lines of prose that no two languages have in common, with their line; see `Facts.long_lines`.

    Lines that `of_text` reports are left out, and so are lists of names.

    Args:
        body: Markdown.
        first_line: line of the file on which it starts.
        language: of the article.
    """
    known = {line.number for line, _ in foreign_lines(body, first_line, language)}
    found = []
    for line in lines_of(body, first_line):
        if len(line.text) < LONG_LINE or line.number in known or not _is_sentence(line.text):
            continue
        said = _own_words(line.text)
        if len(said) >= LONG_LINE and _is_sentence(said):
            found.append((hashlib.blake2b(said.encode(), digest_size=4).hexdigest(), line.number))
    return tuple(found)


def foreign_lines(body: str, first_line: int, language: str) -> Iterator[tuple[Line, str]]:
    """The lines of prose that are surely in another language, with its code.

    Args:
        body: Markdown.
        first_line: line of the file on which it starts.
        language: of the article.
    """
    text = passages(body, first_line).text
    wanted = tuple(
        hint for code, hints in _HINTS.items() if code not in ("ru", language) for hint in hints if hint in text
    )
    is_cyrillic = language != "ru" and _CYRILLIC.search(text) is not None
    if not wanted and not is_cyrillic:
        return
    own = _HINTS[language]
    for line in lines_of(body, first_line):
        said = line.text
        if any(hint in said for hint in own):
            continue
        if any(hint in said for hint in wanted) or (is_cyrillic and _CYRILLIC.search(said)):
            other = _language_of_line(said, language)
            if other:
                yield line, other


def _language_of_line(text: str, language: str) -> str | None:
    """The language of a line that is surely not in its article's; None for all others."""
    words = _WORD.findall(fold(_own_words(text)).lower())
    if len(words) < _WORDS:
        return None
    cyrillic = sum(map(len, filter(_CYRILLIC.match, words)))
    if language != "ru":
        if 2 * cyrillic > sum(map(len, words)):
            return "ru"
    elif cyrillic:
        # A Russian sentence may name anything in Latin letters; but one in another language has no Russian word.
        return None
    best, most = None, 0
    own = _small(language)
    for code in LANGUAGES:
        if code not in ("ru", language):
            count = sum(word in _small(code) and word not in own for word in words)
            best, most = (code, count) if count > most else (best, most)
    kept = sum(word in own and word not in _small(best or language) for word in words)
    return best if most >= max(_SMALL, _SHARE * len(words)) and kept <= _OWN * most else None


def _own_words(text: str) -> str:
    """What a line says itself, on one line: without what it quotes."""
    return " ".join((_ENCLOSED.sub(" ", text) if _MARK.search(text) else text).split())


@cache
def _small(language: str) -> frozenset[str]:
    """The words of a language that carry no subject, folded; single letters tell nothing, nor does an ID."""
    return frozenset(word for word in stop_words(language) if len(word) > 1 and word != "id")


def _is_sentence(text: str) -> bool:
    """Whether a line has two of the commonest words of a language, as a list of products has not."""
    return any(sum(hint in text for hint in hints) > 1 for hints in _HINTS.values())


def _of_translation(facts: Facts, source: Facts) -> Iterator[Problem]:
    """What a translation has in common with its source."""
    article, original = facts.article, source.article
    for key, value, other in (
        ("title", article.title, original.title),
        ("summary", article.summary, original.summary),
    ):
        if len(value) >= LONG_TITLE and value.casefold() == other.casefold() and _is_foreign(value, article.language):
            message = f"The {key} is that of {source.path}."
            yield Problem(facts.path, facts.line(key), "untranslated", message, Severity.WARNING)
    shared = dict(source.long_lines)
    for digest, line in facts.long_lines:
        if digest in shared:
            message = f"This line stands word for word in {source.path}:{shared[digest]}."
            yield Problem(facts.path, line, "untranslated", message, Severity.WARNING)


def _is_foreign(text: str, language: str) -> bool:
    """Whether a short text is in a language, and not in this one."""
    return language_of(text) not in (None, language)


def _english(code: str) -> str:
    """The English name of a language."""
    return {"en": "English", "fr": "French", "de": "German", "ru": "Russian"}[code]
