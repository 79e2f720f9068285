"""Files from elsewhere: found within bounds, decoded, and their front matter taken off, whatever its dialect."""

import json
import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from portal.errors import CannotStart
from portal.front_matter import BadYaml, compose, construct
from portal.library import MAX_BYTES

#: Markdown files that one import takes, files that it looks at, and folders that it goes into one in another.
MAX_FILES, MAX_ENTRIES, MAX_DEPTH = 100_000, 1_000_000, 24
#: Longest front matter, in characters; others have more in theirs.
MAX_FRONT = 64 * 1024
ENDINGS = (".md", ".markdown", ".mdown", ".mkd", ".mdx")

_PASSED_OVER = frozenset({"node_modules", "__pycache__", "_site"})
_YAML = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Refused(Exception):
    """A file cannot become an article; the message is a clause.

    Args:
        reason: why.
        line: of the file, from 1; 0 where the whole file is meant.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True)
class Source:
    """What a file says."""

    #: As its front matter has it; empty where there is none.
    front: Mapping[str, Any]
    #: Line of each key.
    lines: Mapping[str, int]
    body: str
    #: Line on which the body begins.
    body_line: int
    #: What had to be mended to read it.
    changes: tuple[str, ...]
    #: The file as it is.
    raw: bytes = field(repr=False, default=b"")


@dataclass
class Found:
    """What a folder holds."""

    #: Paths below the folder, with slashes, sorted.
    files: list[str] = field(default_factory=list)
    #: Path and reason.
    refused: list[tuple[str, str]] = field(default_factory=list)


def shown(path: str) -> str:
    """A path as it can be printed: what would move the cursor, or is no text, is spelled out."""
    text = path.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)[:300]


def find(root: Path, skip: Sequence[str] = ()) -> Found:
    """The Markdown files of a folder; links that lead out of it, and what is no regular file, are refused.

    Args:
        root: the folder.
        skip: patterns of paths that are passed over.

    Raises:
        CannotStart: the folder cannot be read, or holds more than any help centre.
    """
    if not root.is_dir():
        raise CannotStart(f"{root} is no folder.")
    found = Found()
    looked_at = 0
    for path, entry in _walk(root, found):
        looked_at += 1
        if looked_at > MAX_ENTRIES or len(found.files) > MAX_FILES:
            limit = f"{MAX_FILES} Markdown files or {MAX_ENTRIES} others"
            raise CannotStart(f"{root} has more than {limit}. Import a smaller part of it.")
        if not entry.name.lower().endswith(ENDINGS) or any(fnmatchcase(path, pattern) for pattern in skip):
            continue
        if reason := _refusal(root, entry):
            found.refused.append((path, reason))
        else:
            found.files.append(path)
    found.files.sort()
    found.refused.sort()
    return found


def _walk(root: Path, found: Found) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Every file below a folder with its path; folders that are links are not entered."""
    waiting = [("", 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(root / folder) as listing:
                for entry in listing:
                    path = f"{folder}{entry.name}"
                    if entry.name.startswith(".") or entry.name in _PASSED_OVER:
                        continue
                    if not _is_folder(entry):
                        yield path, entry
                    elif entry.is_symlink():
                        found.refused.append((path, "a link to a folder is not followed"))
                    elif depth == MAX_DEPTH:
                        found.refused.append((path, f"folders are not entered more than {MAX_DEPTH} deep"))
                    else:
                        waiting.append((f"{path}/", depth + 1))
        except OSError as error:
            if not folder:
                raise CannotStart(f"{root} cannot be read: {error.strerror}.") from error
            found.refused.append((folder.rstrip("/"), f"the folder cannot be read: {error.strerror}"))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a folder, or a link to one; a link that goes round in circles is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _refusal(root: Path, entry: "os.DirEntry[str]") -> str:
    """Why a file is not read, judged by its kind; empty where it is."""
    try:
        if entry.is_symlink() and not Path(entry.path).resolve(strict=True).is_relative_to(root.resolve()):
            return "a link that leads out of the folder is not followed"
        facts = entry.stat()
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not stat.S_ISREG(facts.st_mode):
        return "it is no regular file"
    if facts.st_size > MAX_BYTES:
        return f"it has {facts.st_size} bytes; the limit is {MAX_BYTES}"
    return ""


def read_bytes(path: Path, limit: int) -> bytes:
    """A regular file that is no larger than it may be; a pipe that took its place is not waited for.

    Raises:
        Refused: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused("it is no regular file")
            raw = file.read(limit + 1)
    except OSError as error:
        raise Refused(f"it cannot be read: {error.strerror}") from None
    if len(raw) > limit:
        raise Refused(f"it has more than {limit} bytes")
    return raw


def read(path: Path, encodings: Sequence[str] = ()) -> Source:
    """What a file says.

    Args:
        path: of the file.
        encodings: tried where it is not UTF-8.

    Raises:
        Refused: it is no text, or its front matter cannot be read.
    """
    raw = read_bytes(path, MAX_BYTES)
    changes: list[str] = []
    text = _decoded(raw, encodings, changes)
    if not text.strip():
        raise Refused("it is empty")
    front, lines, start = _front_matter(text)
    rest = text[start:]
    body = rest.strip("\n")
    line = text.count("\n", 0, start) + 1 + len(rest) - len(rest.lstrip("\n"))
    return Source(front, lines, body, line, tuple(changes), raw)


def _decoded(raw: bytes, encodings: Sequence[str], changes: list[str]) -> str:
    """Text with Unix line ends, composed, without invisible signs.

    Raises:
        Refused: it is in no encoding that was named.
    """
    names = ["utf-16"] if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", *encodings]
    for name in names:
        try:
            text = raw.decode(name)
            break
        except UnicodeDecodeError as error:
            fault = error
    else:
        line = raw[: fault.start].count(b"\n") + 1
        raise Refused("it is not UTF-8; name its encoding under “encodings” in the mapping file", line) from None
    if name != "utf-8-sig":
        changes.append(f"read as {name}")
    if raw.startswith(b"\xef\xbb\xbf"):
        changes.append("byte order mark removed")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        changes.append("line ends of Unix")
    if count := len(_CONTROL.findall(text)):
        text = _CONTROL.sub("", text)
        changes.append(f"{count} invisible characters removed")
    composed = unicodedata.normalize("NFC", text)
    if composed != text:
        changes.append("letters and accents composed")
    return composed


def _front_matter(text: str) -> tuple[dict[str, Any], dict[str, int], int]:
    """Values and lines of the front matter, and where it ends.

    Raises:
        Refused: it cannot be read.
    """
    if match := _YAML.match(text):
        _check_length(match[1])
        front, lines = _from_yaml(match[1])
        return front, lines, match.end()
    if match := _TOML.match(text):
        _check_length(match[1])
        front = _from_toml(match[1])
        lines = {key: _line_of(match[1], rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=") + 1 for key in front}
        return front, lines, match.end()
    if text.startswith("{") and not text.startswith(("{%", "{{")):
        front, end = _from_json(text)
        lines = {key: _line_of(text[:end], re.escape(json.dumps(key, ensure_ascii=False))) for key in front}
        return front, lines, end
    return {}, {}, 0


def _check_length(block: str) -> None:
    """Refuse front matter that is too long to be any.

    Raises:
        Refused: it is.
    """
    if len(block) > MAX_FRONT:
        raise Refused(f"its front matter has more than {MAX_FRONT} characters", 1)


def _line_of(text: str, pattern: str) -> int:
    """The line of the first match; 1 where there is none."""
    match = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def _from_yaml(block: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Values and lines of YAML.

    Raises:
        Refused: it cannot be read.
    """
    try:
        entries = compose(block)
    except BadYaml as error:
        raise Refused(f"its front matter is not plain YAML: {error}", error.line + 1) from None
    front: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, node, line in entries:
        if key in front:
            raise Refused(f"{key[:40]!r} stands twice in its front matter", line + 1)
        try:
            front[key], lines[key] = construct(node), line + 1
        except ValueError as error:
            raise Refused(f"{key[:40]!r} {error}", line + 1) from None
    return front, lines


def _from_toml(block: str) -> dict[str, Any]:
    """Values of TOML; those of tables below `params` and `extra` as well, where generators keep what is their own.

    Raises:
        Refused: it cannot be read.
    """
    try:
        front = tomllib.loads(block)
    except ValueError as error:
        line = re.search(r"line (\d+)", str(error))
        raise Refused(
            f"its front matter is not TOML: {error}", int(line[1]) + 1 if line else block.count("\n") + 1
        ) from None
    except RecursionError:
        raise Refused("its front matter is nested too deeply", 1) from None
    for table in ("params", "extra"):
        if isinstance(front.get(table), dict):
            front = front.pop(table) | front
    return front


def _from_json(text: str) -> tuple[dict[str, Any], int]:
    """Values of JSON, and where it ends.

    Raises:
        Refused: it cannot be read.
    """
    try:
        front, end = json.JSONDecoder().raw_decode(text[: MAX_FRONT + 1])
    except json.JSONDecodeError as error:
        raise Refused(f"its front matter is not JSON: {error.msg}", error.lineno) from None
    except ValueError as error:  # A number of more digits than anybody writes.
        raise Refused(f"its front matter cannot be read: {error}", 1) from None
    except RecursionError:
        raise Refused("its front matter is nested too deeply", 1) from None
    return front, end
