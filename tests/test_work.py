"""Agents at work: second presses, classifying, passing on, giving, inviting."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.desk.work import Desk
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket, TransitionRefused
from portal.organisation import Tier
from portal.people import Person, Role
from portal.storage import Database, swarm
from portal.storage import organisation as organisation_store
from portal.tickets import PRIORITY, Action, Kind, Resolution, Status
from tests.builders import NOW
from tests.working import at, desk, found, hire, history, opened, posted, told

A = Resolution.ANSWERED


def in_use(database: Database, number: int, is_active: bool) -> None:
    """Take a tier into use or out of it."""
    with database.write() as connection:
        tier = organisation_store.get(connection, Tier, number)
        organisation_store.save(connection, Tier(**{**vars(tier), "is_active": is_active}))


@pytest.mark.parametrize("action", [Action.REPLY, Action.ASK_REQUESTER, Action.NOTE, Action.SOLVE])
def test_a_second_press_within_seconds_changes_nothing(database: Database, action: Action) -> None:
    """One event and one mail, also with the version of the page that was open; what comes later is another."""
    mia, number = hire(database), opened(database, status=Status.OPEN)

    def press(seconds: float, text: str = "Restart it.") -> Any:
        return desk(database).work(mia, number, action, at(seconds), version=1, text=text, resolution=A)

    first = press(1)
    again = [press(seconds, " Restart it.\n") for seconds in (0, 1, 11)]
    with pytest.raises((StaleTicket, TransitionRefused)):
        press(2, "Restart it twice.")
    with pytest.raises((StaleTicket, TransitionRefused)):
        press(11.5)

    assert [each.version for each in [first, *again]] == [2, 2, 2, 2]
    assert [event.action for event in history(database, number)] == [action]
    assert len(posted(database, number)) == (action is not Action.NOTE)


def test_the_same_words_of_two_agents_are_two_notes(database: Database) -> None:
    """Nobody's note is taken for a colleague's second press."""
    mia, boris, number = hire(database), hire(database, "Boris Orlow"), opened(database)

    for who in (mia, boris, mia):
        desk(database).work(who, number, Action.NOTE, NOW, text="Called back.")

    assert [event.actor.name for event in history(database, number)] == ["Mia Lindt", "Boris Orlow"]


@pytest.mark.parametrize("action", [Action.ESCALATE, Action.ASSIGN, Action.RATE, Action.OPENED, Action.RETRACT])
def test_what_has_a_use_case_of_its_own_is_no_plain_action(database: Database, action: Action) -> None:
    """An escalation without a tier, or a rating by an agent, is refused."""
    mia, number = hire(database), opened(database, status=Status.OPEN)

    with pytest.raises(TransitionRefused):
        desk(database).work(mia, number, action, NOW, text="x")

    assert found(database, number).version == 1


DEEDS: dict[str, Callable[[Desk, Person, int], object]] = {
    "work": lambda d, who, n: d.work(who, n, Action.TAKE, NOW),
    "classify": lambda d, who, n: d.classify(who, n, NOW, urgency=5),
    "escalate": lambda d, who, n: d.escalate(who, n, 2, "Why", NOW),
    "assign": lambda d, who, n: d.assign(who, n, who.id, NOW),
    "next": lambda d, who, _: d.next_ticket(who, NOW),
    "swarm": lambda d, who, n: d.swarm(who, n, [who.id], "Help", NOW),
    "leave": lambda d, who, n: d.leave(who, n, NOW),
    "retract": lambda d, who, n: d.retract(who, n, NOW),
    "bulk": lambda d, who, n: d.bulk(who, [n], "take", NOW),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_only_who_works_on_tickets_works_on_tickets(database: Database, deed: str) -> None:
    """A writer can do none of it."""
    writer, number = hire(database, roles=frozenset({Role.WRITER})), opened(database)

    with pytest.raises(NotAllowed):
        DEEDS[deed](desk(database), writer, number)

    assert (found(database, number).version, history(database, number)) == (1, [])


@pytest.mark.parametrize("deed", sorted(DEEDS.keys() - {"next", "bulk"}))
def test_a_ticket_that_is_not_there(database: Database, deed: str) -> None:
    """Also with a number that no column holds."""
    mia = hire(database)

    for number in (99, 10**30):
        with pytest.raises(NotFound):
            DEEDS[deed](desk(database), mia, number)


def test_priority_follows_from_urgency_and_impact(database: Database) -> None:
    """Every field of the matrix; only what changed is recorded, and always the priority."""
    mia, number = hire(database), opened(database)
    made = {}

    for urgency in range(1, 6):
        for impact in range(1, 6):
            changed = desk(database).classify(mia, number, NOW, urgency=urgency, impact=impact)
            made[urgency, impact] = changed.priority

    told_of = [event.details for event in history(database, number)]
    assert made == {(u, i): PRIORITY[u - 1][i - 1] for u in range(1, 6) for i in range(1, 6)}
    assert told_of[0] == {"urgency": "1", "impact": "1", "priority": "1"}
    assert told_of[1] == {"impact": "2", "priority": "1"}
    assert all("priority" in details for details in told_of)


def test_classifying_as_it_is_leaves_no_trace(database: Database) -> None:
    """Nothing changed: no event, the same version; a page that is too old is refused all the same."""
    mia, number = hire(database), opened(database)

    same = desk(database).classify(mia, number, NOW, 1, urgency=3, impact=3, topic="", language="en")
    changed = desk(database).classify(mia, number, NOW, 1, topic="devices", language="ru")
    with pytest.raises(StaleTicket):
        desk(database).classify(mia, number, NOW, 1, topic="devices")

    assert (same.version, changed.version, changed.topic, changed.language) == (1, 2, "devices", "ru")
    (event,) = history(database, number)
    assert event.details == {"topic": "devices", "language": "ru", "priority": "3"}


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"urgency": 0}, ("urgency", "out_of_range")),
        ({"urgency": 6}, ("urgency", "out_of_range")),
        ({"impact": -1}, ("impact", "out_of_range")),
        ({"impact": 10**20}, ("impact", "out_of_range")),
        ({"topic": "Not a slug!"}, ("topic", "invalid")),
        ({"topic": "a" * 200}, ("topic", "invalid")),
        ({"language": "xx"}, ("language", "unknown")),
        ({"language": ""}, ("language", "unknown")),
    ],
)
def test_a_wrong_class_is_refused(database: Database, wanted: dict[str, Any], fault: tuple[str, str]) -> None:
    """With its field and code, and nothing is changed."""
    mia, number = hire(database), opened(database)

    with pytest.raises(InvalidInput) as refused:
        desk(database).classify(mia, number, NOW, **wanted)

    assert (refused.value.field, refused.value.code) == fault
    assert found(database, number).version == 1


def test_of_a_gap_only_the_topic_is_classified(database: Database) -> None:
    """Its language is its search's, its impact what its occurrences make it."""
    mia, number = hire(database), opened(database, kind=Kind.GAP, urgency=1, impact=2, priority=1)

    changed = desk(database).classify(mia, number, NOW, topic="devices")
    for wanted in ({"language": "de"}, {"urgency": 5}, {"impact": 5, "topic": "vpn"}):
        with pytest.raises(TransitionRefused):
            desk(database).classify(mia, number, NOW, **wanted)

    assert (changed.topic, changed.priority, changed.impact) == ("devices", 1, 2)


