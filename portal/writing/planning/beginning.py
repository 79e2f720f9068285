"""Beginning an article: a file to fill in, from a title, or from a ticket with what people asked."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from portal import authoring, closing
from portal.articles import is_slug
from portal.catalogues import catalogue
from portal.drafts import UNNAMED, draft, file_name
from portal.edition import Edition
from portal.errors import SearchUnavailable
from portal.front_matter import TITLE_LENGTH
from portal.library import PLACEHOLDER, look
from portal.locales import CODES
from portal.storage import Database
from portal.storage import gaps as known
from portal.storage import tickets as store
from portal.tickets import Kind, Ticket
from portal.topics import read_topics
from portal.writing.files.families import Refused, old_slugs, read_family
from portal.writing.files.rewriting import rewrite
from portal.writing.planning.begun import as_asked
from portal.writing.planning.naming import suggest
from portal.writing.translation.translating import new_text, write_new

#: Most wordings that are noted, and most articles that are named as near.
WORDINGS, NEAR = 30, 5


@dataclass(frozen=True)
class Begun:
    """An article's file that is to be written."""

    language: str
    slug: str
    text: str


def begin_article(root: Path, words: str, language: str, today: date, topic: str = "", slug: str = "") -> Path:
    """Write the file of a new article.

    Args:
        root: folder of the articles.
        words: its title, or its slug.
        language: code.
        today: the day.
        topic: slug of a topic; may be left out where there is one only.
        slug: where it should not be made from the title.

    Returns:
        The file, a draft.

    Raises:
        Refused: the slug is bad or in use, or there is no such topic.
    """
    title = _line(words)
    if not title:
        raise Refused("An article needs a title.")
    if is_slug(words):
        slug, title = slug or words, words.replace("-", " ").replace("_", " ").capitalize()
    elif not slug:
        slug = file_name(title)
        slug = suggest(title) if slug == UNNAMED else slug
        if slug == UNNAMED:
            raise Refused("The title has no letters to name the file by; name it yourself: --slug NAME.")
    return _write(root, Begun(language, slug, _new(root, title, language, today, topic)))


def begin_for_ticket(
    root: Path,
    number: int,
    database: Database,
    edition: Edition,
    today: date,
    preferred: tuple[str, ...],
    topic: str = "",
    slug: str = "",
) -> Path:
    """Write the file of an article that answers a ticket; see `of_ticket`.

    Raises:
        NotFound: there is no such ticket.
        Refused: no article can answer it, the slug is bad or in use, or there is no such topic.
    """
    begun = of_ticket(root, number, database, edition, today, preferred)
    if topic:
        _check_topic(root, topic)
        begun = replace(begun, text=rewrite(begun.text.encode(), {"topic": topic}).decode())
    if slug or begun.slug == UNNAMED:
        begun = replace(begun, slug=slug or _of_title(begun.text))
    if begun.slug == UNNAMED:
        raise Refused("What was asked has no letters to name the file by; name it: --slug NAME.")
    return _write(root, begun)


def of_ticket(
    root: Path, number: int, database: Database, edition: Edition, today: date, preferred: tuple[str, ...]
) -> Begun:
    """An article for a ticket: with what people asked, how often, and what is near; or with what solved a request.

    Args:
        root: folder of the articles.
        number: of the ticket.
        database: where it is.
        edition: what readers see now.
        today: the day.
        preferred: language codes, likeliest source of a family first.

    Raises:
        NotFound: there is no such ticket.
        Refused: no article can answer it.
    """
    with database.read() as connection:
        ticket = store.get(connection, number)
        history = store.history(connection, number)
        asked = known.occurrences(connection, number)
    if ticket.kind is Kind.REQUEST:
        name, text = authoring.draft(ticket, history, edition, today)
        return Begun(ticket.language, name, text)
    if ticket.kind not in {Kind.GAP, Kind.TRANSLATION}:
        raise Refused(f"Ticket {number} counts searches of many kinds; no article answers it.")
    wordings: dict[str, int] = {}
    for _day, language, wording, times in asked:
        if language == ticket.language:
            wordings[wording] = wordings.get(wording, 0) + times
    return of_gap(root, ticket, wordings, edition, today, preferred)


