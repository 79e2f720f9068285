"""`portal articles preview`: what a draft would answer, what it misses of its own, and what it would displace."""

import itertools
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from portal.articles import Article
from portal.judgments import read_queries
from portal.library import PLACEHOLDER, parse
from portal.queries import Verdict
from portal.services import Services
from portal.settings import Settings
from portal.storage import frequent, searches
from portal.tickets import Resolution, Status
from portal.writing.files.history import History
from portal.writing.trials import previewing
from portal.writing.trials.asked import AskedQuery, Kind, collect
from portal.writing.trials.concern import Concern
from portal.writing.trials.previewing import as_published, preview
from portal.writing.trials.results import results
from portal.writing.trials.trial import trial
from tests.asking import searched
from tests.builders import NOW, write_article
from tests.needs import REPOSITORY
from tests.trying import as_json, contents, gap, run

BODY = "## Descale it {#descale}\n\nFill the kettle with vinegar, wait an hour, and rinse it."


def kettle(folder: Path, slug: str = "descale-kettle", language: str = "en", **fields: str) -> Path:
    """A draft outside the articles, in a folder that says nothing of its language."""
    facts = {"title": "Descale the kettle", "body": BODY, "topic": "devices", "status": "draft"} | fields
    path = write_article(folder, language, slug, **facts)
    return path.rename(folder / path.name)


def test_a_draft_answers_what_people_asked_in_vain(
    instance: Settings, portal_services: Services, tmp_path: Path
) -> None:
    """Gaps with their variants, most asked first; what has no word of it is not asked; nobody else notices."""
    number = gap(portal_services.database, "descale kettle", 7, variants=("limescale in the kettle",))
    gap(portal_services.database, "kettle vinegar", 12)
    gap(portal_services.database, "cable of the printer", 90)
    before = contents(instance.data), contents(instance.articles)
    draft = kettle(tmp_path, answers='[descale the kettle, "1"]')

    found = as_json(instance, "articles", "preview", str(draft), "--language", "en")
    text = run(instance, "articles", "preview", str(draft), "--language", "en", "--limit", "1")

    assert number == 1
    rows = [(row["query"]["text"], row["query"]["times"], row["query"]["number"]) for row in found["gained"]]
    assert rows == [("kettle vinegar", 12, 2), ("descale kettle", 7, 1), ("limescale in the kettle", 1, 1)]
    assert found["gained"][0] | {"query": ""} == {
        "query": "",
        "rank_before": 0,
        "rank": 1,
        "verdict_before": "unanswered",
        "verdict": "answered",
    }
    assert [(own["text"], own["number"], own["is_reached"]) for own in found["own"]] == [
        ("descale the kettle", 0, True),
        ("descale kettle", 1, True),
    ]
    assert (found["known"], found["concerned"], found["asked"], found["displaced"]) == (4, 3, 3, [])
    assert text.exit_code == 0
    assert text.stdout.startswith("en/descale-kettle would answer ")
    assert "reach 2 of its own 2." in text.stdout.partition("\n")[0]
    assert "12× en – → 1 unanswered → answered kettle vinegar #2" in " ".join(text.stdout.split())
    assert "more; --limit shows them" in text.stdout
    assert (contents(instance.data), contents(instance.articles)) == before


def test_what_it_misses_of_its_own_is_explained(instance: Settings, portal_services: Services, tmp_path: Path) -> None:
    """A query whose words it lacks, a gap of another language, a gap that there is none of; and it exits with 1."""
    gap(portal_services.database, "Wasserkocher entkalken", language="de")
    draft = kettle(tmp_path, answers='[printer offline cable, "#1", "77", "404 kettle"]')

    result = run(instance, "articles", "preview", str(draft), "--language", "en")
    missed = {
        own["answer"]: own for own in as_json(instance, "articles", "preview", str(draft), "--language", "en")["own"]
    }

    assert result.exit_code == 1
    assert [answer for answer, own in missed.items() if not own["is_reached"]] == ["printer offline cable", "#1", "77"]
    assert "printer offline cable: rank –, answered\n        it lacks “printer”, “offline”, “cable”\n" in result.stdout
    assert "at rank 1 is printer-offline, score " in result.stdout
    assert "Wasserkocher entkalken  #1: rank –, unanswered\n" in result.stdout
    assert "there is no article descale-kettle in de that readers see" in result.stdout
    assert "There is no gap 77." in result.stdout


