"""Reports as files: CSV that no spreadsheet runs, JSON that says what it is, and nothing incomplete that looks whole."""

import csv
import http.client
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from portal.locales import CODES
from portal.metrics import METRICS, Period
from portal.people import Role
from portal.reporting import history, tables
from portal.reporting.export import PART, Table, csv_parts, json_parts, neutralised
from portal.reporting.history import ArticleRow, Asked
from portal.services import Services
from portal.storage import Database
from portal.storage.facts import Key
from portal.storage.schema import daily_articles
from tests.builders import PASSWORD, person
from tests.conftest import sign_in
from tests.needs import REPOSITORY
from tests.reported import report

ALL = [*tables.REPORTS, "escalations", "articles", "translations", "board"]
DAY = date(2026, 3, 2)
DAYS = "first=2026-03-01&last=2026-03-07"


@pytest.fixture
def lead(app: Flask, portal_services: Services) -> FlaskClient:
    """A supervisor who is signed in."""
    portal_services.staff.add(person(roles=frozenset({Role.SUPERVISOR})), PASSWORD, portal_services.clock())
    return sign_in(app.test_client(), "mia@example.org")


def read(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file by the keys of its columns."""
    separator = ";" if text.partition("\r\n")[0].count(";") else ","
    head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator)
    keys = [name.rpartition("[")[2].rstrip("]") for name in head]
    return [dict(zip(keys, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "  =1", "\u00a0=1", '"=1', "' =1", "“=1”", "«=1»",
        "＝1", "＋1", "－1", "＠x", "﹦1", "\ufeff=1", "\u200b=1", "\x00=1", "-5", '=HYPERLINK("https://evil.example")',
    ],
)  # fmt: skip
def test_what_could_be_a_formula_is_text(text: str) -> None:
    """In every width, and after whatever a spreadsheet leaves out."""
    assert neutralised(text) == f"'{text}" or neutralised(text).startswith("'")


@pytest.mark.parametrize(
    "text", ["", "a=b", "x-y", "reset-password", "a@b.example", "1+1", "„Hallo“", "(=1)", "Ещё раз"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    """Slugs, sentences, addresses within a text."""
    assert neutralised(text) == text


def test_other_separators_begin_no_formula_either() -> None:
    """Where something else, or a line break, ends a cell."""
    assert neutralised("a;=1+1") == "a;'=1+1"
    assert neutralised("a\n @x;y") == "a\n' @x;y"
    assert neutralised("VPN, =cmd|' /C calc'!A0") == "VPN,' =cmd|' /C calc'!A0"
    assert neutralised("a|\u200b=1") == "a|'\u200b=1"
    assert neutralised("a; b, c") == "a; b, c"


@given(st.text("ab=+@＝,;|\t\n\"'„ \u200b", max_size=30), st.booleans(), st.sampled_from(",;|\t"))
def test_no_cell_begins_with_a_sign_of_formulas(text: str, comma: bool, separator: str) -> None:
    """Whatever somebody has typed comes back, but never as a formula, whichever separator the file is opened with."""
    made = "".join(csv_parts(Table("x", ("one", "two", "three"), [(5, text, 7)]), {}, "broken", comma=comma))
    found = list(csv.reader(io.StringIO(made, newline=""), delimiter=";" if comma else ","))
    opened = csv.reader(io.StringIO(made, newline=""), delimiter=separator)

    assert (found[1][0], found[1][1].replace("'", ""), found[1][2]) == ("5", text.replace("'", ""), "7")
    for cell in (cell for row in opened for cell in row):
        assert cell.lstrip(' \t\n"„\u200b')[:1] not in {"=", "+", "@", "＝"}, made


def test_numbers_stay_numbers_and_times_say_their_zone() -> None:
    """Also negative ones; whole ones without a point; nothing for what is not known."""
    at = datetime(2026, 3, 2, 10, 30, 5, 7, tzinfo=UTC)
    row = (-5, -0.25, 3.0, 1 / 3, None, True, at, DAY, "=x", 'say "hi", you')
    table = Table("x", tuple("abcdefghij"), [row], {"unit": "none"})

    text = "".join(csv_parts(table, {"a": "Größe", "i": "=evil"}, "broken", bom=True))
    found = json.loads("".join(json_parts(table)))

    assert text == (
        "\ufeffGröße [a],b,c,d,e,f,g,h,'=evil [i],j\r\n"
        '-5,-0.25,3,0.333333,,true,2026-03-02T10:30:05Z,2026-03-02,\'=x,"say ""hi"", you"\r\n'
    )
    assert found == {
        "report": "x",
        "unit": "none",
        "columns": list("abcdefghij"),
        "rows": [
            {"a": -5, "b": -0.25, "c": 3, "d": 0.333333, "e": None, "f": True, "g": "2026-03-02T10:30:05Z",
             "h": "2026-03-02", "i": "=x", "j": 'say "hi", you'}
        ],
        "complete": True,
    }  # fmt: skip


def failing(rows: int) -> Iterator[tuple[str, int]]:
    """So many rows, then a fault."""
    for number in range(rows):
        yield "article", number
    raise RuntimeError("the disk is gone")


@pytest.mark.parametrize("rows", [0, 3, PART])
def test_a_fault_among_the_rows_leaves_nothing_that_looks_whole(rows: int) -> None:
    """CSV ends with a line that says so, JSON is none; both end with the fault, which breaks the connection."""
    for make in (lambda table: csv_parts(table, {}, "!!! incomplete"), json_parts):
        pieces: list[str] = []
        with pytest.raises(RuntimeError):
            pieces.extend(make(Table("x", ("a", "b"), failing(rows))))
        text = "".join(pieces)
        if rows < PART:
            assert pieces == []  # It is an error page then.
        elif make is json_parts:
            with pytest.raises(ValueError, match="Expecting"):
                json.loads(text)
        else:
            assert text.endswith("\r\n!!! incomplete\r\n")


@pytest.mark.parametrize("code", CODES)
def test_every_report_is_there_as_both(code: str, lead: FlaskClient) -> None:
    """The same keys and values in every language and form; a name with the days; kept by nobody."""
    for name in ALL:
        files = [lead.get(f"/{code}/desk/reports/download/{name}.{form}?{DAYS}") for form in ("csv", "json")]
        rows, found = read(files[0].text), json.loads(files[1].text)

        assert [each.status_code for each in files] == [200, 200]
        assert [each.headers["Cache-Control"] for each in files] == ["no-store"] * 2
        assert files[0].headers["Content-Type"] == "text/csv; charset=utf-8"
        assert files[1].headers["Content-Type"] == "application/json"
        if name != "board":
            assert (
                files[0].headers["Content-Disposition"] == f'attachment; filename="{name}-2026-03-01--2026-03-07.csv"'
            )
            assert found["period"] == {"first": "2026-03-01", "last": "2026-03-07", "step": "day"}
        assert files[0].text.count("\r\n") == files[0].text.count("\n")
        assert (len(rows), found["complete"]) == (len(found["rows"]), True)
        for row, other in zip(rows, found["rows"], strict=True):
            if code == "en":
                assert list(row) == found["columns"] == list(other)
            assert [row[key] for key in found["columns"] if key in {"metric", "value", "tickets"}] == [
                "" if other[key] is None else str(other[key]) for key in found["columns"] if key in {"metric", "value", "tickets"}
            ]  # fmt: skip


def test_what_a_report_says(lead: FlaskClient, portal_services: Services) -> None:
    """Totals, points, the period before, each language, the funnel; definitions beside; narrowed by the filter."""
    report(portal_services.database, DAY - timedelta(days=7), {Key("searches", "en"): 40})
    report(
        portal_services.database,
        DAY,
        {Key("searches", "en"): 50, Key("searches", "de"): 30, Key("searches.no_hit", "de"): 3, Key("chains"): 9},
    )
    found = json.loads(lead.get(f"/de/desk/reports/download/search.json?{DAYS}").text)
    german = read(lead.get(f"/de/desk/reports/download/search.csv?{DAYS}&in=de&bom=1").text)

    def of(part: str, metric: str, **more: str) -> list[Any]:
        wanted = {"part": part, "metric": metric, "by": "", "of": "", **more}
        return [row["value"] for row in found["rows"] if wanted.items() <= row.items()]

    assert of("total", "searches") == [80]
    assert of("point", "searches") == [0, 80, 0, 0, 0, 0, 0]
    assert of("total", "searches", by="language", of="de") == [30]
    assert of("total", "zero_result_rate") == [round(3 / 80, 6)]
    assert of("funnel", "chains") == [9]
    assert next(row["previous"] for row in found["rows"]) == 40
    assert set(found["metrics"]) == set(tables.REPORTS["search"][0]) <= set(METRICS)
    assert found["metrics"]["searches"]["unit"] == "count"
    assert found["metrics"]["searches"]["definition"]
    assert [row["value"] for row in german if (row["part"], row["metric"], row["by"]) == ("total", "searches", "")] == [
        "30"
    ]


def test_spreadsheets_of_languages_with_a_decimal_comma(lead: FlaskClient, portal_services: Services) -> None:
    """Semicolons between cells, a comma in numbers."""
    report(portal_services.database, DAY, {Key("searches", "en"): 8, Key("searches.no_hit", "en"): 1})
    for code in CODES:
        address = f"/{code}/desk/reports/download/search.csv?{DAYS}"
        plain, made = lead.get(address), lead.get(f"{address}&bom=1")
        assert ",0.125," in plain.text
        assert (",0.125," if code == "en" else ";0,125;") in made.text
        assert made.headers["Content-Disposition"].endswith('search-2026-03-01--2026-03-07-spreadsheet.csv"')


def test_articles_have_all_rows_in_the_order_that_is_asked_for(lead: FlaskClient, portal_services: Services) -> None:
    """A topic narrows them; those that are gone have no title."""
    votes = {
        ("votes.yes", "en", "printer-offline"): 4,
        ("votes.no", "en", "gone"): 1,
        ("requests", "de", "reset-password"): 2,
    }
    report(
        portal_services.database,
        DAY,
        {},
        articles={**votes, ("gaps", "en", "=cmd"): 1, ("gaps", "fr", "reset-password"): 1},
    )
    address = f"/en/desk/reports/download/articles.csv?{DAYS}"
    rows = read(lead.get(f"{address}&sort=requests").text)

    assert len(rows) == 5
    assert (rows[0]["slug"], rows[0]["title"], rows[0]["requests"]) == (
        "reset-password",
        "Vergessenes Passwort zurücksetzen",
        "2",
    )
    assert {"'=cmd", "gone"} <= {row["slug"] for row in rows if not row["title"]}
    assert [row["slug"] for row in read(lead.get(f"{address}&topic=devices").text)] == ["printer-offline"]


def test_each_article_is_there_once_whatever_is_counted_meanwhile(database: Database) -> None:
    """The file of a slow reader neither loses nor doubles rows where the order changes."""
    slugs = [f"article-{number:04}" for number in range(1200)]
    report(database, DAY, {}, articles={("requests", "en", slug): 2000 - place for place, slug in enumerate(slugs)})
    rows = iter(tables.of_articles(database, Asked(Period(DAY, DAY)), "requests", lambda *_: ("", "")).rows)
    begun = [next(rows)[0]]
    with database.write() as connection:
        connection.execute(update(daily_articles).where(daily_articles.c.slug == slugs[-1]).values(value=9999))

    assert begun + [row[0] for row in rows] == slugs


def test_what_cannot_be_is_refused(lead: FlaskClient) -> None:
    """Days that are none would be taken for others; unknown reports and forms."""
    base = "/en/desk/reports/download"
    codes = [
        lead.get(f"{base}/{name}").status_code
        for name in (
            "search.csv?first=2026-13-01&last=x",
            "nothing.csv",
            "search.pdf",
            "board.xls",
            "search",
            "x.y.csv",
        )
    ]

    assert codes == [400, 404, 404, 404, 404, 404]


@pytest.mark.parametrize("name", ["search", "articles"])
def test_a_fault_before_anything_was_sent_is_an_error_page(
    name: str, lead: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file at all."""

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("the disk is gone")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(history, "series", fail)
    monkeypatch.setattr(history, "articles", fail)
    for form in ("csv", "json"):
        answer = lead.get(f"/en/desk/reports/download/{name}.{form}")
        assert (answer.status_code, answer.headers.get("Content-Disposition")) == (500, None)


#: An application whose file fails after its first parts, as gunicorn serves it.
FAILING = """
from flask import Flask, Response
from portal.reporting.export import Table, begun, csv_parts
app = Flask(__name__)
def rows(fails):
    for number in range(5000):
        yield "article", number
    if fails:
        raise RuntimeError("the disk is gone")
@app.get("/<int:fails>")
def file(fails):
    return Response(begun(csv_parts(Table("x", ("a", "b"), rows(fails)), {}, "!!! incomplete")), content_type="text/csv")
"""


def test_the_real_server_breaks_the_connection(tmp_path: Path) -> None:
    """So that whoever downloads it knows; a whole file arrives whole."""
    (tmp_path / "failing.py").write_text(FAILING)
    with socket.create_server(("127.0.0.1", 0)) as door:
        number, port = door.fileno(), door.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-k",
            "gthread",
            "--threads",
            "2",
            "-b",
            f"fd://{number}",
            "failing:app",
        ]
        environment = {"PYTHONPATH": f"{REPOSITORY}:{tmp_path}", "PATH": os.environ["PATH"]}
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[number]
        ) as server:  # fmt: skip
            try:
                whole, broken = (download(port, path) for path in ("/0", "/1"))
            finally:
                server.terminate()

    assert whole.endswith("article,4999\r\n")
    assert broken.endswith("article,4999\r\n!!! incomplete\r\n (broken off)")


def download(port: int, path: str) -> str:
    """A file as a browser gets it; who comes before the server is ready waits."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    try:
        return connection.getresponse().read().decode()
    except http.client.IncompleteRead as broken:
        return broken.partial.decode() + " (broken off)"
    finally:
        connection.close()


def test_a_row_of_articles_has_all_its_figures() -> None:
    """What history tells of an article is in the file."""
    told = set(ArticleRow.__dataclass_fields__)

    assert told <= set(tables.ARTICLE_COLUMNS)
