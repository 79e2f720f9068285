"""The mails that requesters and subscribers get: what each says, in the recipient's language, as text and as HTML."""

from datetime import datetime

from babel.dates import format_time
from babel.numbers import format_decimal

from portal.catalogues import LOCALES, catalogue
from portal.mail import Mail
from portal.stationery import Letter, Part, Stationery, kept_lines, quoted, short_line
from portal.tickets import Action, Callback, Event, Resolution, Ticket

#: How long a subscription waits for its confirmation.
CONFIRM_DAYS = 7
#: Longest query in a subject line, in characters.
_QUERY_LENGTH = 60
#: Hours of the day between which somebody wants to be called.
_HOURS = {Callback.MORNING: (8, 12), Callback.AFTERNOON: (12, 17)}


class Letters(Stationery):
    """Writes letters; knows the portal's address, name and time zone, and nothing of databases."""

    def received(self, ticket: Ticket, token: str) -> Mail:
        """We have your request."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentence after the greeting of a mail: German goes on in small letters.
        opening = _("We received your request “%(subject)s” on %(day)s at %(time)s. Its number is %(number)s.")
        parts = [
            Part("paragraph", opening % self.about(ticket, ticket.created_at)),
            Part("paragraph", _("A support agent will read it and answer you in your language. "
                                "You will get an email as soon as there is an answer.")),
            *self._callback(ticket),
            Part("paragraph", _("On this page you can follow your request, add to it or close it:")),
            *self.page(ticket, token),
        ]  # fmt: skip
        return self.to_requester(ticket, parts)

    def replied(self, ticket: Ticket, event: Event, token: str) -> Mail:
        """Somebody has answered, or asks the requester for something."""
        _ = catalogue(ticket.language).gettext
        if event.action is Action.ASK_REQUESTER:
            # Translators: first sentence after the greeting of a mail; a message follows. Names are not declined.
            opening = _("%(agent)s needs an answer from you to go on with your request “%(subject)s” "
                        "(number %(number)s):")  # fmt: skip
            closing = _("We will go on as soon as you have answered. Please answer on this page:")
        else:
            # Translators: first sentence after the greeting of a mail; a message follows. Names are not declined.
            opening = _("%(agent)s replied to your request “%(subject)s” (number %(number)s) "
                        "on %(day)s at %(time)s:")  # fmt: skip
            closing = _("You can answer or add something on this page:")
        return self._with_message(ticket, event, token, opening, closing)

    def solved(self, ticket: Ticket, event: Event, token: str) -> Mail:
        """The request is solved, or is none that is solved here."""
        _ = catalogue(ticket.language).gettext
        if ticket.resolution is Resolution.OUT_OF_SCOPE:
            # Translators: first sentences after the greeting of a mail: German goes on in small letters.
            opening = _("We are sorry that we cannot help with your request “%(subject)s” (number %(number)s): "
                        "it is about something that we do not look after. "
                        "%(agent)s wrote on %(day)s at %(time)s:")  # fmt: skip
            closing = _("Have we misunderstood you? Tell us on this page, and your request is opened again:")
        else:
            # Translators: first sentences after the greeting of a mail: German goes on in small letters.
            opening = _("We have solved your request “%(subject)s” (number %(number)s). "
                        "%(agent)s wrote on %(day)s at %(time)s:")  # fmt: skip
            closing = _("Is something still not working? Tell us on this page, and your request is opened again. "
                        "There you can also close it and rate our help:")  # fmt: skip
        return self._with_message(ticket, event, token, opening, closing)

    def link(self, ticket: Ticket, token: str) -> Mail:
        """The private link that somebody who knows number and address has asked for."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentences after the greeting of a mail.
        opening = _("You asked for the link to your request “%(subject)s” (number %(number)s). Here it is:")
        reason = _("You are receiving this email because this address and the number of the request were entered on "
                   "%(host)s. If that was not you, you need not do anything: the link went to you alone.")  # fmt: skip
        parts = [Part("paragraph", opening % self.about(ticket, ticket.updated_at)), *self.page(ticket, token)]
        return self.to_requester(ticket, parts, reason)

    def told(
        self,
        ticket: Ticket,
        article_title: str,
        article_language: str,
        article_url_path: str,
        token: str,
    ) -> Mail:
        """An article may answer the request; nobody has said that it does."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentence after the greeting of a mail; an article's title follows.
        opening = _("There is now an article that may help with your request “%(subject)s” (number %(number)s):")
        closing = _("If it solves your problem, please close your request on its page. If not, you need not do "
                    "anything: your request stays open, and we go on working on it.")  # fmt: skip
        parts = [
            Part("paragraph", opening % self.about(ticket, ticket.updated_at)),
            *self.article(ticket.language, article_title, article_language, article_url_path),
            Part("paragraph", closing),
            *self.page(ticket, token),
        ]
        return self.to_requester(ticket, parts)

    def confirm_subscription(self, email: str, language: str, query: str, token: str) -> Mail:
        """Whether the owner of the address wants to be told of an answer."""
        words = catalogue(language)
        _ = words.gettext
        days = format_decimal(CONFIRM_DAYS, locale=LOCALES[language])
        address = self.address(language, "subscriptions", token)
        # Translators: first sentence after the greeting of a mail: German goes on in small letters.
        opening = _("On %(host)s, somebody asked us to tell this address when there is an answer to the search "
                    "“%(query)s”. If that was you, please confirm it on this page:")  # fmt: skip
        parts = [
            Part("paragraph", opening % {"host": self.host, "query": quoted(query)}),
            # Translators: leads to a page where a subscription is confirmed.
            Part("link", _("Confirm"), address),
            Part("small", _("This link is private and meant for you alone. Please do not forward it.")),
            Part("paragraph", _("We will then send you one single email, as soon as there is an answer, and take your "
                                "address off the list.")),
            # Translators: a link follows.
            Part("small", _("To take your address off the list at once, use this link:")),
            Part("address", "", f"{address}/stop"),
        ]  # fmt: skip
        reason = words.ngettext(
            "If it was not you, you need not do anything: without a confirmation we delete your address after "
            "%(num)s day and do not write to you about this again.",
            "If it was not you, you need not do anything: without a confirmation we delete your address after "
            "%(num)s days and do not write to you about this again.",
            CONFIRM_DAYS,
        ) % {"num": days}
        # Translators: subject of a mail, with the words of a search.
        subject = _("Please confirm: email me when “%(query)s” is answered") % {"query": quoted(query, _QUERY_LENGTH)}
        return self.set(Letter(language, email, subject, parts, reason, headers=_stop(f"{address}/stop")))

    def answered(
        self,
        email: str,
        language: str,
        query: str,
        article_title: str,
        article_language: str,
        article_url_path: str,
        token: str,
    ) -> Mail:
        """What a subscriber has waited for."""
        _ = catalogue(language).gettext
        # Translators: first sentences after the greeting of a mail; an article's title follows.
        opening = _("You asked us to tell you when there is an answer to your search “%(query)s”. "
                    "This article now answers it:")  # fmt: skip
        parts = [
            Part("paragraph", opening % {"query": quoted(query)}),
            *self.article(language, article_title, article_language, article_url_path),
            # Translators: a link to the request form follows.
            Part("paragraph", _("If the article does not help, ask us directly:")),
            Part("address", "", self.address(language, "requests", "new")),
            Part("paragraph", _("This was the only email that you asked for: your address is off the list again.")),
        ]
        reason = _("You are receiving this email because you asked for it on %(host)s and confirmed your address.")
        # Translators: subject of a mail, with the words of a search.
        subject = _("There is now an answer to “%(query)s”") % {"query": quoted(query, _QUERY_LENGTH)}
        headers = _stop(self.address(language, "subscriptions", token, "stop"))
        return self.set(Letter(language, email, subject, parts, reason % {"host": self.host}, headers=headers))

    def _callback(self, ticket: Ticket) -> list[Part]:
        """What becomes of the wish to be called."""
        if not ticket.phone:
            return []
        _ = catalogue(ticket.language).gettext
        if ticket.callback not in _HOURS:
            return [Part("paragraph", _("You asked for a callback. We will call the number that you gave."))]
        start, end = (
            format_time(datetime.min.time().replace(hour=hour), "short", locale=LOCALES[ticket.language])
            for hour in _HOURS[ticket.callback]
        )
        text = _("You asked for a callback. We will call the number that you gave between %(start)s and %(end)s.")
        return [Part("paragraph", text % {"start": start, "end": end})]

    def _with_message(self, ticket: Ticket, event: Event, token: str, opening: str, closing: str) -> Mail:
        """A letter that carries what an agent has written."""
        _ = catalogue(ticket.language).gettext
        # Translators: who wrote, where no name is known; German small, for it never begins a sentence.
        agent = short_line(event.actor.name) or _("Our support team")
        parts = [
            Part("paragraph", opening % {**self.about(ticket, event.at), "agent": agent}),
            Part("quotation", kept_lines(event.text)),
            Part("paragraph", closing),
            *self.page(ticket, token),
        ]
        return self.to_requester(ticket, parts)


def _stop(address: str) -> dict[str, str]:
    """Headers by which a mail program ends a subscription with one click (RFC 8058)."""
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
