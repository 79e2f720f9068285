"""The file `redirects.yml`: old slugs and the slugs they lead to, strict, every problem with its line."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from portal.articles import SLUG_LENGTH, is_slug
from portal.front_matter import BadYaml, compose
from portal.problems import Problem

#: Beside the folders of the languages.
NAME = "redirects.yml"
#: Old slugs are kept for ever; this many are the renames of a life.
MAX_BYTES, MAX_ENTRIES = 512 * 1024, 10_000
#: Stands in place of a slug where an address is gone on purpose.
GIVEN_UP = "~"

_HOW = "lines have the form old-slug: new-slug"


@dataclass(frozen=True)
class Entry:
    """One line of the file."""

    old: str
    #: Slug; None where the address is given up.
    new: str | None
    #: From 1.
    line: int


@dataclass(frozen=True)
class Redirects:
    """The file as it was read."""

    #: Those without an error, in the file's order.
    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    #: Its text with Unix line ends; empty where there is none.
    text: str = ""
    #: Whether it could be read as a whole; also true where there is none.
    is_readable: bool = True

    @property
    def mapping(self) -> dict[str, str]:
        """The old slugs that lead somewhere, and the slugs they lead to."""
        return {entry.old: entry.new for entry in self.entries if entry.new is not None}

    @property
    def given_up(self) -> frozenset[str]:
        """The old slugs that are gone on purpose."""
        return frozenset(entry.old for entry in self.entries if entry.new is None)


class File:
    """The file, read again only when it has been written.

    Args:
        root: folder of the articles.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: tuple[tuple[int, ...], Redirects] | None = None

    def read(self) -> Redirects:
        """The file as it is now."""
        try:
            facts = (self._root / NAME).stat()
            signature: tuple[int, ...] = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        except OSError:
            signature = ()
        if self._kept is None or self._kept[0] != signature:
            self._kept = signature, read(self._root)
        return self._kept[1]


def read_redirects(root: Path) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """Old slugs and the slugs they lead to, and what is wrong with the file; no file, no redirects.

    A line with an error is left out.

    Args:
        root: folder of the articles.
    """
    found = read(root)
    return found.mapping, found.problems


def read(root: Path) -> Redirects:
    """The file with the lines of its entries; no file, no entries.

    Args:
        root: folder of the articles.
    """
    try:
        text = _text(root)
    except FileNotFoundError:
        return Redirects()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return _unreadable(line, f"Byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8.")
    except ValueError as error:
        return _unreadable(0, f"{error}.")
    except (OSError, RuntimeError) as error:
        return _unreadable(0, f"The file cannot be read: {type(error).__name__}.")
    return parse(text)


def parse(text: str) -> Redirects:
    """The file from its text with Unix line ends."""
    try:
        entries = compose(text)
    except BadYaml as error:
        return _unreadable(error.line, f"The file is not valid YAML: {error}; {_HOW}.")
    found: dict[str, Entry] = {}
    problems: list[Problem] = []
    for old, node, line in entries:
        if len(found) == MAX_ENTRIES:
            message = f"The limit is {MAX_ENTRIES} old slugs; this line and those below are left out."
            problems.append(Problem(NAME, line, "too-many-redirects", message))
            break
        fault = _fault(old, node)
        if fault:
            problems.append(Problem(NAME, line, "bad-redirect", fault))
        elif old in found:
            message = f"{old!r} stands in line {found[old].line} too, which counts."
            problems.append(Problem(NAME, line, "duplicate-redirect", message))
        else:
            found[old] = Entry(old, None if node.value == GIVEN_UP else str(node.value), line)
    return Redirects(tuple(found.values()), tuple(problems), text)


def _unreadable(line: int, message: str) -> Redirects:
    """The file when nothing can be had from it."""
    return Redirects(problems=(Problem(NAME, line, "bad-redirects", message),), is_readable=False)


def _text(root: Path) -> str:
    """The file with Unix line ends.

    Raises:
        OSError: there is none, or it may not be read.
        UnicodeDecodeError: it is not UTF-8.
        ValueError: it is not to be read, as a clause.
    """
    path = root / NAME
    if path.is_symlink() and not path.resolve(strict=True).is_relative_to(root.resolve()):
        raise ValueError("A symbolic link that leads out of the articles' folder is not followed")
    if path.exists() and not path.is_file():
        raise ValueError("It is no regular file")
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ValueError(f"It has more than {MAX_BYTES} bytes")
    return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _fault(old: str, node: yaml.Node) -> str:
    """What is wrong with an entry; empty where nothing is."""
    if not is_slug(old):
        return f"{old[:40]!r} is no slug: small Latin letters and digits joined by hyphens, at most {SLUG_LENGTH}."
    if not isinstance(node, yaml.ScalarNode):
        return f"{old!r} must lead to one slug; {_HOW}."
    # The text as it stands, not what YAML makes of it: no, 12 and 2026-03-31 are slugs.
    new = str(node.value)
    if not new:
        return f"{old!r} leads nowhere; name the slug, or {GIVEN_UP} where the address is gone on purpose."
    if new == GIVEN_UP and not node.style:
        return ""
    if not is_slug(new):
        return f"{new[:40]!r} is no slug; write the new slug alone, without folder, .md or #anchor."
    return ""
