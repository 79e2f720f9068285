"""Pages as data for search engines: what schema.org and Google's documentation want of it, for all shipped articles."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from portal.app import create_app
from portal.locales import CODES
from portal.services import Services
from portal.settings import Settings
from portal.storage.published import Content
from portal.web.structured import HEADLINE, of_article
from tests.builders import write_article
from tests.publishing import Folder

Data = dict[str, Any]

#: Which properties each type has to have (True) and may have here (False), as schema.org defines them and Google's
#: pages on articles, breadcrumbs, questions, instructions and site search ask for them; and of what kind each is.
RULES: dict[str, dict[str, tuple[bool, str]]] = {
    "WebSite": {
        "@id": (True, "address"), "name": (True, "text"), "url": (True, "address"), "inLanguage": (False, "language"),
        "publisher": (False, "Organization"), "potentialAction": (False, "SearchAction"),
    },
    "SearchAction": {"target": (True, "EntryPoint"), "query-input": (True, "text")},
    "EntryPoint": {"urlTemplate": (True, "template")},
    "Organization": {"@id": (True, "address"), "name": (True, "text"), "url": (True, "address")},
    "CollectionPage": {
        "@id": (True, "address"), "url": (True, "address"), "name": (True, "text"), "inLanguage": (True, "language"),
        "isPartOf": (True, "WebSite"), "mainEntity": (True, "ItemList"), "description": (False, "text"),
    },
    "ItemList": {"numberOfItems": (True, "number"), "itemListElement": (True, "ListItem")},
    "BreadcrumbList": {"itemListElement": (True, "ListItem")},
    "ListItem": {
        "position": (True, "number"), "name": (True, "text"), "item": (False, "address"), "url": (False, "address"),
    },
    "TechArticle": {
        "@id": (True, "address"), "headline": (True, "headline"), "description": (True, "text"),
        "inLanguage": (True, "language"), "dateModified": (True, "day"), "url": (True, "address"),
        "mainEntityOfPage": (True, "address"), "articleSection": (True, "text"), "isPartOf": (True, "WebSite"),
        "author": (True, "Organization"), "publisher": (True, "Organization"), "keywords": (False, "text"),
        "isBasedOn": (False, "address"), "translationOfWork": (False, "work"), "workTranslation": (False, "work"),
    },
    "work": {"@id": (True, "address"), "inLanguage": (True, "language"), "url": (True, "address")},
    "FAQPage": {"@id": (True, "address"), "inLanguage": (True, "language"), "mainEntity": (True, "Question")},
    "Question": {"name": (True, "text"), "acceptedAnswer": (True, "Answer"), "url": (False, "address")},
    "Answer": {"text": (True, "text")},
    "HowTo": {
        "@id": (True, "address"), "name": (True, "text"), "inLanguage": (True, "language"), "step": (True, "HowToStep"),
    },
    "HowToStep": {"position": (True, "number"), "text": (True, "text"), "url": (True, "address")},
}  # fmt: skip
#: Of these a page says several.
LISTS = {"itemListElement", "mainEntity", "step", "workTranslation"}


def value_faults(kind: str, value: Any) -> Iterator[str]:
    """What is wrong with one value."""
    if kind in RULES:
        yield from faults(value, kind)
        return
    fits: dict[str, Callable[[], bool]] = {
        "number": lambda: isinstance(value, int) and value > 0,
        "language": lambda: value in CODES,
        "day": lambda: date.fromisoformat(value).isoformat() == value,
        "address": lambda: urlsplit(value).scheme in {"http", "https"} and bool(urlsplit(value).netloc),
        "template": lambda: "{search_term_string}" in value,
        "headline": lambda: 0 < len(value) <= HEADLINE,
        "text": lambda: isinstance(value, str) and bool(value.strip()) and not re.search(r"</?[a-z]+[ >]|\*\*", value),
    }
    if not fits[kind]():
        yield f"{value!r} is no {kind}"


def faults(data: Data, kind: str = "") -> Iterator[str]:
    """What is wrong with one thing, down to its smallest part."""
    name = data.get("@type", "")
    if kind and name != ("TechArticle" if kind == "work" else kind):
        yield f"{name} stands for {kind}"
    rules = RULES[kind or name]
    yield from (f"{name} lacks {key}" for key, (is_needed, _) in rules.items() if is_needed and key not in data)
    for key in data.keys() - {"@type"}:
        if key not in rules:
            yield f"{name} has {key}"
            continue
        several = data[key] if key in LISTS and isinstance(data[key], list) else [data[key]]
        for value in several:
            yield from value_faults(rules[key][1], value)


class Scripts(HTMLParser):
    """The data of a page, as a search engine finds it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._is_open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin one."""
        self._is_open = tag == "script" and dict(attrs).get("type") == "application/ld+json"

    def handle_data(self, data: str) -> None:
        """Keep it."""
        if self._is_open:
            self.texts.append(data)
            self._is_open = False


def graph(page: str) -> list[Data]:
    """What a page says it is."""
    (text,) = Scripts(page).texts
    data = json.loads(text)
    assert data["@context"] == "https://schema.org"
    return list(data["@graph"])


@pytest.fixture(scope="module")
def client(shipped: Settings, shipped_services: Services) -> FlaskClient:
    """A search engine."""
    return create_app(shipped, shipped_services).test_client()


@pytest.mark.parametrize("language", CODES)
def test_home_and_topics_are_data(language: str, client: FlaskClient, shipped_services: Services) -> None:
    """The site with its search; each topic with its articles and where it stands."""
    home = graph(client.get(f"/{language}/").text)
    topics = [
        graph(client.get(f"/{language}/topics/{shelf.topic.slug}").text)
        for shelf in shipped_services.edition.knowledge.shelves(language)
    ]

    assert [fault for part in (*home, *(part for topic in topics for part in topic)) for fault in faults(part)] == []
    assert [part["@type"] for part in home] == ["WebSite"]
    assert all([part["@type"] for part in topic] == ["CollectionPage", "BreadcrumbList"] for topic in topics)


def test_every_shipped_article_is_valid_data(
    client: FlaskClient, shipped: Settings, shipped_services: Services
) -> None:
    """All of them, in all languages; translations name their source, and the source names them."""
    edition = shipped_services.edition
    found: list[str] = []
    with client.application.test_request_context("/"):
        for (code, slug), item in edition.knowledge.articles.items():
            content = edition.content(code, slug)
            assert content
            parts = of_article(item, content, edition.knowledge.topic(item.article.topic))["@graph"]
            found += [f"{code}/{slug}: {fault}" for part in parts for fault in faults(part)]
            article = parts[0]
            assert (article["headline"], article["inLanguage"]) == (item.article.title, code)
            assert ("translationOfWork" in article) != ("workTranslation" in article)

    assert found == []
    assert len(edition.knowledge.articles) > 150


def test_an_article_says_what_it_is_and_where_it_stands(client: FlaskClient) -> None:
    """The breadcrumbs are those of the page; the translation's own address is that of its page."""
    article, crumbs = graph(client.get("/fr/articles/reset-password").text)[:2]

    assert article["url"] == "http://localhost/fr/articles/reset-password"
    assert article["translationOfWork"]["@id"] == "http://localhost/en/articles/reset-password#article"
    assert [item["position"] for item in crumbs["itemListElement"]] == [1, 2, 3]
    assert crumbs["itemListElement"][1]["item"].startswith("http://localhost/fr/topics/")