def test_what_it_would_displace_is_shown(instance: Settings, portal_services: Services, tmp_path: Path) -> None:
    """An article that is known to answer a query, one that was merely first, and not where the draft is the answer."""
    gap(
        portal_services.database,
        "printer offline",
        5,
        status=Status.SOLVED,
        resolution=Resolution.ARTICLE_WRITTEN,
        slug="printer-offline",
    )
    gap(portal_services.database, "the printer is offline", 3)
    gap(
        portal_services.database,
        "offline printer",
        2,
        status=Status.SOLVED,
        resolution=Resolution.ARTICLE_WRITTEN,
        slug="again",
    )
    body = "## The printer is offline\n\nThe printer is offline. Printer offline: check the printer."
    draft = kettle(tmp_path, "again", title="Printer offline", body=body)

    found = as_json(instance, "articles", "preview", str(draft), "--language", "en")

    rows = {row["query"]["text"]: row for row in found["displaced"]}
    assert "offline printer" not in rows
    assert rows["printer offline"] | {"query": ""} == {
        "query": "",
        "slug": "printer-offline",
        "is_known": True,
        "rank_before": 1,
        "rank": 2,
        "verdict_before": "answered",
        "verdict": "answered",
        "first": "again",
    }
    text = run(instance, "articles", "preview", str(draft), "--language", "en").stdout
    assert "change what answers" in text.partition("\n")[0]
    assert "printer-offline (known to answer it), first is again" in text


def test_readers_of_other_languages_are_shown_it_for_want_of_theirs(
    instance: Settings, portal_services: Services, tmp_path: Path
) -> None:
    """It answers nobody but its own readers; of the others it is told who would see it."""
    gap(portal_services.database, "kettle vinegar", 4, language="fr")

    found = as_json(instance, "articles", "preview", str(kettle(tmp_path)), "--language", "en")

    assert [(row["language"], row["text"], row["times"]) for row in found["abroad"]] == [("fr", "kettle vinegar", 4)]
    assert found["gained"] == []


def test_a_file_in_the_folder_says_where_it_belongs(instance: Settings, portal_services: Services) -> None:
    """A text that readers see already is compared with the one committed before, and else with none."""
    gap(portal_services.database, "printer toner", 4)
    path = instance.articles / "en" / "printer-offline.md"

    alone = as_json(instance, "articles", "preview", str(path))
    assert alone["compared_with"] == "no such article; readers see this text already"

    for arguments in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x"),
    ):
        subprocess.run(("git", *arguments), cwd=instance.articles, check=True, capture_output=True)
    path.write_text(path.read_text() + "\n## Printer toner\n\nOrder printer toner.\n")
    saved = as_json(instance, "articles", "preview", str(path))
    assert saved["compared_with"] == "its text that readers see now"
    assert [row["query"]["text"] for row in saved["gained"]] == ["printer toner"]

    assert run(instance, "index", "rebuild").exit_code == 0
    published = as_json(instance, "articles", "preview", str(path))
    against = as_json(instance, "articles", "preview", str(path), "--against", "HEAD")
    assert published["compared_with"].startswith("its text of commit ")
    assert published["gained"] == against["gained"] == saved["gained"]
    unknown = run(instance, "articles", "preview", str(path), "--against", "nowhere")
    assert (unknown.exit_code, "There is no revision nowhere" in unknown.stderr) == (1, True)


