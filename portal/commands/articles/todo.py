"""`portal articles status`, `gaps`, `claim`, `release` and `close`: what writers do next, and what people asked in vain."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import Connection

from portal.commands.articles.group import articles
from portal.commands.options import as_json, services, show, with_settings
from portal.errors import CannotStart, InvalidInput, NotAllowed, NotFound, NotProven, SearchUnavailable
from portal.locales import CODES
from portal.people import Person, clean_email
from portal.queries import MAX_CHARACTERS
from portal.services import VISITS_OF, Services
from portal.settings import Settings
from portal.storage import claims, people, unanswered
from portal.storage import tickets as ticket_store
from portal.tickets import PROOF_RANK, PROVEN, Action, Resolution
from portal.writing.files.families import mend_first
from portal.writing.planning.helpfulness import Alarm, alarms
from portal.writing.planning.status import TOPS, Coverage, State, Text, coverage
from portal.writing.planning.status import texts as texts_of
from portal.writing.planning.todo import Kind, Todo, todo

#: Wordings of a gap that are printed.
WORDINGS = 3
_language = click.option("--language", type=click.Choice(CODES), help="Only this language.")
_number = click.argument("number", type=click.IntRange(1, 2**31 - 1))
_needed_as = click.option("--as", "email", required=True, metavar="EMAIL", help="Who you are: address of the staff.")

#: What is to be done; the figure that put it there follows.
_WHAT = {
    Kind.MEND: "Mend the file",
    Kind.OWN: "You have taken on",
    Kind.GAP: "Write an article",
    Kind.OUTDATED: "Update the translation",
    Kind.CHANGE: "Change the article",
    Kind.WORSE: "Compare with the source",
    Kind.UNHELPFUL: "Improve the article",
    Kind.STALE: "Update the translation",
    Kind.TRANSLATE: "Translate",
    Kind.WORDING: "Add the words people use",
    Kind.REVIEW: "Read the article again",
}


def _why(entry: Todo) -> str:
    """Why something is to be done, as a clause."""
    opened = f"opened {entry.times}× in {VISITS_OF.days} days"
    match entry.kind:
        case Kind.MEND:
            return "readers do not see what it says" + (f"; {entry.times} files have errors" if entry.times > 1 else "")
        case Kind.OWN | Kind.GAP:
            return f"asked in vain {entry.times}×"
        case Kind.TRANSLATE:
            asked = f"asked for {entry.times}× as “{entry.query}”"
            return asked if entry.number else f"{opened} in another language"
        case Kind.OUTDATED:
            return f"{opened}, readers are warned that it is wrong by now"
        case Kind.STALE:
            return f"{opened}, its source has changed since"
        case Kind.CHANGE:
            return f"did not help {entry.times} who had searched, lately for “{entry.query}”"
        case Kind.WORSE:
            code, other = entry.source or ("", 0.0)
            return f"helped {entry.share:.0%} of those who voted, its source ({code}) {other:.0%}"
        case Kind.UNHELPFUL:
            return f"helped {entry.share:.0%} of {entry.times} who voted"
        case Kind.WORDING:
            return f"searched for {entry.times}× in vain as “{entry.query}”, found by “{entry.found_by}”"
    return f"was to be read again by {entry.day}, {opened}"


def _told(number: int, entry: Todo) -> list[str]:
    """An entry for people."""
    about = f"“{entry.query}”" if entry.kind in {Kind.OWN, Kind.GAP} else entry.slug
    about = entry.path if entry.fault else f"{about} ({entry.language})"
    lines = [f"{number}. {_WHAT[entry.kind]}: {about} – {_why(entry)}"]
    lines += [f"   | {entry.fault.code}: {entry.fault.message}"] if entry.fault else []
    lines += [f"   | {' '.join(quote.split())}" for quote in entry.quotes]
    return [*lines, f"   {entry.command or entry.path}"]


def _table(rows: Sequence[Coverage]) -> list[str]:
    """Coverage and freshness for people."""
    rare = {State.ERROR, State.WAITING}
    columns = [state for state in State if state not in rare or any(row.states.get(state) for row in rows)]
    head = f"{'language':<10}{'of':<10}{'articles':>9}{'there':>7}{'':>6}" + "".join(f"{name:>10}" for name in columns)
    lines = [head]
    for row in rows:
        of = "all" if row.top is None else f"top {row.top}"
        share = "–" if row.coverage is None else f"{row.coverage:.0%}"
        counts = "".join(f"{row.states.get(state, 0):>10}" for state in columns)
        lines.append(f"{row.language:<10}{of:<10}{row.articles:>9}{row.there:>7}{share:>6}{counts}")
    return lines


def _row(row: Coverage) -> dict[str, Any]:
    """A line of the table for scripts."""
    counts = {state.value: row.states.get(state, 0) for state in State}
    shares = {"coverage": row.coverage, "freshness": row.freshness}
    return {"language": row.language, "top": row.top, "articles": row.articles, "there": row.there, **shares, **counts}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    """A translation that does worse than its source, for scripts."""
    return {"points": round(alarm.points, 1), **asdict(alarm.translation), "source": asdict(alarm.source)}


def _line(text: Text) -> str:
    """A text that lacks something, for people."""
    todo_ = f"portal articles translate {text.slug} {text.language}"
    if text.fault:
        todo_ = f"mend {text.fault.path}:{text.fault.line} ({text.fault.code})"
    return f"{text.language}  {text.state:<9}{text.views:>7}×  {todo_}"


@articles.command()
@click.option("--top", type=click.IntRange(1, 1_000_000), help="Only so many articles, those that are opened most.")
@_language
@click.option(
    "--texts", "with_texts", is_flag=True, help="Also list what is missing, stale or unknown, or has an error."
)
@click.option("--as", "email", metavar="EMAIL", help="Who you are: what you have taken on comes first.")
@as_json
@with_settings
def status(
    settings: Settings, as_json: bool, top: int | None, language: str | None, with_texts: bool, email: str | None
) -> None:
    """What to do next, and coverage and freshness by language of what is read most."""
    portal = services(settings)
    knowledge, visits, tallies = portal.edition.knowledge, portal.visits(), portal.tallies()
    spoken = (language,) if language else CODES
    with portal.database.read() as connection:
        me = _person(connection, email).id if email else None
        entries = todo(connection, knowledge, visits, tallies, spoken, portal.clock().date(), me)
    rows = [row for row in coverage(knowledge, visits, (top,) if top else TOPS) if row.language in spoken]
    lacking = [text for code in spoken for text in texts_of(knowledge, visits, code, top=top)] if with_texts else []
    worse = [each for each in alarms(knowledge, tallies) if each.translation.language in spoken]
    value = {
        "since": visits.since,
        "todo": [asdict(entry) | {"command": entry.command, "path": entry.path} for entry in entries],
        "coverage": [_row(row) for row in rows],
        "worse_than_source": [_alarm(alarm) for alarm in worse],
        **({"texts": [asdict(text) for text in lacking]} if with_texts else {}),
    }

    def lines() -> list[str]:
        numbered = enumerate(entries, 1)
        next_ = [line for number, entry in numbered for line in _told(number, entry)] or ["All is well."]
        heading = f"Coverage and freshness, of the articles opened most in the last {VISITS_OF.days} days:"
        shown = rows
        if not visits.views:
            heading = "Coverage and freshness. No article has been opened yet, so nobody can say which are read most."
            shown = [row for row in coverage(knowledge, visits, (None,)) if row.language in spoken]
        more = ["", "To be done, most read first:", *map(_line, lacking)] if lacking else []
        return ["What to do next:", *next_, "", heading, *_table(shown), *more]

    show(value, as_json, lines)


@articles.command("gaps")
@_language
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), help="At most so many.")
@as_json
@with_settings
def list_gaps(settings: Settings, as_json: bool, language: str | None, limit: int) -> None:
    """What people asked in vain, most asked first, with its wordings and who writes about it."""
    with services(settings).database.read() as connection:
        found = unanswered.page(connection, (language,) if language else CODES, limit=limit)
        numbers = [gap.number for gap in found]
        writers, worded = claims.of(connection, numbers), unanswered.variants(connection, numbers)
    value = [
        {
            **gap._asdict(),
            "writer": writers[gap.number].name if gap.number in writers else None,
            "variants": [variant._asdict() for variant in worded[gap.number]],
        }
        for gap in found
    ]

    def lines() -> list[str]:
        told = []
        for gap in found:
            about = f" → translate {gap.slug}" if gap.kind == "translation" else ""
            writer = f"  ({writers[gap.number].name})" if gap.number in writers else ""
            told.append(f"#{gap.number:<6}{gap.language}  {gap.occurrences:>5}×  {gap.query}{about}{writer}")
            others = [variant for variant in worded[gap.number] if variant.query != gap.query][:WORDINGS]
            told += [f"{'':11}{variant.times:>5}×  {variant.query[:MAX_CHARACTERS]}" for variant in others]
        return told or ["Nobody asks in vain."]

    show(value, as_json, lines)


def _person(connection: Connection, email: str) -> Person:
    """Who works at this prompt.

    Raises:
        CannotStart: nobody of the staff has this address, or they have left.
    """
    try:
        found = people.account(connection, people.with_email(clean_email(email).lower()))
    except InvalidInput:
        found = None
    if found is None or not found.person.is_active:
        raise CannotStart(f"Nobody of the staff has the address {email}.")
    return found.person


def _unproven(portal: Services, number: int, error: NotProven) -> str:
    """Why an article does not close a gap, as a sentence."""
    with portal.database.read() as connection:
        language = ticket_store.get(connection, number).language
    knowledge = portal.edition.knowledge
    if (fault := knowledge.faults.get((language, error.slug))) is not None:
        return mend_first(fault)
    if knowledge.is_draft(language, error.slug):
        return f"{language}/{error.slug}.md is a draft. Remove its line status: draft; readers find it once it is published."
    if error.rank is None:
        return f"{error}."
    if error.rank > PROOF_RANK:
        return f"{error}, not among the first {PROOF_RANK}."
    return f"{error}, but readers are still told that there is no good answer."


def _work(settings: Settings, number: int, email: str, act: Callable[[Services, Person], str]) -> None:
    """Do something to a gap as somebody of the staff, and say what has come of it."""
    portal = services(settings)
    try:
        with portal.database.read() as connection:
            person = _person(connection, email)
        click.echo(act(portal, person))
    except NotFound:
        raise CannotStart(f"There is no ticket {number}.") from None
    except NotAllowed as refused:
        raise CannotStart(f"Not allowed: {refused}.") from None
    finally:
        portal.close()


@articles.command()
@_number
@_needed_as
@with_settings
def claim(settings: Settings, number: int, email: str) -> None:
    """Take a gap on, so that nobody else writes about it."""

    def act(portal: Services, person: Person) -> str:
        portal.claims.claim(person, number, portal.clock())
        return f"{person.name} writes about {number}. Begin: portal articles new --gap {number}"

    _work(settings, number, email, act)


@articles.command()
@_number
@_needed_as
@with_settings
def release(settings: Settings, number: int, email: str) -> None:
    """Give a gap back."""

    def act(portal: Services, person: Person) -> str:
        portal.claims.release(person, number, portal.clock())
        return f"Nobody writes about {number} now."

    _work(settings, number, email, act)


@articles.command()
@_number
@click.argument("slug")
@click.option(
    "--how",
    type=click.Choice(sorted(way.value for way in PROVEN)),
    default=Resolution.ARTICLE_WRITTEN.value,
    show_default=True,
    help="What has answered it.",
)
@_needed_as
@with_settings
def close(settings: Settings, number: int, slug: str, how: str, email: str) -> None:
    """Close a gap by an article that its own search finds; everybody who asked is told."""

    def act(portal: Services, person: Person) -> str:
        try:
            solved = portal.closing.solve(
                portal.edition, person, number, Resolution(how), slug, "", portal.clock()
            )  # fmt: skip
        except NotProven as unproven:
            raise CannotStart(f"{number} stays open: {_unproven(portal, number, unproven)}") from None
        except InvalidInput:
            raise CannotStart(f"{slug} is no article's slug or address.") from None
        except SearchUnavailable as error:
            raise CannotStart(f"{number} stays open, because search does not work: {error}.") from None
        with portal.database.read() as connection:
            history = ticket_store.history(connection, number)
        proof = next(event.details for event in reversed(history) if event.action is Action.SOLVE)
        return f"Closed {number}: {solved.slug} is at rank {proof['rank']}; people told: {proof['told']}."

    _work(settings, number, email, act)
