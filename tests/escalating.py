"""What the tests of rules and due times share: a desk with somebody at each tier, and its rules."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from portal.desk import clockwork
from portal.desk.acting import act
from portal.desk.escalation import Escalation
from portal.organisation import Clock, Effect, Organisation, Policy, Rule, Tier
from portal.people import Person, Role
from portal.storage import Database, notices, organisation, people
from portal.storage import tickets as store
from portal.storage.notices import About
from portal.tickets import Action, Actor, Event, Resolution, Ticket
from tests.builders import NOW, person, ticket

MINUTE = timedelta(minutes=1)
MIA = Actor(1, "Mia Lindt")
#: The desk begins with 15 minutes for L1, 120 for L2, and with one rule that escalates from L1.
DUE = NOW + 15 * MINUTE
LATER = DUE + MINUTE


class Desk:
    """A desk with somebody at each tier."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.escalation = Escalation(database)
        self.l1 = self.hire("mia@example.org", 1)
        self.l2 = self.hire("paul@example.org", 2)
        self.l3 = self.hire("eva@example.org", 3)
        self.boss = self.hire("boss@example.org", roles=frozenset({Role.SUPERVISOR}))

    def hire(self, email: str, *tiers: int, **changes: Any) -> Person:
        """Somebody new."""
        new = person(email=email, name=email.partition("@")[0].title(), tiers=tiers, **changes)
        with self.database.write() as connection:
            return replace(new, id=people.add(connection, new, "", NOW) or 0)

    def open(self, count: int = 1, *, after: timedelta = timedelta(0), **changes: object) -> int:
        """Open requests, each a second after the other; the number of the last."""
        with self.database.write() as connection:
            for n in range(count):
                at = NOW + after + timedelta(seconds=n)
                new = ticket(created_at=at, updated_at=at, **changes)
                number = store.create(connection, new) or 0
                details = {name: str(getattr(new, name)) for name in ("tier", "urgency", "impact", "priority")}
                opened = Event(at, Action.OPENED, Actor(None, "Anna"), None, new.status, "", True, details)
                store.record(connection, number, opened)
        return number

    def do(self, number: int, action: Action, now: datetime, actor: Actor = MIA, **more: Any) -> Ticket:
        """Do something to a request."""
        with self.database.write() as connection:
            changed, _ = act(
                connection, store.get(connection, number, lock=True), action, now, actor, text="Text",
                resolution=Resolution.ANSWERED, **more,
            )  # fmt: skip
            return changed

    def get(self, number: int) -> Ticket:
        """A request as it stands."""
        with self.database.read() as connection:
            return store.get(connection, number)

    def escalations(self, number: int) -> list[Event]:
        """How a request rose."""
        with self.database.read() as connection:
            return [event for event in store.history(connection, number) if event.action is Action.ESCALATE]

    def told(self, who: Person, about: About) -> list[int | None]:
        """The requests that somebody has been told about, oldest first."""
        with self.database.read() as connection:
            return [each.ticket_id for each in notices.newest(connection, who.id)[::-1] if each.about is about]

    def setup(self) -> Organisation:
        """What is set up."""
        with self.database.read() as connection:
            return organisation.load(connection)

    def rules(self, *rules: Rule) -> None:
        """Replace the rules."""
        with self.database.write() as connection:
            for old in organisation.everything(connection, Rule):
                organisation.remove(connection, Rule, old.id)
            for rule in rules:
                organisation.add(connection, rule)
            clockwork.restart(connection)

    def change(self, item: Tier | Policy) -> None:
        """Change the set-up."""
        with self.database.write() as connection:
            organisation.save(connection, item)
            clockwork.restart(connection)


def rule(clock: Clock = Clock.TIER, offset: int = 0, effect: Effect = Effect.WARN, **conditions: Any) -> Rule:
    """A rule."""
    return Rule(0, "", clock, offset, effect, **conditions)
