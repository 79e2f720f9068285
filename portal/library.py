"""The folder of Markdown files: strict front matter, every problem with path and line, never an exception for one."""

import hashlib
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from portal.articles import SLUG_LENGTH, Article, is_slug
from portal.errors import CannotStart
from portal.front_matter import read_front_matter
from portal.locales import CODES
from portal.problems import Problem, Severity

#: Larger files are refused: Markdown's cost is not linear in its length.
MAX_BYTES = 256 * 1024
#: Markdown looks for the end of a link from every opening bracket; this many take half a second at worst.
MAX_BRACKETS = 2_000

#: What Markdown or the HTML parser behind it takes long over where there is very much of it, and how much is enough:
#: with these a text takes some seconds at worst. Definitions it reads one within the other.
MAX_SIGNS = {"<": 5_000, "`": 20_000, "#": 5_000, "*": 20_000, "\\": 50_000, "\n:": 500}

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: Files that editors leave beside the one being written.
_EDITORS_OWN = re.compile(r"^[.#~]|~$|\.(?:swp|swx|tmp|bak|orig|rej)$")


class SourceFile(NamedTuple):
    """A Markdown file that could be an article."""

    language: str
    slug: str
    #: Where it is, as the system takes it: thousands of them are looked at in each scan, and few are opened.
    place: str
    #: Changes whenever the file is written: time of change in ns, size in bytes, inode number.
    signature: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.place)


@dataclass(frozen=True)
class Scan:
    """What the folder holds at one moment."""

    files: tuple[SourceFile, ...]
    #: Problems of names and kinds of file; contents have not been read.
    problems: tuple[Problem, ...]

    def digest(self) -> str:
        """Changes whenever any of the files is written, added or removed."""
        lines = (f"{file.language}/{file.slug} {file.signature}\n" for file in self.files)
        return hashlib.blake2b("".join(lines).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Reading:
    """What became of reading one file."""

    #: None where there is an error.
    article: Article | None
    problems: tuple[Problem, ...] = ()
    #: Line of the file on which the body starts.
    body_line: int = 1
    #: Line of each front matter key.
    lines: tuple[tuple[str, int], ...] = ()


def scan(root: Path) -> Scan:
    """Look at the folder without reading any file.

    Raises:
        CannotStart: the folder is missing, cannot be read, or has no folder of any language.
    """
    files: list[SourceFile] = []
    problems: list[Problem] = []
    try:
        if not root.is_dir():
            raise CannotStart(f"The folder of the articles, {root}, does not exist.")
        if not any((root / code).is_dir() for code in CODES):
            raise CannotStart(f"The folder of the articles, {root}, has none of the folders {', '.join(CODES)}.")
        for language in CODES:
            if not (root / language).is_dir():
                continue
            if (root / language).resolve().is_relative_to(root.resolve()):
                _scan_language(root, language, files, problems)
            else:
                message = "A folder that leads out of the articles' folder is not read."
                problems.append(Problem(language, 0, "outside-link", message))
    except PermissionError as error:
        raise CannotStart(f"The folder {error.filename} cannot be read: permission denied.") from error
    return Scan(tuple(files), tuple(problems))


def _scan_language(root: Path, language: str, files: list[SourceFile], problems: list[Problem]) -> None:
    """Add one language's files and problems."""
    folder = root / language
    inside = root.resolve()
    with os.scandir(folder) as listing:
        entries = sorted((e for e in listing if not _EDITORS_OWN.search(e.name)), key=lambda entry: entry.name)
    markdown = {entry.name for entry in entries if entry.name.endswith(".md")}
    for entry in entries:
        name, shown = entry.name, f"{language}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            problems.append(
                Problem(shown, 0, "nested-folder", "Folders inside a language are not read.", Severity.WARNING)
            )
        if name not in markdown:
            continue
        problem = _refusal(entry, name.removesuffix(".md"), markdown, inside)
        if problem:
            problems.append(Problem(shown, 0, *problem))
            continue
        files.append(SourceFile(language, name.removesuffix(".md"), entry.path, _signature(entry.stat())))


def look(root: Path, language: str, slug: str) -> tuple[SourceFile | None, Problem | None]:
    """One file by its name, without reading it.

    Args:
        root: folder of the articles.
        language: a language's code.
        slug: of the article; whatever is no slug names no file.

    Returns:
        The file, or what keeps it from being an article; neither where there is no such file.
    """
    if not is_slug(slug):
        return None, None
    path = root / language / f"{slug}.md"
    try:
        if not path.is_symlink() and not path.exists():
            return None, None
        if not path.parent.resolve().is_relative_to(root.resolve()):
            return None, None
        if refusal := _refusal(path, slug, set(), root.resolve()):
            return None, Problem(f"{language}/{slug}.md", 0, *refusal)
        facts = path.stat()
    except OSError as error:
        return None, Problem(f"{language}/{slug}.md", 0, "unreadable", f"The file cannot be read: {error.strerror}.")
    return SourceFile(language, slug, str(path), _signature(facts)), None


def _signature(facts: os.stat_result) -> str:
    """What changes whenever a file is written."""
    return f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}"


