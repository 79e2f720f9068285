"""Several files changed together, or none of them: everything is written beside first, then put in place."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from portal.errors import PortalError
from portal.writing.files.leftovers import beside, sweep


class ChangedMeanwhile(PortalError):
    """A file is no longer as it was read; nothing has been changed."""


class HalfDone(PortalError):
    """Something failed and could not be taken back; the message says where what was there is now."""


@dataclass(frozen=True)
class Write:
    """A file gets new contents, or is made."""

    path: Path
    raw: bytes


@dataclass(frozen=True)
class Move:
    """A file gets another name in its folder."""

    path: Path
    to: Path


@dataclass(frozen=True)
class Delete:
    """A file goes."""

    path: Path


Step = Write | Move | Delete


def carry_out(steps: Iterable[Step], read: Mapping[Path, bytes | None]) -> None:
    """Do all steps in their order; where one fails, those before it are taken back.

    A process that is killed leaves the steps that it has done: order them so that each state can be lived with. What it
    leaves beside the files, the next call removes from the folders that it changes.

    Args:
        steps: a file that is moved is written by its new name.
        read: contents that the steps were planned from by path; None where there was no file.

    Raises:
        ChangedMeanwhile: another process has written one of these files; nothing was done.
        OSError: the folder cannot be written, or the disk is full; nothing was done.
        HalfDone: the same, and it could not be taken back.
    """
    steps = list(steps)
    now = dict(read)
    for path in now:
        _must_be_as_read(path, now)
    origins = {step.to: step.path for step in steps if isinstance(step, Move)}
    staged: dict[Path, Path] = {}
    kept: list[Path] = []
    undo: list[tuple[Path, Callable[[], object]]] = []
    try:
        for step in steps:
            if isinstance(step, Write):
                staged[step.path] = _stage(step, origins.get(step.path, step.path))
        for step in steps:
            # Somebody's editor may have saved while all this was written.
            _must_be_as_read(step.path, now)
            _do(step, staged, kept, undo)
            _note(step, now)
    except BaseException as error:
        _take_back(undo, error)
        raise
    finally:
        for path in staged.values():
            with suppress(OSError):
                path.unlink(missing_ok=True)
    for path in kept:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    sweep({step.path.parent for step in steps})


def _must_be_as_read(path: Path, now: Mapping[Path, bytes | None]) -> None:
    """Compare a file with what it held, if that is known.

    Raises:
        ChangedMeanwhile: as it says.
    """
    if path in now and (path.read_bytes() if path.exists() else None) != now[path]:
        raise ChangedMeanwhile(f"{path} has been changed meanwhile; nothing was done. Try again.")


def _note(step: Step, now: dict[Path, bytes | None]) -> None:
    """Note what the files hold after a step."""
    if isinstance(step, Write):
        now[step.path] = step.raw
    else:
        before = now.get(step.path)
        now[step.path] = None
        if isinstance(step, Move) and before is not None:
            now[step.to] = before


def _stage(step: Write, like: Path) -> Path:
    """New contents beside the file, with its rights."""
    place = beside(step.path)
    try:
        with place.open("xb") as file:
            file.write(step.raw)
            file.flush()
            os.fsync(file.fileno())
        if like.exists():
            shutil.copymode(like, place)
    except BaseException:
        with suppress(OSError):
            place.unlink(missing_ok=True)
        raise
    return place


def _do(
    step: Step, staged: Mapping[Path, Path], kept: list[Path], undo: list[tuple[Path, Callable[[], object]]]
) -> None:
    """Do one step, and note how it is taken back."""
    path = step.path
    if isinstance(step, Move):
        _rename(path, step.to)
        undo.append((step.to, lambda: _rename(step.to, path)))
    elif isinstance(step, Delete):
        keep = beside(path)
        path.rename(keep)
        undo.append((keep, lambda: _rename(keep, path)))
        kept.append(keep)
    elif path.exists():
        keep = beside(path)
        _copy(path, keep)
        undo.append((keep, lambda: _put_back(keep, path, step.raw)))
        staged[path].replace(path)
        kept.append(keep)
    else:
        _make(staged[path], path)
        undo.append((path, lambda: _unmake(path, step.raw)))


def _rename(path: Path, to: Path) -> None:
    """Give a file a name that nothing has.

    Raises:
        ChangedMeanwhile: something has it.
    """
    if os.path.lexists(to):
        raise ChangedMeanwhile(f"{to} has appeared meanwhile; nothing was done. Try again.")
    path.rename(to)


def _make(staged: Path, path: Path) -> None:
    """Put new contents where no file is; another one that appears in this moment is not overwritten.

    Raises:
        ChangedMeanwhile: there is one.
    """
    try:
        os.link(staged, path)
    except FileExistsError:
        raise ChangedMeanwhile(f"{path} has appeared meanwhile; nothing was done. Try again.") from None
    except OSError:  # A file system without second names.
        _rename(staged, path)


def _copy(path: Path, keep: Path) -> None:
    """A second name for a file; a copy where the file system gives none."""
    try:
        os.link(path, keep)
    except OSError:
        try:
            shutil.copy2(path, keep)
        except BaseException:
            keep.unlink(missing_ok=True)
            raise


def _put_back(keep: Path, path: Path, written: bytes) -> None:
    """Give a file its contents back.

    Raises:
        ChangedMeanwhile: somebody has written it since.
    """
    if path.exists() and path.samefile(keep):  # It was not replaced; renaming would leave both names.
        keep.unlink()
        return
    if path.exists() and path.read_bytes() not in (written, keep.read_bytes()):
        raise ChangedMeanwhile(f"{path} has been changed meanwhile.")
    keep.replace(path)


def _unmake(path: Path, written: bytes) -> None:
    """Take a new file away again.

    Raises:
        ChangedMeanwhile: somebody has written it since.
    """
    if path.exists() and path.read_bytes() != written:
        raise ChangedMeanwhile(f"{path} has been changed meanwhile.")
    path.unlink(missing_ok=True)


def _take_back(undo: list[tuple[Path, Callable[[], object]]], error: BaseException) -> None:
    """Take back what was done, the last first.

    Raises:
        HalfDone: something could not be.
    """
    left = []
    for place, back in reversed(undo):
        try:
            back()
        except (OSError, ChangedMeanwhile):
            left.append(str(place))
    if left:
        raise HalfDone(f"{error}; and what was there could not be put back: see {', '.join(left)}.") from error
