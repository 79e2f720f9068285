"""The form of every letter: two parts that say the same, where they lead, and nobody's text that could change it."""

import re
from email.policy import default

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.mail import compose
from portal.tickets import Actor
from tests.builders import NOW
from tests.letters import (
    ALL,
    BASE,
    LANGUAGES,
    LETTERS,
    REQUEST_LETTERS,
    SUBSCRIPTION_LETTERS,
    TOKEN,
    Page,
    addresses,
    blocks,
    event,
    every_language,
    every_letter,
    flowing,
    path,
    request,
)


@every_letter
@every_language
def test_both_parts_say_the_same(name: str, language: str) -> None:
    """Every block and every address of the text is in the HTML, which is well formed and loads nothing."""
    mail = ALL[name](language)
    page = Page(mail.html)
    shown = " ".join(re.split(r"[ \n]+", page.body))

    assert page.open == []
    assert page.language == mail.language == language
    assert [block for block in blocks(mail.text) if block not in shown] == []
    assert set(page.links) == set(addresses(mail.text))
    assert all(link in shown and link.startswith(f"{BASE}/{language}/") for link in page.links)
    assert not {"img", "script", "link", "style", "iframe", "form"} & set(page.tags)
    assert page.attributes <= {"lang", "dir", "charset", "name", "content", "style", "href", "hreflang"}
    assert not re.search(r"url\(|@import|position|color:(?!/)", mail.html)
    assert "max-width:600px" in mail.html
    assert '<meta name="color-scheme" content="light dark">' in mail.html


@every_letter
@every_language
def test_the_text_part_is_plain_text(name: str, language: str) -> None:
    """Wrapped between words, nothing at the ends of lines, no entities, one line break at the end at most."""
    text = ALL[name](language).text

    for line in text.split("\n"):
        assert line == line.rstrip()
        assert len(line) <= 72 or line.strip().startswith(BASE)
    assert not re.search(r"&\w+;|&#|<[a-z/]", text)
    assert "\n\n\n" not in text
    assert "%" not in text
    assert not text.startswith("\n")


@pytest.mark.parametrize("name", REQUEST_LETTERS)
@every_language
def test_a_letter_to_a_requester_greets_and_has_the_private_link(name: str, language: str) -> None:
    """By name, in one thread, with the link as text and the sentence that it is private."""
    mail = REQUEST_LETTERS[name](language)
    private = {"en": "This link is private", "fr": "Ce lien est personnel", "de": "nur für Sie", "ru": "только вам"}

    assert (mail.recipient, mail.recipient_name) == ("zoe@example.org", "Zoë Ngô")
    assert mail.subject == "[#42] Xerox 3345"
    assert mail.headers == {}
    assert "Zoë Ngô" in blocks(mail.text)[0]
    assert f"{BASE}/{language}/requests/{TOKEN}" in addresses(mail.text)
    assert private[language] in flowing(mail.text)
    assert "42" in flowing(mail.text)
    assert "help.example.org" in blocks(mail.text)[-1]


