"""Articles for writers only, and drafts: published for nobody, whatever happens to the file that says so."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from portal.app import create_app
from portal.articles import Audience
from portal.cli import main
from portal.edition import Edition
from portal.problems import Severity
from portal.publishing import Publisher
from portal.server import prepare
from portal.services import open_services, utc_now
from portal.settings import Settings
from portal.storage import Database, published, published_texts
from portal.topics import read_topics
from tests.builders import settings, write_article, write_library
from tests.publishing import Folder

TOPIC = "handbook:\n  audience: writers\n  name: {en: Handbook, fr: Manuel, de: Handbuch, ru: Руководство}\n"
#: A word that stands nowhere else.
WORD = "zyxomatic"


@pytest.fixture
def library_folder(tmp_path: Path) -> Path:
    """The small library with a topic for writers and a draft; both have the word everywhere."""
    root = write_library(tmp_path / "articles")
    with (root / "topics.yml").open("a", encoding="utf-8") as file:
        file.write(TOPIC)
    text = f"## The {WORD} rule {{#rule}}\n\nA {WORD} sentence about passwords."
    for slug, fields in (("house-style", {"topic": "handbook"}), ("secret-plan", {"status": "draft"})):
        more = {"summary": f"{WORD} summary", "tags": f"[{WORD}, sign-in]", "keywords": f"[{WORD}]", **fields}
        write_article(root, "en", slug, f"The {WORD} {slug}", text, aliases=f"[old-{slug}]", **more)
        write_article(root, "fr", slug, f"Le {WORD} {slug}", text, **more)
    return root


def keys(edition: Edition, slug: str) -> tuple[list[str], list[str]]:
    """The languages in which a slug is public, and internal."""
    knowledge = edition.knowledge
    return (
        [code for code, name in knowledge.articles if name == slug],
        [code for code, name in knowledge.internal if name == slug],
    )


SLUGS = ("house-style", "secret-plan")


def test_a_reader_finds_nothing_of_it(reader: FlaskClient) -> None:
    """Neither page nor address of old, search nor suggestion, topic nor start page, neighbour nor sitemap, vote nor form."""
    gone = [
        *(
            f"/{code}/articles/{old}{slug}"
            for code in ("en", "fr", "de", "ru")
            for slug in SLUGS
            for old in ("", "old-")
        ),
        "/en/topics/handbook",
        "/de/topics/handbook",
    ]
    silent = [
        "/en/",
        "/fr/",
        "/en/topics/accounts",
        "/en/articles/reset-password",
        "/en/requests/new",
        "/sitemap-en-1.xml",
        "/en/feed.xml",
    ]

    answers = {path: reader.get(path).status_code for path in gone}
    told = [path for path in silent for word in (WORD, *SLUGS) if word in reader.get(path).text]
    found = reader.get(f"/en/search?q={WORD}").text.split("<main", 1)[1]
    typed = [reader.get(f"/en/suggest?q={text}").text for text in (WORD[:4], WORD, "The zyx", "rule")]
    votes = [reader.post(f"/en/articles/{slug}/vote", data={"helpful": "yes"}).status_code for slug in SLUGS]

    assert answers == dict.fromkeys(gone, 404)
    assert told == []
    assert [slug for slug in SLUGS if slug in found or f"/{slug}" in "".join(typed)] == []
    assert votes == [404, 404]


def test_nothing_of_it_is_indexed_or_learned(folder: Folder) -> None:
    """The index, the suggestions' headings and the texts that translations are learned from do not have it."""
    edition = folder.edition
    database = Database(f"sqlite:///{folder.data / 'articles.db'}")
    with database.read() as connection:
        texts = {row.slug for row in published_texts.texts(connection)}
        headings = {slug for slug, _, _ in published.headings(connection, "en")}
        content = published.content(connection, "en", "house-style")
        sections = published.sections(connection, "en", ["house-style", "secret-plan", "reset-password"])
    database.close()

    assert folder.find("en", WORD) == []
    assert {"house-style", "secret-plan"} & (texts | headings | set(sections)) == set()
    assert content is None
    assert "reset-password" in sections
    assert (keys(edition, "house-style"), keys(edition, "secret-plan")) == (([], ["en", "fr"]), ([], ["en", "fr"]))
    assert edition.knowledge.counts["fr"] == 1


