"""What to do next: of each kind of work the one that concerns most people, and nothing when all is well."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from portal.articles import Article, Significance, Status, fingerprint
from portal.edition import Tallies
from portal.knowledge import KnowledgeBase, Published
from portal.locales import CODES
from portal.problems import Problem
from portal.storage import Database, claims, feedback
from portal.storage import schema as s
from portal.storage.feedback import Vote
from portal.tickets import Kind as TicketKind
from portal.writing.planning.status import Visits
from portal.writing.planning.todo import MOST, MOST_OWN, Kind, Todo, todo
from tests.builders import NOW
from tests.postgres import database_at
from tests.test_knowledge import a_base, an_article
from tests.working import hire, opened

TODAY = NOW.date()
BEFORE = "0" * 16


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """The queries themselves are tried on both engines elsewhere."""
    made = database_at(tmp_path / "portal.db")
    yield made
    made.close()


def library(**changes: Any) -> KnowledgeBase:
    """A fresh source and translation, one stale, one outdated, one missing in Russian."""
    vpn, wifi = an_article(slug="vpn"), an_article(slug="wifi", significance=Significance.CONTENT)
    fax = an_article(slug="fax", significance=Significance.CRITICAL)
    return a_base(
        vpn, wifi, fax,
        *(an_article(code, "vpn", source=fingerprint(vpn), **changes) for code in ("fr", "de", "ru")),
        *(an_article(code, "wifi", source=BEFORE) for code in ("fr", "de", "ru")),
        *(an_article(code, "fax", source=BEFORE if code == "de" else fingerprint(fax)) for code in ("fr", "de")),
    )  # fmt: skip


def fresh() -> KnowledgeBase:
    """Nothing is stale or missing."""
    vpn = an_article(slug="vpn")
    return a_base(vpn, *(an_article(code, "vpn", source=fingerprint(vpn)) for code in ("fr", "de", "ru")))


def gap(database: Database, query: str, times: int, **changes: Any) -> int:
    """The number of a stored gap."""
    facts = {"kind": TicketKind.GAP, "query": query, "occurrences": times, "requester_name": "", "requester_email": ""}
    return opened(database, **{**facts, **changes})


def put(connection: Connection, table: Any, **values: Any) -> None:
    """A row."""
    connection.execute(insert(table).values(**values))


def ask(database: Database, base: KnowledgeBase, **changes: Any) -> list[Todo]:
    """What is to be done."""
    options: dict[str, Any] = {"visits": Visits(), "tallies": Tallies(), "languages": CODES, "today": TODAY} | changes
    with database.read() as connection:
        return todo(connection, base, **options)


def test_all_is_well(database: Database) -> None:
    """Nothing is asked in vain, everything is there and fresh, nobody complains."""
    assert ask(database, fresh()) == []
    assert ask(database, a_base()) == []


def test_each_kind_once_with_its_figure_and_a_way_to_begin(database: Database) -> None:
    """The one that concerns most people of each kind, in the order in which they matter."""
    base = library(review_by=TODAY - timedelta(days=1))
    gap(database, "kazoo", 7)
    most = gap(database, "kazoo tuning", 40, language="de")
    wanted = gap(database, "телефакс", 12, language="ru", kind=TicketKind.TRANSLATION, slug="fax")
    visits = Visits({("de", "wifi"): 50, ("fr", "wifi"): 60, ("de", "fax"): 5, ("ru", "fax"): 99, ("ru", "vpn"): 3})
    now = base.articles["en", "vpn"].fingerprint
    votes = {("en", "vpn", now): (28, 30), ("de", "vpn", base.articles["de", "vpn"].fingerprint): (15, 30)}
    votes |= {("fr", "vpn", base.articles["fr", "vpn"].fingerprint): (1, 9)}
    with database.write() as connection:
        flag = {"language": "en", "slug": "vpn", "query": "tunnel", "last_day": TODAY}
        put(connection, s.needs_change, **flag, revision=now, times=3)
        put(connection, s.needs_change, **flag, revision=BEFORE, times=90)
        word = {"language": "en", "slug": "wifi", "failed": "w-lan", "found_by": "wireless", "last_day": TODAY}
        put(connection, s.wordings, **word, times=6)

    found = ask(database, base, visits=visits, tallies=Tallies(votes))

    assert [(each.kind, each.language, each.slug or each.query, each.times) for each in found] == [
        (Kind.GAP, "de", "kazoo tuning", 40),
        (Kind.OUTDATED, "de", "fax", 5),
        (Kind.CHANGE, "en", "vpn", 3),
        (Kind.WORSE, "de", "vpn", 30),
        (Kind.UNHELPFUL, "fr", "vpn", 9),
        (Kind.STALE, "fr", "wifi", 60),
        (Kind.TRANSLATE, "ru", "fax", 12),
        (Kind.WORDING, "en", "wifi", 6),
    ]
    assert [each.command or each.path for each in found] == [
        f"portal articles new --gap {most}",
        "portal articles translate fax de",
        "en/vpn.md",
        "portal articles translate vpn de",
        "fr/vpn.md",
        "portal articles translate wifi fr",
        "portal articles translate fax ru",
        "en/wifi.md",
    ]
    assert (found[6].number, found[3].share, found[3].source, found[4].share) == (wanted, 0.5, ("en", 28 / 30), 1 / 9)
    assert (found[2].query, found[7].query, found[7].found_by) == ("tunnel", "w-lan", "wireless")
    assert len(found) == MOST
    # What did not fit comes up when there is less to do.
    [review] = [each for each in ask(database, fresh_with_review(), visits=visits) if each.kind is Kind.REVIEW]
    assert (review.language, review.day, review.times) == ("ru", TODAY - timedelta(days=1), 3)


def fresh_with_review() -> KnowledgeBase:
    """All fresh, but to be read again since yesterday; the source not before tomorrow."""
    vpn = an_article(slug="vpn", review_by=TODAY)
    yesterday = date.fromordinal(TODAY.toordinal() - 1)
    return a_base(
        vpn, *(an_article(code, "vpn", source=fingerprint(vpn), review_by=yesterday) for code in ("fr", "de", "ru"))
    )


def test_a_file_with_an_error_comes_first(database: Database) -> None:
    """Its article is hidden from readers; of a language that the person does not write only what concerns all."""
    gap(database, "kazoo", 40)
    errors = [Problem("en/vpn.md", 4, "unknown-key", "No."), Problem("topics.yml", 2, "bad-yaml", "No.")]
    base = KnowledgeBase("1", fresh().articles, (), "en", broken=errors)

    first, second, *_ = ask(database, base)
    [of_all, *_] = ask(database, base, languages=("de",))

    assert (first.kind, first.language, first.slug, first.times, first.path) == (
        Kind.MEND,
        "en",
        "vpn",
        2,
        "en/vpn.md:4",
    )
    assert first.command == "portal articles check en/vpn.md"
    assert second.kind is Kind.GAP
    assert (of_all.kind, of_all.language, of_all.times, of_all.path) == (Kind.MEND, "", 1, "topics.yml:2")


def test_what_was_begun_for_a_gap_is_shown_instead_of_how_to_begin(database: Database) -> None:
    """By what the article says it answers, or by its name: first the draft's file, then how to close the gap."""
    number = gap(database, "Настройка казу", 4, language="ru")
    wanda = hire(database, "Wanda Writer")
    with database.write() as connection:
        claims.take(connection, number, wanda.id, NOW)
    named = an_article("ru", "nastroika-kazu", status=Status.DRAFT)
    other = an_article("ru", "kazoo", status=Status.DRAFT, answers=("настройка казу",))

    def mine(base: KnowledgeBase) -> Todo:
        return ask(database, base, person_id=wanda.id)[0]

    def drafted(*drafts: Article) -> KnowledgeBase:
        items = {(item.language, item.slug): Published(item, fingerprint(item)) for item in drafts}
        return KnowledgeBase("1", {}, (), "en", items)

    assert mine(a_base()).command == f"portal articles new --gap {number}"
    assert (mine(drafted(named)).command, mine(drafted(named)).path) == ("", "ru/nastroika-kazu.md")
    assert mine(drafted(named, other)).path == "ru/kazoo.md"
    published = mine(a_base(replace(other, status=Status.PUBLISHED)))
    assert published.command == f"portal articles close {number} kazoo --as EMAIL"


