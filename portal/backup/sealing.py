"""Encrypting and decrypting by the installed age or gpg; what is plain passes through pipes, never through a file."""

import hashlib
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from portal.backup.archive import BadBackup, Sink

_CHUNK = 1024 * 1024
#: How recipients may look; neither can be taken for an option.
_RECIPIENTS = {
    "age": r"age1[0-9a-z]{20,2000}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+",
    "gpg": r"[A-Za-z0-9<][^\x00-\x1f]{2,200}",
}
#: What the name of an encrypted archive ends in.
ENDINGS = {"": "", "age": ".age", "gpg": ".gpg"}


def tool_of(recipients: Sequence[str]) -> str:
    """Which tool the recipients are for; empty without any.

    Raises:
        BadBackup: they are not `age:RECIPIENT` or `gpg:RECIPIENT`, are for both, or the tool is not installed.
    """
    tools = {recipient.partition(":")[0] for recipient in recipients}
    for recipient in recipients:
        tool, _, name = recipient.partition(":")
        if tool not in _RECIPIENTS or not re.fullmatch(_RECIPIENTS[tool], name):
            raise BadBackup(f"{recipient!r} is no recipient; allowed is age:age1…, age:ssh-… or gpg:KEY.")
    if len(tools) > 1:
        raise BadBackup("A backup is encrypted by age or by gpg, not by both.")
    for tool in tools:
        _installed(tool)
    return next(iter(tools), "")


def _installed(tool: str) -> str:
    """The path of a tool."""
    found = shutil.which(tool)
    if found is None:
        package = {"gpg": "gnupg"}.get(tool, tool)
        raise BadBackup(f"The program {tool} is not installed. On Debian: apt-get install {package}.")
    return found


class Noting:
    """Bytes on their way: counted and summed up.

    Args:
        file: where they go; None is nowhere.
    """

    def __init__(self, file: BinaryIO | None = None) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        """Write some."""
        if self._file:
            self._file.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """Of everything so far."""
        return self._digest.hexdigest()


@contextmanager
def sealed(sink: Noting, recipients: Sequence[str]) -> Iterator[Sink]:
    """What is written goes encrypted into the sink; as it is without recipients.

    Raises:
        BadBackup: the tool is missing or failed, in its own words.
    """
    tool = tool_of(recipients)
    if not tool:
        yield sink
        return
    names = [argument for recipient in recipients for argument in ("-r", recipient.partition(":")[2])]
    plain = ["--batch", "--no-tty", "--yes", "--trust-model", "always", "--compress-algo", "none", "--encrypt"]
    command = [_installed(tool), *(["--encrypt"] if tool == "age" else plain), *names]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as process,  # noqa: S603 - a fixed program, a list of arguments  # nosec B603
    ):
        pump = _Pump(process, sink)
        try:
            yield pump
            pump.finish()
        except BrokenPipeError:
            pump.finish()
        except BaseException:
            process.kill()
            raise
        finally:
            pump.close()
        if process.wait():
            raise BadBackup(f"The backup could not be encrypted: {_last_line(said)}.")


class _Pump(threading.Thread):
    """Carries what a tool gives out into the sink, while somebody else feeds the tool."""

    def __init__(self, process: subprocess.Popen[bytes], sink: Noting) -> None:
        super().__init__(daemon=True)
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._sink = process, sink
        self._in: IO[bytes] = process.stdin
        self._out: IO[bytes] = process.stdout
        self._fault: OSError | None = None
        self.start()

    def write(self, data: bytes, /) -> int:
        """Feed the tool."""
        return self._in.write(data)

    def run(self) -> None:
        """Carry until there is no more."""
        try:
            while chunk := self._out.read(_CHUNK):
                self._sink.write(chunk)
        except OSError as fault:
            self._fault = fault
            self._process.kill()

    def close(self) -> None:
        """Say that no more comes, and wait for the rest."""
        with suppress(BrokenPipeError):  # A tool that has given up says why itself.
            self._in.close()
        self.join()

    def finish(self) -> None:
        """Close it; raises what went wrong on the other side."""
        self.close()
        if self._fault:
            raise self._fault


@contextmanager
def opened(path: Path, identity: Path | None) -> Iterator[BinaryIO]:
    """The plain bytes of a backup.

    Args:
        path: of the backup; what it is encrypted by is seen at its beginning.
        identity: file of the secret key for age.

    Raises:
        BadBackup: it cannot be read or decrypted, or is no backup.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise BadBackup(f"The backup {path} cannot be read: {error.strerror}.") from None
    if start.startswith(b"\x1f\x8b"):
        with path.open("rb") as file:
            yield file
        return
    if start.startswith((b"age-encryption.org/", b"-----BEGIN AGE")):
        if identity is None:
            raise BadBackup(f"The backup {path} is encrypted by age: give the file of the secret key with --identity.")
        command = [_installed("age"), "--decrypt", "--identity", str(identity.resolve()), "--", str(path.resolve())]
    elif start[:1] >= b"\x80" or start.startswith(b"-----BEGIN PGP"):
        command = [_installed("gpg"), "--quiet", "--decrypt", "--", str(path.resolve())]
    else:
        raise BadBackup(f"{path} is no backup of a portal.")
    yield from _decrypted(path, command)


def _decrypted(path: Path, command: list[str]) -> Iterator[BinaryIO]:
    """What a tool gives out; whether it was content is known at the end, and before anybody calls what came damaged."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, stdin=None) as process,  # noqa: S603 - a fixed program, a list of arguments  # nosec B603
    ):
        assert process.stdout is not None
        fault: BadBackup | None = None
        try:
            yield process.stdout  # type: ignore[misc]
        except BadBackup as error:
            fault = error
        except BaseException:
            process.kill()
            raise
        if fault is None:  # The tool proves the whole only after its last byte.
            while process.stdout.read(_CHUNK):
                pass
        process.stdout.close()
        code = process.wait()
        # Who stops reading early breaks the tool's pipe; that is no fault of its own.
        if code > 0 and (line := _last_line(said)) and "roken pipe" not in line:
            raise BadBackup(f"The backup {path} cannot be decrypted: {line}.") from None
        if fault:
            raise fault
        if code:
            raise BadBackup(f"The backup {path} cannot be decrypted: the program ended with {code}.")


def _last_line(said: IO[bytes]) -> str:
    """The tool's own words: its first line that tells of an error."""
    said.seek(0)
    lines = [line.strip() for line in said.read(10_000).decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or "failed" in line.lower()] or lines
    return telling[0].rstrip(".") if telling else "it said nothing"
