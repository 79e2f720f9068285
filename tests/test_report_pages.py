"""The pages of the history over HTTP: every one in every language, the filter, what is empty, and who may see them."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from portal.app import create_app
from portal.locales import CODES
from portal.metrics import ESCALATIONS, METRICS, MOST_DAYS, RATED, RECIPROCAL, Step, Unit
from portal.people import Role
from portal.reporting.history import ArticleRow, Known
from portal.server import prepare
from portal.services import Services, open_services
from portal.storage import facts
from portal.storage.facts import Counted, Key, Mark, Measures
from portal.storage.schema import article_views
from portal.web.reports.articles import ORDERS, in_order
from portal.web.reports.asked import DEFAULT, PRESETS, of_preset, read_asked
from portal.web.reports.frame import MOST_BY_DAY, usual
from portal.web.reports.words import DEFINITION, EMPTY, NAME
from tests.builders import PASSWORD, person, settings, write_library
from tests.conftest import sign_in
from tests.reported import know

PAGES = ("", "search", "gaps", "requests", "survey", "articles", "translations")
TODAY = date(2026, 3, 31)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An instance with facts of ten weeks and three people, for tests that only read."""
    folder = tmp_path_factory.mktemp("reports")
    made = settings(write_library(folder / "articles"), folder / "var")
    prepare(made)
    services = open_services(made)
    counted(services)
    for name, role in (("sue", Role.SUPERVISOR), ("mia", Role.AGENT)):
        somebody = person(email=f"{name}@example.org", name=name, roles=frozenset({role}))
        services.staff.add(somebody, PASSWORD, services.clock())
    yield create_app(made, services)
    services.database.close()


@pytest.fixture(scope="module")
def supervisor(app: Flask) -> FlaskClient:
    """A supervisor who is signed in."""
    return sign_in(app.test_client(), "sue@example.org")


def counted(services: Services, days: int = 70) -> None:
    """Facts of today and many days: twice as much in the last thirty as before, half as quick; some of no topic."""
    today = services.clock().date()
    measures = sorted(
        {name for m in METRICS.values() for name in (*m.of, *m.over, *m.unknown) if m.unit is not Unit.MINUTES}
    )
    more = ("chains", "chains.opened", "chains.helped", "chains.no", "chains.request", *RATED)
    with services.database.write() as connection:
        for back in range(days):
            times = 2 if back <= 30 else 1
            made = Counted(
                Counter({Key(name, code, "accounts", 1): 4 * times for name in (*measures, *more) for code in CODES})
            )
            for code in CODES:
                made.facts[Key("searches", code, "accounts", 1)] = 40 * times
                made.facts[Key("clicks.reciprocal", code, "accounts", 1)] = RECIPROCAL * 3 * times
                made.facts[Key(ESCALATIONS[0], code, "accounts", 1)] = 1
                for name in ("first_reply", "resolution", "wait", "gap_life"):
                    made.times[Key(name, code, "accounts", 1), 60 * times] = 5
                made.articles["votes.yes", code, "reset-password"] = 3
                made.articles["requests", code, "gone<b>"] = 1
            made.facts[Key("requests", "en", "", 1)] = 7
            mark = Mark(today - timedelta(days=back), datetime.now(UTC), is_final=True)
            said = Measures(tuple({key.measure for key in made.facts}), tuple({key.measure for key, _ in made.times}))
            facts.put(connection, "tests", said, None, mark, made)
            know(connection, mark.day)
        views = {"day": today - timedelta(days=1), "language": "de", "slug": "reset-password", "views": 1234}
        connection.execute(insert(article_views).values(views))


