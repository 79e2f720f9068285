"""What was sent a moment ago is taken back, or has left: never half of each."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk.drafting import Drafting
from portal.desk.merging import Merging
from portal.desk.posting import Posting
from portal.errors import TransitionRefused
from portal.histories import RETRACTABLE, retracted, standing
from portal.letters import Letters
from portal.lifecycle import apply
from portal.storage import Database
from portal.storage import tickets as store
from portal.tickets import SYSTEM, Action, Actor, Event, Kind, Resolution, Status
from tests.builders import NOW
from tests.working import at, claimed, desk, found, hire, history, opened, posted

MIA, LEA = Actor(1, "Mia Lindt"), Actor(None, "Léa Martin")


@pytest.mark.parametrize("status", [Status.NEW, Status.OPEN, Status.WAITING_REQUESTER, Status.PLANNED])
@pytest.mark.parametrize("action", [Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE])
def test_taking_back_undoes_everything(database: Database, action: Action, status: Status) -> None:
    """Status and solution are as before, no mail leaves, the text is the draft again, and the history tells both."""
    mia, number = hire(database), opened(database, status=status)
    before = found(database, number)

    desk(database).work(mia, number, action, at(1), text="Ёлка, à bientôt!", resolution=Resolution.ANSWERED)
    after, text = desk(database).retract(mia, number, at(11))

    assert after == found(database, number) == replace(before, version=3, updated_at=at(11))
    assert (text, Drafting(database).of(mia.id, number)) == ("Ёлка, à bientôt!", {"reply": "Ёлка, à bientôt!"})
    assert (posted(database, number), claimed(database, at(3600))) == ([], False)
    sent, back = history(database, number)
    assert (back.action, back.after, back.is_public) == (Action.RETRACT, status, False)
    assert back.details == {"version": "2", "action": action.value}
    assert (sent.text, standing([sent, back])) == ("Ёлка, à bientôt!", [])


def test_what_was_taken_back_can_be_sent_anew(database: Database) -> None:
    """The same words at once are no second press, and their mail leaves."""
    mia, number = hire(database), opened(database)

    for seconds in (0, 2, 4):
        desk(database).work(mia, number, Action.REPLY, at(seconds), text="Hello")
        desk(database).retract(mia, number, at(seconds + 1))
    desk(database).work(mia, number, Action.REPLY, at(6), text="Hello")

    assert [event.action for event in history(database, number)] == [Action.REPLY, Action.RETRACT] * 3 + [Action.REPLY]
    assert [event.at for event in standing(history(database, number))] == [at(6)]
    assert (posted(database, number), claimed(database, at(16))) == (["waiting"], True)


def test_too_late(database: Database) -> None:
    """After ten seconds, or once a sender has the mail, it stays sent."""
    mia, slow, taken = hire(database), opened(database), opened(database)
    for number in (slow, taken):
        desk(database).work(mia, number, Action.REPLY, NOW, text="Hello")

    with pytest.raises(TransitionRefused):
        desk(database).retract(mia, slow, at(10.5))
    assert claimed(database, at(10))
    assert claimed(database, at(10))
    with pytest.raises(TransitionRefused):
        desk(database).retract(mia, taken, at(10))

    assert [event.action for event in history(database, taken)] == [Action.REPLY]
    assert (posted(database, slow), posted(database, taken)) == (["waiting"], ["waiting"])


def test_only_the_last_word_and_only_ones_own(database: Database) -> None:
    """A note, a colleague's reply, an earlier reply, an untouched ticket and a gap: nothing to take back."""
    mia, boris = hire(database), hire(database, "Boris Orlow")
    answered, noted, gone_on = opened(database), opened(database), opened(database)
    fresh, gap = opened(database), opened(database, kind=Kind.GAP)
    desk(database).work(mia, answered, Action.REPLY, NOW, text="Hello")
    desk(database).work(mia, noted, Action.NOTE, NOW, text="Hello")
    desk(database).work(mia, gone_on, Action.REPLY, NOW, text="Hello")
    desk(database).work(boris, gone_on, Action.NOTE, NOW, text="Hm")

    for who, number in ((boris, answered), (mia, noted), (mia, gone_on), (boris, gone_on), (mia, fresh), (mia, gap)):
        with pytest.raises(TransitionRefused):
            desk(database).retract(who, number, NOW)

    assert posted(database, gone_on) == ["waiting"]


def test_twice_is_once(database: Database) -> None:
    """A second press of the button is refused and takes nothing else back."""
    mia, number = hire(database), opened(database)
    desk(database).work(mia, number, Action.REPLY, NOW, text="First")
    desk(database).work(mia, number, Action.REPLY, at(1), text="Second")

    desk(database).retract(mia, number, at(2))
    with pytest.raises(TransitionRefused):
        desk(database).retract(mia, number, at(2))

    assert [event.text for event in standing(history(database, number))] == ["First"]
    assert posted(database, number) == ["waiting"]


def test_after_the_requester_has_written_it_stays(database: Database) -> None:
    """They have read it on their page."""
    mia, number = hire(database), opened(database)
    desk(database).work(mia, number, Action.SOLVE, NOW, text="Done", resolution=Resolution.ANSWERED)
    with database.write() as connection:
        changed, event = apply(store.get(connection, number), Action.REQUESTER_REPLY, at(1), LEA, "No!")
        store.save(connection, changed)
        store.record(connection, number, event)

    with pytest.raises(TransitionRefused):
        desk(database).retract(mia, number, at(2))

    assert found(database, number).status is Status.OPEN


def test_what_was_solved_with_it_is_a_duplicate_again(database: Database) -> None:
    """Nobody is mailed a solution that was taken back."""
    mia, number, other = hire(database), opened(database), opened(database)
    posting = Posting(Letters("https://help.example.org", "Help", "UTC"), "help.example.org")
    Merging(database, posting).merge(mia, other, number, NOW)

    desk(database).work(mia, number, Action.SOLVE, at(1), text="Restart it.", resolution=Resolution.ANSWERED)
    solved = found(database, other).status
    desk(database).retract(mia, number, at(2))

    assert (solved, found(database, other).status) == (Status.SOLVED, Status.DUPLICATE)
    assert posted(database, number) == posted(database, other) == []


#: What a history can be made of: by the staff, the requester and the system.
EVENTS = st.lists(
    st.builds(
        Event,
        st.just(NOW),
        st.sampled_from([*sorted(RETRACTABLE), Action.NOTE, Action.REQUESTER_REPLY, Action.TELL, Action.RETRACT]),
        st.sampled_from([MIA, LEA, SYSTEM]),
        st.just(Status.OPEN),
        st.just(Status.OPEN),
        st.text(max_size=3),
    ),
    max_size=12,
)


@given(EVENTS)
def test_what_stands_is_what_was_and_in_order(events: list[Event]) -> None:
    """Each taking back removes one message of the staff before it at most; everything else stays where it was."""
    gone = retracted(events)
    rest = standing(events)

    backs = [position for position, event in enumerate(events) if event.action is Action.RETRACT]
    assert len(gone) <= len(backs)
    assert all(events[position].action in RETRACTABLE and events[position].actor is MIA for position in gone)
    assert all(any(back > position for back in backs) for position in gone)
    assert rest == [event for n, event in enumerate(events) if n not in gone and n not in backs]
    assert standing(rest) == rest
