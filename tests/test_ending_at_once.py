"""A worker that ends while it still answers: what it is asked meanwhile is written down, and nothing else is."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from gunicorn.workers.gthread import PollableMethodQueue, ThreadWorker
from sqlalchemy import select

from portal.services import Services
from portal.storage.schema import search_events, tickets
from portal.workers import Worker, ends


def test_what_is_answered_after_the_end_began_is_written(app: Flask, portal_services: Services) -> None:
    """A search in vain that takes longer than the first writing; one that nobody has begun with is not waited for."""
    begun, closed = threading.Event(), threading.Event()
    close = portal_services.journal.close
    pool = ThreadPoolExecutor(1)

    def close_and_tell() -> None:
        close()
        closed.set()

    def search(words: str) -> int:
        begun.set()
        closed.wait(30)
        return app.test_client().get(f"/en/search?q={words}").status_code

    portal_services.journal.close = close_and_tell  # type: ignore[method-assign]
    answered, waiting = pool.submit(search, "zyxolate"), pool.submit(search, "zyxonever")
    begun.wait(30)
    ends(None, SimpleNamespace(wsgi=app, tpool=pool))

    assert answered.result() == 200
    assert waiting.cancelled()
    with portal_services.database.read() as connection:
        assert list(connection.scalars(select(search_events.c.query))) == ["zyxolate"]
        assert list(connection.scalars(select(tickets.c.query))) == ["zyxolate"]


def test_a_thread_that_ends_late_writes_into_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe by which it would wake its worker is closed, and files that are opened get its numbers."""
    monkeypatch.setattr(ThreadWorker, "run", lambda worker: worker.method_queue.close())
    worker = Worker.__new__(Worker)
    worker.method_queue = PollableMethodQueue()
    worker.method_queue.init()

    worker.run()
    with (tmp_path / "a").open("w+b") as first, (tmp_path / "b").open("w+b") as second:
        worker.method_queue.defer(lambda: None)
        assert (first.read(), second.read()) == (b"", b"")
        assert {path.stat().st_size for path in tmp_path.iterdir()} == {0}
    worker.method_queue.close()
