"""What is read again and again is kept for a while, and for longer where the database does not answer."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

_Value = TypeVar("_Value")


class Kept(Generic[_Value]):
    """A value that is read anew after some time, by one thread; safe to use from several.

    Args:
        first: given until something has been read.
        every: how long it is kept, in seconds.
        clock: seconds that only grow.
    """

    def __init__(self, first: _Value, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._value = first
        self._every = every
        self._clock = clock
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def get(self, read: Callable[[], _Value]) -> _Value:
        """The value, read anew where it is too old.

        Where the database does not answer, the last one is given: nobody's page fails for the want of it.
        """
        if self._clock() - self._read_at > self._every and self._reading.acquire(blocking=False):
            try:
                self._value = read()
            except SQLAlchemyError:
                pass
            finally:
                self._read_at = self._clock()
                self._reading.release()
        return self._value
