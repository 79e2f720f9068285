"""Where an export goes: into a folder of which it replaces nothing but its own files, and a zip file of it."""

import os
import secrets
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from portal.errors import CannotStart

#: Stands in every export and names its files: these, and no others, are replaced by the next one.
MARK = "export.txt"
_FIRST_LINE = "Made by portal articles export. The next export replaces the files named below, and no others."
#: Longest mark that is read, in bytes.
_MAX_MARK = 64 * 1024 * 1024
#: What a zip file says of the time of every file: the earliest that it can.
_TIME = (1980, 1, 1, 0, 0, 0)


@contextmanager
def replaced_folder(target: Path, sources: Path, archive: Path | None = None) -> Iterator[Path]:
    """A folder to write to, whose files take the place of the earlier export's when all went well.

    What else is in the target stays. Where something fails, all is as it was.

    Args:
        target: a folder that does not exist, is empty, or holds an earlier export.
        sources: folder of the articles, which must not be touched.
        archive: zip file of the export, which replaces an earlier one; None where none is wanted.

    Raises:
        CannotStart: the target has other files and no mark, or one where a new file belongs; or the zip file is
            another's.
        OSError: it cannot be written.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - a link in the target's place is refused, not followed
    _check(target, sources)
    _check_archive(archive)
    target.parent.mkdir(parents=True, exist_ok=True)
    is_new = not target.exists()
    # Inside of a folder that is there: it may be a file system of its own, into which nothing can be renamed.
    work = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent if is_new else target))
    part, is_kept = work / "new", False
    packed = None if archive is None else archive.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        part.mkdir()
        yield part
        names = _names(part)
        _write_mark(part / MARK, names)
        if packed is not None:
            _pack(part, target.name, packed)
        if is_new:
            part.rename(target)
        else:
            _exchange(target, work, names)
        if packed is not None and archive is not None:
            _check_archive(archive)
            packed.replace(archive)
    except _LeftBehind:
        is_kept = True  # What was there is in it.
        raise
    finally:
        if not is_kept:
            shutil.rmtree(work, ignore_errors=True)
        if packed is not None:
            packed.unlink(missing_ok=True)


class _LeftBehind(OSError):
    """Something failed and could not be put back; the message says where what was there is now."""


def _check(target: Path, sources: Path) -> None:
    """Refuse a folder that no export has made.

    Raises:
        CannotStart: the target is a file, holds something else, or has to do with the articles.
    """
    real, own = target.resolve(), sources.resolve()
    if real == own or own.is_relative_to(real) or real.is_relative_to(own):
        raise CannotStart(f"{target} has the articles in it, or is inside their folder. Choose another folder.")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise CannotStart(f"{target} is no folder. Choose another name.")
    if target.is_dir() and any(target.iterdir()) and _marked(target) is None:
        raise CannotStart(f"{target} holds something that is no export. Choose an empty or a new folder.")


def _marked(target: Path) -> frozenset[str] | None:
    """The files that an earlier export wrote and that are there; None where there is no mark of one."""
    mark = target / MARK
    if mark.is_symlink() or not mark.is_file():
        return None
    with mark.open("rb") as file:
        first, *names = file.read(_MAX_MARK).decode("utf-8", "replace").split("\n")
    if first != _FIRST_LINE:
        return None
    return frozenset(name for name in names if _is_ours(name) and _is_file(target, name))


def _is_ours(name: str) -> bool:
    """Whether an export could have written a path: nothing hidden, nothing outside."""
    parts = PurePosixPath(name).parts
    return bool(parts) and "/".join(parts) == name and not any(part.startswith((".", "/")) for part in parts)


def _is_file(target: Path, name: str) -> bool:
    """Whether a path is a file of the target, and not behind a link."""
    place = target / name
    if any((target / parent).is_symlink() for parent in PurePosixPath(name).parents):
        return False
    return place.is_symlink() or place.is_file()


def _names(folder: Path) -> list[str]:
    """The files of a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _write_mark(place: Path, names: list[str]) -> None:
    """Name the files of an export."""
    place.write_text("\n".join((_FIRST_LINE, *names, "")), encoding="utf-8")


