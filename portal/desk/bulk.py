"""The same done to many tickets: each for itself, and one that cannot be done stops no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from portal.errors import AlreadyTaken, InvalidInput, NotFound, StaleTicket, TransitionRefused

#: How many tickets can be worked on at once.
MOST = 200


@dataclass(frozen=True)
class Outcome:
    """What became of one ticket."""

    number: int
    ok: bool
    #: Why not: `not_found`, `taken`, `refused`, `stale`, `unavailable` (the database did not answer), or a field and
    #: its code such as `tier:invalid`; empty where it was done.
    code: str = ""


def each(numbers: Sequence[int], do: Callable[[int], object]) -> list[Outcome]:
    """Do something to each of some tickets, in their order and to each once.

    Raises:
        InvalidInput: `numbers` are `missing` or `too_many`.
    """
    if not numbers:
        raise InvalidInput("numbers", "missing")
    if len(numbers) > MOST:
        raise InvalidInput("numbers", "too_many")
    return [_outcome(number, do) for number in dict.fromkeys(numbers)]


def _outcome(number: int, do: Callable[[int], object]) -> Outcome:
    """Do it to one."""
    try:
        do(number)
    except InvalidInput as error:
        return Outcome(number, ok=False, code=f"{error.field}:{error.code}")
    except NotFound:
        return Outcome(number, ok=False, code="not_found")
    except AlreadyTaken:
        return Outcome(number, ok=False, code="taken")
    except TransitionRefused:
        return Outcome(number, ok=False, code="refused")
    except StaleTicket:
        return Outcome(number, ok=False, code="stale")
    except OperationalError:
        return Outcome(number, ok=False, code="unavailable")
    return Outcome(number, ok=True)
