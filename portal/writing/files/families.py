"""The files of one article in all its languages, as they are now."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from portal import library, redirects
from portal.articles import Article, Freshness, Status, fingerprint, freshness, is_slug, source_language
from portal.errors import PortalError
from portal.locales import CODES
from portal.old_slugs import flatten
from portal.outline import read_outline
from portal.problems import Problem
from portal.writing.checking.texts import Facts, Text
from portal.writing.rules.left_over import long_lines


class Refused(PortalError):
    """It cannot be done; the message is a sentence that says why. Nothing has been changed."""


@dataclass(frozen=True)
class File:
    """A text with its file."""

    text: Text
    path: Path
    #: As it was read.
    raw: bytes

    @property
    def article(self) -> Article:
        """The text itself."""
        return self.text.article

    @property
    def shown(self) -> str:
        """How the file is named to people."""
        return self.text.path

    @property
    def fingerprint(self) -> str:
        """See `articles.fingerprint`."""
        return fingerprint(self.article)

    def facts(self) -> Facts:
        """As the rules of the whole collection are given it."""
        text, article = self.text, self.article
        lines = long_lines(article.body, text.body_line, article.language)
        return Facts(article, text.path, text.body_line, text.lines, text.outline, self.fingerprint, lines)


@dataclass(frozen=True)
class Family:
    """The texts of an article."""

    slug: str
    files: Mapping[str, File]
    #: What keeps other files of it from being read, by language.
    faults: Mapping[str, Problem]
    #: Of the text that the others are made from; empty where every text names another one.
    origin: str

    @property
    def source(self) -> File:
        """The text that the others are made from.

        Raises:
            Refused: there is none, or it may be in a file that has an error.
        """
        if not self.origin and self.faults:
            raise Refused(mend_first(next(iter(self.faults.values()))))
        if not self.origin:
            raise Refused(
                f"Every text of {self.slug} names a source; remove it from the one that the others are made from."
            )
        return self.files[self.origin]

    def translation(self, language: str) -> File | None:
        """The text in a language, which is not the source's.

        Raises:
            Refused: it is the source, or its file has an error.
        """
        if language in self.faults:
            raise Refused(mend_first(self.faults[language]))
        if language == self.source.article.language:
            raise Refused(f"{self.source.shown} is the source itself; its translations are made from it.")
        return self.files.get(language)

    def freshness(self, file: File) -> Freshness:
        """How a translation stands to its source."""
        return freshness(file.article.source, self.source.fingerprint, self.source.article.significance)


def mend_first(problem: Problem) -> str:
    """What to say to somebody who wants something of a text whose file cannot be read."""
    place = f"{problem.path}:{problem.line}" if problem.line else problem.path
    return f"{place} has an error ({problem.code}): mend it first. {problem.message}"


def read_family(root: Path, slug: str, preferred: tuple[str, ...]) -> Family:
    """The texts of an article, also by one of its old slugs.

    Args:
        root: folder of the articles.
        slug: the file's stem; `en/reset-password.md` is understood too.
        preferred: language codes, likeliest source first.

    Raises:
        Refused: there is no such article.
    """
    stem = slug.rpartition("/")[2].removesuffix(".md").lower()
    files, faults = _read(root, stem)
    if not files and not faults and (leads_to := old_slugs(root).get(stem)):
        stem = leads_to
        files, faults = _read(root, stem)
    if not files:
        if faults:
            raise Refused(mend_first(next(iter(faults.values()))))
        close = get_close_matches(stem, sorted(_stems(root)), 3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise Refused(f"There is no article {slug[:200]!r}.{hint}")
    origin = origin_of({code: file.article for code, file in files.items()}, preferred)
    return Family(stem, files, faults, origin)


def origin_of(articles: Mapping[str, Article], preferred: tuple[str, ...]) -> str:
    """The language that the other texts of a family are translated from; empty where every text names another one.

    A draft is a source only where no published text is.

    Args:
        articles: by language.
        preferred: language codes, likeliest source first.
    """
    sources = {code: article.source for code, article in articles.items()}
    published = {code: sources[code] for code, article in articles.items() if article.status is Status.PUBLISHED}
    return source_language(published, preferred) or source_language(sources, preferred) or ""


def read_file(root: Path, language: str, slug: str) -> tuple[File | None, Problem | None]:
    """A text, or what keeps it from being read; neither where there is no such file."""
    found, problem = library.look(root, language, slug)
    if found is None:
        return None, problem
    shown = f"{language}/{slug}.md"
    try:
        raw = found.path.read_bytes()
    except OSError as error:
        return None, Problem(shown, 0, "unreadable", f"The file cannot be read: {error.strerror}.")
    reading = library.parse(raw, language, slug, shown)
    if reading.article is None:
        return None, reading.problems[0]
    outline = read_outline(reading.article.body, reading.body_line)
    text = Text(reading.article, shown, reading.body_line, dict(reading.lines), outline)
    return File(text, found.path.resolve(), raw), None


def old_slugs(root: Path) -> dict[str, str]:
    """The slugs that articles had before, and those that they lead to; only by `redirects.yml` and aliases as written.

    Args:
        root: folder of the articles.
    """
    slugs = _stems(root)
    aliases: dict[str, str] = {}
    for code in CODES:
        for path in sorted((root / code).glob("*.md")) if (root / code).is_dir() else ():
            try:
                with path.open("rb") as file:
                    head = file.read(library.MAX_BYTES)
            except OSError:
                continue
            if b"\naliases:" in head and (article := library.parse(head, code, path.stem, path.name).article):
                aliases |= dict.fromkeys(article.aliases, path.stem)
    return flatten(redirects.read_redirects(root)[0], aliases, slugs)[0]


def _read(root: Path, slug: str) -> tuple[dict[str, File], dict[str, Problem]]:
    """The files of a family that can be read, and what is wrong with the others."""
    files: dict[str, File] = {}
    faults: dict[str, Problem] = {}
    for code in CODES if is_slug(slug) else ():
        file, problem = read_file(root, code, slug)
        if file is not None:
            files[code] = file
        elif problem is not None:
            faults[code] = problem
    return files, faults


def _stems(root: Path) -> set[str]:
    """The slugs of all files, without reading any."""
    return {path.stem for code in CODES if (root / code).is_dir() for path in (root / code).glob("*.md")}