@pytest.mark.parametrize("name", SUBSCRIPTION_LETTERS)
@every_language
def test_a_letter_to_a_subscriber_can_be_stopped_with_one_click(name: str, language: str) -> None:
    """RFC 8058: one HTTPS address in angle brackets, and the field that is posted."""
    mail = SUBSCRIPTION_LETTERS[name](language)

    assert mail.headers == {
        "List-Unsubscribe": f"<{BASE}/{language}/subscriptions/{TOKEN}/stop>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert "xerox 3345" in mail.subject
    assert "xerox 3345" in flowing(mail.text)
    assert mail.recipient_name == ""


@every_language
def test_where_the_letters_lead(language: str) -> None:
    """To the private page, the article, the form, the confirmation and the end of a subscription."""
    page, article = f"{BASE}/{language}/requests/{TOKEN}", f"{BASE}/{language}/articles/xerox"
    subscription = f"{BASE}/{language}/subscriptions/{TOKEN}"

    assert addresses(ALL["replied"](language).text) == [page]
    assert addresses(ALL["told"](language).text) == [article, page]
    assert addresses(ALL["confirm"](language).text) == [subscription, f"{subscription}/stop"]
    assert addresses(ALL["answered"](language).text) == [article, f"{BASE}/{language}/requests/new"]


def test_long_subjects_are_cut_at_a_word() -> None:
    """Of requests and of searches; what has no words is cut anywhere."""
    words = "Straßenbahnhaltestelle " * 20
    mails = [LETTERS.received(request(code, subject=words), TOKEN) for code in LANGUAGES]
    mails += [LETTERS.answered("a@b.example", code, words, "T", "en", "/x", TOKEN) for code in LANGUAGES]
    mails += [LETTERS.confirm_subscription("a@b.example", code, words, TOKEN) for code in LANGUAGES]

    assert all(len(mail.subject) <= 150 for mail in mails)
    assert all(re.search(r"Straßenbahnhaltestelle…", mail.subject) for mail in mails)
    assert LETTERS.received(request("en", subject="x" * 400), TOKEN).subject == "[#42] " + "x" * 143 + "…"
    assert LETTERS.received(request("de", subject=" \n"), TOKEN).subject == "[#42] Ihre Anfrage"


def test_lines_of_a_reply_are_kept() -> None:
    """Paragraphs and line breaks, one empty line at most, controls gone."""
    mail = LETTERS.replied(request("en"), event(text="\r\nOne\r\ntwo\x00\x1b[0m\n\n\n\n\tthree  \n"), TOKEN)

    assert "\n    One\n    two[0m\n\n        three\n" in mail.text
    assert "One<br>two[0m</p>" in mail.html


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></p></div><a href='https://evil.example'>x",
    "{{ 7*7 }}{% raw %}",
    "%(host)s %s %d 100%",
    "&lt;b&gt; &amp;",
    "x\r\nBcc: eve@example.org\r\n\r\nbody",
    "a\x00\x1b\u2028\u202e\u2066\x85z",
    "\ud800 half",
    "w" * 5000,
    "\u00a0" * 300,
    "-- \n> quoted\n.\nFrom me",
)
anything = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=400), st.text(alphabet="<>&'\"%{}\n\r ax", max_size=80))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LANGUAGES), anything, anything, anything, anything)
def test_nobodys_text_changes_the_form_of_a_letter(
    language: str, name: str, subject: str, text: str, title: str
) -> None:
    """Markup stays text, headers stay one line, links stay ours, and every mail can be sent."""
    changes = {"requester_name": name, "subject": subject}
    mails = {
        "replied": LETTERS.replied(request(language, **changes), event(text=text, actor=Actor(1, title)), TOKEN),
        "told": LETTERS.told(request(language, **changes), title, language, path(language), TOKEN),
        "confirm": LETTERS.confirm_subscription("zoe@example.org", language, subject, TOKEN),
        "answered": LETTERS.answered("zoe@example.org", language, subject, title, language, path(language), TOKEN),
    }
    for letter, mail in mails.items():
        page, usual = Page(mail.html), Page(ALL[letter](language).html)
        kept = [[tag for tag in found.tags if tag not in {"p", "br"}] for found in (page, usual)]
        assert kept[0] == kept[1]
        assert (page.open, page.attributes, page.links) == ([], usual.attributes, usual.links)
        assert addresses(mail.text)[-1] == addresses(ALL[letter](language).text)[-1]
        assert len(mail.subject) <= 150
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", mail.subject)
        assert all(line == line.rstrip() for line in mail.text.split("\n"))
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", mail.text + mail.html)
        assert compose(mail, "<1@example.org>", "support@example.org", NOW).as_bytes(policy=default)


@pytest.mark.parametrize("address", ["//evil.example/x", "https://evil.example", "javascript:alert(1)", '/x" y\r\nz'])
def test_an_article_is_always_on_our_site(address: str) -> None:
    """Whatever path is given."""
    page = Page(LETTERS.told(request("en"), "T", "en", address, TOKEN).html)

    assert all(link.startswith(f"{BASE}/") and not re.search(r"[\s\"]", link) for link in page.links)
