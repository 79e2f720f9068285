"""The weekly digest: who is told what about last week, by their roles, each week once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from portal import digest_letters as letters
from portal import keys
from portal.digest_letters import Digest, DigestLetters, Longest, Overall
from portal.edition import Tallies
from portal.knowledge import KnowledgeBase
from portal.locales import CODES
from portal.metrics import Dimension, Period, Step
from portal.people import Person, Role
from portal.reporting import history
from portal.reporting.history import Asked, Series
from portal.storage import Database, board, digests, outbox, people, unanswered
from portal.storage.board import Narrowed
from portal.storage.digests import Wish
from portal.writing.planning.helpfulness import unhelpful
from portal.writing.planning.status import State, Visits, coverage

#: The hour of Monday, in the portal's time zone, from which the week before is told.
HOUR = 7
#: The earliest moment in UTC, whose days the figures are of: Sunday has ended and been counted.
ENDED = time(0, 15, tzinfo=UTC)
#: How many entries a list has at most.
LISTED = 5
#: So many attempts with a known outcome a language needs to be called the worst.
ENOUGH = 10
#: How far a share must be below that of all languages to be named; a language that is lowest by chance is no news.
CLEARLY = 0.05
#: How many people are told in one round at most.
AT_ONCE = 50
OVERALL = (
    "searches",
    "search_success",
    "zero_result_rate",
    "deflection",
    "gaps",
    "gaps_answered",
    "requests",
    "requests_solved",
    "first_reply",
    "resolution",
    "satisfaction",
)
OF_TIER = ("requests", "requests_solved", "first_reply", "satisfaction")


@dataclass(frozen=True)
class Shelf:
    """What is known of the articles."""

    knowledge: KnowledgeBase
    tallies: Tallies
    visits: Visits


def last_week(now: datetime, zone: str) -> tuple[date, datetime]:
    """The Monday of the week that is to be told now, and since when it is; not before the week has ended in UTC too."""
    local = now.astimezone(ZoneInfo(zone))
    monday = local.date() - timedelta(days=local.weekday())
    at = _told_from(monday, zone)
    if now < at:
        monday -= timedelta(days=7)
        at = _told_from(monday, zone)
    return monday - timedelta(days=7), at


def _told_from(monday: date, zone: str) -> datetime:
    """From when on the week before a Monday is told, in the portal's time zone."""
    ended = datetime.combine(monday, ENDED).astimezone(ZoneInfo(zone))
    return max(datetime.combine(monday, time(HOUR), ZoneInfo(zone)), ended, key=datetime.timestamp)


class Digests:
    """Tells those of the staff who wish for it how last week went.

    Args:
        database: where everything is.
        stationery: writes the mails.
        domain: of the sender, for message ids.
        secret: of the instance; proves the links that turn the mail off.
    """

    def __init__(self, database: Database, stationery: DigestLetters, domain: str, secret: bytes) -> None:
        self._database = database
        self._letters = stationery
        self._domain = domain
        self._secret = secret

    def wish(self, person_id: int) -> Wish | None:
        """What somebody wants; None where they want none."""
        with self._database.read() as connection:
            return digests.of_person(connection, person_id)

    def turn_on(self, person_id: int, language: str, now: datetime) -> None:
        """Somebody wants it, in a language; the first comes with the next Monday."""
        with self._database.write() as connection:
            digests.turn_on(connection, person_id, language, now)

    def turn_off(self, person_id: int) -> bool:
        """Somebody wants it no more; whether they did."""
        with self._database.write() as connection:
            return digests.turn_off(connection, person_id)

    def token(self, person_id: int) -> str:
        """By which the mail to somebody is turned off without signing in; it can do nothing else."""
        return self._tokens(person_id)[0]

    def is_token(self, token: str) -> bool:
        """Whether it is one of ours."""
        number, _hyphen, _proof = token.partition("-")
        is_number = number.isascii() and number.isdigit() and len(number) < 10
        return is_number and keys.is_any(token, self._tokens(int(number)))

    def _tokens(self, person_id: int) -> list[str]:
        """Somebody's token by each key that is believed, that of the present one first."""
        proofs = keys.macs(self._secret, f"digest {person_id}".encode())
        return [f"{person_id}-{proof.hex()[:40]}" for proof in proofs]

    def stop(self, token: str) -> bool:
        """Turn it off by its link; whether the link is one of ours."""
        if not self.is_token(token):
            return False
        self.turn_off(int(token.partition("-")[0]))
        return True

    def run(self, now: datetime, shelf: Callable[[], Shelf], is_counted: Callable[[date, datetime], bool]) -> int:
        """Write the mails of those who have not been told about last week yet; how many.

        Nobody is told before all of the week has been counted. After a time in which nothing ran only the last week is told. Each mail is written with the note that it has
        been, by whichever process comes first.

        Args:
            now: aware, UTC.
            shelf: what is known of the articles; asked for only where somebody is to be told.
            is_counted: whether all days up to one, and that day, have been counted; see `Daily.is_counted`.
        """
        week, at = last_week(now, self._letters.zone.key)
        with self._database.read() as connection:
            wishes = digests.due(connection, week, at, AT_ONCE)
            everybody = {person.id: person for person in people.everybody(connection)} if wishes else {}
        if not wishes or not is_counted(week + timedelta(days=6), now):
            return 0
        known, told = shelf(), 0
        for wish in wishes:
            person = everybody[wish.person_id]
            with self._database.read() as connection:
                digest = told_to(connection, person, week, now, known)
            token = self.token(person.id)
            mail = self._letters.weekly(wish.language, person.email, person.name, digest, token)
            with self._database.write() as connection:
                if digests.tell(connection, wish, week):
                    key = f"digest-{person.id}-{week.isoformat()}"
                    told += outbox.add(connection, mail, key, now, domain=self._domain) is not None
        return told


