"""The documented examples of the API: each runs as it stands against a real server, and the documentation has it so."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.api_tokens import Scope
from portal.metrics import METRICS, Unit
from portal.people import Role
from portal.services import open_services
from tests.builders import PASSWORD, person, settings, write_library
from tests.needs import REPOSITORY, missing
from tests.serving import Server

EXAMPLES = REPOSITORY / "docs" / "examples" / "api"
DOCUMENT = REPOSITORY / "docs" / "api.md"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in {".sh", ".py"})
pytestmark = pytest.mark.server


class Examples:
    """A running portal, and the examples on it."""

    def __init__(self, server: Server, token: str, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self._environment = {**os.environ, "PORTAL": server.url, "TOKEN": token, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, name: str, *arguments: str) -> str:
        """What an example prints."""
        program = "sh" if name.endswith(".sh") else sys.executable
        if program == "sh" and shutil.which("curl") is None:
            missing("curl", "apt-get install curl")
        done = subprocess.run(
            [program, str(EXAMPLES / name), *arguments],
            capture_output=True, text=True, timeout=120, check=False, cwd=self.folder, env=self._environment,
        )  # fmt: skip
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    folder = tmp_path_factory.mktemp("examples")
    articles = write_library(folder / "articles")
    server = Server(folder / "var", articles, PORTAL_API_PER_MINUTE="1000").start()
    services = open_services(settings(articles, server.data))
    try:
        mia = person(roles=frozenset({Role.SUPERVISOR}))
        services.staff.add(mia, PASSWORD, services.clock())
        number = services.staff.everybody()[0].id
        _, secret = services.api_tokens.make(None, "examples", tuple(Scope)[:5], number, services.clock())
        yield Examples(server, secret, folder)
    finally:
        services.close()
        server.kill()


def test_every_example_is_run_by_a_test() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")

    assert [name for name in NAMES if f'run("{name}"' not in tests] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_has_each_example_as_it_runs(name: str) -> None:
    language = "sh" if name.endswith(".sh") else "python"
    code = (EXAMPLES / name).read_text(encoding="utf-8").strip()

    assert f"```{language}\n{code}\n```" in DOCUMENT.read_text(encoding="utf-8")


def test_searching(examples: Examples) -> None:
    found = json.loads(examples.run("search.sh", "printer offline"))
    assert found["results"][0]["slug"] == "printer-offline"
    assert json.loads(examples.run("suggest.sh", "pass"))["items"][0]["slug"] == "reset-password"

    printed = examples.run("search.py", "vergessenes passwort", "de")
    assert printed.startswith("Vergessenes Passwort zurücksetzen\n  http://127.0.0.1")
    assert "[en] Connect to the VPN" in examples.run("search.py", "tunnel", "de")
    assert re.search(r"support has been told \(#\d+\)", examples.run("search.py", "flux capacitor"))


def test_articles_are_read_once_until_they_change(examples: Examples) -> None:
    assert examples.run("article.sh", "de", "reset-password") == "200\n"
    assert examples.run("article.sh", "de", "reset-password") == "304\n"
    kept = json.loads((examples.folder / "reset-password.de.json").read_text(encoding="utf-8"))
    assert kept["title"] == "Vergessenes Passwort zurücksetzen"

    copied = str(examples.folder / "copy")
    assert examples.run("copy_articles.py", copied) == "7 articles, 7 read, 0 removed\n"
    (examples.folder / "copy" / "en" / "gone.json").write_text("{}", encoding="utf-8")
    assert examples.run("copy_articles.py", copied) == "7 articles, 0 read, 1 removed\n"


def test_an_opinion(examples: Examples) -> None:
    assert examples.run("feedback.sh", "en", "reset-password") == "204\n"


def test_requests_are_sent_once_and_followed(examples: Examples) -> None:
    first, again = (json.loads(examples.run("request.sh")) for _ in range(2))
    assert first == again
    assert first["status"] == "new"

    printed = examples.run("request.py").splitlines()
    assert re.fullmatch(r"#\d+: We have received your request\..*", printed[0])
    assert [line.partition(": ")[2] for line in printed[1:]] == [
        "97 per cent of /srv are used.", "It is 99 per cent by now.",
    ]  # fmt: skip


def test_tickets_are_followed_and_worked_on(examples: Examples) -> None:
    number = str(json.loads(examples.run("request.sh"))["number"])
    changed = examples.run("follow_tickets.py", "2020-01-01T00:00:00Z").splitlines()
    assert f"#{number} new: Disk 7 is nearly full" in changed

    noted = json.loads(examples.run("note.sh", number, "The disk was replaced."))
    assert noted["history"][-1]["text"] == "The disk was replaced."
    assert examples.run("answer_ticket.py", number, "Done.") == f"#{number} open, Mia Lindt: Done.\n"
    since = changed[-1].removeprefix("next: ")
    assert f"#{number} open: Disk 7 is nearly full" in examples.run("follow_tickets.py", since)


def test_gaps_and_figures(examples: Examples) -> None:
    assert set(json.loads(examples.run("gaps.sh"))) == {"items", "next"}
    figures = json.loads(examples.run("metrics.sh"))
    assert [each["key"] for each in figures["metrics"]] == ["zero_result_rate", "search_success"]

    table = list(csv.DictReader(io.StringIO(examples.run("metrics.py"))))
    assert len(table) == 30 * len(METRICS)
    assert {row["unit"] for row in table} == set(Unit)