def of_gap(
    root: Path, gap: Ticket, wordings: Mapping[str, int], edition: Edition, today: date, preferred: tuple[str, ...]
) -> Begun:
    """An article that answers a gap.

    Args:
        root: folder of the articles.
        gap: of a missing article or a missing translation.
        wordings: how people asked in its language, with how often.
        edition: what readers see now.
        today: the day.
        preferred: language codes, likeliest source of a family first.

    Raises:
        Refused: the article whose translation it wants is not in the folder any more.
    """
    asked = Counter[str]()
    for wording, times in (wordings or {gap.query: max(gap.occurrences, 1)}).items():
        if line := as_asked(gap.language, wording):
            asked[line] += times
    own = as_asked(gap.language, gap.query) or _line(gap.subject)
    listed = sorted(asked.items(), key=lambda each: (-each[1], each[0]))
    answers: dict[str, str] = {}
    for wording in (own, *(wording for wording, _ in listed)):
        if wording:
            answers.setdefault(wording.casefold(), wording[:TITLE_LENGTH])
    chosen = [*answers.values()][: authoring.ANSWERS]
    remarks = _remarks(gap.language, listed[:WORDINGS], _near(edition, gap))
    wanted = edition.knowledge.choose(gap.language, gap.slug) if gap.slug else None
    if wanted is not None and wanted.article.language != gap.language:
        family = read_family(root, wanted.article.slug, preferred)
        return Begun(gap.language, family.slug, new_text(family.source, today, chosen, remarks))
    shelves = edition.knowledge.shelves(gap.language)
    topics = [shelf.topic.slug for shelf in shelves]
    topic = gap.topic if gap.topic in topics else topics[0] if topics else authoring.NO_TOPIC
    text = draft(own or authoring.UNTITLED, topic, today, f"{_hint(gap.language)}\n\n{remarks}", chosen)
    return Begun(gap.language, gap.slug or file_name(own), text)


def _near(edition: Edition, gap: Ticket) -> list[tuple[str, str]]:
    """The articles that the gap's own search finds, as file and title."""
    try:
        return [(f"{gap.language}/{slug}.md", title) for _, slug, title in closing.candidates(edition, gap)[:NEAR]]
    except SearchUnavailable:
        return []


def _remarks(language: str, asked: Sequence[tuple[str, int]], near: Sequence[tuple[str, str]]) -> str:
    """What a writer should know, as a remark that readers never see."""
    words = catalogue(language)
    lines = []
    if asked:
        # Translators: stands in a file that a writer fills in, above a list of searches with their counts.
        lines.append(words.gettext("What people searched for, and how often:"))
        lines += [f"- {_harmless(wording)} ({times})" for wording, times in asked]
    if near:
        # Translators: stands in a file that a writer fills in, above a list of articles.
        lines.append(words.gettext("What they were shown instead; perhaps one of these should be improved:"))
        lines += [f"- {path}: {_harmless(title)}" for path, title in near]
    return "\n".join(("<!--", *lines, "-->")) if lines else ""


def _harmless(text: str) -> str:
    """Text that cannot end the remark that it stands in, nor be taken for a draft's sign."""
    return _line(text).replace("<", "‹").replace(">", "›").replace("--", "––").replace("[", "(").replace("]", ")")


def _new(root: Path, title: str, language: str, today: date, topic: str) -> str:
    """The text of a new article."""
    return draft(title, _check_topic(root, topic), today, _hint(language))


def _hint(language: str) -> str:
    """What stands in an article that nobody has written yet."""
    # Translators: stands in a file that a writer fills in.
    words = catalogue(language).gettext("Write the answer here, in the words that people search with.")
    return f"{PLACEHOLDER}\n\n{words}"


def _check_topic(root: Path, topic: str) -> str:
    """A topic that there is.

    Raises:
        Refused: there is none of this name, or several to choose from.
    """
    topics = [each.slug for each in read_topics(root)[0]]
    if not topic and len(topics) == 1:
        return topics[0]
    if not topic:
        raise Refused(
            f"Name its topic with --topic: {', '.join(topics)}." if topics else "Name its topic with --topic."
        )
    if topic in topics or (not topics and is_slug(topic)):
        return topic
    close = get_close_matches(topic, topics, 1)
    hint = (
        f"Did you mean {close[0]}?"
        if close
        else f"There are {', '.join(topics)}."
        if topics
        else "Use small letters, digits and hyphens."
    )
    raise Refused(f"There is no topic {topic[:100]!r}. {hint}")


def _write(root: Path, begun: Begun) -> Path:
    """Write a file that can be an article of its own, or a translation that is asked for.

    Raises:
        Refused: the slug is bad or in use.
    """
    slug, language = begun.slug, begun.language
    if not is_slug(slug):
        raise Refused(
            f"{slug[:100]!r} is no slug: small Latin letters and digits joined by hyphens. Try {suggest(slug)}."
        )
    for code in (language, *CODES):
        file, problem = look(root, code, slug)
        if file is None and problem is None:
            continue
        if code == language:
            raise Refused(f"{code}/{slug}.md exists already; take another --slug, or add to that article.")
        if '\nsource: "' not in begun.text.partition("\n---\n")[0]:
            raise Refused(f"{code}/{slug}.md exists; translate it: portal articles translate {slug} {language}.")
    if leads_to := old_slugs(root).get(slug):
        raise Refused(f"{slug} is an old address of {leads_to}; take another --slug.")
    return write_new(root / language / f"{slug}.md", begun.text.encode())


def _of_title(text: str) -> str:
    """A slug from the title of a draft."""
    return suggest(text.partition('\ntitle: "')[2].partition('"\n')[0])


def _line(text: str) -> str:
    """Text as one line without signs that nobody sees."""
    seen = (sign for sign in unicodedata.normalize("NFC", text) if sign.isspace() or sign.isprintable())
    return " ".join("".join(seen).split())
