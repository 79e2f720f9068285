"""What a day's searches came to, attempt by attempt."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import Connection

from portal.chains import READ_SECONDS, Kind, Outcome, SearchEvent, judge
from portal.daily.sources import REQUESTED_WITHIN, Source, closing
from portal.metrics import RECIPROCAL
from portal.storage import counting_searches as store
from portal.storage.facts import Counted, Key, start_of


def count_searches(connection: Connection, day: date, topics: Mapping[str, str]) -> dict[Source, Counted]:
    """What a day's rows say.

    A search counts for the day on which it was asked, with its topic filter; what was opened and read for the
    day on which that was done, with the topic of the article. A search was clicked if a result of it was opened
    before the next search of the attempt, and counts for the search's day.

    An attempt counts for the day on which it began, with the language of its first search, once it has been judged.
    It failed also if its session sent a request within 72 hours of its end.

    A session is one reader on each day on which it read an article for half a minute, in the language of the first.

    Args:
        connection: of any transaction.
        day: UTC.
        topics: of the articles, by slug.
    """
    rows, visits = Counted(), Counted()
    for each in store.sums(connection, day):
        is_search = each.measure.startswith("searches")
        topic = each.about if is_search else topics.get(each.about, "")
        rows.facts[Key(each.measure, each.language, topic)] += each.value
    for language in store.readers(connection, day):
        visits.facts[Key("readers", language)] += 1
    sent = store.requests(connection, start_of(day), closing(day))
    clicked: dict[int, tuple[str, list[str]]] = {}
    for chain in store.attempts(connection, day):
        clicked |= {
            search.id: (search.language, opened) for search, opened in _clicks(chain) if search.at.date() == day
        }
        if chain[0].at.date() == day:
            _count_attempt(visits, chain, sent)
    shown = store.results(connection, sorted(clicked))
    for number, (language, opened) in clicked.items():
        ranks = [shown[number].index(slug) + 1 for slug in opened if slug in shown[number]]
        if ranks:
            rows.facts[Key("clicks", language)] += 1
            rows.facts[Key("clicks.reciprocal", language)] += RECIPROCAL // ranks[0]
    return {Source.SEARCHES: rows, Source.VISITS: visits}


def count_votes(connection: Connection, day: date, topics: Mapping[str, str]) -> dict[Source, Counted]:
    """What readers said of articles on a day, with the topic of the article; who changes their mind says it anew."""
    found = Counted()
    for each in store.opinions(connection, day):
        found.facts[Key(each.measure, each.language, topics.get(each.about, ""))] += each.value
        found.articles[each.measure, each.language, each.about] += each.value
    return {Source.VOTES: found}


def count_forms(connection: Connection, day: date) -> dict[Source, Counted]:
    """How the forms ended that were opened on a day."""
    found = Counted()
    for each in store.forms(connection, day):
        found.facts[Key(each.measure, each.language)] += each.value
    return {Source.FORMS: found}


def _clicks(chain: list[SearchEvent]) -> list[tuple[SearchEvent, list[str]]]:
    """The searches of an attempt after which something was opened, each with what, in order."""
    found: list[tuple[SearchEvent, list[str]]] = []
    for event in chain:
        if event.kind is Kind.SEARCH:
            found.append((event, []))
        elif event.kind is Kind.OPEN and found:
            found[-1][1].append(event.slug)
    return [(search, opened) for search, opened in found if opened]


def _count_attempt(counted: Counted, chain: list[SearchEvent], sent: Mapping[str, list[datetime]]) -> None:
    """Add what an attempt came to, unless nothing was searched for."""
    search = next((event for event in chain if event.kind is Kind.SEARCH), None)
    if search is None:
        return
    judgement = judge(chain)
    is_opened = any(event.kind is Kind.OPEN for event in chain)
    is_refused = is_opened and any(finding.code == "U4" for finding in judgement.findings)
    is_requested = any(event.kind is Kind.REQUEST for event in chain) or _is_requested(chain, sent)
    outcome = Outcome.FAILURE if is_requested else judgement.outcome
    helped = is_opened and not is_refused and _helped(chain)
    for name, is_so in (
        ("chains", True),
        (f"chains.{outcome.value}", True),
        ("chains.opened", is_opened),
        ("chains.helped", helped),
        ("chains.no", is_refused),
        ("chains.request", is_requested),
    ):
        if is_so:
            counted.facts[Key(name, search.language)] += 1


def _helped(chain: list[SearchEvent]) -> bool:
    """Whether somebody said yes, or read for half a minute."""
    return any(
        (event.kind is Kind.VOTE and event.is_helpful is True)
        or (event.kind is Kind.READ and (event.seconds or 0) >= READ_SECONDS)
        for event in chain
    )


def _is_requested(chain: list[SearchEvent], sent: Mapping[str, list[datetime]]) -> bool:
    """Whether the session sent a request within 72 hours of the attempt's end."""
    session = next((event.session for event in chain if event.session), None)
    end = chain[-1].at
    return session is not None and any(end <= at <= end + REQUESTED_WITHIN for at in sent.get(session, ()))
