"""Translating: a file to fill in, what has changed since, and the fingerprint once it is done."""

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from portal.articles import Freshness
from portal.drafts import draft
from portal.errors import PortalError
from portal.library import PLACEHOLDER
from portal.locales import source_order
from portal.outline import Heading, prose
from portal.problems import Problem, Severity
from portal.writing.checking.texts import Collection
from portal.writing.files.blocks import Kind, read_sections
from portal.writing.files.families import Family, File, Refused, old_slugs
from portal.writing.files.history import History, Version
from portal.writing.files.rewriting import CannotRewrite, Value, rewrite
from portal.writing.files.together import Write, carry_out
from portal.writing.rules import left_over
from portal.writing.rules.completeness import compare_shapes
from portal.writing.translation.differences import Comparison, compare

#: Names of the interface and of products stay as they are; a sentence has small words.
_NAMED = re.compile(r"\*\*[^*\n]{1,500}\*\*|[„“«\"][^„“”«»\"\n]{1,500}[“”»\"]")
_SMALL_WORD = re.compile(r"(?<![\w.@/-])[^\W\d_A-ZÀ-ÞА-ЯЁ]{2,}(?![\w@/-])")
_CLOSING = re.compile(r"(?P<list>\{:?[^{}\n]*\})?[ \t]*#*[ \t]*$")


class NotDone(PortalError):
    """A translation still lacks something.

    Args:
        problems: what, at its lines.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} passages are not done")
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Update:
    """A translation, and what has to be done to it."""

    source: File
    translation: File
    freshness: Freshness
    #: The text that was translated as git has it; None where it is the present one, or not known.
    version: Version | None
    #: None where nothing has changed, or nothing is known.
    comparison: Comparison | None
    #: Why the text that was translated is not known, as a sentence; empty where it is.
    reason: str = ""
    #: What it lacks although its source has not changed, by line.
    lacks: tuple[Problem, ...] = ()


def begin(family: Family, language: str, root: Path, today: date) -> Path:
    """Write the file of a new translation: the source's text, section by section to be replaced.

    Headings have the source's anchors, code and images are as they are. It is a draft until somebody publishes it; its
    `source` is the text that it holds now, so that what changes meanwhile is found.

    Args:
        family: the article.
        language: to be translated into.
        root: folder of the articles.
        today: the day.

    Returns:
        The file.

    Raises:
        Refused: there is such a translation, or it cannot be made.
    """
    if file := family.translation(language):
        raise Refused(f"{file.shown} exists already.")
    return write_new(root / language / f"{family.slug}.md", new_text(family.source, today).encode())


def new_text(source: File, today: date, answers: Sequence[str] = (), remarks: str = "") -> str:
    """The file of a new translation.

    Args:
        source: what is translated.
        today: the day.
        answers: the queries that it is to answer, each short enough.
        remarks: Markdown that stands above the text.
    """
    article = source.article
    body = "\n\n".join(filter(None, (remarks, prepared(source))))
    text = draft(article.title, article.topic, today, body, answers, source.fingerprint)
    extra: dict[str, Value] = {
        "summary": article.summary or None,
        "tags": list(article.tags) or None,
        "review_by": article.review_by,
        "license": article.license,
        "origin": article.origin,
    }
    return rewrite(text.encode(), extra).decode()


def write_new(path: Path, raw: bytes) -> Path:
    """Write a file that is not there yet.

    Raises:
        Refused: it is there, or cannot be written.
    """
    if os.path.lexists(path):
        raise Refused(f"{path} exists already.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        carry_out([Write(path, raw)], {path: None})
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None
    return path


def prepared(source: File) -> str:
    """The body of a source as a translator begins with it."""
    article = source.article
    lines = article.body.split("\n")
    below: dict[int, bool] = {}
    for section in read_sections(article.body, 1):
        has_prose = any(block.kind not in {Kind.HEADING, Kind.CODE} for block in section.blocks)
        if section.heading is None:
            below[-1] = has_prose
            continue
        place = section.line - 1
        lines[place] = _anchored(lines[place], section.heading)
        is_plain = not lines[place].startswith((" ", ">", "\t"))
        below[place + section.blocks[0].text.count("\n")] = has_prose and is_plain
    parts = [f"{PLACEHOLDER}\n"] if below[-1] else []
    for place, line in enumerate(lines):
        parts.append(line)
        if below.get(place):
            parts += ["", PLACEHOLDER, *([""] if "".join(lines[place + 1 : place + 2]).strip() else [])]
    return "\n".join(parts)


def _anchored(line: str, heading: Heading) -> str:
    """The line of a heading with its anchor written out."""
    if heading.is_anchored:
        return line
    closing = _CLOSING.search(line)
    assert closing is not None
    before = line[: closing.start()].rstrip()
    rest = closing[0].removeprefix(closing["list"] or "").rstrip()
    attributes = (closing["list"] or "{}").strip("{}").removeprefix(":").strip()
    return f"{before} {{{' '.join(filter(None, (f'#{heading.anchor}', attributes)))}}}{rest and f' {rest.strip()}'}"


def look_up(family: Family, language: str, root: Path, since: str = "") -> Update | None:
    """What has to be done to a translation; None where there is none.

    Args:
        family: the article.
        language: of the translation.
        root: folder of the articles.
        since: the revision at which the source was translated, where the translation does not name its text.

    Raises:
        Refused: there is no source, or no such revision.
    """
    translation = family.translation(language)
    if translation is None:
        return None
    source, state = family.source, family.freshness(translation)
    named = translation.article.source
    if named == source.fingerprint and not since:
        return Update(source, translation, state, None, None, lacks=tuple(left(source, translation, root)))
    history, code = History(root), source.article.language
    version = None
    if since:
        version = history.committed(code, family.slug, since)
        if version is None:
            raise Refused(history.reason or f"{source.shown} is not in the revision {since!r}.")
    elif named:
        version = history.version(code, family.slug, named)
    if version is None:
        return Update(source, translation, state, None, None, history.reason or _unknown(source, named, history))
    lines = source.text.body_line, translation.text.body_line
    comparison = compare(version.article, source.article, translation.article, *lines)
    return Update(source, translation, state, version, comparison)


def _unknown(source: File, named: str | None, history: History) -> str:
    """Why a text that was translated is not known, where git answers."""
    if named is None:
        return "It does not say which text it was made from. If you know when that was, name it: --since REVISION."
    if history.is_shallow:
        return f"Git has only the last commits here, and none has the text {named} of {source.shown}: fetch the others."
    return f"No commit has the text {named} of {source.shown}."


def left(source: File, translation: File, root: Path) -> list[Problem]:
    """What a translation still lacks, by line: passages to fill in, words of the source, sections, code, images, links."""
    lines = enumerate(translation.article.body.split("\n"), translation.text.body_line)
    message = "Translate this section and remove the line."
    open_ones = [
        Problem(translation.shown, number, "draft-placeholder", message)
        for number, line in lines
        if PLACEHOLDER in line
    ]
    found: list[Problem] = []
    facts = {(file.article.language, file.article.slug): file.facts() for file in (source, translation)}
    origin = source.article.language
    preferred = source_order(origin)
    found += left_over.of_text(translation.text)
    found += left_over.of_collection(Collection(facts, preferred=preferred), translation.article.updated)
    known = {problem.line for problem in found}
    found += (problem for problem in _same_lines(source, translation) if problem.line not in known)
    # Of a section that has not been begun it is no news that its lines are the source's.
    starts = [translation.text.body_line, *(heading.line for heading in translation.text.outline.headings)]
    unbegun = {bisect_right(starts, problem.line) for problem in open_ones}
    found = [problem for problem in found if bisect_right(starts, problem.line) not in unbegun]
    return sorted({*open_ones, *found, *compare_shapes(source.text, translation.text, old_slugs(root))})


def _same_lines(source: File, translation: File) -> Iterator[Problem]:
    """Lines that are the source's, short ones too: nobody is asked about them but who has just translated them."""
    for key in ("title", "summary"):
        value = getattr(translation.article, key)
        if value == getattr(source.article, key) and _is_said(value):
            message = f"The {key} is that of {source.shown}."
            yield Problem(translation.shown, translation.text.line(key), "untranslated", message, Severity.WARNING)
    originals = {line.raw.strip() for line in prose(source.article.body, 1)}
    for line in prose(translation.article.body, translation.text.body_line):
        if line.raw.strip() in originals and _is_said(line.text):
            message = f"This line stands word for word in {source.shown}."
            yield Problem(translation.shown, line.number, "untranslated", message, Severity.WARNING)


