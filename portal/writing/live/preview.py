"""Live preview: one text as it stands in its file, rendered, or the errors that keep it from being shown."""

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from portal import library, markup
from portal.articles import Article, fingerprint
from portal.library import Reading, SourceFile
from portal.locales import CODES
from portal.problems import Problem, Severity
from portal.writing.checking import accepting, gathering
from portal.writing.checking.rulebook import READING, RULES
from portal.writing.live import aside
from portal.writing.live.aside import Aside

log = logging.getLogger(__name__)

#: Texts that are kept as they were read; enough for the families of those that are kept as they are shown.
KEPT = 4 * aside.KEPT
#: Lines that are shown before and after the one that is meant.
AROUND = 2
#: Characters of a line that are shown.
WIDTH = 160

_IMAGE = re.compile(r'(<img [^>]*?src=")\.\./\.\./images/([^"]+)"')
#: What would break or reorder a quoted line.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class Quoted:
    """A line of a file, as it is quoted."""

    number: int
    text: str
    #: Whether the problem is on it.
    is_meant: bool = False
    #: Blanks up to the problem's place in the text; None where the whole line is meant, or another one.
    indent: str | None = None


@dataclass(frozen=True)
class Quotation:
    """A problem with the lines around it."""

    problem: Problem
    lines: tuple[Quoted, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What can be shown of a text."""

    file: SourceFile
    #: None where there are errors.
    article: Article | None
    #: See `articles.fingerprint`; empty where there are errors.
    fingerprint: str = ""
    #: Rendered and safe; empty where there are errors.
    html: str = ""
    #: Anchors and headings of the second level.
    contents: tuple[tuple[str, str], ...] = ()
    #: What keeps readers from seeing it.
    errors: tuple[Quotation, ...] = ()
    #: What else a check of this text alone finds.
    findings: tuple[Quotation, ...] = ()
    #: Names of its images.
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Read:
    """What a file holds."""

    reading: Reading
    #: Its bytes; none where it cannot be read.
    raw: bytes = b""
    #: See `articles.fingerprint`; empty where there are errors.
    fingerprint: str = ""


class _Wanted(NamedTuple):
    """A file, and the signature of what writers accept."""

    file: SourceFile
    accepted: int


class Previews:
    """Reads, renders and keeps the texts that writers look at; for all threads of a process.

    A file that has not been written since is not read again. Markdown's cost is not linear for hostile texts: one
    thread renders them all, and no page waits for it for long (see `Aside`).

    Args:
        root: folder of the articles.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._read: OrderedDict[SourceFile, Read] = OrderedDict()
        self._rendered = Aside("preview", self._make)

    def look(self, language: str, slug: str) -> tuple[SourceFile | None, Problem | None]:
        """A text's file, or what keeps it from being one; see `library.look`."""
        return library.look(self._root, language, slug)

    def family(self, slug: str) -> dict[str, SourceFile]:
        """The files of a family by language."""
        found = ((code, self.look(code, slug)[0]) for code in CODES)
        return {code: file for code, file in found if file is not None}

    def read(self, file: SourceFile) -> Read:
        """What the file holds."""
        with self._lock:
            if (known := self._read.get(file)) is not None:
                self._read.move_to_end(file)
                return known
        shown = f"{file.language}/{file.slug}.md"
        try:
            # What has grown since it was looked at is looked at again.
            raw = file.path.read_bytes()[: library.MAX_BYTES]
        except OSError as error:
            message = f"The file cannot be read: {error.strerror}."
            return Read(Reading(None, (Problem(shown, 0, "unreadable", message),)))
        reading = library.parse(raw, file.language, file.slug, shown)
        found = Read(reading, raw, fingerprint(reading.article) if reading.article else "")
        with self._lock:
            self._read[file] = found
            while len(self._read) > KEPT:
                self._read.popitem(last=False)
        return found

    def preview(self, file: SourceFile) -> Preview | None:
        """The text as it is to be shown; None where it takes longer than a page can wait."""
        try:
            accepted = (self._root / accepting.NAME).stat().st_mtime_ns
        except OSError:
            accepted = 0
        return self._rendered.get(_Wanted(file, accepted))

    def _check(self, article: Article, path: str, reading: Reading) -> list[Problem]:
        """What a check of the text alone finds, without what writers accept."""
        found = gathering.check_text(gathering.text_of(article, path, reading))
        rest = accepting.read_accepted(self._root, RULES, READING).rest(found)
        return [problem for problem in rest if problem.path == path]

    def _make(self, wanted: _Wanted) -> Preview:
        """Read, check and render."""
        file = wanted.file
        read = self.read(file)
        reading = read.reading
        quote = partial(quotation, lines_of(read.raw))
        errors = tuple(quote(problem) for problem in reading.problems if problem.severity is Severity.ERROR)
        warnings = [problem for problem in reading.problems if problem.severity is not Severity.ERROR]
        article = reading.article
        if article is None:
            return Preview(file, None, errors=errors, findings=tuple(map(quote, warnings)))
        made = Preview(file, article, read.fingerprint)
        try:
            rendered = markup.render(article.body, file.language)
            warnings += self._check(article, f"{file.language}/{file.slug}.md", reading)
        except Exception as fault:  # Nothing that a writer has typed may end a page with a stack trace.
            log.error("%s/%s.md could not be previewed: %s", file.language, file.slug, type(fault).__name__)
            message = "The text could not be rendered or checked; the log has more."
            problem = Problem(f"{file.language}/{file.slug}.md", 0, "unreadable", message)
            return replace(made, errors=(Quotation(problem),))
        contents = tuple((part.anchor, part.heading) for part in rendered.sections if part.level == 2 and part.anchor)
        images = tuple(dict.fromkeys(name for _, name in _IMAGE.findall(rendered.html)))
        findings = tuple(map(quote, sorted(set(warnings))))
        return replace(made, html=rendered.html, contents=contents, findings=findings, images=images)

    def image_versions(self, preview: Preview) -> dict[str, str]:
        """What changes with each image of a text, by name; images that are not there are left out."""
        found = {}
        for name in preview.images:
            try:
                found[name] = str((self._root / "images" / name).stat().st_mtime_ns)[-12:]
            except OSError:
                continue
        return found


def with_images(html: str, address: Callable[[str], str]) -> str:
    """Rendered HTML whose images come from given addresses.

    Args:
        html: of `markup.render`.
        address: gives an image's address, escaped for HTML, for its name.
    """
    return _IMAGE.sub(lambda match: f'{match[1]}{address(match[2])}"', html)


def lines_of(raw: bytes) -> list[str]:
    """The lines of a file, whatever is wrong with it."""
    text = raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def quotation(lines: list[str], problem: Problem) -> Quotation:
    """A problem with the line that it is on and the lines around.

    Args:
        lines: of the file.
        problem: with a line from 1; where it has none, nothing is quoted.
    """
    if not 1 <= problem.line <= len(lines):
        return Quotation(problem)
    first, last = max(1, problem.line - AROUND), min(len(lines), problem.line + AROUND)
    # Empty lines at the end of what is quoted say nothing.
    while last > problem.line and not lines[last - 1].strip():
        last -= 1
    # A long line is quoted around the place.
    start = max(0, problem.column - WIDTH // 2) if problem.column > WIDTH - 20 else 0
    quoted = []
    for number in range(first, last + 1):
        is_meant = number == problem.line
        text = _cut(lines[number - 1], start if is_meant else 0)
        indent = None
        if is_meant and problem.column:
            indent = " " * (problem.column - 1 - start + (1 if start else 0))
        quoted.append(Quoted(number, text, is_meant, indent))
    return Quotation(problem, tuple(quoted))


def _cut(line: str, start: int) -> str:
    """A part of a line, each of its characters visible and as wide as the others."""
    part = line[start : start + WIDTH]
    shown = _INVISIBLE.sub(lambda sign: " " if sign[0] == "\t" else "\N{REPLACEMENT CHARACTER}", part)
    return ("…" if start else "") + shown + ("…" if len(line) > start + WIDTH else "")
