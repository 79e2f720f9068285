"""`portal articles backtest`: which of the last tickets today's articles would have answered, and which not."""

import re
from datetime import timedelta
from typing import Any

import pytest

from portal.edition import Editions
from portal.services import Services
from portal.settings import Settings
from portal.storage import Database, asked, searches
from portal.tickets import Kind, Resolution, Status
from portal.writing.trials import backtesting
from portal.writing.trials.backtesting import Backtest, Outcome, backtest
from tests.asking import searched
from tests.builders import NOW
from tests.trying import as_json, gap, request, run

CLOSED: dict[str, Any] = {"status": Status.CLOSED, "resolution": Resolution.ARTICLE_WRITTEN}


def looked_back(services: Services, last: int = 1000, **options: Any) -> Backtest:
    """The backtest of an instance."""
    return backtest(services.edition, services.database, last, lambda _done, _total: None, **options)


def outcomes(found: Backtest) -> dict[int, tuple[str, int]]:
    """Outcome and rank by number of the ticket."""
    return {each.number: (each.outcome.value, each.rank) for each in found.tested}


def test_gaps_are_answered_for_sure_by_the_article_that_closed_them(portal_services: Services) -> None:
    """Or, where none has, by any; an article that is gone counts no longer."""
    gap(portal_services.database, "printer offline", slug="printer-offline", **CLOSED)
    gap(portal_services.database, "printer offline cable", slug="reset-password", **CLOSED)
    gap(portal_services.database, "forgotten password", slug="long-gone", **CLOSED)
    gap(portal_services.database, "the vpn tunnel")
    gap(portal_services.database, "zyxomat")
    gap(
        portal_services.database,
        "Drucker offline",
        language="de",
        slug="printer-offline",
        status=Status.SOLVED,
        resolution=Resolution.WITHDRAWN,
    )

    found = looked_back(portal_services)

    assert outcomes(found) == {
        6: ("answered", 1),
        5: ("not", 0),
        4: ("answered", 1),
        3: ("answered", 1),
        2: ("not", 0),
        1: ("answered", 1),
    }
    assert [each.number for each in found.tested] == [6, 5, 4, 3, 2, 1]
    assert found.table == {
        "en": {"asked": 5, "answered": 3, "uncertain": 0, "not": 2},
        "de": {"asked": 1, "answered": 1, "uncertain": 0, "not": 0},
        "all": {"asked": 6, "answered": 4, "uncertain": 0, "not": 2},
    }


def test_requests_are_answered_by_any_of_their_questions(portal_services: Services) -> None:
    """Their search, the searches before it, in the language of each, or their subject."""
    tried = (
        {"kind": "search", "text": "Drucker offline", "language": "de"},
        {"kind": "article", "text": "printer offline"},
    )
    request(portal_services.database, "Help", "printer offline")
    request(portal_services.database, "Help", "zyxomat", trail=tried)
    request(portal_services.database, "forgotten password", "zyxomat")
    request(portal_services.database, "Help", "zyxomat")

    found = looked_back(portal_services)

    assert [(each.number, each.outcome, each.text) for each in found.tested] == [
        (4, Outcome.NOT, "zyxomat"),
        (3, Outcome.ANSWERED, "forgotten password"),
        (2, Outcome.ANSWERED, "Drucker offline"),
        (1, Outcome.ANSWERED, "printer offline"),
    ]


def test_what_is_not_sure_is_told_apart(portal_services: Services, instance: Settings) -> None:
    """With cuts that nothing reaches, the same tickets are uncertain."""
    gap(portal_services.database, "printer offline")
    gap(portal_services.database, "zyxomat")
    cuts = {code: type(cut)(cut.low, 1.0) for code, cut in instance.cuts.items()}
    edition = Editions(instance.data, "en", cuts).current()

    found = backtest(edition, portal_services.database, 10, lambda _done, _total: None)

    assert outcomes(found) == {1: ("uncertain", 1), 2: ("not", 0)}


def test_what_no_article_is_to_answer_is_left_out(portal_services: Services) -> None:
    """And counted by reason: spam, duplicates, other topics, robots, and what has no words left."""
    gap(portal_services.database, "one", status=Status.SPAM)
    gap(portal_services.database, "two", status=Status.DUPLICATE)
    gap(portal_services.database, "three", status=Status.SOLVED, resolution=Resolution.OUT_OF_SCOPE)
    gap(portal_services.database, "four", is_confirmed=False)
    gap(portal_services.database, "overflow", kind=Kind.OVERFLOW)
    request(portal_services.database, "", "[e-mail] …")
    gap(portal_services.database, "zyxomat")

    found = looked_back(portal_services)

    assert outcomes(found) == {7: ("not", 0)}
    assert sorted(found.left_out.values()) == [1] * 5
    assert {reason.partition(",")[0] for reason in found.left_out} == {
        "spam",
        "duplicates",
        "no topic of ours",
        "perhaps not asked by a person",
        "without words that could be searched",
    }


