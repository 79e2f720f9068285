"""The words for the product's own values, in the language of the page."""

from collections.abc import Mapping

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from portal.locales import choices
from portal.queries import Verdict
from portal.storage.feedback import Reason
from portal.tickets import Action, Callback, Kind, Resolution, Status, Ticket
from portal.web.i18n import language

LANGUAGE_IN = {
    # Translators: stands alone after “Also” as a heading: “Also in English”.
    "en": _l("Also in English"),
    "fr": _l("Also in French"),
    "de": _l("Also in German"),
    "ru": _l("Also in Russian"),
}
#: Names of the languages inside a table or list, not at the beginning of a sentence.
LANGUAGE = {"en": _l("English"), "fr": _l("French"), "de": _l("German"), "ru": _l("Russian")}
ONLY_IN = {
    "en": _l("This article does not exist in your language yet. You are reading it in English."),
    "fr": _l("This article does not exist in your language yet. You are reading it in French."),
    "de": _l("This article does not exist in your language yet. You are reading it in German."),
    "ru": _l("This article does not exist in your language yet. You are reading it in Russian."),
}
ASKED_IN = {
    "en": _l("We found your words in English articles. Here are the same articles in your language."),
    "fr": _l("We found your words in French articles. Here are the same articles in your language."),
    "de": _l("We found your words in German articles. Here are the same articles in your language."),
    "ru": _l("We found your words in Russian articles. Here are the same articles in your language."),
}
#: Why something else was searched for than was typed, where that needs saying.
REPAIRED = {
    "layout": _l("It looks as if your keyboard was set to another language."),
    "transliteration": _l("We read it as Russian in Latin letters."),
}
VERDICT = {
    Verdict.ANSWERED: _lp("search", "Answered"),
    Verdict.UNCERTAIN: _lp("search", "Uncertain"),
    Verdict.UNANSWERED: _lp("search", "Unanswered"),
    Verdict.EMPTY: _lp("search", "No word to look for"),
}
#: What was put right in a query.
REPAIR = {
    "layout": _l("Keyboard layout"),
    "transliteration": _l("Latin letters"),
    "spelling": _l("Spelling"),
    "blanks": _l("Written together or apart"),
}
#: The ways in which a query was taken.
STEP = {"typed": _l("As typed"), "repaired": _l("As corrected"), "asked_in": _l("As a search in another language")}
#: What the confidence in an answer is made of.
SIGNAL = {
    "normalised": _l("Normalised score"),
    "headings": _l("Share of the search in title or headings"),
    "gap": _l("Lead of the first result over the tenth"),
    "length": _l("Number of words (logarithm)"),
}
KIND = {
    Kind.GAP: _lp("ticket", "Unanswered search"),
    Kind.TRANSLATION: _lp("ticket", "Missing translation"),
    Kind.OVERFLOW: _lp("ticket", "Further unanswered searches"),
    Kind.REQUEST: _lp("ticket", "Request"),
}
# Translators: status of a ticket at the desk (de das Ticket, fr le ticket, ru заявка).
STATUS = {
    Status.NEW: _lp("ticket", "New"),
    Status.OPEN: _lp("ticket", "Open"),
    Status.WAITING_REQUESTER: _lp("ticket", "Waiting for requester"),
    Status.WAITING_SUPPLIER: _lp("ticket", "Waiting for supplier"),
    Status.PLANNED: _lp("ticket", "Planned"),
    Status.SOLVED: _lp("ticket", "Solved"),
    Status.CLOSED: _lp("ticket", "Closed"),
    Status.DUPLICATE: _lp("ticket", "Duplicate"),
    Status.SPAM: _lp("ticket", "Spam"),
}
# Translators: what the requester is told; says who acts next.
STATUS_SENTENCE = {
    Status.NEW: _l("We have received your request. A support agent will look at it next."),
    Status.OPEN: _l("A support agent is working on your request."),
    Status.WAITING_REQUESTER: _l("We need an answer from you before we can go on."),
    Status.WAITING_SUPPLIER: _l("We have passed your request to our supplier and are following it up."),
    Status.PLANNED: _l("The solution is planned. We will write here when it is done."),
    Status.SOLVED: _l("We have solved your request. If it is not solved for you, reply below."),
    Status.CLOSED: _l("Your request is closed."),
    Status.DUPLICATE: _l(
        "We are already working on the same matter in another request. If it is another matter, reply below."
    ),
    Status.SPAM: _l("We have received your request. A support agent will look at it next."),
}
# Translators: the requester's own view of the status of a request (de die Anfrage, fr la demande, ru обращение).
STATUS_OF_REQUEST = {
    Status.NEW: _lp("request", "New"),
    Status.OPEN: _lp("request", "Open"),
    Status.WAITING_REQUESTER: _lp("request", "Waiting for your reply"),
    Status.WAITING_SUPPLIER: _lp("request", "With our supplier"),
    Status.PLANNED: _lp("request", "Planned"),
    Status.SOLVED: _lp("request", "Solved"),
    Status.CLOSED: _lp("request", "Closed"),
    Status.DUPLICATE: _lp("request", "Duplicate"),
    Status.SPAM: _lp("request", "New"),
}
# Translators: what an agent did, in the history of a ticket.
ACTION_DONE = {
    Action.OPENED: _lp("history", "Opened"),
    Action.ASKED_AGAIN: _lp("history", "Asked again"),
    Action.TAKE: _lp("history", "Taken"),
    Action.GIVE_BACK: _lp("history", "Given back to the queue"),
    Action.REPLY: _lp("history", "Replied"),
    Action.ASK_REQUESTER: _lp("history", "Asked the requester"),
    Action.REQUESTER_REPLY: _lp("history", "The requester replied"),
    Action.NOTE: _lp("history", "Internal note"),
    Action.WAIT_SUPPLIER: _lp("history", "Passed to the supplier"),
    Action.PLAN: _lp("history", "Planned"),
    Action.RESUME: _lp("history", "Work resumed"),
    Action.SOLVE: _lp("history", "Solved"),
    Action.REOPEN: _lp("history", "Opened again"),
    Action.CLOSE: _lp("history", "Closed"),
    Action.MARK_DUPLICATE: _lp("history", "Marked as a duplicate"),
    Action.MARK_SPAM: _lp("history", "Marked as spam"),
    Action.WITHDRAW: _lp("history", "Withdrawn: found by other words"),
    Action.REQUESTER_CLOSE: _lp("history", "The requester closed it"),
    Action.RATE: _lp("history", "Rated by the requester"),
    Action.TELL: _lp("history", "The requester was told of an article"),
    Action.MAIL_FAILED: _lp("history", "An email could not be delivered"),
    Action.ASSIGN: _lp("history", "Assigned"),
    Action.ESCALATE: _lp("history", "Escalated"),
    Action.SWARM: _lp("history", "Colleagues invited"),
    Action.CLASSIFY: _lp("history", "Classified"),
    Action.DECLARE_MAJOR: _lp("history", "Declared a major incident"),
    Action.END_MAJOR: _lp("history", "Major incident ended"),
    Action.LINK_INCIDENT: _lp("history", "Linked to a major incident"),
    Action.UNLINK_INCIDENT: _lp("history", "Link to the major incident removed"),
    Action.ABSORB: _lp("history", "A duplicate was merged into it"),
    Action.SOLVE_WITH: _lp("history", "Solved together with the main ticket"),
    Action.SUPPLIER_SENT: _lp("history", "Written to the supplier"),
    Action.SUPPLIER_REPLY: _lp("history", "The supplier replied"),
    Action.SUPPLIER_DUE: _lp("history", "The supplier’s answer is due"),
    Action.PLAN_CALL: _lp("history", "Call planned"),
    Action.CALL: _lp("history", "Called"),
    Action.RETRACT: _lp("history", "Taken back"),
    Action.SURVEY: _lp("history", "Asked for a rating"),
    Action.ERASE: _lp("history", "Erased at the requester’s wish"),
}
# Translators: buttons of an agent.
ACTION = {
    Action.TAKE: _lp("button", "Take it"),
    Action.GIVE_BACK: _lp("button", "Give it back"),
    Action.WAIT_SUPPLIER: _lp("button", "Wait for supplier"),
    Action.PLAN: _lp("button", "Plan it"),
    Action.RESUME: _lp("button", "Resume work"),
    Action.REOPEN: _lp("button", "Open again"),
    Action.CLOSE: _lp("button", "Close"),
    Action.MARK_SPAM: _lp("button", "Spam"),
}
RESOLUTION = {
    Resolution.ANSWERED: _l("Answered in person"),
    Resolution.ARTICLE_WRITTEN: _l("Article written"),
    Resolution.ARTICLE_IMPROVED: _l("Article improved"),
    Resolution.TRANSLATED: _l("Article translated"),
    Resolution.SYNONYM_ADDED: _l("Synonym added"),
    Resolution.OUT_OF_SCOPE: _l("Not our topic"),
    Resolution.WITHDRAWN: _l("Found by other words"),
}
REASON = {
    Reason.OUT_OF_DATE: _l("It is out of date"),
    Reason.UNCLEAR: _l("It is unclear"),
    Reason.OTHER_PROBLEM: _l("It is about another problem"),
    Reason.DID_NOT_WORK: _l("I did what it says, and it did not help"),
    Reason.OTHER: _l("Something else"),
}

