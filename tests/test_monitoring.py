"""What is measured and who may read it: alone, in several processes, and when parts of the portal do not work."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text

from portal import monitoring, ticking
from portal.api_tokens import Scope
from portal.app import create_app
from portal.errors import SearchUnavailable
from portal.mail import Mail
from portal.people import Role
from portal.services import Services
from portal.settings import Settings
from portal.storage import Database, audit, gauges, outbox, schema
from portal.web import monitoring as watched
from tests.builders import NOW, PASSWORD, person, write_article
from tests.needs import REPOSITORY

EXAMPLES = REPOSITORY / "docs" / "examples" / "monitoring"


@pytest.fixture
def token(portal_services: Services) -> str:
    """A token that opens the metrics."""
    who = person(roles=frozenset({Role.SUPERVISOR}), email="sue@example.org")
    portal_services.staff.add(who, PASSWORD, portal_services.clock())
    [sue] = [found for found in portal_services.staff.everybody() if found.email == who.email]
    made = portal_services.api_tokens.make(None, "Prometheus", {Scope.METRICS_READ}, sue.id, portal_services.clock())
    return made[1]


def read(client: FlaskClient, token: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus reads, by name and labels."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(found: dict[Any, float], name: str, **labels: str) -> float | None:
    """One value."""
    return found.get((name, tuple(sorted(labels.items()))))


def test_requests_are_counted_by_page_and_never_by_address(reader: FlaskClient, token: str) -> None:
    """Also those of pages that do not exist, and by methods that nobody knows."""
    for path in ("/en/articles/reset-password", "/en/articles/printer-offline", "/en/nothing/zqsecretxv"):
        reader.get(path)
    reader.open("/en/", method="ZQMETHOD")
    found = read(reader, token)

    assert value(found, "portal_http_requests_total", method="GET", endpoint="help.article", status="2xx") == 2
    assert value(found, "portal_http_requests_total", method="GET", endpoint="none", status="4xx") == 1
    assert value(found, "portal_http_requests_total", method="other", endpoint="none", status="4xx") == 1
    assert value(found, "portal_http_request_duration_seconds_count", endpoint="help.article") == 2
    assert not any("zq" in str(key).lower() or key[0].endswith("_created") for key in found)


def test_searches_are_counted_once_by_verdict(reader: FlaskClient, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pages of one search only the first; a failing search is one, whatever its page."""
    reader.get("/en/search?q=password")
    reader.get("/de/search?q=zqxunheardofv")
    reader.get("/en/search?q=password&page=2")
    monkeypatch.setattr(watched, "answer", lambda *_: (_ for _ in ()).throw(SearchUnavailable("gone")))
    assert reader.get("/fr/search?q=password&page=2").status_code == 503
    found = read(reader, token)

    assert value(found, "portal_searches_total", language="en", verdict="answered") == 1
    assert value(found, "portal_searches_total", language="de", verdict="unanswered") == 1
    assert value(found, "portal_searches_total", language="fr", verdict="failed") == 1
    assert value(found, "portal_search_duration_seconds_count", language="en") == 1


def test_everything_that_waits_is_read(reader: FlaskClient, token: str, portal_services: Services) -> None:
    """Articles, parts, tickets, mails and rounds."""
    reader.get("/de/search?q=zqxunheardofv")
    now = portal_services.clock()
    with portal_services.database.write() as connection:
        assert gauges.last_backup(connection) is None
        audit.record(connection, now - timedelta(hours=2), None, "make", "backup", "x", {}, {})
    found = read(reader, token)

    assert value(found, "portal_backup_age_seconds") == pytest.approx(2 * 3600, abs=600)
    assert value(found, "portal_articles", language="en") == 3
    assert value(found, "portal_articles_unpublished") == 0
    assert [value(found, "portal_part_ready", part=part) for part in ("database", "disk", "search", "mail")] == [1] * 4
    assert value(found, "portal_tickets_unsolved", tier="1", kind="gap") in {0, 1}
    assert value(found, "portal_outbox_waiting") == 0
    assert value(found, "portal_webhooks_failing") == 0
    assert value(found, "portal_tick_lag_seconds") == float("inf")
    assert 0 <= (value(found, "portal_index_age_seconds") or 0) < 24 * 3600  # Made when the tests began.
    assert {name for name, _ in found if not name.endswith(("_bucket", "_sum", "_count"))} <= {
        measure.name for measure in monitoring.MEASURES
    }


