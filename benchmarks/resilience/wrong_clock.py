"""`portal` with a clock that is wrong by as many seconds as a file says: the arguments are the file, and the portal's."""

import datetime as dt
import sys
import time
from pathlib import Path
from typing import Any

#: How often the file is read, in seconds.
LOOK_EVERY = 0.2

_FILE = Path(sys.argv.pop(1)) if __name__ == "__main__" else Path()
_datetime, _time = dt.datetime, time.time
_known = [0.0, 0.0]


def wrong_by() -> float:
    """By how many seconds the clock is wrong at present."""
    moment = time.monotonic()
    if moment > _known[0]:
        _known[:] = moment + LOOK_EVERY, float(_FILE.read_text(encoding="ascii"))
    return _known[1]


class _Kind(type):
    """Every moment counts as one of the wrong clock's."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _datetime)


class Wrong(dt.datetime, metaclass=_Kind):
    """Moments of the wrong clock."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        """The present moment, as the clock has it."""
        return _datetime.now(tz) + dt.timedelta(seconds=wrong_by())


if __name__ == "__main__":
    dt.datetime = Wrong  # type: ignore[misc]
    time.time = lambda: _time() + wrong_by()
    from portal.cli import main

    main()