STEPS = (
    "Before.\n\n## Do it {#do}\n\n1. Open **the** menu.\n2. Choose:\n    - one\n    - two\n3. Press <kbd>Enter</kbd>.\n"
)
QUESTIONS = "## What is it? {#what}\n\nA thing.\n\n### Of which kind? \n\nGood.\n\n## Does it work?\n\nYes.\n"


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        (STEPS, ["HowTo"]),
        (STEPS.replace("2. ", "3. ").replace("1. ", "2. "), []),
        (STEPS + "\n## Otherwise\n\n1. Do that.\n2. And that.\n", []),
        (
            STEPS + "\n## What it is\n\nIt is explained here at a length that makes the steps the lesser part of it.\n",
            [],
        ),
        ("1. Only one step.\n", []),
        (QUESTIONS, ["FAQPage"]),
        (QUESTIONS + "\n## One\n\nA.\n\n## Two\n\nB.\n", []),
        ("## Is it empty?\n\n## Is this?\n\nNo.\n", []),
        ("Nothing of the kind.", []),
    ],
)
def test_steps_and_questions_are_told_only_where_that_is_all_it_is(
    body: str, kinds: list[str], folder: Folder, client: FlaskClient
) -> None:
    """One list of steps from the first on; headings most of which ask, with answers. Anything else is an article."""
    write_article(folder.articles, "en", "thing", "A thing", body)
    folder.publish()
    edition = folder.edition
    item, content = edition.knowledge.articles["en", "thing"], edition.content("en", "thing")
    assert content
    with client.application.test_request_context("/en/articles/thing"):
        parts = of_article(item, content, edition.knowledge.topic("accounts"))["@graph"]
    more = {part["@type"]: part for part in parts if part["@type"] in {"HowTo", "FAQPage"}}

    assert list(more) == kinds
    assert [fault for part in more.values() for fault in faults(part)] == []
    if steps := more.get("HowTo"):
        assert steps["name"] == "Do it"
        assert [step["text"] for step in steps["step"]] == ["Open the menu.", "Choose: one two", "Press Enter."]
        assert steps["step"][0]["url"].endswith("/en/articles/thing#do")
    if questions := more.get("FAQPage"):
        asked = [(one["name"], one["acceptedAnswer"]["text"]) for one in questions["mainEntity"]]
        assert asked == [("What is it?", "A thing.\nOf which kind?\nGood."), ("Does it work?", "Yes.")]


def test_nothing_in_the_data_ends_it_or_runs(browser: Browser, app: Any) -> None:
    """Whatever a title holds, the script ends where it should; the policy of the page has nothing against it."""
    title = "</script><script>alert(1)</script> & <!-- \u2028 ]]>"
    item = app.extensions["portal"].edition.knowledge.articles["en", "reset-password"]
    with app.test_request_context("/en/articles/reset-password"):
        odd = type(item)(type(item.article)(**{**vars(item.article), "title": title}), item.fingerprint)
        edition = app.extensions["portal"].edition
        data = of_article(odd, Content("", ()), edition.knowledge.topic("accounts"))
        text = app.jinja_env.from_string('{% import "heads.html" as h %}{{ h.data(data) }}').render(data=data)
    answer = app.test_client().get("/en/articles/reset-password")
    page, errors = browser.new_page(), list[str]()
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/*", lambda route: route.fulfill(
        body=answer.text if "/articles/" in route.request.url else "",
        headers={"Content-Security-Policy": answer.headers["Content-Security-Policy"], "Content-Type":
                 "text/html" if "/articles/" in route.request.url else "text/javascript"
                 if route.request.url.partition("?")[0].endswith(".js") else "text/css"},
    ))  # fmt: skip
    page.goto("http://portal.test/en/articles/reset-password")
    read = page.evaluate(
        "JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').text)['@graph'].length"
    )
    page.close()

    assert graph(text)[0]["headline"] == title.replace(" \u2028 ", " ")
    assert text.count("</script>") == 1
    assert read == len(graph(answer.text))
    assert errors == []