def test_what_is_lacking_is_grouped_and_the_most_asked_comes_first(portal_services: Services) -> None:
    """The same question of two tickets is one."""
    gap(portal_services.database, "Zyxomat", 3)
    gap(portal_services.database, "kazoo", 9)
    request(portal_services.database, "zyxomat")
    gap(portal_services.database, "zyxomat", 40, language="de")
    gap(portal_services.database, "printer offline", 99)

    lacking = looked_back(portal_services).lacking

    assert [(each.language, each.text.lower(), each.times, each.numbers) for each in lacking] == [
        ("de", "zyxomat", 40, (4,)),
        ("en", "kazoo", 9, (2,)),
        ("en", "zyxomat", 4, (3, 1)),
    ]


def test_the_last_are_chosen_and_read_in_parts(portal_services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number, language and day; in any parts the same, and twice the same."""
    for number in range(7):
        code = "de" if number % 2 else "en"
        request(portal_services.database, f"zyxomat {number}", language=code, at=NOW + timedelta(days=number))
    whole = looked_back(portal_services)

    assert [each.number for each in whole.tested] == [7, 6, 5, 4, 3, 2, 1]
    for part in (1, 2, 3, 7):
        monkeypatch.setattr(backtesting, "PART", part)
        assert looked_back(portal_services) == whole
        assert [each.number for each in looked_back(portal_services, 4).tested] == [7, 6, 5, 4]
    assert [each.number for each in looked_back(portal_services, language="de").tested] == [6, 4, 2]
    assert [each.number for each in looked_back(portal_services, since=NOW + timedelta(days=4)).tested] == [7, 6, 5]
    assert looked_back(portal_services, 3, language="de", since=NOW + timedelta(days=3)).table["all"]["asked"] == 2


def test_the_command_says_what_it_means(instance: Settings, portal_services: Services) -> None:
    """A table, what is lacking without personal data, and the definition; nothing where there is nothing."""
    empty = run(instance, "articles", "backtest")
    gap(portal_services.database, "printer offline", 5)
    request(portal_services.database, "Zyxomat of Anna Kühn, call +49 30 901820", requester_name="Anna Kühn")
    request(portal_services.database, "\x1b[31mred\x1b[0m kazoo")
    gap(portal_services.database, "robot", is_confirmed=False)

    text = run(instance, "articles", "backtest", "--limit", "1")
    value = as_json(instance, "articles", "backtest", "--last", "50", "--language", "en", "--since", "2026-03-01")

    assert "There is no ticket to test." in empty.stdout
    assert text.exit_code == 0
    assert re.search(r"^en +3 +1 \(33%\) +0 \(0%\) +2 \(67%\)$", text.stdout, re.MULTILINE) is not None
    assert "Still not answered, most asked first (2):\n" in text.stdout
    assert "… and 1 more" in text.stdout
    assert "Left out: 1 perhaps not asked by a person." in text.stdout
    assert backtesting.DEFINITION in text.stdout
    assert {row["text"] for row in value["lacking"]} == {"Zyxomat of , call", "[31mred [0m kazoo"}
    assert value["languages"]["all"] == {"asked": 3, "answered": 1, "uncertain": 0, "not": 2}
    assert value["tickets"][-1]["opened"] == "2026-03-02"
    nothing = run(Settings(articles=instance.articles, data=instance.data / "none"), "articles", "backtest")
    assert (nothing.exit_code, "There is no portal in" in nothing.stderr) == (1, True)


def test_what_was_asked_is_read_alike_in_both_databases(database: Database) -> None:
    """Wordings with their counts, searches, and the newest tickets."""
    gap(database, "kazoo", 3, variants=("kazoos",))
    gap(database, "Drucker", 5, language="de", kind=Kind.TRANSLATION, slug="printer-offline")
    gap(database, "robot", 9, is_confirmed=False)
    request(database, "Help")
    with database.write() as connection:
        searches.add(connection, [searched("anna", 0, "plug"), searched("bert", 1, "plug"), searched("bert", 2, "tap")])

    with database.read() as connection:
        wordings = asked.wordings(connection, 10)
        recent = asked.searches(connection, NOW - timedelta(days=1), 10)
        newest = asked.newest(connection, 2)
        older = asked.newest(connection, 9, newest[-1].id, "en", NOW - timedelta(days=1))

    assert [(row.number, row.is_translation, row.language, row.query, row.times) for row in wordings] == [
        (2, True, "de", "Drucker", 5),
        (1, False, "en", "kazoo", 3),
        (1, False, "en", "kazoos", 1),
    ]
    assert recent == [("en", "plug", 2), ("en", "tap", 1)]
    assert ([each.id for each in newest], [each.id for each in older]) == ([4, 3], [1])
