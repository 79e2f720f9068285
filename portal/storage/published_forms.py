"""The forms in which articles, topics and problems are stored in the database of published articles."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date

import msgspec

from portal.articles import Article, Audience, Topic
from portal.problems import Problem, Severity


def topics_text(topics: tuple[Topic, ...]) -> str:
    """Topics in the form in which they are stored."""
    return json.dumps([asdict(topic) for topic in topics], ensure_ascii=False)


def read_topics(text: str) -> tuple[Topic, ...]:
    """Topics from the form in which they are stored."""
    return tuple(
        Topic(**{**topic, "featured": tuple(topic["featured"]), "audience": Audience(topic["audience"])})
        for topic in json.loads(text or "[]")
    )


def redirects_text(redirects: Mapping[str, str]) -> str:
    """Old slugs and what they lead to in the form in which they are stored."""
    return json.dumps(redirects)


def problems_text(found: Iterable[Problem]) -> str:
    """Problems in the form in which they are stored; how they are mended is not kept."""
    rows = [(item.path, item.line, item.code, item.message, item.severity.value, item.column) for item in found]
    return json.dumps(rows, ensure_ascii=False)


def read_problems(text: str) -> list[Problem]:
    """Problems from the form in which they are stored."""
    return [
        Problem(path, line, code, message, Severity(severity), column)
        for path, line, code, message, severity, column in json.loads(text or "[]")
    ]


_article = msgspec.json.Decoder(Article)


def article_text(article: Article) -> str:
    """An article in the form in which it is stored: everything but its body, and nothing that is empty."""
    values = {name: value for name, value in asdict(article).items() if value not in (None, "", ()) and name != "body"}
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    return json.dumps(plain, ensure_ascii=False)


def read_article(text: str) -> Article:
    """An article from the form in which it is stored."""
    return _article.decode(text)


def digest_of(texts: Iterable[str]) -> str:
    """What identifies some texts in their order."""
    facts = hashlib.blake2b(digest_size=16)
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        facts.update(len(content).to_bytes(8) + content)
    return facts.hexdigest()
