"""A worker that ends while it still answers: what it is asked meanwhile is written down, too."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from flask import Flask
from sqlalchemy import select

from portal.server import _worker_exit
from portal.services import Services
from portal.storage.schema import search_events, tickets


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
    _worker_exit(None, SimpleNamespace(wsgi=app, tpool=pool))

    assert answered.result() == 200
    assert waiting.cancelled()
    with portal_services.database.read() as connection:
        assert list(connection.scalars(select(search_events.c.query))) == ["zyxolate"]
        assert list(connection.scalars(select(tickets.c.query))) == ["zyxolate"]