def test_faults_are_shown_as_check_shows_them(instance: Settings, tmp_path: Path) -> None:
    """With path and line, and nothing is tried; neither is a file of which the language or the slug is not known."""
    (tmp_path / "bad.md").write_text("---\ntitle: T\ntopik: devices\nupdated: 2026-01-01\n---\n\nText.\n")
    (tmp_path / "Bad name.md").write_text("x")
    (tmp_path / "large.md").write_bytes(b"a" * 300_000)
    inside = write_article(instance.articles, slug="half", title="Half", body="", status="draft")
    hidden = kettle(tmp_path, "hidden", topic="backstage")
    (instance.articles / "topics.yml").write_text("backstage:\n  name: {en: Backstage}\n  audience: writers\n")

    def told(file: str | Path, *more: str) -> tuple[int, str]:
        result = run(instance, "articles", "preview", str(tmp_path / file), *more)
        return result.exit_code, result.stderr

    assert told("bad.md", "--language", "en")[0] == 1
    assert "bad.md:3: error unknown-key" in told("bad.md", "--language", "en")[1]
    assert "en/half.md:7: error empty-body" in told(inside)[1]
    assert "error invalid-slug" in told("Bad name.md", "--language", "en")[1]
    assert "error no-front-matter" in told("Bad name.md", "--language", "en", "--slug", "good")[1]
    assert "error too-large" in told("large.md", "--language", "en")[1]
    assert told("bad.md") == (2, told("bad.md")[1])
    assert "--language" in told("bad.md")[1]
    assert told(instance.articles / "en" / "printer-offline.md", "--language", "de")[0] == 2
    assert "its topic, backstage, is not for them" in told(hidden, "--language", "en")[1]


def test_without_an_instance_its_own_queries_are_asked(library_folder: Path, tmp_path: Path) -> None:
    """And judged queries beside the articles; numbers of gaps cannot be looked up."""
    judgments = library_folder / "judgments"
    judgments.mkdir()
    (judgments / "en.tsv").write_text("query\trelevant\nkettle vinegar\tdescale-kettle\nvpn token\tvpn-only-english\n")
    given = Settings(articles=library_folder, data=tmp_path / "none")
    draft = kettle(tmp_path, answers='[descale kettle, "3"]')

    found = as_json(given, "articles", "preview", str(draft), "--language", "en")
    (judgments / "de.tsv").write_text("nothing")
    result = run(given, "articles", "preview", str(draft), "--language", "en")

    assert [(own["text"], own["is_reached"]) for own in found["own"]] == [("descale kettle", True)]
    assert [(row["query"]["text"], row["query"]["kind"]) for row in found["gained"]] == [("kettle vinegar", "judged")]
    assert "what people asked is not known" in result.stderr
    assert "Judged queries are left out." in result.stderr
    assert " %" not in result.stderr
    assert not (tmp_path / "none").exists()


def test_what_people_asked_is_counted_once(portal_services: Services) -> None:
    """A gap's search is also an event and a frequent query; masks are not searched; spam and robots are left out."""
    gap(portal_services.database, "kazoo [phone]", 3, variants=("Kazoo broken",), slug="planned")
    gap(portal_services.database, "offered", status=Status.SPAM)
    gap(portal_services.database, "weather", status=Status.SOLVED, resolution=Resolution.OUT_OF_SCOPE)
    gap(portal_services.database, "robot", is_confirmed=False)
    events = [
        searched("anna", 0, "kazoo"),
        searched("bert", 1, "kazoo"),
        searched("bert", 2, "plug"),
        searched("x", 3, "far", at=NOW - timedelta(days=40)),
    ]
    with portal_services.database.write() as connection:
        searches.add(connection, events)
        for voter in "abcdef":
            frequent.note_all(connection, [frequent.Asked("de", "drucker", "Drucker", voter * 8, True, NOW)])
    (judged,) = (file.queries for file in read_queries([REPOSITORY / "tests" / "judgments" / "en.tsv"]))

    found = collect(portal_services.database, judged[:1], NOW + timedelta(days=1))

    assert [
        (query.language, query.text, query.times, query.kind, query.number, bool(query.slugs)) for query in found
    ] == [
        ("de", "Drucker", 6, Kind.FREQUENT, 0, False),
        ("en", "kazoo", 3, Kind.GAP, 1, False),
        ("en", "Kazoo broken", 1, Kind.GAP, 1, False),
        ("en", "plug", 1, Kind.SEARCH, 0, False),
        ("en", judged[0].text, 0, Kind.JUDGED, 0, True),
    ]
    assert collect(None, [], NOW) == []


