"""How a text speaks to its readers and which signs it is set with: the rules of each language are data in `tone.yml`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml

from portal.locales import CODES
from portal.problems import Fix, Problem, Severity
from portal.recognition import language_of
from portal.rules import Rule
from portal.writing.checking.texts import Text
from portal.writing.rules.passages import Passages, passages, single

RULES = (
    Rule(
        "straight-quotes",
        Severity.WARNING,
        "the quotation marks are those of a typewriter",
        "Each language has its own marks, which show where a quotation begins and ends.",
        "Use “…” in English, «\u202f…\u202f» in French, „…“ in German, «…» in Russian, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "foreign-quotes",
        Severity.WARNING,
        "the quotation marks are those of another language",
        "Readers stumble over marks that open where theirs would close.",
        "Use «\u202f…\u202f» in French, „…“ in German, «…» in Russian, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "straight-apostrophe",
        Severity.WARNING,
        "the apostrophe is that of a typewriter",
        "In most fonts it is a blemish, and next to a quotation mark it is taken for one.",
        "Use ’, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "missing-nbsp",
        Severity.WARNING,
        "a French or Russian sign stands without its no-break space",
        "Without one the sign clings to the word, and with a plain blank it may begin a line by itself.",
        "Put U+202F before ; ! ? » and after «, and U+00A0 before the colon, in Russian U+00A0 before the dash, or let"
        " `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "hyphen-as-dash",
        Severity.WARNING,
        "a hyphen stands for a dash",
        "A hyphen joins, a dash divides: readers take the sentence for one with a list or a compound in it.",
        "Use – between blanks, in Russian —, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "double-blank",
        Severity.WARNING,
        "there is more than one blank between two words",
        "Pages show one, but searching in the file and comparing two versions of it get harder.",
        "Leave one, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "repeated-mark",
        Severity.WARNING,
        "an exclamation or question mark is repeated",
        "It reads as shouting, and screen readers speak each sign.",
        "Leave one, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "doubled-word",
        Severity.WARNING,
        "a small word stands twice",
        "It is nearly always what was left of a changed sentence.",
        "Remove one of the two, or what else was left.",
    ),
    Rule(
        "house-word",
        Severity.WARNING,
        "a word is spelled in another way than in all other articles",
        "One spelling lets readers find by the page's own search, and looks like one hand.",
        "Spell it as the message says; `--fix` does it where nothing else depends on it.",
        is_fixable=True,
    ),
    Rule(
        "informal-address",
        Severity.WARNING,
        "readers are addressed as friends or children are",
        "The portal says vous, Sie and вы everywhere; a sudden tu, du or ты is rude to some and confuses all.",
        "Use the polite form. What the screen says stays as it is: put it in bold or in quotation marks.",
    ),
    Rule(
        "vague-link",
        Severity.WARNING,
        "the words of a link do not say where it leads",
        "People who use a screen reader go through a page by its links, and hear “here, here, here”.",
        "Make the words that name the target the link: `see [Reset your password](reset-password.md)`.",
    ),
)

_CODES = frozenset(rule.code for rule in RULES)
_FIELDS = {"code", "hints", "pattern", "message", "replacement", "not_after", "not_before", "unless", "spoken", "links"}
#: A name of the interface or a quotation, which begins and ends on one line.
_SPOKEN = re.compile(
    r"\*\*[^*\n]{1,300}\*\*|\*[^*\s][^*\n]{0,300}\*|__[^_\n]{1,300}__|[„“«\"][^„“”«»\"\n]{1,300}[“”»\"]"
)
#: Something with a language of its own: a link's words, a name, a quotation.
_ENCLOSED = re.compile(r"\[[^\[\]\n]{1,300}\]|\*{1,3}[^*\n]{1,300}\*{1,3}|[„“«\"][^„“”«»\"\n]{1,300}[“”»\"]")
_BOX = re.compile(r"[ >\t]*!!!")
#: Of a line that is longer than twice this, so many characters on both sides of a fault are looked at.
_AROUND = 600
#: Faults of one rule that are reported in one line: a line can be as long as a file, and have one in every word.
_MOST = 100
_PLACE = re.compile(r"\{(found|mark|\d)\}")


@dataclass(frozen=True)
class Pattern:
    """Something that a language does otherwise; the fields are those of `tone.yml`."""

    code: str
    message: str
    hints: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    replacement: str | None = None
    not_after: re.Pattern[str] | None = None
    not_before: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    spoken: bool = False
    links: frozenset[str] = frozenset()
    #: Whether it stands under `all`: what is quoted in another language keeps it too.
    is_universal: bool = False


def of_text(text: Text) -> Iterator[Problem]:
    """What is wrong with the words and signs of a text, of its title and of its summary."""
    article = text.article
    language = article.language
    for key, value in (("title", article.title), ("summary", article.summary)):
        for problem in _of_passages(text.path, single(value, text.line(key)), language):
            # Where the value begins in its line is YAML's business.
            yield Problem(problem.path, problem.line, problem.code, problem.message, problem.severity)
    yield from _of_passages(text.path, passages(article.body, text.body_line), language)
    vague = _rules()[language].links
    for link in text.outline.links:
        if not link.is_image and (words := link.text.strip(" .:!*_…").lower()) in vague:
            message = vague[words].message.replace("{found}", link.text)
            yield Problem(text.path, link.line, "vague-link", message, Severity.WARNING, link.column)


def corrected(value: str, language: str, codes: Iterable[str]) -> str:
    """A text of the front matter with everything mended that needs no decision.

    Args:
        value: one line of prose.
        language: its code.
        codes: of the rules that are to be kept.
    """
    wanted = set(codes)
    for _ in range(3):
        found = _of_passages("", single(value, 1), language)
        fixes = sorted((p.fix for p in found if p.fix and p.code in wanted), key=lambda fix: (-fix.column, -fix.length))
        done = len(value) + 1
        for fix in fixes:
            start = fix.column - 1
            if start + fix.length < done:
                value, done = value[:start] + fix.text + value[start + fix.length :], start
    return value


def _of_passages(path: str, where: Passages, language: str) -> Iterator[Problem]:
    """What is wrong with the words and signs of some prose."""
    text = where.text
    for rule in _rules()[language].patterns:
        if rule.pattern is None or not any(hint in text for hint in rule.hints):
            continue
        end, count = -1, 0
        for match in rule.pattern.finditer(text):
            if match.start() > end:
                end, count = where.line_at(match.start())[1], 0
            count += 1
            if count <= _MOST and _is_meant(rule, match, where, language):
                yield _problem(rule, match, where, path)


def _is_meant(rule: Pattern, match: re.Match[str], where: Passages, language: str) -> bool:
    """Whether a rule applies to what was found, by what stands around it."""
    start, end = where.line_at(match.start())
    if '"' in match[0] and _BOX.match(where.raw, start, end):
        # The marks of a box's title are Markdown's.
        return False
    first, last = start, end
    if end - start > 2 * _AROUND:
        first, last = max(start, match.start() - _AROUND), min(end, match.end() + _AROUND)
    line, place = where.text[first:last], match.start() - first
    if rule.not_after and any(rule.not_after.search(part) for part in (line[:place], where.raw[first : match.start()])):
        return False
    if rule.not_before and rule.not_before.match(where.text, match.end(), last):
        return False
    if rule.unless and rule.unless.search(line):
        return False
    if rule.spoken and _encloses(_SPOKEN, line, place):
        return False
    if rule.is_universal:
        return True
    parts = (_encloses(_ENCLOSED, line, place), line)
    return not any(_language_of(part) not in (None, language) for part in parts if part)


@lru_cache(maxsize=256)
def _language_of(text: str) -> str | None:
    """The language of a line, which is asked for each of its faults."""
    return language_of(text)


def _encloses(pattern: re.Pattern[str], line: str, column: int) -> str:
    """The part of a line that matches a pattern and has a column strictly within it; empty where there is none."""
    return next((line[start:end] for start, end in _parts(pattern, line) if start < column < end - 1), "")


@lru_cache(maxsize=64)
def _parts(pattern: re.Pattern[str], line: str) -> tuple[tuple[int, int], ...]:
    """From where to where a pattern matches in a line, which is asked for each of its faults."""
    return tuple(match.span() for match in pattern.finditer(line))


def _problem(rule: Pattern, match: re.Match[str], where: Passages, path: str) -> Problem:
    """What is wrong, with its mending."""
    mark = "mark" if "mark" in match.re.groupindex else 0
    line, column = where.place(match.start(mark))
    fix = None
    if rule.replacement is not None:
        first_line, first = where.place(match.start())
        fix = Fix(first_line, first, len(match[0]), _filled(rule.replacement, match, where.raw))
        if '"' in match[0] and _has_odd_marks(where.text, *where.line_at(match.start())):
            # One of the marks is missing, or means inches: somebody has to see which.
            fix = None
    message = _filled(rule.message, match, where.raw)
    return Problem(path, line, rule.code, message, Severity.WARNING, column, fix)


@lru_cache(maxsize=16)
def _has_odd_marks(text: str, start: int, end: int) -> bool:
    """Whether a line has an odd number of quotation marks; asked for each of them."""
    return text.count('"', start, end) % 2 == 1


def _filled(template: str, match: re.Match[str], raw: str) -> str:
    """A message or replacement with what was found, as it is written."""

    def part(place: re.Match[str]) -> str:
        name = place[1]
        group: int | str = 0 if name == "found" else int(name) if name.isdigit() else name
        return raw[match.start(group) : match.end(group)]

    return _PLACE.sub(part, template)


@dataclass(frozen=True)
class _Rules:
    """The rules of one language."""

    patterns: tuple[Pattern, ...]
    #: By each of its words, in small letters.
    links: dict[str, Pattern]


@cache
def _rules() -> dict[str, _Rules]:
    """The rules of all languages, read once."""
    return read_rules(files("portal.writing.rules").joinpath("tone.yml").read_text("utf-8"))


def read_rules(source: str) -> dict[str, _Rules]:
    """The rules by language code.

    Args:
        source: YAML as in `tone.yml`.

    Raises:
        ValueError: an entry is not as it must be; the message names it.
    """
    data = yaml.safe_load(source)
    if not isinstance(data, dict) or set(data) != {"all", *CODES}:
        raise ValueError(f"The languages must be all, {', '.join(CODES)}.")
    rules: dict[str, _Rules] = {}
    for code in CODES:
        found = [replace(_pattern(entry, "all"), is_universal=True) for entry in data["all"]]
        found += [_pattern(entry, code) for entry in data[code]]
        links = {words: rule for rule in found for words in rule.links}
        rules[code] = _Rules(tuple(rule for rule in found if rule.pattern), links)
    return rules


def _pattern(entry: Any, language: str) -> Pattern:
    """One rule from its entry.

    Raises:
        ValueError: it is not as it must be.
    """
    if not isinstance(entry, dict) or not {"code", "message"} <= set(entry) <= _FIELDS:
        raise ValueError(f"{language}: {entry!r} lacks a field or has an unknown one.")
    name = f"{language}: {entry['code']}"
    if entry["code"] not in _CODES:
        raise ValueError(f"{name} is no rule.")
    if ("pattern" in entry) == ("links" in entry) or ("pattern" in entry) != bool(entry.get("hints")):
        raise ValueError(f"{name} needs either a pattern with hints or links.")
    return Pattern(**{key: _value(name, key, value) for key, value in entry.items()})


def _value(name: str, key: str, value: Any) -> Any:
    """One field of a rule.

    Raises:
        ValueError: it is not as it must be.
    """
    if key in ("hints", "links"):
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise ValueError(f"{name}: {key} must be a list of texts.")
        return tuple(value) if key == "hints" else frozenset(value)
    if key == "spoken":
        if not isinstance(value, bool):
            raise ValueError(f"{name}: {key} must be true or false.")
        return value
    if not isinstance(value, str):
        raise ValueError(f"{name}: {key} must be a text.")
    if key not in ("pattern", "not_after", "not_before", "unless"):
        return value
    try:
        return re.compile(value, re.MULTILINE if key == "pattern" else 0)
    except re.error as error:
        raise ValueError(f"{name}: {key}: {error}.") from None
