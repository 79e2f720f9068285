"""Drafts: an article's file ready to be filled in, with the front matter that a gap suggests."""

import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from portal.articles import SLUG_LENGTH, is_slug
from portal.front_matter import TITLE_LENGTH

#: What a file is called whose title has no Latin letters.
UNNAMED = "new-article"


def draft(title: str, topic: str, updated: date, body: str, answers: Sequence[str] = (), source: str = "") -> str:
    """The text of an article's file, with the status `draft`.

    Args:
        title: one line without invisible characters; what is too long is cut off.
        topic: slug of a topic.
        updated: today.
        body: Markdown; not empty.
        answers: the queries that it is to answer, each like a title and short enough.
        source: of a translation, the fingerprint of the text that is translated.
    """
    # Composed, as it is read: that may be longer.
    title = unicodedata.normalize("NFC", title)[:TITLE_LENGTH].strip()
    listed = ", ".join(map(_quoted, answers))
    front = (
        f"title: {_quoted(title)}",
        f"topic: {topic}",
        f"updated: {updated.isoformat()}",
        *([f"answers: [{listed}]"] if answers else []),
        *([f"source: {_quoted(source)}"] if source else []),
        "status: draft",
    )
    return "\n".join(("---", *front, "---", "", body.strip("\n"), ""))


def file_name(title: str) -> str:
    """A slug for an article from its title; `UNNAMED` where it has no Latin letters or digits."""
    plain = unicodedata.normalize("NFKD", title.casefold().translate({0xE4: "ae", 0xF6: "oe", 0xFC: "ue"}))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    slug = "-".join(re.findall("[a-z0-9]+", plain))[: SLUG_LENGTH // 2].rstrip("-")
    return slug if is_slug(slug) else UNNAMED


def _quoted(text: str) -> str:
    """Text as a quoted YAML scalar; what JSON escapes, YAML reads."""
    return json.dumps(text, ensure_ascii=False)