def article() -> Article:
    """The draft as a value."""
    raw = f"---\ntitle: Descale the kettle\ntopic: devices\nupdated: 2026-01-01\nstatus: draft\n---\n\n{PLACEHOLDER}\n\n{BODY}\n"
    found = parse(raw.encode(), "en", "descale-kettle", "x").article
    assert found is not None
    return found


def test_the_file_that_is_tried_is_read_as_it_was_meant() -> None:
    """Whatever stands in the texts; published, without what a draft has instead of a text."""
    given = parse(
        b'---\ntitle: "Say \\"no: #1\\" \\u00ad \\u2019"\ntopic: devices\nupdated: 2026-01-01\nstatus: draft\n'
        b"summary: 'it''s [so] {far}'\ntags: ['- a', \"b: c\"]\nkeywords: [\"\\\\\"]\nanswers: ['7']\n---\n\n" + PLACEHOLDER.encode(),
        "en", "x", "x",
    ).article  # fmt: skip
    assert given is not None

    tried = parse(as_published(given), "en", "x", "x").article

    assert tried is not None
    for name in ("title", "summary", "tags", "keywords", "topic", "updated"):
        assert getattr(tried, name) == getattr(given, name)
    assert tried.status.value == "published"
    assert PLACEHOLDER not in tried.body


def test_time_and_number_are_bounded(instance: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not asked is counted."""
    queries = [AskedQuery("en", f"kettle {number}", 100 - number, Kind.GAP) for number in range(30)]
    steps = itertools.count()
    with trial(instance, NOW) as made:
        found = preview(
            made,
            article(),
            History(instance.articles),
            queries,
            None,
            lambda _d, _t: None,
            clock=lambda: 4.0 * next(steps),
        )
    assert (found.known, found.concerned, found.asked) == (30, 30, int(previewing.SECONDS // 4))

    monkeypatch.setattr(previewing, "MOST_ASKED", 3)
    with trial(instance, NOW) as made:
        found = preview(made, article(), History(instance.articles), queries, None, lambda _d, _t: None)
    assert (found.concerned, found.asked) == (30, 3)


def test_queries_that_are_not_asked_do_not_find_it(instance: Settings) -> None:
    """Of the shipped judged queries, every one on whose first page the draft is has been found to be concerned."""
    write_article(
        instance.articles,
        slug="share-calendar",
        title="Share a calendar",
        body="Open the calendar, then share it with your team.",
    )
    draft = parse(
        (REPOSITORY / "articles" / "en" / "out-of-office.md").read_bytes(), "en", "out-of-office", "x"
    ).article
    assert draft is not None
    judged = [query for file in read_queries([REPOSITORY / "tests" / "judgments"]) for query in file.queries]
    queries = collect(None, judged, NOW)
    with trial(instance, NOW) as made:
        before = made.edition()
        made.put("en", draft.slug, as_published(draft))
        after = made.edition()
        concerned = Concern(before, after, draft)

        shown = [
            query
            for query in queries
            if query.language == "en" and draft.slug in results(after, "en", query.text).slugs
        ]
        assert len(shown) > 20
        assert [query.text for query in shown if not concerned(query)] == []
        assert sum(map(concerned, queries)) < len(queries)
        assert results(before, "en", shown[0].text).rank(draft.slug) == 0
        assert results(after, "en", "out of office").verdict is not Verdict.EMPTY
