"""What stands of a ticket's history, and what its author has taken back or is doing twice."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from portal.tickets import Action, Event

#: What an agent can take back as long as its mail waits.
RETRACTABLE = frozenset({Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE, Action.SOLVE_WITH})
#: What an event calls the number of the form that it came from.
FORM = "form"
#: The same once more by the same person within this time is a second press of the button.
SECOND_PRESS = timedelta(seconds=10)


def retracted(events: Sequence[Event]) -> frozenset[int]:
    """The positions of what was taken back: each `RETRACT` takes back the last message of the staff before it."""
    gone: set[int] = set()
    sent: list[int] = []
    for position, event in enumerate(events):
        if event.action in RETRACTABLE and event.actor.person_id is not None:
            sent.append(position)
        elif event.action is Action.RETRACT and sent:
            gone.add(sent.pop())
    return frozenset(gone)


def standing(events: Sequence[Event]) -> list[Event]:
    """The events that still count: without what was taken back, and without the taking back."""
    gone = retracted(events)
    return [
        event for position, event in enumerate(events) if position not in gone and event.action is not Action.RETRACT
    ]


def is_second_press(events: Sequence[Event], person_id: int, action: Action, text: str, now: datetime) -> bool:
    """Whether the last thing that somebody did is what they are about to do, seconds ago.

    The times of two presses may be in either order: the one that waited for the other may have been first.
    """
    last = next((event for event in reversed(events) if event.actor.person_id == person_id), None)
    if last is None:
        return False
    return (last.action, last.text) == (action, text.strip()) and abs(now - last.at) <= SECOND_PRESS


def is_sent_again(
    events: Sequence[Event], person_id: int | None, actions: Collection[Action], text: str, form: str
) -> bool:
    """Whether the same form with the same text was sent before, however long ago; not where it was taken back since.

    Args:
        events: the whole history.
        person_id: who sends it; None of a requester.
        actions: any of which it may have been.
        text: as it would be kept.
        form: number of the form; without one nobody can tell.
    """
    return bool(form) and any(
        event.details.get(FORM) == form
        and event.actor.person_id == person_id
        and event.action in actions
        and event.text == text
        for event in standing(events)
    )
