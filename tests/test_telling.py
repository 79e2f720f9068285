"""Who of the staff is told: those whose name stands in a note, and those who work for a requester who writes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.desk.work import told_of_reply
from portal.lifecycle import TEXT_LENGTH, apply
from portal.people import Person, Role
from portal.storage import Database
from portal.storage import tickets as store
from portal.telling import mentions
from portal.tickets import Action, Actor, Resolution, Status
from tests.builders import NOW, person
from tests.working import at, desk, hire, opened, told


def staff() -> list[Person]:
    """Two Mias, a Boris, somebody with a joined name, one with an accent, one with ё, one who has left."""
    people = (
        ("Mia Lindt", "mia@example.org"),
        ("Mia Sommer", "m.sommer@example.org"),
        ("Boris Orlow", "orlow@example.org"),
        ("Anne-Sophie de la Tour", "as@example.org"),
        ("Zoé Brûlé", "zoe@example.org"),
        ("Артём Королёв", "a.korolev@example.org"),
        ("Kim Gone", "kim@example.org"),
    )
    return [
        person(id=number, name=name, email=email, is_active=name != "Kim Gone")
        for number, (name, email) in enumerate(people, 1)
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("@Mia Lindt please", [1]),
        ("@mia  lindt", [1]),
        ("@Mia\nSommer, look", [2]),
        # Of several Mias only the address's first part is one's own, and it is the same word.
        ("@mia", []),
        ("@mia@example.org.", [1]),
        ("@m.sommer: see above", [2]),
        ("(@BORIS)", [3]),
        ("@orlow and @Boris Orlow", [3]),
        ("@anne-sophie!", [4]),
        ("@anne", []),
        ("@Anne-Sophie de la Tour", [4]),
        ("@Zoé", [5]),
        ("@Zoe\u0301 Bru\u0302le\u0301", [5]),
        ("@zoe", [5]),
        ("@Артем Королев, @артём", [6]),
        ("@boris @zoe @boris", [3, 5]),
        ("@kim", []),
        ("@kim@example.org", []),
        ("mail boris@orlow.example.org to info@boris", []),
        ("@orlow@elsewhere.example", []),
        ("@borisov @boris_ @boris-x @boris.x @boris's", []),
        ("@boris. @boris' @boris-", [3]),
        ("@@boris", [3]),
        ("@", []),
        ("@ boris", []),
        ("", []),
        ("@Mia Lindtner", []),
        ("@Boris Orlowski", [3]),
    ],
)
def test_whose_name_stands_in_a_note(text: str, meant: list[int]) -> None:
    """Full names, first names and addresses where they can mean one person only."""
    assert [found.id for found in mentions(text, staff())] == meant


def test_a_full_name_of_two_people_means_neither() -> None:
    """Rather nobody than the wrong one; the address still helps."""
    twins = [person(id=1, email="a@example.org"), person(id=2, email="b@example.org")]

    assert mentions("@Mia Lindt @mia", twins) == []
    assert [found.id for found in mentions("@b", twins)] == [2]


@given(st.text(alphabet="@ miaLNDTÉё.-_\n\0", max_size=60))
def test_any_text_is_read(text: str) -> None:
    """Whatever is written, each person is found at most once, and only where there is an @."""
    found = mentions(text, staff())

    assert len(found) == len({each.id for each in found}) <= text.count("@")
    assert all(each.is_active for each in found)


def test_the_longest_hostile_note_is_read() -> None:
    """Ten thousand signs that each could begin a name, beside a thousand people."""
    crowd = [person(id=n, name=f"Name{n} " + "x" * 80, email=f"n{n}@example.org") for n in range(1000)]

    assert mentions("@" * TEXT_LENGTH, crowd) == []
    assert [found.id for found in mentions("@name7 x " * 1000, crowd)] == [7]


def test_only_notes_mention_and_nobody_mentions_themselves(database: Database) -> None:
    """Once for each note; what a requester reads calls nobody."""
    mia, boris, number = hire(database), hire(database, "Boris Orlow"), opened(database)

    for seconds, action in enumerate((Action.NOTE, Action.NOTE, Action.REPLY, Action.SOLVE)):
        desk(database).work(mia, number, action, at(seconds), text="@boris @boris @mia", resolution=Resolution.ANSWERED)
    desk(database).work(mia, number, Action.NOTE, at(20), text="@boris once more")

    assert told(database, boris) == [("mention", "Mia Lindt")] * 2
    assert told(database, mia) == []


def reply(database: Database, number: int) -> None:
    """Tell the staff twice of what a requester has written once."""
    with database.write() as connection:
        request = store.get(connection, number, lock=True)
        later = NOW + timedelta(minutes=1)
        changed, event = apply(request, Action.REQUESTER_REPLY, later, Actor(name="Léa Martin"), "Still broken")
        told_of_reply(connection, changed, event, later)
        told_of_reply(connection, changed, event, later)


def test_a_requesters_reply_calls_the_owner_and_the_swarm(database: Database) -> None:
    """Each once, whoever invited them; others are left in peace."""
    mia, boris, ada = hire(database), hire(database, "Boris Orlow"), hire(database, "Ada Weber")
    number = opened(database, owner_id=mia.id, owner_name=mia.name, status=Status.OPEN)
    desk(database).swarm(mia, number, [boris.id], "", NOW)

    reply(database, number)

    assert told(database, mia) == [("reply", "Léa Martin")]
    assert told(database, boris) == [("invited", "Mia Lindt"), ("reply", "Léa Martin")]
    assert told(database, ada) == []


@pytest.mark.parametrize("has_left", [True, False])
def test_where_nobody_has_it_a_reply_calls_the_tier(has_left: bool, database: Database) -> None:
    """At most fifty who work on its tickets; also where its owner has left."""
    gone = hire(database, "Kim Gone", is_active=False)
    writer = hire(database, "Wim Writer", roles=frozenset({Role.WRITER}))
    second = hire(database, "Zoe Second", tiers=(2,))
    first = [hire(database, f"Agent{n:02} Weber") for n in range(51)]
    owner = {"owner_id": gone.id, "owner_name": gone.name} if has_left else {}

    reply(database, opened(database, status=Status.OPEN, **owner))

    assert [told(database, each) for each in (gone, writer, second, first[50])] == [[]] * 4
    assert [told(database, each) for each in first[:50]] == [[("reply", "Léa Martin")]] * 50