def test_a_topic_that_changes_its_audience_takes_its_articles_along(folder: Folder) -> None:
    """Without the files being written, and without a new index."""
    path = folder.articles / "topics.yml"
    text = path.read_text(encoding="utf-8")

    path.write_text(text.replace("  audience: writers\n", ""), encoding="utf-8")
    shown = folder.publish()
    is_shown = folder.find("en", WORD), keys(folder.edition, "house-style")
    path.write_text(text, encoding="utf-8")
    hidden = folder.publish()

    assert (shown.changed, shown.rebuilt, hidden.changed, hidden.rebuilt) == (2, "", 2, "")
    assert is_shown == (["house-style"], (["en", "fr"], []))
    assert folder.find("en", WORD) == []
    assert keys(folder.edition, "house-style") == ([], ["en", "fr"])


#: What a file of topics can become by a slip, or while an editor writes it; None: it is not there.
FAULTY: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "brace": b"{",
    "bad YAML": f"accounts: [\n{TOPIC}".encode(),
    "unknown key": TOPIC.replace("name: ", "names: ").encode(),
    "bad value": TOPIC.replace("writers", "writer").encode(),
    "misspelt": TOPIC.replace("audience", "audiance").encode(),
    "no name": b"handbook:\n  name: x\n",
    "left out": b"accounts:\n  name: {en: Accounts}\nbroken:\n",
    "bytes": b"\xdc\xff",
}


def test_a_faulty_file_of_topics_shows_nobody_what_was_for_writers(folder: Folder) -> None:
    """An editor that empties the file before it writes, or a slip, must not publish the handbook."""
    path = folder.articles / "topics.yml"
    shown = {}
    for name, content in FAULTY.items():
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        folder.publish()
        if keys(folder.edition, "house-style") != ([], ["en", "fr"]) or folder.find("en", WORD):
            shown[name] = content

    assert shown == {}


@pytest.mark.parametrize(
    "text",
    [
        TOPIC + "x: [\n",
        TOPIC + "\ty: 1\n",
        '"handbook":\n  "audience" : "writers"\n  name: x\n',
        "handbook: {audience: writers, name: 1}\n",
        TOPIC.replace("writers", "wirters"),
        TOPIC.replace("audience: writers", "audience:"),
    ],
)
def test_the_lines_of_a_faulty_file_say_which_topics_are_not_for_everybody(text: str, tmp_path: Path) -> None:
    """Where nothing is remembered, as on a new instance."""
    (tmp_path / "topics.yml").write_text(text, encoding="utf-8")

    topics, problems = read_topics(tmp_path)

    assert [(topic.slug, topic.audience) for topic in topics] == [("handbook", Audience.WRITERS)]
    assert {problem.severity for problem in problems} == {Severity.ERROR}


def test_a_new_instance_with_a_faulty_file_shows_it_to_nobody_either(library_folder: Path, tmp_path: Path) -> None:
    """And the report names the fault."""
    (library_folder / "topics.yml").write_text(TOPIC + "x: [\n", encoding="utf-8")
    fresh = Folder(library_folder, tmp_path / "fresh")

    report = fresh.publish()

    assert "bad-topics" in {problem.code for problem in report.problems}
    assert keys(fresh.edition, "house-style") == ([], ["en", "fr"])


def test_a_topic_that_is_no_longer_named_stays_for_writers_while_articles_stand_in_it(folder: Folder) -> None:
    """Renamed or removed before its articles follow, also over an upgrade; an article with an error stands in it too."""
    path = folder.articles / "topics.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("handbook:", "manual:"), encoding="utf-8")
    lost = folder.publish()
    made = folder.publish(rebuild=True)
    database = Database(f"sqlite:///{folder.data / 'articles.db'}")
    with database.write() as connection:
        published.set_state(connection, "made_by", "an earlier portal")
    database.close()
    upgraded = folder.publish()
    is_shown = keys(folder.edition, "house-style")
    for code in ("en", "fr"):
        file = folder.articles / code / "house-style.md"
        content = file.read_text(encoding="utf-8")
        file.write_text(content.replace("title:", "titel:"), encoding="utf-8")
    broken = folder.publish()
    for code in ("en", "fr"):
        file = folder.articles / code / "house-style.md"
        content = file.read_text(encoding="utf-8").replace("titel:", "title:")
        file.write_text(content.replace("handbook", "manual"), encoding="utf-8")
    followed = folder.publish()

    for report in (lost, made, upgraded, broken):
        told = [problem for problem in report.problems if problem.code == "lost-topic"]
        assert [(problem.path, problem.severity) for problem in told] == [("topics.yml", Severity.ERROR)]
        assert "en/house-style.md" in told[0].message
    assert is_shown == ([], ["en", "fr"])
    assert [problem.code for problem in followed.problems] == []
    assert keys(folder.edition, "house-style") == ([], ["en", "fr"])


