"""Several machines as a test starts them: portals with folders of their own behind an nginx of our own."""

import http.client
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.storage import Database, nodes
from tests.needs import REPOSITORY, nginx
from tests.serving import Server, free_port

_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {upstream};
    server {{
        listen 127.0.0.1:{port};
        include {location};
    }}
}}
"""


class Machine(Server):
    """One machine: its own instance folder and copy of the articles, and perhaps other code.

    Args:
        folder: of everything that is its own.
        articles: that it gets a copy of.
        environment: what all machines share.
    """

    def __init__(self, folder: Path, articles: Path, **environment: str) -> None:
        own = shutil.copytree(articles, folder / "articles")
        named = {"PORTAL_NODE": folder.name, "PORTAL_WORKERS": "1", "PORTAL_THREADS": "4"}
        super().__init__(folder / "var", own, None, **named, **environment)
        self.code = REPOSITORY

    @property
    def name(self) -> str:
        """What it is called among the others."""
        return self.data.parent.name

    def tag(self, path: str, host: str) -> str:
        """The ETag of a page, as this machine answers where it is asked by a name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": host})
            return connection.getresponse().headers["ETag"]
        finally:
            connection.close()

    def end(self) -> int:
        """End it as an upgrade does, and wait; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()


class Balancer:
    """The nginx of the documentation in front of some machines.

    Args:
        folder: for its files.
        machines: that it leads to.
    """

    def __init__(self, folder: Path, machines: list[Machine]) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._write(machines)

    def _write(self, machines: list[Machine]) -> None:
        """Write its configuration: the example of the documentation, with these machines in it."""
        example = (REPOSITORY / "docs" / "examples" / "nginx" / "portal.conf").read_text(encoding="utf-8")
        upstream, location = (_block(example, name) for name in ("upstream portal", "location /"))
        servers = "".join(f"    server 127.0.0.1:{each.port} max_fails=0;\n" for each in machines)
        lines = [line for line in upstream.splitlines() if not line.strip().startswith("server ")]
        body = "\n".join(lines).replace("upstream portal {", "upstream portal {\n" + servers)
        self._folder.mkdir(exist_ok=True)
        (self._folder / "upstream.conf").write_text(body, encoding="utf-8")
        (self._folder / "location.conf").write_text(location, encoding="utf-8")
        places = {"upstream": self._folder / "upstream.conf", "location": self._folder / "location.conf"}
        config = _CONFIG.format(folder=self._folder, port=self.port, **places)
        (self._folder / "nginx.conf").write_text(config, encoding="utf-8")

    def start(self) -> "Balancer":
        """Start it and wait until it answers."""
        command = [nginx(), "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: self.answers() is not None, "nginx did not start")
        return self

    def lead_to(self, machines: list[Machine]) -> None:
        """Lead to other machines from now on; requests under way end where they are."""
        assert self._process is not None
        self._write(machines)
        self._process.send_signal(signal.SIGHUP)

    def answers(self) -> int | None:
        """The status of a probe; None while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)


def _block(text: str, name: str) -> str:
    """A block of a configuration, with its braces."""
    found = re.search(rf"^( *){re.escape(name)} {{\n.*?^\1}}\n", text, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return found[0]


def until(is_so: Callable[[], bool], otherwise: str, seconds: float = 180) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(otherwise)
        time.sleep(0.02)


def start_all(machines: list[Machine]) -> None:
    """Start machines at the same time, and wait until all are ready."""
    for machine in machines:
        machine.launch()
    for machine in machines:
        until(lambda: _is_ready(machine), f"{machine.name} was not ready:\n{_log(machine)}")  # noqa: B023 - called here


def _is_ready(machine: Machine) -> bool:
    """Whether a machine serves; one that ended is told with its log."""
    assert machine.process is not None
    assert machine.process.poll() is None, _log(machine)
    try:
        return machine.get("/readyz")[0] == 200
    except OSError:
        return False


def _log(machine: Machine) -> str:
    """What a machine has said."""
    return machine.log.read_text() if machine.log.exists() else ""


def copied(folder: Path) -> Path:
    """The product as it is now, so that all machines run the same however long a test takes; compiled where it is."""
    # Such a name has what another process is just compiling, and not for long.
    shutil.copytree(REPOSITORY / "portal", folder / "portal", ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copytree(REPOSITORY / "translations", folder / "translations")
    return folder


def newer(code: Path, folder: Path) -> Path:
    """Another build: the same code, and one file of it changed."""
    shutil.copytree(code, folder)
    style = folder / "portal" / "static" / "portal.css"
    style.write_text(style.read_text(encoding="utf-8") + "\n/* the next version */\n", encoding="utf-8")
    return folder


@contextmanager
def living(database: Database, name: str, key: str) -> Iterator[None]:
    """A machine that believes one key, and says so until the end of the block, however long that takes."""
    said, ended = threading.Event(), threading.Event()

    def say() -> None:
        while not ended.is_set():
            with database.write() as connection:
                nodes.say(connection, name, "b", (key,), served="a")
            said.set()
            ended.wait(0.5)

    thread = threading.Thread(target=say)
    thread.start()
    try:
        assert said.wait(30)
        yield
    finally:
        ended.set()
        thread.join()