def _refusal(entry: "os.DirEntry[str] | Path", stem: str, names: set[str], inside: Path) -> tuple[str, str] | None:
    """Why a file cannot be an article, judged by its name and kind; None where it can."""
    lower = stem.lower()
    if stem != lower and f"{lower}.md" in names:
        return "duplicate-slug", f"Differs from {lower}.md only by capitals; rename one of them."
    if not is_slug(stem):
        return "invalid-slug", (
            f"The file name must be small Latin letters and digits joined by hyphens, at most {SLUG_LENGTH} long."
        )
    try:
        if entry.is_symlink() and not Path(entry).resolve(strict=True).is_relative_to(inside):
            return "outside-link", "A symbolic link that leads out of the articles' folder is not followed."
        facts = entry.stat()
    except (OSError, RuntimeError):
        return "broken-link", "A symbolic link that leads nowhere."
    if not stat.S_ISREG(facts.st_mode):
        return "no-file", "Not a regular file."
    if facts.st_size > MAX_BYTES:
        return "too-large", f"{facts.st_size} bytes; the limit is {MAX_BYTES}. Split the article."
    return None


#: Stands in drafts that nobody has filled in; an article with it is no answer.
PLACEHOLDER = "<!-- placeholder -->"


def read(file: SourceFile, root: Path) -> Reading:
    """Read and check one file; a file that vanishes or cannot be read is a problem, not an exception."""
    shown = file.path.relative_to(root).as_posix()
    try:
        raw = file.path.read_bytes()
    except OSError as error:
        return Reading(None, (Problem(shown, 0, "unreadable", f"The file cannot be read: {error.strerror}."),))
    return parse(raw, file.language, file.slug, shown)


def parse(raw: bytes, language: str, slug: str, shown: str) -> Reading:
    """An article from the bytes of its file.

    Args:
        raw: the whole file.
        language: folder that it stands in.
        slug: its stem.
        shown: path named in problems.
    """
    problems: list[Problem] = []
    text = _decode(raw, shown, problems)
    if text is None:
        return Reading(None, tuple(problems))
    match = _FRONT_MATTER.match(text)
    if match is None:
        missing = "The file must begin with a line ---, the front matter, and another line ---."
        return Reading(None, (*problems, Problem(shown, 1, "no-front-matter", missing)))
    body = text[match.end() :].strip("\n")
    end_line = text.count("\n", 0, match.end()) + 1
    body_line = end_line + len(text[match.end() :]) - len(text[match.end() :].lstrip("\n"))
    fields = read_front_matter(match[1], shown, problems)
    if body.count("[") > MAX_BRACKETS:
        message = f"It has {body.count('[')} opening brackets; the limit is {MAX_BRACKETS}."
        problems.append(Problem(shown, body_line, "too-many-brackets", message))
    for sign, most in MAX_SIGNS.items():
        if (count := body.count(sign)) > most:
            message = f"It has {sign.strip()} {count} times{' at the beginning of a line' * (sign[0] == chr(10))}; the limit is {most}."
            problems.append(Problem(shown, body_line, "too-many-signs", message))
    if not body.strip():
        problems.append(Problem(shown, end_line, "empty-body", "There is no text below the front matter."))
    lines_of_body = [line.strip() for line in body.split("\n")] if PLACEHOLDER in body else []
    if PLACEHOLDER in lines_of_body and fields.get("status", ("published", 0))[0] != "draft":
        line = body_line + lines_of_body.index(PLACEHOLDER)
        message = f"The text is still the draft's own; write the answer and remove {PLACEHOLDER}."
        problems.append(Problem(shown, line, "draft-placeholder", message))
    values = {name: value for name, (value, _) in fields.items()}
    lines = tuple((name, line) for name, (_, line) in fields.items())
    if any(problem.severity is Severity.ERROR for problem in problems):
        return Reading(None, tuple(sorted(problems)), body_line, lines)
    article = Article(language=language, slug=slug, body=body, **values)
    return Reading(article, tuple(sorted(problems)), body_line, lines)


def _decode(raw: bytes, shown: str, problems: list[Problem]) -> str | None:
    """Text with Unix line ends from UTF-8; None where there is none to go on with."""
    if not raw.strip():
        problems.append(Problem(shown, 1, "empty-file", "The file is empty."))
        return None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.append(Problem(shown, 1, "wrong-encoding", "The file is UTF-16; save it as UTF-8."))
        return None
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
        problems.append(
            Problem(shown, 1, "byte-order-mark", "Save the file without a byte order mark.", Severity.WARNING)
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _unix(raw[: error.start].decode("latin-1")).count("\n") + 1
        problems.append(
            Problem(
                shown, line, "wrong-encoding", f"Byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8."
            )
        )
        return None
    text = _unix(text)
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        problems.append(
            Problem(shown, line, "control-character", f"The invisible character U+{ord(control[0]):04X} must go.")
        )
        return None
    return unicodedata.normalize("NFC", text)


def _unix(text: str) -> str:
    """Text with Unix line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def stamps(root: Path) -> frozenset[tuple[str, int, int]]:
    """What changes with any of the files that are read; those that vanish meanwhile are left out."""
    found = set()
    for folder, _folders, names in os.walk(root):
        for name in names:
            if name.endswith((".md", ".yml")):
                try:
                    status = os.stat(f"{folder}/{name}")  # noqa: PTH116 - thousands of files
                except OSError:
                    continue
                found.add((f"{folder}/{name}", status.st_mtime_ns, status.st_size))
    return frozenset(found)
