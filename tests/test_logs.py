"""Log lines as text and JSON, and the number of each request; what is in them, and what never is."""

import io
import json
import logging
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from portal import logs
from portal.api_tokens import Scope
from portal.app import create_app
from portal.people import Role
from portal.services import Services, open_services
from portal.settings import Settings
from tests.builders import PASSWORD, person, settings, write_library
from tests.serving import Server

SECRET = "zqsecretxv"


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The JSON objects that have been logged."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("json"))
    log = logging.getLogger("portal")
    before = log.level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.removeHandler(handler)
    log.setLevel(before)


@given(st.text(), st.text(alphabet=st.characters(), max_size=30))
def test_any_message_is_one_line_of_json(message: str, value: str) -> None:
    """Whatever is in it: line breaks, quotes, half a pair of surrogates."""
    record = logging.LogRecord("portal", logging.WARNING, "", 1, "%s", (message,), None)
    setattr(record, logs.VALUES, {"value": value})
    line = logs.formatter("json").format(record)

    assert len(line.splitlines()) == 1 or "\n" not in line
    assert json.loads(line.encode("utf-8", "backslashreplace")) | {"time": ""} == {
        "time": "", "level": "warning", "logger": "portal", "message": message, "value": value,
    }  # fmt: skip


def test_a_fault_is_told_without_its_message(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Which may repeat what was typed."""
    try:
        int(SECRET)
    except ValueError:
        logging.getLogger("portal.test").exception("it failed")
    [line] = lines()

    assert (line["message"], line["exception"], line["level"]) == ("it failed", "ValueError", "error")
    assert "test_logs.py" in line["stack"]
    assert SECRET not in json.dumps(line)


def test_lines_of_text_name_the_request(caplog: pytest.LogCaptureFixture) -> None:
    """At their end, and only where there is one."""
    record = logging.LogRecord("portal", logging.INFO, "", 1, "done", (), None)
    alone = logs.formatter("text").format(record)
    logs.begin(logs.Asked("0123456789abcdef"))
    within = logs.formatter("text").format(record)
    logs.end()

    assert alone.endswith("INFO portal: done")
    assert within == f"{alone} [0123456789abcdef]"


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_is_logged_makes_lines_or_commands_a_terminal(form: str) -> None:
    """Neither line ends of any kind nor control characters; a stack alone has lines of its own, as text."""
    signs = "a\n2026-11-22 ERROR forged\r\t\x1b[31m\x7f\x85\x9b\u2028\u2029z"
    record = logging.LogRecord("portal", logging.INFO, "", 1, "%s", (signs,), None)
    line = logs.formatter(form).format(record)
    try:
        int(f"x{signs}")
    except ValueError:
        record.exc_info = sys.exc_info()
    stack = logs.formatter(form).format(record)

    assert line.isprintable()
    assert "a\\n2026-11-22 ERROR forged\\r\\t\\u001b[31m\\u007f\\u0085\\u009b\\u2028\\u2029z" in line
    assert stack.replace("\n", "").isprintable()
    assert ("\n" in stack) is (form == "text")


def test_warnings_of_python_are_lines_of_the_log() -> None:
    """In its form, as everything else."""
    code = "import warnings; from portal import logs; logs.configure('json', 'info'); warnings.warn('old')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    [line] = [json.loads(text) for text in done.stderr.splitlines()]

    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert "old" in line["message"]


def test_threads_answer_their_own_requests() -> None:
    """And one that works for a request carries its number where it is given the context."""
    seen: dict[str, str] = {}
    both = threading.Barrier(2)

    def answer(number: str) -> None:
        logs.begin(logs.Asked(number))
        both.wait(60)
        helper = threading.Thread(
            target=copy_context().run, args=(lambda: seen.update({f"{number}-aside": logs.request_number()}),)
        )
        helper.start()
        helper.join(60)
        seen[number] = logs.request_number()

    threads = [threading.Thread(target=answer, args=(number,)) for number in ("first-one", "second-one")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert seen == {
        name: name.removesuffix("-aside") for name in ("first-one", "first-one-aside", "second-one", "second-one-aside")
    }
    assert logs.request_number() == ""


@given(st.text(max_size=80))
def test_a_number_is_safe_whatever_was_given(text: str) -> None:
    """It goes into headers, pages and logs."""
    number = logs.number_of(text)

    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", number)
    assert number == text or re.fullmatch(r"[0-9a-f]{16}", number)


@pytest.mark.parametrize(("proxies", "given", "is_taken"), [
    (1, "nginx-7f3a.01_b", True), (1, "short", False), (1, "x" * 65, False), (1, "<b>bold</b>", False),
    (0, "nginx-7f3a.01_b", False),
])  # fmt: skip
def test_the_number_of_a_trusted_proxy_is_taken(
    instance: Settings, portal_services: Services, proxies: int, given: str, is_taken: bool
) -> None:
    """Of nobody else, and only where it is one."""
    client = create_app(
        replace(instance, proxy_count=proxies), replaced(portal_services, proxy_count=proxies)
    ).test_client()
    answers = [client.get(path, headers={"X-Request-Id": given}) for path in ("/en/", "/healthz", "/nowhere")]

    assert [answer.headers["X-Request-Id"] == given for answer in answers] == [is_taken] * 3
    assert client.get("/en/").headers["X-Request-Id"] != client.get("/en/").headers["X-Request-Id"]


def replaced(services: Services, **changes: Any) -> Services:
    """The parts with other settings."""
    services.settings = replace(services.settings, **changes)
    return services


def test_a_page_of_our_fault_names_the_number(
    app: Flask, lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By which the line with the stack is found; pages of the reader's faults do not."""
    monkeypatch.setattr("portal.web.help_centre.helpful", lambda *_: int(SECRET))
    answer = app.test_client().get("/de/")
    number = answer.headers["X-Request-Id"]
    fault = next(line for line in lines() if line["message"].startswith("fault in"))

    assert answer.status_code == 500
    assert f"<code>{number}</code>" in answer.text
    assert (fault["request_id"], fault["endpoint"], fault["method"]) == (number, "help.home", "GET")
    assert SECRET not in json.dumps(lines())
    lost = app.test_client().get("/de/nowhere")
    assert lost.headers["X-Request-Id"] not in lost.text


def test_every_request_has_one_line(
    instance: Settings, portal_services: Services, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """With its page and status, and nothing of its address; as text there is none."""
    client = create_app(instance, replaced(portal_services, log_format="json")).test_client()
    client.get(f"/en/search?q={SECRET}")
    client.get(f"/{SECRET}", headers={"Referer": f"http://localhost/{SECRET}", "User-Agent": SECRET})
    client.post("/en/requests/new", data={"name": SECRET})
    told = [line for line in lines() if line["logger"] == "portal.access"]
    replaced(portal_services, log_format="text")
    client.get("/en/")

    assert [(line["method"], line["endpoint"], line["status"]) for line in told][:2] == [
        ("GET", "help.search", 200), ("GET", "none", 404),
    ]  # fmt: skip
    assert told[2]["endpoint"] == "my_requests.new" or told[2]["method"] == "POST"
    assert all(line["ms"] > 0 and line["level"] == "info" and len(line["request_id"]) == 16 for line in told)
    assert len([line for line in lines() if line["logger"] == "portal.access"]) == 3
    assert SECRET not in json.dumps(lines())


@pytest.mark.server
def test_the_real_server(tmp_path: Path) -> None:
    """Every line of its log is JSON, from start to end; its processes count together, also one that has been killed."""
    server = Server(
        tmp_path / "var", write_library(tmp_path / "articles"),
        PORTAL_LOG_FORMAT="json", PORTAL_LOG_LEVEL="debug", PORTAL_WORKERS="2", PORTAL_PROXY_COUNT="1",
    ).start()  # fmt: skip
    try:
        header = {"Authorization": f"Bearer {_token(settings(server.articles, server.data))}"}
        for number in range(30):
            server.get(f"/en/search?q=password+{SECRET}", {"X-Request-Id": f"proxy-number-{number}"})
        told = {
            server.get("/metrics", header)[1].partition("portal_searches_total{")[2].split("\n")[0] for _ in range(8)
        }
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    finally:
        server.kill()
    log = server.log.read_text()
    found = [json.loads(line) for line in log.splitlines()]

    assert len(told) == 1
    assert float(told.pop().rpartition(" ")[2]) == 30
    searches = [line for line in found if line.get("endpoint") == "help.search" and "status" in line]
    assert {line["request_id"] for line in searches} == {f"proxy-number-{number}" for number in range(30)}
    assert {"portal", "portal.access"} <= {line["logger"] for line in found}
    assert any("Articles " in line["message"] for line in found)
    assert SECRET not in log
    assert "q=" not in log
    assert list((server.data / "metrics").glob("*/*")) == []


def _token(used: Settings) -> str:
    """A token to the metrics of an instance."""
    services = open_services(used)
    services.staff.add(person(roles=frozenset({Role.SUPERVISOR})), PASSWORD, services.clock())
    [who] = services.staff.everybody()
    made = services.api_tokens.make(None, "Prometheus", {Scope.METRICS_READ}, who.id, services.clock())
    services.close()
    return made[1]


def test_probes_are_answered_by_everything_that_asks(reader: FlaskClient) -> None:
    """As a load balancer asks: often, by either method; never kept, led elsewhere or given a cookie."""
    answers = [
        reader.open(path, method=method)
        for path in ("/healthz", "/readyz", "/readyz?strict=1")
        for method in ("GET", "HEAD") * 5
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert not any("Set-Cookie" in answer.headers or "Location" in answer.headers for answer in answers)
    assert [answer.data for answer in answers[1::2]] == [b""] * 15
