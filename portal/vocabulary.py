"""The words that writers keep for search: synonyms of each language and the glossary, every problem with its line."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from portal.articles import is_slug
from portal.front_matter import BadYaml, compose
from portal.library import MAX_BYTES
from portal.locales import CODES
from portal.problems import Problem, Severity
from portal.search.analyzers import words
from portal.search.thesaurus import Glossary, SynonymGroup, small_words

#: Longest term; longer ones are sentences, which nobody types.
TERM_WORDS, TERM_LENGTH = 6, 80
#: Most groups of synonyms of a language, most entries of the glossary, and most terms of a group or list.
MAX_GROUPS, MAX_TERMS = 5_000, 50
#: A remark: from a # at the beginning or after a blank.
_REMARK = re.compile(r"(?:^|\s)#.*")
#: What YAML takes a text for; “no” and 12 are something else.
_TEXT = "tag:yaml.org,2002:str"

#: What is wrong, as line, code and sentence.
_Fault = tuple[int, str, str]
#: The terms of an entry by language, with their line.
_Terms = dict[str, tuple[int, tuple[str, ...]]]


def signature(root: Path) -> str:
    """What changes whenever one of the files is written: times of change in ns, sizes in bytes, inode numbers."""
    parts = []
    for path in (*(root / code / "synonyms.txt" for code in CODES), root / "glossary.yml"):
        try:
            facts = path.stat()
            parts.append(f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}")
        except OSError:
            parts.append("-")
    return " ".join(parts)


def read_synonyms(root: Path, language: str) -> tuple[tuple[SynonymGroup, ...], tuple[Problem, ...]]:
    """The groups of `synonyms.txt` of a language, and what is wrong with it; no file, no groups.

    A line with an error is left out.

    Args:
        root: folder of the articles.
        language: code of its folder.
    """
    shown = f"{language}/synonyms.txt"
    problems: list[Problem] = []
    text = _text(root, shown, problems)
    groups: list[SynonymGroup] = []
    seen: dict[tuple[str, ...], int] = {}
    for line, raw in enumerate(text.split("\n"), 1):
        written = _REMARK.sub("", raw).strip()
        if not written:
            continue
        if len(groups) == MAX_GROUPS:
            message = f"The limit is {MAX_GROUPS} groups; this line and those below are left out."
            problems.append(Problem(shown, line, "too-many-groups", message))
            break
        sides = [[" ".join(term.split()) for term in side.split(",")] for side in written.split("=>")]
        faults = list(_faults_of_group(language, sides, line))
        problems.extend(Problem(shown, *fault) for fault in faults)
        if faults:
            continue
        # What stands on the right of an arrow may stand elsewhere too.
        for term in sides[0]:
            stems = (*(word.terms[0] for word in words(language, term)), *sorted(small_words(language, term)))
            first = seen.setdefault(stems, line)
            if first != line:
                message = f"{term!r} is searched like a term of line {first}; keep one of them."
                problems.append(Problem(shown, line, "repeated-term", message, Severity.WARNING))
        groups.append(SynonymGroup(*map(tuple, sides)))
    return tuple(groups), tuple(problems)


def read_glossary(root: Path) -> tuple[Glossary, tuple[Problem, ...]]:
    """The terms of `glossary.yml` by concept and language, and what is wrong with it; no file, no terms.

    An entry with an error is left out.

    Args:
        root: folder of the articles.
    """
    shown = "glossary.yml"
    problems: list[Problem] = []
    glossary: dict[str, dict[str, tuple[str, ...]]] = {}
    try:
        entries = compose(_text(root, shown, problems))
    except BadYaml as error:
        return {}, (Problem(shown, error.line, "bad-glossary", f"The file is not valid YAML: {error}."),)
    seen: dict[tuple[str, ...], int] = {}
    for slug, node, line in entries:
        if len(glossary) == MAX_GROUPS:
            message = f"The limit is {MAX_GROUPS} entries; this one and those below are left out."
            problems.append(Problem(shown, line, "too-many-groups", message))
            break
        terms, faults = _entry(node, line)
        if not is_slug(slug):
            faults.append((line, "bad-entry", f"{slug[:40]!r} is no slug: small Latin letters, digits, hyphens."))
        if slug in glossary:
            faults.append((line, "duplicate-key", f"{slug!r} stands twice."))
        problems.extend(Problem(shown, *fault) for fault in faults)
        if not faults:
            doubts = _doubts_of_entry(terms, line, seen)
            problems.extend(Problem(shown, *doubt, Severity.WARNING) for doubt in doubts)
            glossary[slug] = {code: own for code, (_, own) in terms.items()}
    return glossary, tuple(problems)


def _doubts_of_entry(terms: _Terms, line: int, seen: dict[tuple[str, ...], int]) -> Iterator[_Fault]:
    """What makes an entry less useful than it could be; its terms are added to those that were seen before."""
    if len(terms) < 2:
        yield line, "single-language", "It has terms in one language only; there is nothing to translate."
    for code, (place, own) in terms.items():
        for term in own:
            # By spelling, not by stem: “Drucker” and “drucken” must be two entries.
            spelling = (code, *(word.text for word in words(code, term)), *sorted(small_words(code, term)))
            first = seen.setdefault(spelling, place)
            if first != place:
                yield place, "ambiguous-term", f"{term!r} stands in line {first} too and is translated as both."


def _text(root: Path, shown: str, problems: list[Problem]) -> str:
    """A file as text with Unix line ends, empty where there is none or it cannot be read."""
    path = root / shown
    try:
        if not path.exists():
            return ""
        if not path.resolve().is_relative_to(root.resolve()):
            problems.append(Problem(shown, 0, "outside-link", "A link out of the articles' folder is not followed."))
            return ""
        if not path.is_file():
            problems.append(Problem(shown, 0, "no-file", "Not a regular file."))
            return ""
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:
        problems.append(Problem(shown, 0, "unreadable", f"The file cannot be read: {type(error).__name__}."))
        return ""
    if len(raw) > MAX_BYTES:
        problems.append(Problem(shown, 0, "too-large", f"The limit is {MAX_BYTES} bytes."))
        return ""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _unix(raw[: error.start].decode("latin-1")).count("\n") + 1
        message = f"Byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8."
        problems.append(Problem(shown, line, "wrong-encoding", message))
        return ""
    # YAML ends a line at signs that no editor does.
    return unicodedata.normalize("NFC", re.sub("[\x85\u2028\u2029]", " ", _unix(text)))


def _unix(text: str) -> str:
    """Text with Unix line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _faults_of_group(language: str, sides: list[list[str]], line: int) -> Iterator[_Fault]:
    """What makes a group of synonyms useless."""
    if len(sides) > 2:
        yield line, "two-arrows", "A line has one => at most; make two lines of it."
    elif len(sides) == len(sides[0]) == 1:
        yield line, "lonely-term", f"{sides[0][0][:40]!r} stands alone; add what means the same, behind a comma."
    for side in sides:
        yield from _faults_of_terms(language, side, line)


