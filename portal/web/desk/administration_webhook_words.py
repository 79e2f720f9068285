"""The words for webhooks: what happens, where deliveries stand, their fields, and what is wrong with an entry."""

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from portal.announcements import TEST, About
from portal.storage.announcing import State

EVENT = {
    About.GAP_OPENED: _l("A search went unanswered"),
    About.GAP_CONFIRMED: _l("An unanswered search was asked by a person"),
    About.GAP_ANSWERED: _l("An article answers a search that went unanswered"),
    About.REQUEST_CREATED: _l("A request came in"),
    About.REQUEST_REPLIED: _l("Somebody replied in a request"),
    About.REQUEST_ESCALATED: _l("A request was escalated"),
    About.REQUEST_SOLVED: _l("A request was solved"),
    About.ARTICLE_PUBLISHED: _l("An article was published or changed"),
    About.ARTICLE_STALE: _l("A translation became out of date"),
    TEST: _l("Test event"),
}
STATE = {
    State.WAITING: _lp("delivery", "Waiting"),
    State.SENT: _lp("delivery", "Delivered"),
    State.FAILED: _lp("delivery", "Given up"),
}
#: Names of their fields, and what is wrong with an entry.
FIELD = {
    "url": _lp("webhook", "Address"),
    "events": _lp("webhook", "Events"),
    "delivery": _lp("webhook", "Delivery"),
}
FAULT = {
    ("url", "invalid"): _l("Enter a web address such as https://example.org/hooks."),
    ("url", "insecure"): _l("The address must begin with https://."),
    ("url", "user_info"): _l("Leave out user name and password: whoever reads this page would see them."),
    ("url", "port"): _l("This port cannot be called. Use 443, 80, or one from 1024."),
    ("url", "not_listed"): _l("This host cannot be called: the settings of the portal do not name it."),
    ("url", "private"): _l("This address leads into a private network. The settings of the portal can allow its host."),
    ("events", "missing"): _l("Choose at least one event."),
}


def events() -> list[tuple[str, str]]:
    """The events that can be chosen, with their words."""
    return [(about.value, f"{EVENT[about]} ({about.value})") for about in About]