def test_escalating_passes_on(database: Database) -> None:
    """The tier changes, nobody owns it, the reason stands in the history, and the former owner is told."""
    mia, boris = hire(database), hire(database, "Boris Orlow")
    number = opened(database, owner_id=mia.id, owner_name=mia.name, status=Status.OPEN)

    changed = desk(database).escalate(boris, number, 2, "  Needs the logs. ", NOW, 1)
    again = desk(database).escalate(boris, number, 2, "Needs the logs.", at(3), 1)
    back = desk(database).escalate(boris, number, 1, "Solved by the logs.", at(60), 2)

    assert (changed.tier, changed.owner_id, changed.owner_name, changed.status) == (2, None, "", Status.OPEN)
    assert (again.version, back.tier) == (2, 1)
    first, second = history(database, number)
    assert (first.text, first.details, first.is_public) == ("Needs the logs.", {"from": "1", "to": "2"}, False)
    assert second.details == {"from": "2", "to": "1"}
    assert (told(database, mia), told(database, boris)) == ([("escalated", "Boris Orlow")], [])


def test_whoever_escalates_their_own_ticket_is_not_told(database: Database) -> None:
    """They know."""
    mia = hire(database)
    number = opened(database, owner_id=mia.id, owner_name=mia.name, status=Status.OPEN)

    desk(database).escalate(mia, number, 3, "For the experts.", NOW)

    assert told(database, mia) == []


