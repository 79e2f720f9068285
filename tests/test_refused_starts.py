"""What keeps `portal serve` from starting is one sentence, which says what to do."""

import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import write_library
from tests.serving import Server, free_port, portal

pytestmark = pytest.mark.server
Start = Callable[..., Server]


def _refused(*options: str, **environment: str) -> str:
    """Start with what cannot work; the one sentence that the operator reads."""
    result = portal("serve", *options, **environment)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr + result.stdout
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.reads
def test_a_taken_port_is_one_sentence(library_folder: Path, tmp_path: Path) -> None:
    """Which address, why, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        sentence = _refused("--port", port, "--articles", str(library_folder), "--data", str(tmp_path / "var"))

    assert (
        sentence
        == f"portal: Cannot listen on 127.0.0.1, port {port}: address already in use. Choose another with --port."
    )


@pytest.mark.reads
def test_folders_that_cannot_be_used_are_one_sentence(library_folder: Path, tmp_path: Path) -> None:
    """A missing folder, one without languages, and an instance folder that is a file."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    port = ("--port", str(free_port()))
    data = ("--data", str(tmp_path / "var"))

    missing = _refused("--articles", str(tmp_path / "no"), *data, *port)
    empty = _refused("--articles", str(tmp_path / "empty"), *data, *port)
    unwritable = _refused("--articles", str(library_folder), "--data", str(tmp_path / "file"), *port)

    assert missing == f"portal: The folder of the articles, {tmp_path / 'no'}, does not exist."
    assert "has none of the folders en, fr, de, ru" in empty
    assert unwritable == f"portal: The instance folder {tmp_path / 'file'} cannot be written: File exists."


@pytest.mark.reads
def test_a_folder_without_the_right_to_write_is_one_sentence(library_folder: Path, tmp_path: Path) -> None:
    """Permission denied, said plainly; root is asked on a file system that nobody can write."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    target = Path("/proc/portal-var") if os.geteuid() == 0 else folder / "var"

    sentence = _refused("--articles", str(library_folder), "--data", str(target), "--port", str(free_port()))

    assert sentence.startswith(f"portal: The instance folder {target} cannot be written:")


def test_a_database_that_does_not_answer_is_one_sentence(library_folder: Path, tmp_path: Path) -> None:
    """The address is named without its password."""
    url = f"postgresql+psycopg://portal:secret@127.0.0.1:{free_port()}/portal"

    options = ("--articles", str(library_folder), "--data", str(tmp_path / "var"), "--port", str(free_port()))

    sentence = _refused(*options, PORTAL_DATABASE_URL=url)

    assert "does not answer" in sentence
    assert "secret" not in sentence


@pytest.mark.sqlite
def test_a_database_that_is_none_is_one_sentence(library_folder: Path, tmp_path: Path) -> None:
    """A damaged file, and one that a newer version made."""
    damaged, newer = tmp_path / "damaged", tmp_path / "newer"
    options = ("--articles", str(library_folder), "--port", str(free_port()))
    damaged.mkdir()
    (damaged / "portal.db").write_bytes(b"no database" * 1000)
    portal("db", "migrate", "--data", str(newer))
    with sqlite3.connect(newer / "portal.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    assert "does not answer: file is not a database." in _refused(*options, "--data", str(damaged))
    assert "was made by another version of the portal" in _refused(*options, "--data", str(newer))


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("PORTAL_PORT", "eighty", "a whole number from 1 to 65535"),
        ("PORTAL_DEFAULT_LANGUAGE", "es", "one of en, fr, de, ru"),
        ("PORTAL_DATABASE_URL", "mysql://x", "sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"),
        ("PORTAL_TIME_ZONE", "Mars/Base", "the name of a time zone, such as Europe/Berlin"),
    ],
)
def test_a_wrong_setting_stops_the_start(variable: str, value: str, allowed: str) -> None:
    """Its name, the value, what is allowed."""
    assert _refused(**{variable: value}) == f"portal: {variable} is {value!r}; allowed is {allowed}."


@pytest.mark.reads
def test_one_instance_folder_serves_one_folder_of_articles(serve: Start, library_folder: Path, tmp_path: Path) -> None:
    """A second portal with other articles is refused; with the same ones it runs beside the first."""
    first = serve(articles=library_folder).start()
    other = write_library(tmp_path / "other")

    sentence = _refused("--articles", str(other), "--data", str(first.data), "--port", str(free_port()))
    second = serve(articles=library_folder, data=first.data).start()
    first.kill()
    second.kill()
    changed = serve(articles=other, data=first.data).start()

    assert sentence.startswith(f"portal: Another portal serves {library_folder} from the instance folder")
    assert changed.get("/en/articles/reset-password")[0] == 200