def test_the_first_words_of_readers_are_quoted_once_each(database: Database) -> None:
    """The newest three that differ, of those whom the present text did not help."""
    base = fresh()
    now = base.articles["en", "vpn"].fingerprint
    said = ["Menu is different", "menu is  DIFFERENT", "step 3 fails", "no button", "too long"]
    with database.write() as connection:
        put(
            connection, s.needs_change, language="en", slug="vpn", revision=now, query="x", times=1, last_day=TODAY
        )  # fmt: skip
        for minutes, text in enumerate(reversed(said)):
            vote = Vote("vpn", "en", f"{minutes:064x}", False, now, None, text)
            feedback.vote(connection, vote, NOW + timedelta(minutes=minutes))
        feedback.vote(connection, Vote("vpn", "en", "e" * 64, False, BEFORE, None, "of an earlier text"), NOW)
        feedback.vote(connection, Vote("vpn", "en", "f" * 64, True, now, None, "thank you"), NOW)

    [entry] = ask(database, base)

    assert entry.quotes == ("Menu is different", "step 3 fails", "no button")


def test_what_another_writer_has_is_not_mine_to_do(database: Database) -> None:
    """The next one comes up; one's own come first, longest ago on top, few at a time."""
    numbers = [gap(database, f"kazoo {place}", 10 - place) for place in range(5)]
    wanda, otto = hire(database, "Wanda Writer"), hire(database, "Otto Other")
    with database.write() as connection:
        claims.take(connection, numbers[0], otto.id, NOW)
        for minutes, number in enumerate(numbers[3:0:-1]):
            claims.take(connection, number, wanda.id, NOW + timedelta(minutes=minutes))

    hers = ask(database, fresh(), person_id=wanda.id)
    nobodys = ask(database, fresh())

    assert [(each.kind, each.number) for each in hers] == [
        (Kind.OWN, numbers[3]),
        (Kind.OWN, numbers[2]),
        (Kind.GAP, numbers[1]),
    ]
    assert len([each for each in hers if each.kind is Kind.OWN]) == MOST_OWN
    assert [(each.kind, each.number) for each in nobodys] == [(Kind.GAP, numbers[4])]