@pytest.mark.parametrize("tier", [1, 4, 0, -1, 5, 10**20, 3])
def test_only_another_tier_of_ours_that_is_in_use(database: Database, tier: int) -> None:
    """Not its own, not the suppliers, none that is not there or not in use."""
    mia, number = hire(database), opened(database)
    in_use(database, 3, is_active=False)

    with pytest.raises(InvalidInput) as refused:
        desk(database).escalate(mia, number, tier, "Why", NOW)

    assert (refused.value.field, refused.value.code) == ("tier", "invalid")
    assert history(database, number) == []


def test_escalating_needs_a_reason_and_an_unsolved_ticket(database: Database) -> None:
    """A blank reason, a solved request, an old page: each is refused; a gap is passed on like a request."""
    mia, gap = hire(database), opened(database, kind=Kind.GAP)
    number, solved = opened(database), opened(database, status=Status.SOLVED)

    with pytest.raises(InvalidInput) as refused:
        desk(database).escalate(mia, number, 2, " \n", NOW)
    with pytest.raises(TransitionRefused):
        desk(database).escalate(mia, solved, 2, "Why", NOW)
    passed = desk(database).escalate(mia, gap, 2, "Needs an expert", NOW)
    assert (passed.tier, passed.owner_id, passed.status) == (2, None, Status.NEW)
    with pytest.raises(StaleTicket):
        desk(database).escalate(mia, number, 2, "Why", NOW, 7)

    assert (refused.value.field, refused.value.code) == ("text", "missing")


def test_giving_a_ticket_to_somebody(database: Database) -> None:
    """It is theirs and open, they are told; giving it to whom it belongs changes nothing."""
    mia, boris, number = hire(database), hire(database, "Boris Orlow"), opened(database)

    given = desk(database).assign(mia, number, boris.id, NOW, 1)
    again = desk(database).assign(mia, number, boris.id, NOW, 1)
    own = desk(database).assign(mia, number, mia.id, NOW)

    assert (given.owner_id, given.owner_name, given.status, given.version) == (boris.id, "Boris Orlow", Status.OPEN, 2)
    assert (again.version, own.owner_id) == (2, mia.id)
    assert history(database, number)[0].details == {"to": str(boris.id), "name": "Boris Orlow"}
    assert told(database, boris) == [("assigned", "Mia Lindt"), ("escalated", "Mia Lindt")]
    assert told(database, mia) == []


def test_whoever_had_it_is_told_that_it_was_given_away(database: Database) -> None:
    """Unless they did it themselves, or have left."""
    mia, boris, ada = hire(database), hire(database, "Boris Orlow"), hire(database, "Ada Weber")
    gone = hire(database, "Kim Gone", is_active=False)
    number = opened(database, owner_id=boris.id, owner_name=boris.name, status=Status.OPEN)
    left = opened(database, owner_id=gone.id, owner_name=gone.name, status=Status.OPEN)

    desk(database).assign(mia, number, ada.id, NOW)
    desk(database).assign(ada, number, mia.id, NOW)
    desk(database).assign(mia, left, ada.id, NOW)

    assert told(database, boris) == [("escalated", "Mia Lindt")]
    assert told(database, ada) == [("assigned", "Mia Lindt")] * 2
    assert told(database, gone) == []