def _is_said(text: str) -> bool:
    """Whether a text says something in a language, and is not names alone."""
    return len(_SMALL_WORD.findall(_NAMED.sub(" ", text))) > 1


def finish(
    family: Family,
    language: str,
    root: Path,
    today: date,
    shown: str = "",
    *,
    is_forced: bool = False,
    is_published: bool = False,
) -> tuple[File, list[Problem]]:
    """Write down that a translation is made from the source as it is now.

    Args:
        family: the article.
        language: of the translation.
        root: folder of the articles.
        today: the day that it is said to have been updated on.
        shown: fingerprint of the source's text that the translator has last seen.
        is_forced: although something seems to be missing, or the source has changed unseen.
        is_published: readers may see it from now on.

    Returns:
        The translation, and what it lacks where that was forced.

    Raises:
        Refused: there is no such translation, its front matter cannot be changed, or the source has changed since the
            text that it names and nobody has looked at that.
        NotDone: it lacks something.
    """
    translation = family.translation(language)
    if translation is None:
        raise Refused(
            f"There is no {language}/{family.slug}.md yet; portal articles translate {family.slug} {language} writes it."
        )
    source, named = family.source, translation.article.source
    if named and source.fingerprint not in {named, shown} and not is_forced:
        raise Refused(
            f"{source.shown} has changed since the text that {translation.shown} names, and you have not been shown how:"
            f" run portal articles translate {family.slug} {language}, translate what it shows, and say --done again."
            f" If you have translated the present text, say --done --from {source.fingerprint}."
        )
    lacks = left(source, translation, root)
    if lacks and not is_forced:
        raise NotDone(lacks)
    changes: dict[str, Value] = {"source": source.fingerprint, "updated": today}
    if is_published:
        changes["status"] = None
    change([(translation, changes)])
    return translation, lacks


def change(files: Sequence[tuple[File, dict[str, Value]]]) -> None:
    """Change keys of several files, all or none.

    Raises:
        Refused: one of them cannot be changed.
        ChangedMeanwhile: one of them has been changed meanwhile.
    """
    steps = []
    for file, changes in files:
        try:
            steps.append(Write(file.path, rewrite(file.raw, changes)))
        except CannotRewrite as error:
            raise Refused(f"{file.shown}: {error}.") from None
    try:
        carry_out(steps, {file.path: file.raw for file, _ in files})
    except OSError as error:
        raise Refused(f"{error.filename or 'A file'} cannot be written: {error.strerror}.") from None