def _faults_of_terms(language: str, terms: Sequence[str], line: int) -> Iterator[_Fault]:
    """What makes terms useless."""
    if len(terms) > MAX_TERMS:
        yield line, "too-many-terms", f"It has {len(terms)} terms; the limit is {MAX_TERMS}."
        return
    for term in terms:
        if not term:
            yield line, "empty-term", "A term is missing, as between two commas."
        elif len(term) > TERM_LENGTH or len(term.split()) > TERM_WORDS:
            yield line, "long-term", f"{term[:40]!r} is longer than {TERM_WORDS} words or {TERM_LENGTH} characters."
        elif not any(words(language, term)):
            yield line, "empty-search", f"{term!r} has no word that is searched."


def _entry(node: yaml.Node, line: int) -> tuple[_Terms, list[_Fault]]:
    """The terms of an entry, and its faults."""
    terms: _Terms = {}
    faults: list[_Fault] = []
    if not isinstance(node, yaml.MappingNode) or not node.value:
        return {}, [(line, "bad-entry", "An entry has lines of the form en: [first, second].")]
    for key, value in node.value:
        place, code = key.start_mark.line + 1, str(key.value)
        if code not in CODES:
            faults.append((place, "unknown-language", f"{code[:40]!r} is none of {', '.join(CODES)}."))
        elif code in terms:
            faults.append((place, "duplicate-key", f"{code!r} stands twice in this entry."))
        else:
            own = _list(value)
            if not own:
                faults.append((place, "bad-entry", f"{code!r} needs a list of texts; 'no' and numbers need quotes."))
            faults.extend(_faults_of_terms(code, own, place))
            terms[code] = place, own
    return terms, faults


def _list(node: yaml.Node) -> tuple[str, ...]:
    """The texts of a list; none where it is something else."""
    items = node.value if isinstance(node, yaml.SequenceNode) else []
    if not all(item.tag == _TEXT for item in items):
        return ()
    return tuple(" ".join(item.value.split()) for item in items)
