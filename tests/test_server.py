"""`portal serve` as an operator starts, stops, reloads and kills it."""

import os
import re
import signal
import socket
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.balancing import until
from tests.builders import write_article, write_library
from tests.needs import REPOSITORY
from tests.serving import Server, portal

pytestmark = pytest.mark.server
Start = Callable[..., Server]


def test_a_first_start_prepares_everything_and_tells_what_to_do_next(serve: Start, library_folder: Path) -> None:
    """Addresses, articles per language, the next step; folder and key are the owner's alone."""
    server = serve(articles=library_folder).start(is_new=True)

    log = server.log.read_text()

    assert "English 3, Français 1, Deutsch 2, Русский 1" in log
    assert all(f"{server.url}/{code}/" in log for code in ("en", "fr", "de", "ru"))
    assert "portal staff add" in log
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data / "secret.key").stat().st_mode) == 0o600
    assert server.get("/de/search?q=Drucker")[0] == 200


@pytest.mark.reads
def test_a_second_start_reads_nothing_and_keeps_the_key(serve: Start, library_folder: Path) -> None:
    """Nothing has changed, nothing is done again."""
    first = serve(articles=library_folder, PORTAL_DRAIN_SECONDS="1").start()
    key = (first.data / "secret.key").read_bytes()
    first.signal(signal.SIGTERM)
    assert first.wait() == 0

    second = serve(articles=library_folder, data=first.data).start()

    assert "Index      up to date" in second.log.read_text()
    assert (first.data / "secret.key").read_bytes() == key


def test_a_portal_that_is_to_end_says_so_first_and_fails_nobody(serve: Start, library_folder: Path) -> None:
    """A load balancer that asks for health turns away in time; until then everybody is served. Told twice, it ends."""
    server = serve(articles=library_folder, PORTAL_DRAIN_SECONDS="300", PORTAL_WORKERS="2").start()

    server.signal(signal.SIGTERM)
    until(lambda: server.get("/readyz") == (503, '{"portal":"ending"}\n'), "nobody was told")
    asked = [server.get("/en/search?q=password")[0] for _ in range(20)]
    alive = server.get("/healthz")[0]
    server.signal(signal.SIGTERM)

    assert asked == [200] * 20
    assert alive == 200
    assert server.wait() == 0
    assert "ending in 300 s" in server.log.read_text()


@pytest.mark.reads
def test_a_saved_article_is_findable_without_a_restart(serve: Start, library_folder: Path) -> None:
    """In every worker; a removed one is gone."""
    server = serve(articles=library_folder, PORTAL_WORKERS="2").start()

    path = write_article(library_folder, "fr", "imprimante", "L’imprimante zyxomatique", "Le tambour est vide.")
    server.wait_for("/fr/search?q=zyxomatique", "/fr/articles/imprimante")
    # The workers look for themselves, four times a second; none is to lag behind.
    end = time.monotonic() + 30
    while (pages := [server.get("/fr/articles/imprimante")[0] for _ in range(20)]) != [200] * 20:
        assert time.monotonic() < end
    path.unlink()
    server.wait_for("/fr/articles/imprimante", "404")

    assert pages == [200] * 20


@pytest.mark.reads
def test_the_watch_passes_on_when_its_worker_is_killed(serve: Start, library_folder: Path) -> None:
    """Another worker takes over; saved articles go on appearing."""
    server = serve(articles=library_folder, PORTAL_WORKERS="2").start()
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)

    write_article(library_folder, "en", "new-one", "About zyxomats", "They turn.")

    assert server.wait_for("/en/search?q=zyxomats", "/en/articles/new-one", 50) < 50


def test_sighup_starts_the_workers_anew_and_loses_no_request(serve: Start, library_folder: Path) -> None:
    """While requests come in, every one is answered."""
    server = serve(articles=library_folder).start()
    statuses: list[int] = []

    def ask() -> None:
        for _ in range(40):
            statuses.append(server.get("/en/articles/reset-password")[0])
            time.sleep(0.02)

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        time.sleep(0.2)
        server.signal(signal.SIGHUP)
        for future in asking:
            future.result()

    assert statuses == [200] * 120


def test_sigkill_loses_nothing_that_was_acknowledged(serve: Start, library_folder: Path) -> None:
    """Gaps that a page has spoken of are there after the next start, however the server ended."""
    server = serve(articles=library_folder).start()
    acknowledged = []
    for number in range(10):
        status, page = server.get(f"/en/search?q=zyxomat{number}")
        assert status == 200
        assert "has been told" in page
        acknowledged.append(f"zyxomat{number}")
    server.kill()

    again = serve(articles=library_folder, data=server.data).start()
    listed = portal("tickets", "list", "--data", str(again.data), "--articles", str(library_folder)).stdout

    assert all(query in listed for query in acknowledged)


