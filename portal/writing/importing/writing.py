"""Articles as the bytes of their files, and all files of an import put in place together."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from portal.errors import CannotStart
from portal.front_matter import KEYS
from portal.writing.files.together import ChangedMeanwhile

#: What needs no quotation marks.
_WORD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_NO_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def article_text(values: Mapping[str, Any], body: str) -> str:
    """The text of an article's file.

    Args:
        values: of its front matter.
        body: Markdown.
    """
    lines = [f"{key}: {_written(values[key])}" for key in KEYS if key in values]
    return "\n".join(("---", *lines, "---", "", body.strip("\n"), ""))


def _written(value: Any) -> str:
    """A value as YAML on one line; what JSON escapes, YAML reads."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    text = str(value)
    if _WORD.fullmatch(text) and text not in _NO_TEXT:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff]", lambda sign: f"\\u{ord(sign[0]):04x}", quoted)


class Staging:
    """Files that wait beside the articles until all are ready.

    Args:
        root: folder of the articles.
        folder: where they wait, in the same file system; None where nothing is to be written.
        is_overwriting: whether a file that is there when one is added may be replaced by it.
    """

    def __init__(self, root: Path, folder: Path | None, *, is_overwriting: bool = False) -> None:
        self._root, self._folder, self._is_overwriting = root, folder, is_overwriting
        self._names: list[str] = []
        #: What each target was when its file was added; empty where nothing is replaced.
        self._before: list[str] = []
        #: Whether what was there could not be put back, and still is in the folder.
        self.is_kept = False

    def add(self, name: str, raw: bytes) -> None:
        """Keep a file.

        Args:
            name: below the articles' folder.
            raw: the whole file.
        """
        if self._folder is not None:
            (self._folder / str(len(self._names))).write_bytes(raw)
            self._names.append(name)
            self._before.append(_state(self._root / name) if self._is_overwriting else "")

    def settle(self) -> None:
        """Put every file in its place, or none.

        Raises:
            ChangedMeanwhile: somebody has written one of the files since it was added; all is as it was.
            CannotStart: a folder leads elsewhere, or cannot be written; all is as it was, or the message says what not.
        """
        if self._folder is None:
            return
        undo: list[Callable[[], object]] = []
        try:
            self._check()
            for number in range(len(self._names)):
                self._put(number, self._folder, undo)
        except BaseException as error:
            if left := _take_back(undo):
                self.is_kept = True
                message = (
                    f"The import stopped half-way: {error} Not all could be put back ({left}): see {self._folder}."
                )
                raise CannotStart(message) from error
            if isinstance(error, OSError):
                raise CannotStart(f"The import cannot be written: {error}. All files are as they were.") from error
            raise

    def _check(self) -> None:
        """Compare all files again before the first is written."""
        for name, before in zip(self._names, self._before, strict=True):
            parent = (self._root / name).parent
            if parent.exists() and not parent.resolve().is_relative_to(self._root.resolve()):
                raise CannotStart(f"{parent} leads out of the articles' folder; nothing is written there.")
            if _state(self._root / name) != before:
                raise _changed(self._root / name)

    def _put(self, number: int, folder: Path, undo: list[Callable[[], object]]) -> None:
        """Put one file in its place, and note how that is taken back."""
        target, waiting, keep = self._root / self._names[number], folder / str(number), folder / f"{number}.old"
        if not target.parent.exists():
            target.parent.mkdir()
            undo.append(lambda: _remove(target.parent))
        if not self._before[number]:
            _put_new(waiting, target)
            undo.append(target.unlink)
            return
        try:
            os.link(target, keep, follow_symlinks=False)
        except (OSError, NotImplementedError):
            shutil.copy2(target, keep, follow_symlinks=False)
        if _state(keep) != self._before[number]:
            raise _changed(target)
        undo.append(lambda: keep.replace(target))
        waiting.replace(target)


def _changed(target: Path) -> ChangedMeanwhile:
    """What is told of a file that somebody has written."""
    return ChangedMeanwhile(f"{target} was written during the import; nothing was imported. Try again.")


def _state(path: Path) -> str:
    """What a file is, to be compared; empty where there is none."""
    if path.is_symlink():
        return f"link {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _put_new(waiting: Path, target: Path) -> None:
    """Give a file its name; what has that name meanwhile is never replaced.

    Raises:
        ChangedMeanwhile: something has.
        OSError: it cannot be written.
    """
    try:
        try:
            os.link(waiting, target)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):  # A file system where a file has one name only.
            with target.open("xb") as file:
                try:
                    file.write(waiting.read_bytes())
                except BaseException:
                    target.unlink()
                    raise
    except FileExistsError:
        raise _changed(target) from None


def _remove(folder: Path) -> None:
    """Remove a folder that was made; somebody may have put something into it."""
    with suppress(OSError):
        folder.rmdir()


def _take_back(undo: list[Callable[[], object]]) -> str:
    """Take back what was done, the last first; gives why that failed, or nothing."""
    left = ""
    for back in reversed(undo):
        try:
            back()
        except OSError as error:
            left = str(error)
    return left


@contextmanager
def staging(root: Path, *, is_trial: bool, is_overwriting: bool = False) -> Iterator[Staging]:
    """A place beside the articles where an import gets ready; it is gone afterwards, however that ends.

    Args:
        root: folder of the articles; made where it is missing.
        is_trial: write nothing at all.
        is_overwriting: whether files that are there may be replaced.

    Raises:
        OSError: the folder cannot be written.
    """
    if is_trial:
        yield Staging(root, None)
        return
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".import-", dir=root))
    stage = Staging(root, folder, is_overwriting=is_overwriting)
    try:
        yield stage
    finally:
        if not stage.is_kept:
            shutil.rmtree(folder, ignore_errors=True)
