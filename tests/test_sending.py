"""What a requester sends: what is refused, with field and code, and what becomes of the rest."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import String

from portal.sending import DESCRIPTION_LENGTH, NAME_LENGTH, SUBJECT_LENGTH, TRAIL_TEXT, Sending, faults, request_of
from portal.storage.schema import tickets
from portal.tickets import Callback, Status
from tests.builders import NOW

SENT = Sending("Anna Kühn", "anna@example.org", "", "It does not print.\nSince Monday.", "de")
ITEM = {"kind": "search", "text": "drucker", "language": "de", "at": "2026-03-02T09:00:00+00:00"}
#: Blanks and signs that nobody sees.
NOTHING = " \r\n\t\u00a0\u200b\x00"


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, {}),
        ({"name": NOTHING}, {"name": "missing"}),
        ({"name": "ё" * NAME_LENGTH}, {}),
        ({"name": "ё" * (NAME_LENGTH + 1)}, {"name": "too_long"}),
        ({"subject": NOTHING}, {}),
        ({"subject": "ё" * SUBJECT_LENGTH}, {}),
        ({"subject": "ё" * (SUBJECT_LENGTH + 1)}, {"subject": "too_long"}),
        ({"description": NOTHING}, {"description": "missing"}),
        ({"description": "ё" * DESCRIPTION_LENGTH}, {}),
        ({"description": "ё" * (DESCRIPTION_LENGTH + 1)}, {"description": "too_long"}),
        ({"email": ""}, {"email": "missing"}),
        ({"email": "anna@example"}, {"email": "invalid_email"}),
        ({"email": "anna@example.org\r\nBcc: eve@example.org"}, {"email": "invalid_email"}),
        ({"email": "a" * 250 + "@example.org"}, {"email": "too_long"}),
        ({"language": "en-GB"}, {"language": "unknown"}),
        ({"trail": (ITEM,) * 50}, {}),
        ({"trail": (ITEM,) * 51}, {"trail": "too_long"}),
        ({"trail": (ITEM | {"kind": "article", "slug": "printer", "results": "a, b"},)}, {}),
        ({"trail": ({"kind": "search"},)}, {"trail": "invalid"}),
        ({"trail": (ITEM | {"kind": "vote"},)}, {"trail": "invalid"}),
        ({"trail": (ITEM | {"language": "xx"},)}, {"trail": "invalid"}),
        ({"trail": (ITEM | {"at": "yesterday"},)}, {"trail": "invalid"}),
        ({"trail": (ITEM | {"at": "2026-03-02T09:00:00"},)}, {"trail": "invalid"}),
        ({"trail": (ITEM | {"slug": "../etc"},)}, {"trail": "invalid"}),
        ({"trail": (ITEM | {"address": "192.0.2.1"},)}, {"trail": "invalid"}),
        ({"trail": (ITEM | {"text": 7},)}, {"trail": "invalid"}),
        ({"name": "", "email": "", "description": ""}, dict.fromkeys(("description", "name", "email"), "missing")),
    ],
)
def test_faults(changes: dict[str, Any], broken: dict[str, str]) -> None:
    """Every broken rule is named, at the field that breaks it; the longest value is allowed."""
    assert faults(replace(SENT, **changes)) == broken


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("", "missing"),
        (NOTHING, "missing"),
        ("+49 (0)30 123-45.67/8", None),
        ("8\u00a0800\u202f555", None),
        ("12345", None),
        ("1234", "invalid_phone"),
        ("call me 12345", "invalid_phone"),
        ("+" * 36 + "12345", "invalid_phone"),
        ("٠١٢٣٤٥", "invalid_phone"),
    ],
)
def test_a_call_needs_a_number(phone: str, code: str | None) -> None:
    """Who wants to be called says where; the number can be dialled."""
    broken = faults(replace(SENT, callback=Callback.MORNING, phone=phone))

    assert broken == ({"phone": code} if code else {})


def test_a_number_without_a_wish_for_a_call_is_not_kept() -> None:
    """What stood in a field that no longer shows is neither looked at nor stored."""
    sent = replace(SENT, phone="<script>")

    assert faults(sent) == {}
    assert request_of(sent, Status.NEW, NOW).phone == ""


@pytest.mark.parametrize(
    ("subject", "description", "shown"),
    [
        (" Printer\n jams ", "Since Monday.", "Printer jams"),
        ("", "\n\n  It does\tnot print. \nSince Monday.", "It does not print."),
        (NOTHING, "x" * 130, "x" * 119 + "…"),
    ],
    ids=["given", "first line", "cut"],
)
def test_subject(subject: str, description: str, shown: str) -> None:
    """A request without a subject has the first line that says something."""
    assert request_of(replace(SENT, subject=subject, description=description), Status.NEW, NOW).subject == shown


def test_what_was_tried_is_masked_and_bounded() -> None:
    """Secrets in queries and titles do not come along, nor do texts without an end; times and names stay."""
    item = ITEM | {
        "text": "login me@example.org " + "x" * 500,
        "results": "Call +49 30 1234567",
        "slug": "vpn-2026-03-02",
    }

    request = request_of(replace(SENT, query="iban me@example.org", trail=(item,)), Status.NEW, NOW)

    (kept,) = request.trail
    assert kept["text"].startswith("login [e-mail] xxx")
    assert len(kept["text"]) == TRAIL_TEXT
    assert kept["results"] == "Call [phone]"
    assert (kept["slug"], kept["at"]) == ("vpn-2026-03-02", ITEM["at"])
    assert request.query == "iban [e-mail]"


TEXTS = st.text(max_size=300) | st.text(st.characters(), max_size=40).map(lambda text: text * 40)


@settings(deadline=None, max_examples=100)
@given(
    st.text(min_size=1, max_size=60),
    st.fixed_dictionaries(dict.fromkeys(("subject", "description", "query", "page"), TEXTS)),
)
def test_what_is_not_refused_fits(name: str, texts: dict[str, Any]) -> None:
    """Whatever is sent is refused or becomes a request that fits into its columns, without signs no database takes."""
    sent = replace(SENT, name=name, callback=Callback.ANY, phone="+49 30 1234567", **texts)

    if not faults(sent):
        request = request_of(sent, Status.NEW, NOW)
        for column in ("requester_name", "requester_email", "subject", "description", "query", "page", "phone"):
            value, kind = getattr(request, column), tickets.c[column].type
            longest = kind.length if isinstance(kind, String) else None
            assert longest is None or len(value) <= longest
            assert "\0" not in value
            assert value.encode().decode() == value
        assert request.subject
        assert request.requester_name


@settings(deadline=None, max_examples=100)
@given(st.fixed_dictionaries(dict.fromkeys(("subject", "query", "page"), TEXTS)))
def test_an_ordinary_request_is_taken_whatever_stands_around_it(texts: dict[str, Any]) -> None:
    """Only a long subject is refused: what people did not type themselves never keeps them from asking."""
    assert faults(replace(SENT, **texts)).keys() <= {"subject"}
