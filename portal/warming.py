"""A process that serves has at hand what its first readers would wait for, and does not look through it again."""

import contextlib
import gc
import threading

from sqlalchemy.exc import SQLAlchemyError

from portal.catalogues import catalogue
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


def share() -> None:
    """Before workers are forked, read the product's texts for all of them, and settle."""
    for code in CODES:
        with contextlib.suppress(OSError):  # Whoever needs them says so.
            catalogue(code)
    settle()


def _settle_anew() -> None:
    """Settle when articles that stayed are gone: once, what is passed over must be looked through."""
    gc.unfreeze()
    settle()


def start(editions: Editions) -> None:
    """Open the index in the background, and settle then, and whenever other articles have taken their place."""
    editions.settle = _settle_anew
    threading.Thread(target=_warm, args=(editions,), name="warming", daemon=True).start()


def _warm(editions: Editions) -> None:
    """Search once in every language, as far as that is possible; whoever searches in vain is told, and so is the log."""
    with contextlib.suppress(SearchUnavailable, SQLAlchemyError):
        ready(editions.current())
    settle()