class Checked(HTMLParser):
    """What of a page must hold: ids, references, links, styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: set[str] = set()
        self.links: list[str] = []
        self.styles: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids += [found["id"]] if "id" in found else []
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.references |= set(found.get(name, "").split())
        self.links += [found["href"]] if tag == "a" else []
        self.styles += [found["style"]] if "style" in found or tag == "style" else []


def test_every_page_in_every_language(supervisor: FlaskClient) -> None:
    """Empty and full: whole, escaped, unique ids, references that exist, no style of its own, links that lead on."""
    before = "?first=2025-01-01&last=2025-01-31"
    empty = [supervisor.get(f"/{code}/desk/reports/{path}{before}") for code in CODES for path in PAGES]
    full = [supervisor.get(f"/{code}/desk/reports/{path}") for code in CODES for path in PAGES]

    for answer in (*empty, *full):
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        page = Checked(answer.text)
        assert len(page.ids) == len(set(page.ids))
        assert page.references <= set(page.ids)
        assert page.styles == []
        assert "<b>" not in answer.text
        assert not re.search(r"\bnan\b|None|%\(", answer.text)
        anchors = {link[1:] for link in page.links if link.startswith("#")}
        assert anchors <= set(page.ids)
    charts = [answer for place, answer in enumerate(empty) if place % len(PAGES) < len(PAGES) - 2]
    assert all('role="img"' not in answer.text for answer in charts)
    assert all('role="img"' in answer.text for answer in full[: len(PAGES) - 2])
    overview = full[0].text
    for key in METRICS:
        assert overview.count(f'<li id="ui-{key}">') == 1


def test_what_the_overview_says(supervisor: FlaskClient) -> None:
    """Values, what they are made of, the change in words, and what nobody knows apart."""
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", supervisor.get("/en/desk/reports/").text))

    assert "Searches 9,600 ▲ Up 100% on the period before (4,800)" in page
    assert "Searches without a result 10% 960 of 9,600 Unchanged from the period before (10%)" in page
    assert "Outcome not known: 960 (33.3% of all attempts)" in page
    assert f"{NAME['click_mrr']} 0.75" in page
    assert (
        "Time to the first reply about 2 hours from 600 values ▲ Up 100% on the period before (about 1 hour) worse"
        in page
    )
    assert re.search(r"Counted at \d\d:\d\d\.", page)
    assert "Today is not over" not in page
    assert "Worse than before" in page
    assert all(str(text) in page for text in DEFINITION.values())


def test_every_metric_has_its_words() -> None:
    """None without a name, a definition, and a sentence for when there is nothing."""
    assert NAME.keys() == DEFINITION.keys() == EMPTY.keys() == METRICS.keys()


def test_the_filter_narrows_and_can_be_shared(supervisor: FlaskClient) -> None:
    """Other pages, presets, languages and pages keep it; what cannot be told apart says so."""
    query = "?first=2026-01-01&last=2026-01-31&step=week&in=de&topic=accounts&tier=1"

    answer = supervisor.get(f"/en/desk/reports/requests{query}")

    kept = {name: values[0] for name, values in parse_qs(query[1:]).items()}
    links = [urlsplit(link) for link in Checked(answer.text).links]
    for path in ("/en/desk/reports/articles", "/de/desk/reports/requests", "/en/desk/reports/download/requests.csv"):
        [found] = {each.query for each in links if each.path == path and "bom" not in each.query}
        assert {name: values[0] for name, values in parse_qs(found).items()} == kept
    presets = [
        parse_qs(each.query) for each in links if each.path == "/en/desk/reports/requests" and "period" in each.query
    ]
    assert [each["period"][0] for each in presets] == list(PRESETS)
    assert all(each["in"] == ["de"] and "first" not in each for each in presets)
    search = supervisor.get("/en/desk/reports/search?tier=1").text
    assert "This figure is not told apart by tier. Choose all tiers to see it." in search
    assert supervisor.get("/en/desk/reports/search?in=de").text.count("chart-small") == 3


BAD_DATES = {
    "first=31.12.2026": "A date could not be read",
    "first=2026-02-30": "A date could not be read",
    "first=2026-02-02&last=2026-02-01": "The first day is after the last",
    "first=9999-12-31": "in the future",
    "first=2020-01-02&last=9999-12-31": "The last day is in the future",
    "first=0001-01-01&last=0001-01-02": "too far back",
    "first=2020-01-01": f"at most {MOST_DAYS} days",
}


def test_bad_dates_say_so_and_show_the_usual_period(supervisor: FlaskClient) -> None:
    """At the field and above, with what was typed still there; a preset that comes along changes nothing."""
    for query, message in BAD_DATES.items():
        field = "last" if "The last day" in message else "first"
        for more in ("", "&period=90"):
            page = supervisor.get(f"/en/desk/reports/survey?{query}{more}").text

            assert 'role="alert"' in page
            assert page.count(message) == 2
            assert re.search(f'<p class="fault" id="ui-{field}-fault">[^<]*{message}', page)
            assert all(f'value="{value}"' in page for value in re.findall("=([^&]+)", query))
            assert f'href="#ui-{field}"' in page
            assert re.search(f'id="ui-{field}"[^>]*aria-invalid', page)


def test_what_cannot_be_compared_is_not_judged(supervisor: FlaskClient, app: Flask) -> None:
    """Today is not over, and before the first counted day there is nothing; both are said, and nothing is worse."""
    today = datetime.now(UTC).date()
    month = supervisor.get(f"/en/desk/reports/?first={today - timedelta(days=29)}&last={today}").text
    early = supervisor.get(
        f"/en/desk/reports/?first={today - timedelta(days=40)}&last={today - timedelta(days=1)}"
    ).text

    for page in (month, early):
        assert "Worse than before" not in page
        assert 'class="verdict"' not in page
    assert "Today is not over yet" in month
    assert "on the period before (" in month
    assert "on the period before (" not in early
    assert early.count("Nothing to compare with in the period before") == len(METRICS)
    assert "so there is nothing to compare with" in early


def test_a_new_instance_begins_with_today() -> None:
    """Until a day before today was counted; its other periods are told in the address."""
    assert [usual(Known(first), TODAY) for first in (None, TODAY, TODAY - timedelta(days=1))] == ["today"] * 2 + ["30"]
    chosen = read_asked({}, TODAY, "today")
    assert (chosen.asked.period.first, chosen.asked.period.last, chosen.arguments) == (TODAY, TODAY, {})
    assert read_asked({"period": "30"}, TODAY, "today").arguments == {"period": "30"}


def test_by_day_pages_show_a_quarter(supervisor: FlaskClient) -> None:
    """Of more they show weeks and say so; the files have every day."""
    today = datetime.now(UTC).date()
    asked = {
        days: f"first={today - timedelta(days=days)}&last={today - timedelta(days=1)}&step=day"
        for days in (MOST_BY_DAY, MOST_BY_DAY + 1)
    }
    quarter, more = (supervisor.get(f"/en/desk/reports/survey?{query}").text for query in asked.values())
    file = supervisor.get(f"/en/desk/reports/download/survey.csv?{asked[MOST_BY_DAY + 1]}").text

    said = f"By day a page shows {MOST_BY_DAY} days at most"
    assert (said in quarter, said in more) == (False, True)
    assert ", by day." in quarter
    assert ", by week." in more
    assert "step=day" in next(link for link in Checked(more).links if "survey.csv" in link)
    assert file.count("point,satisfaction") == MOST_BY_DAY + 1


def test_parts_by_topic_add_up(supervisor: FlaskClient) -> None:
    """What has no topic has a row, the last one; what two filters rule out names both."""
    page = supervisor.get("/en/desk/reports/requests").text
    by_topic = page.split('id="ui-by-topic"')[-1].split("</table>")[0]

    rows = re.findall(
        r'<tr><th scope="row">([^<]*)</th><td class="figure" data-label="Requests received">([\d,]+)', by_topic
    )
    assert rows[-1] == ("No topic", "210")
    total = re.search(r'id="ui-requests-name">.*?<p class="value">([\d,]+)', page, re.DOTALL)
    assert total
    assert sum(int(count.replace(",", "")) for _, count in rows) == int(total[1].replace(",", ""))
    search = supervisor.get("/en/desk/reports/search?tier=1&topic=accounts").text
    assert "by topic. Choose all topics to see it. This figure is not told apart by tier." in search


@given(
    st.dictionaries(
        st.sampled_from(["period", "first", "last", "step", "in", "topic", "tier"]),
        st.sampled_from([*PRESETS, *Step, "en", "xx", "2", "9", "accounts", "'--", ""])
        | st.dates().map(str)
        | st.dates(date(2024, 1, 1), TODAY).map(str)
        | st.text(max_size=20),
    )
)
def test_whatever_an_address_says_gives_a_period(args: dict[str, str]) -> None:
    """Never too long, never in the future, and its own address gives the same again."""
    chosen = read_asked(args, TODAY)
    period = chosen.asked.period

    assert period.first <= period.last <= TODAY
    assert period.days <= MOST_DAYS
    assert period.previous.last < period.first
    again = read_asked(chosen.arguments, TODAY)
    assert (again.asked, again.preset, again.fault) == (chosen.asked, chosen.preset, "")
    assert not chosen.fault or chosen.preset in {DEFAULT, args.get("period")}


def test_presets_are_what_they_say() -> None:
    """To yesterday; months by the calendar; the dates that a form was made with are still its preset."""
    days = {preset: of_preset(preset, TODAY) for preset in PRESETS}

    assert (days["7"], days["today"]) == ((date(2026, 3, 24), date(2026, 3, 30)), (TODAY, TODAY))
    assert (days["month"], days["last_month"]) == ((date(2026, 3, 1), TODAY), (date(2026, 2, 1), date(2026, 2, 28)))
    for preset, (first, last) in days.items():
        sent = {"period": preset, "first": str(first), "last": str(last)}
        assert read_asked(sent, TODAY).preset == preset
        assert read_asked(sent | {"first": str(first - timedelta(days=1))}, TODAY).preset == ""


def row(slug: str, visits: int, helpful: float | None) -> ArticleRow:
    """An article's figures."""
    return ArticleRow(slug, "en", visits, 0, 0, helpful, visits % 3, visits % 2)


