"""The mail that asks a requester how they were served, in their language, as text and as HTML."""

from portal.catalogues import catalogue
from portal.mail import Mail
from portal.stationery import Part, Stationery
from portal.tickets import Ticket

#: Where on the request's page the question stands.
QUESTION = "ui-actions"


def asked(stationery: Stationery, ticket: Ticket, token: str) -> Mail:
    """How well were we able to help you?

    Args:
        stationery: sets it.
        ticket: a request that is closed.
        token: of a private link of its own.
    """
    _ = catalogue(ticket.language).gettext
    # Translators: first sentence after the greeting of a mail: German goes on in small letters.
    opening = _("We closed your request “%(subject)s” (number %(number)s) on %(day)s. "
                "How well were we able to help you?")  # fmt: skip
    closing = _("One click and, if you like, a sentence are enough. We read every answer, and we ask only once.")  # fmt: skip
    private = _("This link is private: whoever has it can read your request and answer in your name. "
                "Please do not forward it.")  # fmt: skip
    address = f"{stationery.address(ticket.language, 'requests', token)}#{QUESTION}"
    parts = [
        Part("paragraph", opening % stationery.about(ticket, ticket.closed_at or ticket.updated_at)),
        # Translators: leads to the question how a requester was served.
        Part("link", _("Rate our help"), address),
        Part("paragraph", closing),
        Part("small", private),
    ]
    return stationery.to_requester(ticket, parts)
