"""A process that serves has at hand what its first readers would wait for, and does not look through it again."""

import contextlib
import gc
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from portal.catalogues import catalogue, keep
from portal.edition import Editions
from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.selfservice import ready


def settle() -> None:
    """Collect garbage once, and let later collections pass over what stays.

    To look through all articles takes a tenth of a second, in which nobody is answered; and it would write to every
    page of the memory that processes have in common, which each would then have for itself.
    """
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Do not look for garbage while what stays is read: hardly anything is, and to look takes a third of the time."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


def share(data: Path) -> None:
    """Before workers are forked, read the product's texts for all of them, and let collections pass over what is there.

    Args:
        data: instance folder, in which compiled texts are kept.
    """
    with contextlib.suppress(OSError):  # Whoever needs them says so.
        keep(data / "catalogues")
        for code in CODES:
            catalogue(code)
    gc.freeze()


def _settle_anew() -> None:
    """Settle when articles that stayed are gone: once, what is passed over must be looked through."""
    gc.unfreeze()
    settle()


def start(editions: Editions) -> threading.Thread:
    """Open the index in the background, and settle then, and whenever other articles have taken their place.

    Returns:
        What does it.
    """
    editions.settle = _settle_anew
    thread = threading.Thread(target=_warm, args=(editions,), name="warming", daemon=True)
    thread.start()
    return thread


def _warm(editions: Editions) -> None:
    """Search once in every language, as far as that is possible; whoever searches in vain is told, and so is the log."""
    with contextlib.suppress(SearchUnavailable, SQLAlchemyError):
        ready(editions.current())
    settle()