def test_only_who_works_on_tickets_is_given_one(database: Database) -> None:
    """No writer, nobody who has left, nobody who never was."""
    mia, number = hire(database), opened(database)
    writer = hire(database, "Kim Writer", roles=frozenset({Role.WRITER}))
    gone = hire(database, "Ada Gone", is_active=False)

    for person_id in (writer.id, gone.id, 0, -5, 999, 10**20):
        with pytest.raises(InvalidInput) as refused:
            desk(database).assign(mia, number, person_id, NOW)
        assert (refused.value.field, refused.value.code) == ("person", "invalid")


def names(database: Database, number: int) -> list[str]:
    """Who helps with a ticket."""
    with database.read() as connection:
        return [each.name for each in swarm.participants(connection, number)]


def test_swarming_keeps_the_owner(database: Database) -> None:
    """Who is invited is told once and is there until they leave; nobody is invited twice."""
    mia, boris, ada = hire(database), hire(database, "Boris Orlow"), hire(database, "Ada Weber")
    number = opened(database, owner_id=mia.id, owner_name=mia.name, status=Status.OPEN)

    swarmed = desk(database).swarm(mia, number, [boris.id, ada.id, boris.id, mia.id], "Any idea?", NOW)
    again = desk(database).swarm(mia, number, [boris.id], "Any idea?", NOW)
    both = names(database, number)
    desk(database).leave(boris, number, NOW)
    desk(database).leave(boris, number, NOW)

    assert (swarmed.owner_id, again.version, both) == (mia.id, 2, ["Ada Weber", "Boris Orlow"])
    assert names(database, number) == ["Ada Weber"]
    invited, left = history(database, number)
    assert (invited.details, invited.text) == ({"invited": "Boris Orlow, Ada Weber"}, "Any idea?")
    assert (left.details, left.actor.name) == ({"left": "Boris Orlow"}, "Boris Orlow")
    assert [told(database, who) for who in (boris, ada, mia)] == [[("invited", "Mia Lindt")]] * 2 + [[]]


def test_whoever_invites_to_what_nobody_owns_takes_it(database: Database) -> None:
    """A ticket that is worked on together has an owner; who owns it later is no helper any more."""
    mia, boris, number = hire(database), hire(database, "Boris Orlow"), opened(database)

    swarmed = desk(database).swarm(mia, number, [boris.id], "", NOW)
    desk(database).assign(mia, number, boris.id, NOW)

    assert (swarmed.owner_id, swarmed.status) == (mia.id, Status.OPEN)
    assert [event.action for event in history(database, number)] == [Action.TAKE, Action.SWARM, Action.ASSIGN]
    assert names(database, number) == []


def test_wrong_invitations_are_refused(database: Database) -> None:
    """Nobody, oneself, strangers, people who have left, crowds, ended tickets; the ticket is not taken by the way."""
    mia, gone = hire(database), hire(database, "Ada Gone", is_active=False)
    boris, number, solved = hire(database, "Boris"), opened(database), opened(database, status=Status.SOLVED)
    cases = {"missing": [[], [mia.id]], "invalid": [[999], [gone.id], [10**20]], "too_many": [list(range(1, 99))]}

    for code, lists in cases.items():
        for invited in lists:
            with pytest.raises(InvalidInput) as refused:
                desk(database).swarm(mia, number, invited, "", NOW)
            assert (refused.value.field, refused.value.code) == ("invite", code)
    with pytest.raises(InvalidInput):
        desk(database).swarm(mia, number, [boris.id], "x" * 10_001, NOW)
    with pytest.raises(TransitionRefused):
        desk(database).swarm(mia, solved, [boris.id], "", NOW)

    assert (found(database, number).version, history(database, number), names(database, number)) == (1, [], [])