@pytest.mark.parametrize("milliseconds", [100, 400, 700, 1000, 1400])
def test_a_kill_during_the_first_start_is_no_harm(milliseconds: int, serve: Start, library_folder: Path) -> None:
    """Whatever was half done, the next start works."""
    server = serve(articles=library_folder).launch(is_new=True)
    time.sleep(milliseconds / 1000)
    server.kill()

    again = serve(articles=library_folder, data=server.data).start()

    assert "/ru/articles/reset-password" in again.get("/ru/search?q=%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C")[1]


@pytest.mark.reads
def test_a_broken_index_is_rebuilt_at_start_and_reported(serve: Start, library_folder: Path) -> None:
    """The operator reads why, readers find everything."""
    server = serve(articles=library_folder).start()
    server.kill()
    for path in (server.data / "index").glob("*/de/*.seg"):
        path.write_bytes(b"rubbish")

    again = serve(articles=library_folder, data=server.data).start()

    assert re.search(r"made anew: .*damaged", again.log.read_text())
    assert "printer-offline" in again.get("/de/search?q=Drucker")[1]


@pytest.mark.reads
def test_articles_with_errors_are_listed_and_left_out(serve: Start, library_folder: Path) -> None:
    """With path and line; the rest is served."""
    write_article(library_folder, "en", "wrong", colour="blue")

    server = serve(articles=library_folder).start()

    assert "en/wrong.md:5: error unknown-key" in server.log.read_text()
    assert "(1 left out" in server.log.read_text()
    assert server.get("/en/articles/wrong")[0] == 404
    assert server.get("/en/articles/reset-password")[0] == 200


@pytest.mark.reads
def test_what_cannot_even_be_read_is_answered_in_four_languages(serve: Start, library_folder: Path) -> None:
    """An address of 100,000 characters never reaches the application; its sender is told all the same."""
    server = serve(articles=library_folder).start()

    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(b"GET /de/search?q=" + b"zyxomat" * 15_000)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk

    text = answer.decode()
    assert text.startswith("HTTP/1.1 414 ")
    assert all(f'lang="{code}"' in text for code in ("en", "fr", "de", "ru"))
    assert "zyxomat" not in server.log.read_text()


@pytest.mark.reads
def test_clients_that_say_nothing_do_not_stop_the_others(serve: Start, library_folder: Path) -> None:
    """Half a request holds a thread for a few seconds, not for ever."""
    server = serve(articles=library_folder, PORTAL_WORKERS="2", PORTAL_THREADS="2").start()
    silent = []
    for number in range(6):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(
            b"GET /en/ HTTP/1.1\r\nHost: local" if number % 2 else b"POST /en/ HTTP/1.1\r\nContent-Length: 9\r\n\r\na"
        )
        silent.append(client)

    took = server.wait_for("/healthz", "ok", 45)
    for client in silent:
        client.close()

    assert took < 40
    assert "Traceback" not in server.log.read_text()


def test_logs_hold_no_query(serve: Start, library_folder: Path) -> None:
    """Neither a search that is answered nor one that is not."""
    server = serve(articles=library_folder).start()

    server.get("/en/search?q=zyxomat-secret")
    server.get("/en/search?q=password&page=notanumber")
    server.signal(signal.SIGTERM)
    server.wait()

    assert "zyxomat" not in server.log.read_text()


def test_two_workers_open_one_gap_at_once(serve: Start, library_folder: Path) -> None:
    """Twenty-four searches at the same time: one ticket, twenty-four occurrences."""
    server = serve(articles=library_folder, PORTAL_WORKERS="2").start()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: server.get("/en/search?q=zyxomat")[0], range(24)))
    options = ("--data", str(server.data), "--articles", str(library_folder))
    # What no transaction was free for is counted a second later.
    until(lambda: '"occurrences": 24' in portal("tickets", "list", "--json", *options).stdout, "not all are counted")
    listed = portal("tickets", "list", "--json", *options).stdout

    assert statuses == [200] * 24
    assert listed.count('"number"') == 1
    assert '"occurrences": 24' in listed


@pytest.mark.reads
def test_dev_shows_changed_code(serve: Start, tmp_path: Path) -> None:
    """`PORTAL_DEV` is the option `--dev`: one worker, and a saved module starts it anew."""
    server = serve(articles=write_library(tmp_path / "more"), PORTAL_DEV="yes").start()
    module = REPOSITORY / "portal" / "web" / "labels.py"

    module.touch()
    until(lambda: server.log.read_text().count("Next ") >= 2, "it was not started anew")

    assert server.log.read_text().count("Next ") == 2
    server.wait_for("/en/", "<html")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
