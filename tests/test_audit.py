"""Audits tell clean from found, and both from not having looked; a fake service of advisories answers in all ways."""

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from tests.needs import REPOSITORY, missing
from tests.serving import free_port

_FAULT = {
    "id": "PYSEC-1", "published": "2020-01-01T00:00:00Z", "summary": "Bad.",
    "affected": [{"package": {"name": "jinja2", "ecosystem": "PyPI"}, "ranges": []}],
}  # fmt: skip


@pytest.fixture(scope="module")
def auditing() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("auditing", REPOSITORY / ".ci" / "auditing.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Service:
    """A service of advisories."""

    def __init__(self) -> None:
        #: The answer to a question about a package and its version: a status and a body.
        self.says: Callable[[str, str], tuple[int, bytes]] = lambda _name, _version: (200, b"{}")
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = service.says(asked["package"]["name"], asked["version"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"


@pytest.fixture
def service() -> Iterator[Service]:
    """A running service that knows the canary."""
    made = Service()
    made.says = lambda name, version: (200, json.dumps({"vulns": [_FAULT]}).encode() if version == "2.4.1" else b"{}")
    threading.Thread(target=made.server.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def ask(auditing: ModuleType, folder: Path, url: str) -> int:
    """The exit code of an audit of two locked packages."""
    if importlib.util.find_spec("pip_audit") is None:
        missing("pip-audit", "pip install '.[test]'")
    lock = folder / "lock.txt"
    lock.write_text("".join(f"{name}==1.0 \\\n    --hash=sha256:{'0' * 64}\n" for name in ("flask", "nh3")))
    return int(auditing.main(["advisories", "--lock", str(lock), "--service", url, "--timeout", "5"]))


def test_clean_and_found(
    auditing: ModuleType, service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 where the service knows nothing against what is locked, 1 with the names where it does."""
    assert ask(auditing, tmp_path, service.url) == 0
    known = service.says
    service.says = lambda name, version: known(name, "2.4.1" if name == "nh3" else version)
    assert ask(auditing, tmp_path, service.url) == 1
    assert "nh3 1.0: PYSEC-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<html>Sign in</html>", b'{"vulns": [{"id": "PYSEC', b"null", b"[]", b'{"vulns": 7}'],
    ids=["empty", "knows nothing", "a page", "cut off", "null", "list", "number"],
)
def test_what_is_no_answer_is_no_clean_bill(
    auditing: ModuleType, service: Service, tmp_path: Path, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """3, loudly, where the service answers with anything else; also where it only knows nothing of anything."""
    service.says = lambda _name, _version: (200, body)
    assert ask(auditing, tmp_path, service.url) == 3
    assert "COULD NOT LOOK" in capsys.readouterr().out


def test_a_service_that_is_away_or_fails_half_way(auditing: ModuleType, service: Service, tmp_path: Path) -> None:
    """3 where nobody listens, where it refuses, and where it answers for the canary alone."""
    assert ask(auditing, tmp_path, f"http://127.0.0.1:{free_port()}/") == 3
    known = service.says
    service.says = lambda name, version: known(name, version) if name == "jinja2" else (503, b"later")
    assert ask(auditing, tmp_path, service.url) == 3


def test_what_was_found_counts_more_than_what_was_not_seen(
    auditing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found is 1 whatever else could not be looked at; blind is 3, never 0."""

    def blind(_options: object) -> list[str]:
        raise auditing.CouldNotLook("away")

    monkeypatch.setattr(auditing, "AUDITS", {"a": blind, "b": lambda _o: ["x"], "c": lambda _o: []})
    assert auditing.main(["a", "c"]) == 3
    assert auditing.main(["a", "b", "c"]) == 1
    assert auditing.main(["c"]) == 0


def test_a_planted_secret_is_found(auditing: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a file, and in the history once the file is gone."""
    if importlib.util.find_spec("detect_secrets") is None:
        missing("detect-secrets", "pip install '.[test]'")
    key = "AKIA" + "IOSFODNN7EXAMPLF"

    def git(*command: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *command], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "plain.txt").write_text("Nothing here.\n")
    git("add", ".")
    git("commit", "-qm", "first")
    assert auditing.main(["secrets", "--tree", str(tmp_path)]) == 0
    (tmp_path / "settings.py").write_text(f'aws = "{key}"\n')
    git("add", ".")
    git("commit", "-qm", "second")
    assert auditing.main(["secrets", "--tree", str(tmp_path)]) == 1
    assert "settings.py:1: AWS Access Key" in capsys.readouterr().out
    git("rm", "-q", "settings.py")
    git("commit", "-qm", "third")
    assert auditing.main(["secrets", "--tree", str(tmp_path)]) == 1
    assert "in the history: AWS Access Key" in capsys.readouterr().out
    assert auditing.main(["secrets", "--tree", str(tmp_path), "--no-history"]) == 0


def test_a_folder_without_history_was_not_looked_at(auditing: ModuleType, tmp_path: Path) -> None:
    """3: git knows nothing of it."""
    assert auditing.main(["secrets", "--tree", str(tmp_path)]) == 3


def test_locked_packages_have_hashes(auditing: ModuleType, tmp_path: Path) -> None:
    """All of the lock file are read; one without a hash, or none at all, is an audit that could not be made."""
    found = auditing.locked()
    assert len(found) > 50
    assert all(hashes for _, hashes in found.values())
    for text in ("flask==3.0\n", "# nothing\n"):
        (tmp_path / "lock.txt").write_text(text)
        with pytest.raises(auditing.CouldNotLook):
            auditing.locked(tmp_path / "lock.txt")


def test_the_bill_of_materials_names_everything(auditing: ModuleType, tmp_path: Path) -> None:
    """Name, version, licence and hashes of each locked package; the same twice; no address of an index."""
    if importlib.util.find_spec("cyclonedx") is None:
        missing("cyclonedx-bom", "pip install '.[test]'")
    texts = []
    for name in ("first.json", "second.json"):
        assert auditing.main(["bill", "--output", str(tmp_path / name)]) == 0
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    told = json.loads(texts[0])
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    named = {auditing.canonical(each["name"]): each for each in told["components"]}
    for name, (version, hashes) in auditing.locked().items():
        each = named[name]
        assert each["version"] == version
        assert each["licenses"][0]["license"]["name"] != "unknown", name
        assert [digest["content"] for digest in each["hashes"]] == list(hashes)
    assert "externalReferences" not in texts[0]


def test_a_licence_that_is_not_allowed_is_found(auditing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of two that are needed, one of two that can be chosen, none that nobody states."""
    for stated, good in (
        ("MIT", True), ("GPL-3.0-only", False), ("MIT OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False),
        ("(MIT OR X) AND ISC", True), ("", False),
    ):  # fmt: skip
        monkeypatch.setattr(auditing, "locked", lambda: {"x": ("1", ())})
        monkeypatch.setattr(auditing, "licence_of", lambda _name, stated=stated: stated)
        assert (auditing.main(["licences"]) == 0) is good, stated


def test_the_script_can_be_called() -> None:
    """By its name; what it does not know it refuses."""
    done = subprocess.run(
        [str(REPOSITORY / ".ci" / "audit"), "nothing"], env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there is no audit nothing" in done.stderr