def test_the_export_leaves_out_what_the_portal_keeps_for_writers(folder: Folder, tmp_path: Path) -> None:
    """The instance remembers whom the topic was for; the file says it no more."""
    path = folder.articles / "topics.yml"
    path.write_text(path.read_text(encoding="utf-8").replace(TOPIC, ""), encoding="utf-8")
    folder.publish()
    where = ["--articles", str(folder.articles), "--data", str(folder.data)]

    done = CliRunner().invoke(main, ["articles", "export", str(tmp_path / "out"), "--format", "markdown", *where])

    assert done.exit_code == 0, done.output
    written = [file.name for file in (tmp_path / "out").rglob("*.md")]
    assert "reset-password.md" in written
    assert "house-style.md" not in written


@pytest.mark.parametrize(
    ("entry", "audience"),
    [
        ("handbook: {name: {en: A}, audiance: writers}", Audience.WRITERS),
        ("handbook: {name: {en: A}, Audience: writers}", Audience.WRITERS),
        ("handbook:\n  audiance: writers\nx: [", Audience.WRITERS),
        ("handbook: {name: {en: A}}\nhandbook: {name: {en: B}, audience: writers}", Audience.WRITERS),
        ("handbook: {name: {en: A}, audience: everybody, colour: blue}", None),
    ],
)
def test_an_entry_that_may_be_meant_for_writers_is_for_writers(
    entry: str, audience: Audience | None, tmp_path: Path
) -> None:
    """A misspelt key, two entries that differ; on a new instance too, which remembers nothing."""
    (tmp_path / "topics.yml").write_text(f"{entry}\n", encoding="utf-8")

    topics, problems = read_topics(tmp_path)

    assert [topic.audience for topic in topics] == ([audience] if audience else [])
    assert Severity.ERROR in {problem.severity for problem in problems}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("handbook: {name: {en: A}, audience: staff}", "none of everybody, writers"),
        ("handbook: {name: {en: A}, audience: [writers]}", "none of everybody, writers"),
        ("handbook: {name: {en: A}, audience: {a: 1}}", "none of everybody, writers"),
        ("handbook: {name: {en: A}, audience: }", "none of everybody, writers"),
        ("handbook: {name: {en: A}, colour: blue}", "the key 'colour'"),
        ("handbook: {name: {en: A}}\nhandbook: {name: {en: B}, audience: everybody}", "stands twice"),
    ],
)
def test_the_entry_of_a_topic_is_strict(entry: str, told: str, tmp_path: Path) -> None:
    """An audience that is none, a key that is not known and a second entry are named with their line."""
    (tmp_path / "topics.yml").write_text(f"# A remark.\n{entry}\n", encoding="utf-8")

    problems = [problem for problem in read_topics(tmp_path)[1] if problem.severity is Severity.ERROR]

    assert [(problem.code, problem.line) for problem in problems] == [("bad-topic", 2 + entry.count("\n"))]
    assert told in problems[0].message


def test_everybody_is_the_default_and_can_be_said(tmp_path: Path) -> None:
    """Both mean the same."""
    (tmp_path / "topics.yml").write_text("a: {name: {en: A}}\nb: {name: {en: B}, audience: everybody}\n", "utf-8")

    topics, _ = read_topics(tmp_path)

    assert [topic.audience for topic in topics] == [Audience.EVERYBODY] * 2


def test_a_draft_that_is_published_appears_and_goes_again(library_folder: Path, tmp_path: Path) -> None:
    """The page follows the status within one publication, in the running application."""
    instance: Settings = settings(library_folder, tmp_path / "var")
    prepare(instance)
    services = open_services(instance)
    client = create_app(instance, services).test_client()
    publisher = Publisher(instance.articles, instance.data)

    def state() -> int:
        publisher.publish(utc_now())
        services.editions._looked = float("-inf")
        return client.get("/en/articles/secret-plan").status_code

    path = library_folder / "en" / "secret-plan.md"
    text = path.read_text(encoding="utf-8")
    seen = [state()]
    path.write_text(text.replace("status: draft\n", ""), encoding="utf-8")
    seen.append(state())
    path.write_text(text, encoding="utf-8")
    seen.append(state())
    services.close()

    assert seen == [404, 200, 404]
