"""How a search went: values that add up, in the commands and on the desk's page, which no query breaks."""

import json
from dataclasses import asdict
from math import exp

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from portal import explanation, learning
from portal.cli import main
from portal.explanation import Explanation, Step, explain
from portal.locales import CODES
from portal.queries import MAX_CHARACTERS, Query, Verdict, read_query
from portal.search.confidence import CONSTANT, NAMES, WEIGHTS
from portal.selfservice import answer
from portal.services import Services
from portal.settings import Settings

QUERIES = [
    ("en", "reset a forgotten password"),
    ("en", "pasword printer"),
    ("en", "mot de passe oublié"),
    ("fr", "imprimante hors ligne"),
    ("de", "Passwortrichtlinie"),
    ("ru", "gfhjkm"),
    ("ru", "printer offline"),
    ("en", "zxqv blorp"),
    ("en", "a the"),
]


def of(services: Services, language: str, text: str, **options: object) -> Explanation:
    return explain(services.edition, read_query(language, text, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(("language", "text"), QUERIES, ids=[row[1] for row in QUERIES])
def test_every_value_adds_up(language: str, text: str, shipped_services: Services) -> None:
    """Score, words, confidence and verdict follow from the parts that are shown."""
    found = of(shipped_services, language, text)

    for step in found.steps:
        assert_adds_up(step)
    assert found.constant == CONSTANT
    assert 0 <= found.low <= found.high <= 1
    if found.verdict is Verdict.ANSWERED:
        assert found.confidence >= found.high
    if found.verdict is Verdict.UNCERTAIN:
        assert found.low <= found.confidence < found.high
    if found.steps:
        assert found.confidence in {step.confidence for step in found.steps}
        assert found.normalised in {signal.value for step in found.steps for signal in step.signals}
    assert found.steps or found.verdict is Verdict.EMPTY or found.query.text == "a the"


def assert_adds_up(step: Step) -> None:
    """One reading's values."""
    for hit in step.hits:
        assert hit.score == pytest.approx(hit.words * (1 + max(hit.title_fit, hit.heading_fit)))
        assert 0 <= hit.title_fit <= 1 + 1e-9
        assert 0 <= hit.heading_fit <= 1 + 1e-9
        assert sum(hit.added) == pytest.approx(hit.words)
        assert len(hit.added) == len(step.asked)
        assert hit.title
    assert [hit.score for hit in step.hits] == sorted((hit.score for hit in step.hits), reverse=True)
    assert [(signal.name, signal.weight) for signal in step.signals] == list(zip(NAMES, WEIGHTS, strict=True))
    total = CONSTANT + sum(signal.value * signal.weight for signal in step.signals)
    assert step.confidence == (pytest.approx(1 / (1 + exp(-total))) if step.signals[0].value else 0.0)
    for place, asked in enumerate(step.asked):
        assert asked.rarity > 0
        assert asked.ways[0][1] == 1
        assert asked.is_known or not any(hit.added[place] for hit in step.hits)


def test_it_says_what_a_reader_is_told(shipped_services: Services) -> None:
    """Verdict, code, repairs and order are those of the answer itself."""
    for language, text in QUERIES:
        told, found = answer(shipped_services.edition, Query(language, text)), of(shipped_services, language, text)
        assert (found.verdict, found.code, found.confidence) == (told.verdict, told.code, told.confidence)
        assert found.repairs == told.repairs
        if told.asked_in is None and found.steps:
            shown = [result.item.article.slug for result in told.results]
            assert [hit.slug for hit in found.steps[-1].hits] == shown


def test_steps_are_named_in_their_order(shipped_services: Services) -> None:
    """As typed first; put right, and in another language, where that was done."""
    kinds = [[step.kind for step in of(shipped_services, *query).steps] for query in QUERIES[:3]]

    assert kinds[0] == ["typed"]
    assert kinds[1] == ["typed", "repaired"]
    assert kinds[2][0] == "typed"
    assert kinds[2][-1] == "asked_in"
    assert [step.kind for step in of(shipped_services, "en", "pasword zxqv", is_exact=True).steps] == ["typed"]


def run(instance: Settings, *arguments: str) -> Result:
    """Run a command on an instance."""
    options = ["--articles", str(instance.articles), "--data", str(instance.data)]
    return CliRunner().invoke(main, [*arguments, *options])


def test_the_command_explains_for_scripts(instance: Settings, portal_services: Services) -> None:
    """All values, as they are."""
    result = run(instance, "search", "explain", "en", "pasword", "printer", "--json")

    assert result.exit_code == 0, result.output
    expected = asdict(explanation.explain(portal_services.edition, Query("en", "pasword printer")))
    assert json.loads(result.stdout) == json.loads(json.dumps(expected))


def test_the_command_explains_for_people(instance: Settings) -> None:
    """Verdict, repair, words, scores and signals; exact and topic count."""
    result = run(instance, "search", "explain", "en", "pasword", "printer")
    exact = run(instance, "search", "explain", "en", "pasword", "--exact")
    narrowed = run(instance, "search", "explain", "en", "password", "--topic", "devices")

    assert [result.exit_code, exact.exit_code, narrowed.exit_code] == [0, 0, 0]
    for part in ("verdict", "confidence", "spelling: pasword → password", "typed (en): pasword printer", "words"):
        assert part in result.stdout
    assert all(name in result.stdout for name in NAMES)
    assert "in no article" in exact.stdout
    assert "→" not in exact.stdout
    assert "reset-password" not in narrowed.stdout.split("typed (en)", 1)[1]


@pytest.mark.parametrize("text", ["", "   ", "how do I", "\x00\x1b[31m", "🔥", "x" * 5000])
def test_the_command_explains_anything(text: str, instance: Settings) -> None:
    """No words, no trace of an error, no signs that colour a terminal."""
    for options in ((), ("--json",)):
        result = run(instance, "search", "explain", *options, "en", text)
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.stdout


def test_the_command_translates(instance: Settings) -> None:
    """Nothing is known before anything was learned; afterwards how much, and each word's translations."""
    before = run(instance, "search", "translate", "en", "de", "--json")
    unknown = run(instance, "search", "translate", "en", "de", "password", "--json")
    learning.learn(instance.data)
    sizes = run(instance, "search", "translate", "en", "de", "--json")
    found = run(instance, "search", "translate", "en", "de", "password", "zxqv", "--json")
    shown = run(instance, "search", "translate", "en", "de", "password", "zxqv")
    listed = run(instance, "search", "translate", "en", "de")

    assert set(json.loads(before.stdout).values()) == {0}
    assert json.loads(unknown.stdout) == {"password": []}
    assert json.loads(sizes.stdout)["en-de"] > 0
    assert len(json.loads(sizes.stdout)) == 12
    words = json.loads(found.stdout)
    assert words["password"]
    assert all(0 < share <= 1 for _, share in words["password"])
    assert words["zxqv"] == []
    assert "zxqv" in shown.stdout
    assert "–" in shown.stdout
    assert "en-de" in listed.stdout


def test_translating_to_the_same_language_is_no_error(instance: Settings) -> None:
    """There is nothing to translate, and no trace of an error either."""
    result = run(instance, "search", "translate", "en", "en", "password", "--json")

    assert result.exit_code in {0, 2}
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("language", CODES)
def test_the_page_needs_somebody_who_is_signed_in(language: str, reader: FlaskClient) -> None:
    """Strangers are led to the sign-in page, and back."""
    response = reader.get(f"/{language}/desk/explain?q=password&in=en")

    assert response.status_code == 303
    assert response.location.startswith(f"/{language}/sign-in?next=")


@pytest.mark.parametrize("language", CODES)
def test_the_page_explains_in_every_language(language: str, agent: FlaskClient) -> None:
    """The form alone, and an explanation for readers of each language."""
    empty = agent.get(f"/{language}/desk/explain")
    pages = {
        code: agent.get(f"/{language}/desk/explain", query_string={"q": "password принтер", "in": code})
        for code in CODES
    }

    assert empty.status_code == 200
    assert {page.status_code for page in pages.values()} == {200}
    assert f'<html lang="{language}"' in empty.text
    assert '<option value="ru" lang="ru" selected' in pages["ru"].text
    assert all("<table" in page.text for page in pages.values())
    assert "reset-password" in pages["en"].text


HOSTILE = [
    "<script>alert(1)</script> password",
    '"><img src=x onerror=alert(1)> password',
    "{{7*7}} {% raw %} password",
    "password\u202e\x00\x1b",
    "printer " * 100,
    "ﷺ" * 200,
    "pasword <b>zxqv</b>",
]


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text[:12]) for text in HOSTILE])
@pytest.mark.parametrize("language", CODES)
def test_a_hostile_query_is_escaped(language: str, text: str, agent: FlaskClient) -> None:
    """Nothing that was typed becomes part of the page's own text."""
    response = agent.get(f"/{language}/desk/explain", query_string={"q": text, "in": "en"})

    assert response.status_code == 200
    assert not any(bad in response.text for bad in ("<script>alert", "<img src=x", "<b>zxqv", "\u202e", "\x00"))
    assert "{{7*7}}" in response.text or "7*7" not in text
    assert len(response.text) < 60_000


@pytest.mark.parametrize("asked", ["xx", "", "../en", "en&in=de", "EN"])
def test_an_unknown_language_of_the_reader_is_no_error(asked: str, agent: FlaskClient) -> None:
    """It is refused, or the page's own is taken."""
    response = agent.get("/en/desk/explain", query_string={"q": "password", "in": asked})

    assert response.status_code in {200, 400, 404}


def test_a_long_query_is_explained_as_it_is_searched(portal_services: Services) -> None:
    """Cut to the same bounds."""
    found = of(portal_services, "en", "password " * 1000)

    assert len(found.query.text) <= MAX_CHARACTERS
    assert len(found.steps[0].asked) == 1