#: When a requester can be called.
CALLBACK = {
    Callback.ANY: _l("At any time"),
    Callback.MORNING: _l("In the morning, from 8 to 12"),
    Callback.AFTERNOON: _l("In the afternoon, from 12 to 17"),
}
#: How a request came.
CHANNEL = {
    "web": _lp("channel", "Help centre"),
    "mail": _lp("channel", "Email"),
    "phone": _lp("channel", "Telephone"),
    "api": _lp("channel", "API"),
}
# Translators: answers to “How well were we able to help you?”.
STARS = {
    5: _lp("rating", "Very well"),
    4: _lp("rating", "Well"),
    3: _lp("rating", "Fairly well"),
    2: _lp("rating", "Not so well"),
    1: _lp("rating", "Badly"),
}


# Translators: answers of a requester to “How urgent is it for you?”.
URGENCY = {
    1: _lp("urgency", "It can wait"),
    2: _lp("urgency", "Not very urgent"),
    3: _lp("urgency", "Normal"),
    4: _lp("urgency", "Urgent: I can hardly work"),
    5: _lp("urgency", "Very urgent: I cannot work at all"),
}
# Translators: urgency and impact of a ticket, from 1 to 5.
LEVEL = {
    1: _lp("level", "1 – very low"),
    2: _lp("level", "2 – low"),
    3: _lp("level", "3 – medium"),
    4: _lp("level", "4 – high"),
    5: _lp("level", "5 – very high"),
}
# Translators: priority of a ticket.
PRIORITY = {
    1: _lp("priority", "Very low"),
    2: _lp("priority", "Low"),
    3: _lp("priority", "Medium"),
    4: _lp("priority", "High"),
    5: _lp("priority", "Very high"),
}
MAJOR = _lp("priority", "Major incident")


def priority(ticket: Ticket) -> str:
    """The word for a ticket's priority."""
    return str(MAJOR if ticket.is_major else PRIORITY[ticket.priority])


def tier_name(number: int, names: Mapping[int, Mapping[str, str]]) -> str:
    """A tier as the organisation calls it, in the page's language or the next best; else its short name."""
    own = names.get(number, {})
    found = choices(language(), own)
    return f"{tier(number)} {own[found[0]]}" if found else tier(number)


def tier(number: int) -> str:
    """Short name of a support tier."""
    # Translators: short name of a support tier: L1, in French N1.
    return str(gettext("L%(number)s", number=number))