def test_articles_can_be_sorted_both_ways() -> None:
    """Those without a value come last either way; an unknown order is the usual one."""
    rows = [row("a", 1, 0.5), row("b", 9, None), row("c", 5, 0.9)]

    assert [each.slug for each in in_order(rows, "helpfulness")] == ["c", "a", "b"]
    assert [each.slug for each in in_order(rows, "-helpfulness")] == ["a", "c", "b"]
    assert [each.slug for each in in_order(rows, "visits")] == ["b", "c", "a"] == [e.slug for e in in_order(rows, "'")]
    for order in ORDERS:
        assert sorted(each.slug for each in in_order(rows, order)) == ["a", "b", "c"]


def test_the_table_of_articles(supervisor: FlaskClient) -> None:
    """Its order is told and can be turned; a slug that has gone is text; a topic narrows it."""
    page = supervisor.get("/de/desk/reports/articles?sort=helpfulness").text

    assert page.count("aria-sort=") == 1
    assert 'aria-sort="descending"><a href="/de/desk/reports/articles?sort=-helpfulness"' in page
    assert "1.234" in page
    assert "<code>gone&lt;b&gt;</code>" in page
    assert 'name="sort" value="helpfulness"' in page
    assert "gone" not in supervisor.get("/de/desk/reports/articles?topic=accounts").text
    assert supervisor.get("/de/desk/reports/articles?page=9999").status_code == 200


def test_coverage_is_of_what_was_read_in_the_period(supervisor: FlaskClient) -> None:
    """One article was opened; it exists in four languages, another topic's only in two."""
    opened = supervisor.get("/en/desk/reports/translations").text
    devices = supervisor.get("/en/desk/reports/translations?topic=devices&in=fr").text

    assert opened.count("1 of 1") == 4
    assert "The 20 most read" in opened
    assert not re.search("The (50|100) most read<", opened)
    assert "0 of 1" in devices
    assert 'data-label="Deutsch"' not in devices


def test_only_who_may_read_reports_sees_them(app: Flask) -> None:
    """An agent is refused and is shown no link; a stranger signs in first."""
    agent, reader = sign_in(app.test_client(), "mia@example.org"), app.test_client()

    for path in PAGES:
        refused = agent.get(f"/en/desk/reports/{path}")
        assert refused.status_code == 403
        assert 'class="desk-nav"' in refused.text  # They stay at the desk.
        assert reader.get(f"/en/desk/reports/{path}").status_code == 303
    assert '/en/desk/reports/"' not in agent.get("/en/desk").text
