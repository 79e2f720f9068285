"""The parts that a portal stands on, each one started, killed and started again: database, Redis, mail server, itself."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks import corpus
from benchmarks.load import HOST
from benchmarks.serving import free_port
from portal.settings import PREFIX

#: Longest wait for a part to be there, in seconds.
LIMIT = 60.0
#: What a crowd on one machine needs: limits that it would meet at once, and addresses of its own for everybody.
LIMITS = {
    "FORM_MIN_SECONDS": "0",
    "PROXY_COUNT": "1",
    "REQUESTS_PER_HOUR": "100000",
    "GAPS_PER_SESSION": "100000",
    "GAPS_PER_NETWORK": "100000",
    "GAPS_ANONYMOUS": "100000",
    "GAPS_PER_HOUR": "100000",
}
_MAIL = """
import asyncio, email, sys
from aiosmtpd.smtp import SMTP
class Taken:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content)
        with open(sys.argv[2], 'a') as log:
            log.write(message['Message-ID'] + '\\n')
        return '250 OK'
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Taken(), hostname='localhost'), '127.0.0.1', int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


def wait_until(is_there: Callable[[], bool], what: str) -> None:
    """Wait for a part.

    Raises:
        RuntimeError: it does not come.
    """
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if is_there():
                return
        time.sleep(0.1)
    raise RuntimeError(f"{what} is not there after {LIMIT:.0f} s")


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.create_connection((HOST, port), 1):
        return True


@dataclass(eq=False)
class Part:
    """A program in a process group of its own."""

    name: str
    command: list[str]
    port: int
    folder: Path
    user: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                user=self.user,
                cwd=self.folder if self.user else corpus.REPOSITORY,
                env=_plain() | self.environment,
                start_new_session=True,
            )
        self.wait(lambda: answers(self.port))

    def wait(self, is_there: Callable[[], bool]) -> None:
        """Wait until it is there.

        Raises:
            RuntimeError: it does not come; with the end of what it says.
        """
        try:
            wait_until(is_there, self.name)
        except RuntimeError as error:
            said = (self.folder / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{error}: {said[-2000:]}") from error

    def kill(self) -> None:
        """End it and all its children at once, as a power failure does."""
        if self.process is None:
            return
        for number in (*descendants(self.process.pid), self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.process.wait()


def _plain() -> dict[str, str]:
    """The environment without settings of the portal."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def descendants(process: int) -> list[int]:
    """Children of a process, and theirs; children of all its threads are."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
    except FileNotFoundError:
        return []
    children = []
    for thread in threads:
        with contextlib.suppress(FileNotFoundError):
            children += [int(number) for number in (thread / "children").read_text().split()]
    return [each for child in children for each in (child, *descendants(child))]


def postgresql(folder: Path) -> tuple[Part, str]:
    """A PostgreSQL server as its packages set it up, and the address of its database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if not programs:
        raise click.ClickException("There is no PostgreSQL: apt-get install postgresql, or --database sqlite.")
    home = folder / "postgresql"
    home.mkdir()
    user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None  # It refuses to run as root.
    if user:
        shutil.chown(home, user)
    port = free_port()
    made = [str(programs[0]), "-D", str(home / "data"), "-U", "portal", "--auth=trust", "-E", "UTF8"]
    subprocess.run([*made, "--locale=C.UTF-8"], check=True, capture_output=True, user=user, cwd=home)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}", "-p", str(port)]
    command = [str(programs[0].parent / "postgres"), "-D", str(home / "data"), *options]
    return Part("postgresql", command, port, home, user), f"postgresql+psycopg://portal@{HOST}:{port}/postgres"


def redis(folder: Path) -> tuple[Part, str]:
    """A Redis server that keeps nothing, and its address."""
    if not (program := shutil.which("redis-server")):
        raise click.ClickException("There is no Redis: apt-get install redis-server.")
    port = free_port()
    command = [program, "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    return Part("redis", command, port, folder), f"redis://{HOST}:{port}/0"


def mail_server(folder: Path) -> tuple[Part, str, Path]:
    """A mail server, its address, and the file that gets the names of the mails that it has taken."""
    port, taken = free_port(), folder / "taken"
    taken.touch()
    return (
        Part("mail", [sys.executable, "-c", _MAIL, str(port), str(taken)], port, folder),
        f"smtp://{HOST}:{port}",
        taken,
    )


def portal(folder: Path, data: Path, articles: Path, settings: dict[str, str]) -> Part:
    """The portal itself."""
    port = free_port()
    options = ["--data", str(data), "--articles", str(articles), "--port", str(port)]
    command = [sys.executable, "-m", "portal", "serve", *options]
    return Part(
        "portal", command, port, folder, environment={f"{PREFIX}{name}": text for name, text in settings.items()}
    )


def is_ready(part: Part) -> bool:
    """Whether a portal says that everything that it needs is there."""
    with urllib.request.urlopen(f"http://{HOST}:{part.port}/readyz", timeout=2) as answer:
        return bool(answer.status == 200)


def holder(lock: Path) -> int | None:
    """The process that holds a lock file; None where none does."""
    number = lock.stat().st_ino
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        words = line.split()
        if "->" not in words and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(number):
            return int(words[4])
    return None