def test_what_leaves_is_counted_from_when_it_could(database: Database) -> None:
    """On both databases: not what is held back, nor what is kept for a webhook that is switched off."""
    old, soon = NOW - timedelta(hours=1), NOW + timedelta(seconds=10)
    mail = Mail("ada@example.org", "Ada", "en", "Hello", "Text", "<p>Text</p>")
    hook = {"url": "https://x", "salt": "s", "languages": [], "created_at": old, "version": 1}
    row = {"event": "gap.opened", "payload": "{}", "created_at": old, "due_at": soon, "attempts": 1, "fault": ""}
    with database.write() as connection:
        outbox.add(connection, mail, "a", old)
        outbox.add(connection, mail, "b", NOW, delay=timedelta(seconds=10))
        for number, is_active in ((1, True), (2, False)):
            values = {**hook, "id": number, "name": str(number), "is_active": is_active, "failing_since": old}
            connection.execute(insert(schema.webhooks).values(values))
            for state in ("waiting", "failed"):
                told = {**row, "webhook_id": number, "key": f"{number} {state}", "state": state}
                connection.execute(insert(schema.deliveries).values(told))
        found = [gauges.mails(connection, NOW), gauges.messages(connection)]
        failing = gauges.failing_webhooks(connection)
        late = gauges.mails(connection, soon)
        nobody = gauges.unsolved(connection, NOW)

    assert found == [gauges.Queue(1, old, 0), gauges.Queue(1, old, 2)]
    assert (late.waiting, failing, nobody) == (2, 1, [])


def test_a_round_is_noted(reader: FlaskClient, token: str, portal_services: Services, instance: Settings) -> None:
    """Whoever does it, by hand or by itself; its time is the file's."""
    ticking.tick(portal_services, portal_services.clock())
    assert (value(read(reader, token), "portal_tick_lag_seconds") or 0) < 60
    os.utime(instance.data / "ticked", (1_000_000, 1_000_000))
    assert (value(read(reader, token), "portal_tick_lag_seconds") or 0) > 1e9
    os.utime(instance.data / "ticked", (4e9, 4e9))  # The clock was put back.
    assert value(read(reader, token), "portal_tick_lag_seconds") == 0


def test_articles_that_nobody_publishes_are_seen(instance: Settings, app: Flask, token: str) -> None:
    """New, changed and deleted ones."""
    write_article(instance.articles, "fr", "printer-offline", topic="devices")
    write_article(instance.articles, "en", "reset-password", title="Changed", topic="accounts")
    (instance.articles / "en" / "vpn-only-english.md").unlink()

    assert value(read(app.test_client(), token), "portal_articles_unpublished") == 3