def test_a_long_row_of_taken_gaps_hides_none(database: Database) -> None:
    """The first free one is looked for beyond the first page."""
    otto = hire(database, "Otto Other")
    numbers = [gap(database, f"kazoo {place}", 500 - place) for place in range(120)]
    with database.write() as connection:
        for number in numbers[:-1]:
            claims.take(connection, number, otto.id, NOW)

    assert [each.number for each in ask(database, fresh())] == [numbers[-1]]


def test_who_writes_one_language_sees_that_one(database: Database) -> None:
    """Of every kind."""
    gap(database, "kazoo", 40, language="de")
    number = gap(database, "accordeur", 2, language="fr")
    visits = Visits({("de", "wifi"): 50, ("fr", "wifi"): 1})

    found = ask(database, library(), languages=("fr",), visits=visits)

    assert [(each.kind, each.language, each.number) for each in found] == [
        (Kind.GAP, "fr", number), (Kind.STALE, "fr", 0),
    ]  # fmt: skip


def test_what_is_read_in_another_language_is_wanted(database: Database) -> None:
    """Where nobody asks for a translation, those who read it elsewhere do; what nobody opens can wait."""
    base = a_base(an_article(slug="vpn"), an_article(slug="fax"))

    [entry] = ask(database, base, visits=Visits({("ru", "vpn"): 4, ("de", "fax"): 3}))

    assert (entry.kind, entry.language, entry.slug, entry.times, entry.number) == (Kind.TRANSLATE, "ru", "vpn", 4, 0)
    assert ask(database, base) == []


def test_what_is_known_under_an_earlier_slug_counts(database: Database) -> None:
    """A renamed article keeps its flags and words; those of what is gone are nobody's work."""
    vpn = an_article(slug="vpn", aliases=("tunnel",))
    base = a_base(vpn, *(an_article(code, "vpn", source=fingerprint(vpn)) for code in ("fr", "de", "ru")))
    with database.write() as connection:
        for slug, times in (("tunnel", 2), ("gone", 99)):
            row = {"language": "en", "slug": slug, "last_day": TODAY, "times": times}
            put(connection, s.needs_change, **row, revision=base.articles["en", "vpn"].fingerprint, query="x")
            put(connection, s.wordings, **row, failed="x", found_by="y")

    found = ask(database, base)

    assert [(each.kind, each.slug, each.times) for each in found] == [(Kind.CHANGE, "vpn", 2)]
    assert replace(found[0], kind=Kind.WORDING).path == "en/vpn.md"
