"""Work that a page may not wait for long: done by one thread aside, and kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextvars import copy_context
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: How long a page waits, in seconds; it asks again by itself.
PATIENCE = 1.5
#: Results that are kept.
KEPT = 64


class Aside(Generic[Key, Value]):
    """Makes values one after the other, whoever asks for them, and keeps the last ones.

    Args:
        name: of the thread.
        make: gives the value of a key; may raise whatever `get` is to raise.
    """

    def __init__(self, name: str, make: Callable[[Key], Value]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Future[Value]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, name)

    def get(self, key: Key) -> Value | None:
        """The value of a key; None where it takes longer than a page can wait."""
        with self._lock:
            if (future := self._kept.get(key)) is None:
                future = self._kept[key] = self._thread.submit(copy_context().run, self._make, key)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)[1].cancel()
        try:
            return future.result(PATIENCE)
        except (NotYet, CancelledError):
            return None
        except Exception:
            with self._lock:
                if self._kept.get(key) is future:
                    del self._kept[key]  # The next one who asks finds out anew.
            raise