def test_readings_are_taken_at_times(reader: FlaskClient, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody asks."""
    counted = Mock(wraps=gauges.unsolved)
    monkeypatch.setattr(gauges, "unsolved", counted)
    for _ in range(5):
        read(reader, token)

    assert counted.call_count == 1


def test_only_a_token_opens_the_metrics(reader: FlaskClient, token: str, portal_services: Services) -> None:
    """Nothing else: no token, another scope, a wrong one, one in the address, one that has been revoked."""
    [sue] = [found for found in portal_services.staff.everybody() if found.email == "sue@example.org"]
    make = portal_services.api_tokens.make
    other = make(None, "Gaps", {Scope.GAPS_READ}, sue.id, portal_services.clock())[1]
    answers = [
        reader.get("/metrics"),
        reader.get(f"/metrics?token={token}&access_token={token}"),
        *(reader.get("/metrics", headers={"Authorization": given}) for given in (
            f"Bearer {other}", f"Bearer {token}x", f"Basic {token}", "Bearer", "Bearer \xfc")),
    ]  # fmt: skip
    read(reader, token)
    portal_services.api_tokens.revoke(None, 1, portal_services.clock())
    answers.append(reader.get("/metrics", headers={"Authorization": f"Bearer {token}"}))

    assert {answer.status_code for answer in answers} == {401}
    assert all("metrics:read" in answer.headers["WWW-Authenticate"] for answer in answers)
    assert all(answer.headers["Cache-Control"] == "no-store" for answer in answers)
    assert not any("portal_" in answer.text for answer in answers)


def test_without_the_library_there_is_no_such_page(
    instance: Settings, portal_services: Services, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """And everything else works."""
    monkeypatch.setattr(monitoring, "is_available", lambda: False)
    client = create_app(instance, portal_services).test_client()

    assert client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 404
    assert client.get("/en/search?q=password").status_code == 200


def test_metrics_are_told_while_the_database_does_not_answer(
    reader: FlaskClient, app: Flask, token: str, portal_services: Services
) -> None:
    """To whom they were told lately; what is read from it is left out, and the parts say which does not work."""
    read(reader, token)
    monitor = app.extensions[watched.EXTENSION]
    monitor._readings._read_at = float("-inf")
    with portal_services.database.write() as connection:
        for table in ("tickets", "api_tokens", "outbox"):
            connection.execute(text(f"ALTER TABLE {table} RENAME TO gone_{table}"))
    found = read(reader, token)

    assert value(found, "portal_part_ready", part="database") == 0
    assert value(found, "portal_part_ready", part="search") == 1
    assert not [key for key in found if key[0].startswith(("portal_tickets", "portal_outbox"))]
    assert reader.get("/metrics", headers={"Authorization": "Bearer tier0_" + "x" * 43}).status_code == 401


@pytest.mark.sqlite  # Which index holds all that is asked for is told to SQLite alone.
def test_the_queue_is_counted_from_one_index(portal_services: Services) -> None:
    """No row of a ticket is read for it."""
    with portal_services.database.read() as connection:
        watcher = Mock(dialect=connection.dialect, execute=Mock(return_value=[]))
        gauges.unsolved(watcher, portal_services.clock())
        asked = re.sub(r":\w+", "'2026-01-01'", str(watcher.execute.call_args[0][0]))
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {asked}")).all()

    assert "COVERING INDEX ix_tickets_unsolved" in str(plan)


@pytest.fixture
def together(tmp_path: Path) -> Iterator[Path]:
    """A folder in which processes count together."""
    with monitoring.counting_together(tmp_path):
        yield Path(os.environ[monitoring.VARIABLE])


COUNT = "from portal.monitoring import *; meter = open_meter(); meter.count_search('en', 'answered', 0.2); "


def run(code: str) -> str:
    """What a process of its own says."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_processes_count_together(together: Path) -> None:
    """What ended ones have counted stays, and the room that they took is given back."""
    number = int(run(COUNT + "print(os.getpid())"))
    before = sum(path.stat().st_size for path in together.glob("*.db"))
    monitoring.give_back(number)
    told = run(COUNT + "print(meter.text([]))")

    assert 'portal_searches_total{language="en",verdict="answered"} 2.0' in told
    assert 'portal_search_duration_seconds_bucket{language="en",le="0.25"} 2.0' in told
    assert before == sum(monitoring.ROOM.values())
    assert sum(path.stat().st_size for path in together.glob(f"*_{number}.db")) < 10_000


def test_a_full_disk_stops_no_process_from_counting_for_itself(together: Path) -> None:
    """It takes its room when it begins, or none at all."""
    full = "import os, errno\ndef full(*_): raise OSError(errno.ENOSPC, 'full')\nos.posix_fallocate = full\n"
    run(COUNT)

    assert 'verdict="answered"} 1.0' in run(full + COUNT + "print(meter.text([]))")


def test_folders_of_killed_servers_go_and_of_living_ones_stay(tmp_path: Path, together: Path) -> None:
    """Servers may share an instance folder."""
    killed = tmp_path / "metrics" / "killed"
    shutil.copytree(together, killed)
    run(
        f"from portal.monitoring import *\nwith counting_together(Path({str(tmp_path)!r})): assert VARIABLE in os.environ"
    )

    assert not killed.exists()
    assert [path for path in (tmp_path / "metrics").iterdir() if path.is_dir()] == [together]


NAME = re.compile(r"\bportal_[a-z_]+\b")


def expressions() -> list[str]:
    """Every expression of the dashboard and of the alert rules."""
    board = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    asked += [item["definition"] for item in board["templating"]["list"] if item["type"] == "query"]
    asked += [item["expr"] for item in board["annotations"]["list"] if "expr" in item]
    return asked + [rule["expr"] for rule in rules()]


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    groups = yaml.safe_load((EXAMPLES / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_metric_is_documented_and_used() -> None:
    """With its labels; and nothing is asked for that does not exist."""
    page = (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(portal_\w+)` \|([^|]*)\|", page, re.MULTILINE))
    used = {re.sub(r"_(bucket|count|sum)$", "", name) for asked in expressions() for name in NAME.findall(asked)}

    assert {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()} == {
        measure.name: measure.labels for measure in monitoring.MEASURES
    }
    assert used == set(rows)


def test_expressions_name_only_labels_that_exist() -> None:
    """As far as can be seen without Prometheus itself: brackets close, and labels are those of the metrics."""
    labels = {measure.name: set(measure.labels) for measure in monitoring.MEASURES}
    for asked in expressions():
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', asked)
        assert all(bare.count(left) == bare.count(right) for left, right in ("()", "[]", "{}")), asked
        for name, inside in re.findall(r"(portal_\w+)\{([^}]*)\}", bare):
            known = labels[re.sub(r"_(bucket|count|sum)$", "", name)] | {"job", "instance"}
            assert set(re.findall(r"(\w+)\s*[=!]", inside)) <= known, asked
        grouped = {part.strip() for group in re.findall(r"\bby \(([^)]*)\)", bare) for part in group.split(",")}
        known = {label for name in NAME.findall(bare) for label in labels.get(re.sub(r"_bucket$", "", name), ())}
        assert grouped <= known | {"le", "instance"}, asked


def test_every_alert_says_what_to_do() -> None:
    """In a section of its own; and its annotations name its labels alone."""
    page = (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (\w+)$", page, re.MULTILINE)

    assert sections == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/monitoring.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_the_dashboard_is_whole() -> None:
    """Every panel has a unit, a description, the chosen data source, and a place of its own."""
    board = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(panels) >= 20
    assert all(panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in panels)
    assert all(target["datasource"]["uid"] == "${datasource}" for panel in panels for target in panel["targets"])
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