def _exchange(target: Path, work: Path, names: list[str]) -> None:
    """Put new files in the place of an earlier export's, or leave all as it was.

    Raises:
        CannotStart: a file that is not the earlier export's is where a new one belongs.
        OSError: it cannot be written.
    """
    new, old = work / "new", work / "old"
    earlier = (_marked(target) or frozenset()) - {MARK}
    for name in names:
        _check_place(target, name, earlier)
    # A process that is killed half-way leaves a mark that names both: the next export can replace either.
    _write_mark(work / MARK, sorted({*earlier, *names}))
    undo: list[Callable[[], object]] = []
    try:
        if (target / MARK).exists():
            old.mkdir()
            shutil.copy2(target / MARK, old / MARK)
            undo.append(lambda: (old / MARK).replace(target / MARK))
        else:
            undo.append((target / MARK).unlink)
        (work / MARK).replace(target / MARK)
        for name in sorted(earlier):
            _move(target / name, old / name, undo)
        for name in names:
            _move(new / name, target / name, undo)
        (new / MARK).replace(target / MARK)
    except BaseException as error:
        _take_back(undo, old, error)
        raise
    for name in earlier:
        for parent in list(PurePosixPath(name).parents)[:-1]:
            with suppress(OSError):
                (target / parent).rmdir()  # Only where it is empty.


def _check_place(target: Path, name: str, earlier: frozenset[str]) -> None:
    """Refuse to write where something else is.

    Raises:
        CannotStart: there is.
    """
    *above, _ = (target / parent for parent in PurePosixPath(name).parents)
    is_blocked = any(os.path.lexists(place) and (place.is_symlink() or not place.is_dir()) for place in above)
    if is_blocked or (name not in earlier and os.path.lexists(target / name)):
        message = f"{target / name} is no file of an earlier export, and the new one has a file of this name."
        raise CannotStart(f"{message} Move it away, or choose another folder. Nothing was changed.")


def _move(place: Path, to: Path, undo: list[Callable[[], object]]) -> None:
    """Move a file to where nothing is, and note how that is taken back."""
    missing = [parent for parent in to.parents if not parent.exists()]
    to.parent.mkdir(parents=True, exist_ok=True)
    undo.extend(parent.rmdir for parent in reversed(missing))
    if os.path.lexists(to):
        raise FileExistsError(f"{to} has appeared meanwhile")
    place.rename(to)
    undo.append(lambda: to.rename(place))


def _take_back(undo: list[Callable[[], object]], old: Path, error: BaseException) -> None:
    """Take back what was done, the last first.

    Raises:
        _LeftBehind: something could not be.
    """
    failed: OSError | None = None
    for back in reversed(undo):
        try:
            back()
        except OSError as problem:
            failed = problem
    if failed is not None and any(path.is_file() for path in old.rglob("*")):
        raise _LeftBehind(
            f"{error}; and not all could be put back ({failed}): the earlier files are in {old}"
        ) from error


def _umask() -> int:
    """The rights that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _check_archive(archive: Path | None) -> None:
    """Refuse to replace a zip file that no export has made.

    Raises:
        CannotStart: it is another's.
    """
    if archive is None or not os.path.lexists(archive):
        return
    with suppress(OSError, EOFError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error):
        if not archive.is_symlink() and archive.is_file():
            with zipfile.ZipFile(archive) as found, found.open(f"{archive.stem}/{MARK}") as mark:
                if mark.readline(len(_FIRST_LINE) + 1) == f"{_FIRST_LINE}\n".encode():
                    return
    raise CannotStart(f"{archive} is no zip file of an earlier export. Move it away, or choose another name.")


def _pack(folder: Path, name: str, archive: Path) -> None:
    """Make a zip file of a folder: the same files give the same bytes.

    Args:
        folder: an export.
        name: of the folder in the zip file.
        archive: is made.

    Raises:
        OSError: it cannot be written.
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in _names(folder):
            entry = zipfile.ZipInfo(f"{name}/{path}", _TIME)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, (folder / path).read_bytes())
    archive.chmod(0o666 & ~_umask())
