"""The programs that look at pages: Chromium, and Lighthouse as npm installs it; and a page that costs nothing."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from benchmarks.load import HOST

#: Where npm is told to leave as little as possible, and to run nothing of what it installs.
_INSTALL = ("--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--silent")
_QUIET = (
    "--headless=new", "--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check", "--disable-sync",
    "--disable-extensions", "--disable-component-update", "--disable-background-networking", "--disable-default-apps",
    "--disable-gpu", "--mute-audio",
)  # fmt: skip


@dataclass(frozen=True)
class Programs:
    """What the benchmark runs."""

    node: str
    chromium: str
    #: Lighthouse's command line, and its version.
    lighthouse: Path
    version: str


def _program(names: Iterable[str], how: str) -> str:
    """Where a program is.

    Raises:
        click.ClickException: it is missing; says what to do.
    """
    for name in names:
        if found := shutil.which(name):
            return found
    raise click.ClickException(f"{next(iter(names))} is not on this machine; install it with: {how}")


def find_programs(given: Path | None, work: Path) -> Programs:
    """Browser, node and Lighthouse, which is installed into a folder for this run where none is given.

    Args:
        given: folder in which somebody has run `npm install lighthouse`.
        work: folder of this run.

    Raises:
        click.ClickException: one is missing or cannot be installed; says what to do.
    """
    node = _program(("node", "nodejs"), "apt-get install nodejs npm (Node.js 18.20 or newer)")
    browser = _program(("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium")
    folder = given or work / "lighthouse"
    if given is None:
        npm = _program(("npm",), "apt-get install npm, or give a folder with Lighthouse: --lighthouse FOLDER")
        click.echo("Installing Lighthouse …", err=True)
        # npm takes the newest version that this version of node can run.
        command = [npm, "install", *_INSTALL, "--prefix", str(folder), "lighthouse"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(
                f"npm could not install Lighthouse; is its registry in reach? Else --lighthouse FOLDER.\n{done.stderr}"
            )
    package = folder / "node_modules" / "lighthouse"
    if not (package / "package.json").is_file():
        raise click.ClickException(f"There is no Lighthouse in {folder}: npm install --prefix {folder} lighthouse")
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    return Programs(node, browser, package / "cli" / "index.js", version)


@contextmanager
def browser(program: str, profile: Path) -> Iterator[int]:
    """Run a browser with a profile of its own until the end of the block.

    Yields:
        The port over which it is told what to do.

    Raises:
        click.ClickException: it does not start.
    """
    # Chromium refuses to be run by root with its sandbox.
    flags = [*_QUIET, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    process = subprocess.Popen(
        [program, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        told, until = profile / "DevToolsActivePort", time.monotonic() + 60
        while not told.is_file() or not told.read_text(encoding="ascii").strip():
            if process.poll() is not None or time.monotonic() > until:
                raise click.ClickException(f"{program} does not start with: {' '.join(flags)}")
            time.sleep(0.1)
        yield int(told.read_text(encoding="ascii").split()[0])
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, and its children."""
    for number in (15, 9):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


class _Trivial(BaseHTTPRequestHandler):
    """Answers everything with the same short page."""

    def do_GET(self) -> None:
        """The page."""
        body = b'<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Hello</title><h1>Hello</h1>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def trivial_page() -> Iterator[str]:
    """Serve a page of one word until the end of the block: what it comes to, the machine comes to.

    Yields:
        Its address.
    """
    with ThreadingHTTPServer((HOST, 0), _Trivial) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()
