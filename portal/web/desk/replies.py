"""Saved replies as a ticket's page offers them: filled in, in the requester's language, with their checklists."""

from dataclasses import dataclass

from flask import url_for
from sqlalchemy import Connection

from portal.catalogues import catalogue
from portal.knowledge import Published
from portal.locales import choices
from portal.organisation import SavedReply, fill_in
from portal.people import Person
from portal.storage import organisation
from portal.tickets import GAPS, Ticket
from portal.web.links import absolute


@dataclass(frozen=True)
class Offered:
    """A saved reply, ready to be inserted."""

    id: int
    name: str
    #: Of the text; another than the requester's where it does not exist in theirs.
    language: str
    text: str
    checklist: tuple[str, ...]


def offered(connection: Connection, ticket: Ticket, me: Person) -> list[Offered]:
    """The saved replies that fit a request: those about its topic first."""
    if ticket.kind in GAPS:
        return []
    replies = [each for each in organisation.everything(connection, SavedReply) if each.is_active]
    fitting = [each for each in replies if each.topic in {"", ticket.topic} or not ticket.topic]
    ordered = sorted(fitting, key=lambda each: (each.topic != ticket.topic or not each.topic, each.name.casefold()))
    return [_offer(each, ticket, me) for each in ordered]


def _offer(reply: SavedReply, ticket: Ticket, me: Person) -> Offered:
    """One saved reply in the requester's language, or the next best."""
    language = choices(ticket.language, reply.texts)[0]
    values = {
        "name": ticket.requester_name,
        "number": str(ticket.id),
        "subject": ticket.subject,
        "agent": me.name,
    }
    steps = reply.checklist.get(language, "") or next(iter(reply.checklist.values()), "")
    checklist = tuple(line.strip() for line in steps.splitlines() if line.strip())
    return Offered(reply.id, reply.name, language, fill_in(reply.texts[language], values), checklist)


def quotation(item: Published, language: str) -> str:
    """An article as it stands in a reply: its title and address, and a label where it is in another language."""
    address = absolute(url_for("help.article", slug=item.article.slug, language=language))
    lines = [item.article.title, address]
    if item.article.language != language:
        _ = catalogue(language).gettext
        lines.append(
            {
                "en": _("This article does not exist in your language yet. It is in English."),
                "fr": _("This article does not exist in your language yet. It is in French."),
                "de": _("This article does not exist in your language yet. It is in German."),
                "ru": _("This article does not exist in your language yet. It is in Russian."),
            }[item.article.language]
        )
    return "\n".join(lines)