def told_to(connection: Connection, person: Person, week: date, now: datetime, shelf: Shelf) -> Digest:
    """What somebody is told about a week, by their roles.

    Args:
        connection: of any transaction.
        person: who is told.
        week: its Monday.
        now: aware, UTC.
        shelf: what is known of the articles.
    """
    asked = Asked(Period(week, week + timedelta(days=6), Step.WEEK))
    spoken = person.languages or CODES
    is_writer = Role.WRITER in person.roles
    tiers = person.tiers if Role.AGENT in person.roles else ()
    leads = bool({Role.SUPERVISOR, Role.ADMINISTRATOR} & person.roles)
    return Digest(
        week,
        _tiers(connection, asked, tiers, now) if tiers else (),
        _questions(connection, spoken) if is_writer else (),
        _stocks(shelf, spoken) if is_writer else (),
        _unhelpful(shelf, spoken) if is_writer else (),
        _overall(connection, asked, now) if leads else None,
    )


def _figures(found: dict[str, Series]) -> tuple[letters.Figure, ...]:
    """Metrics that have a value, or had one the week before."""
    return tuple(
        letters.Figure(key, each.total.value, each.previous.value)
        for key, each in found.items()
        if each.total.value or each.previous.value
    )


def _tiers(connection: Connection, asked: Asked, tiers: tuple[int, ...], now: datetime) -> tuple[letters.OfTier, ...]:
    """How the tiers did that somebody serves; those where nothing happened and nothing waits are left out."""
    apart = history.apart(connection, asked, OF_TIER, Dimension.TIER, points=False)
    groups = board.groups(connection, Narrowed(tiers), now)
    found = []
    for tier in sorted(set(tiers)):
        series = apart.get(str(tier), {})
        mine = [group for group in groups if group.tier == tier]
        ratings = series["satisfaction"].total.over if "satisfaction" in series else 0
        overdue = sum(group.overdue for group in mine)
        unowned = sum(group.unowned for group in mine if group.is_confirmed)
        if (figures := _figures(series)) or overdue or unowned:
            found.append(letters.OfTier(tier, figures, ratings, overdue, unowned))
    return tuple(found)


def _questions(connection: Connection, spoken: tuple[str, ...]) -> tuple[letters.Question, ...]:
    """What is asked most in somebody's languages and nothing answers."""
    found = unanswered.page(connection, spoken, limit=LISTED)
    return tuple(letters.Question(each.number, each.language, each.query, each.occurrences) for each in found)


def _stocks(shelf: Shelf, spoken: tuple[str, ...]) -> tuple[letters.Stock, ...]:
    """What translations into somebody's languages lack."""
    found = []
    for each in coverage(shelf.knowledge, shelf.visits, (None,)):
        missing = each.states.get(State.MISSING, 0)
        stale = each.states.get(State.STALE, 0) + each.states.get(State.OUTDATED, 0)
        if each.language in spoken and (missing or stale):
            found.append(letters.Stock(each.language, missing, stale))
    return tuple(found)


def _unhelpful(shelf: Shelf, spoken: tuple[str, ...]) -> tuple[letters.Unhelpful, ...]:
    """The articles in somebody's languages that helped fewest."""
    found = [each for each in unhelpful(shelf.knowledge, shelf.tallies) if each.language in spoken]
    return tuple(
        letters.Unhelpful(
            each.language,
            each.slug,
            shelf.knowledge.articles[each.language, each.slug].article.title,
            each.yes,
            each.votes,
        )
        for each in found[:LISTED]
    )


def _overall(connection: Connection, asked: Asked, now: datetime) -> Overall | None:
    """How self-service and support did; None where nothing happened and nobody waits."""
    whole = history.series(connection, asked, OVERALL)
    figures, success = _figures(whole), whole["search_success"].total.value
    apart = history.apart(connection, asked, ["search_success"], Dimension.LANGUAGE, points=False)
    shares = [
        (series["search_success"].total.value, code)
        for code, series in apart.items()
        if series["search_success"].total.over >= ENOUGH
    ]
    known = sorted((share, code) for share, code in shares if share is not None)
    waiting = board.waiting(connection, Narrowed(), set())[:LISTED]
    cards = board.cards(connection, [each.number for each in waiting])
    longest = tuple(
        Longest(each.number, cards[each.number].tier, int((now - each.since).total_seconds() // 60))
        for each in waiting
        if each.number in cards
    )
    if not (figures or longest):
        return None
    # Of a single language there is no lowest, and one that does as well as all is not worth a line.
    is_low = len(known) > 1 and success is not None and success - known[0][0] >= CLEARLY
    return Overall(figures, (known[0][1], known[0][0]) if is_low else None, longest)
