"""Mails as they go over the wire: what was written comes back, and no text becomes a header or a recipient."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.mail import Mail, Refused, compose, lines, one_line, wire_address, wire_domain
from portal.people import EMAIL, EMAIL_LENGTH
from tests.builders import NOW
from tests.mailing import SENDER, header_names, mail

MADE = {
    "MIME-Version", "Content-Type", "From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted",
    "Content-Transfer-Encoding",
}  # fmt: skip
#: Text in which an injected header is likely.
HOSTILE = st.text(
    st.one_of(
        st.sampled_from('\r\n\0\v\f\x1b\x85\u2028\u2029\u202e:;,<>"=?@ \t'), st.characters(exclude_categories=())
    ),
    max_size=60,
).flatmap(
    lambda text: st.sampled_from(
        [text, text + "\r\nBcc: eve@example.org", "\n\nBody" + text, text + "=?utf-8?q?x=0D=0ABcc:_e@e.org?=" + text]
    )
)


def parsed(made: Mail, site_name: str = "", **headers: str) -> tuple[bytes, EmailMessage]:
    """A mail as bytes, and as a mail program reads it."""
    content = compose(made, "<request-42.abc@example.org>", SENDER, NOW, site_name).as_bytes()
    read = message_from_bytes(content, policy=default)
    assert isinstance(read, EmailMessage)
    return content, read


def tried(address: str) -> tuple[str, Refused | None]:
    """An address as servers read it, or why it has no such form."""
    try:
        return wire_address(address), None
    except Refused as refused:
        return "", refused


def text_of(message: EmailMessage, kind: str) -> str:
    """The content of one part."""
    part = message.get_body((kind,))
    assert part is not None
    text = part.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("language", "name", "subject", "text"),
    [
        ("en", 'Mary "Mo" O’Neil, Jr.', "[#1] Can’t print — at all, £5 fee?", "Hello,\n.\n..\nFrom here\n"),
        ("fr", "Zoé Lefèvre", "[#2] « Mot de passe » : c’est où ?", "Bonjour,\nça « marche » !\n"),
        ("de", "Jürgen Groß", "[#3] Rückfrage: „Größe“ der Übertragungswarteschlange beim Drucken aus dem Büro", "Grüße\n"),
        ("ru", "Анна Кузнецова", "[#4] Не печатает принтер: ещё раз о пароле и учётной записи «Ёлка»", "Здравствуйте!\n" * 99),
    ],
)  # fmt: skip
def test_a_mail_comes_back_as_it_was_written(language: str, name: str, subject: str, text: str) -> None:
    """Names, subjects and texts in four languages, after any mail program has parsed them."""
    made = mail(recipient_name=name, language=language, subject=subject, text=text, html=f"<p>{text}</p>\n")

    content, read = parsed(made, "Справка и помощь")

    assert read["To"].addresses[0].display_name == name
    assert read["To"].addresses[0].addr_spec == "anna@example.org"
    assert read["From"].addresses[0].display_name == "Справка и помощь"
    assert read["From"].addresses[0].addr_spec == SENDER
    assert read["Subject"] == subject
    assert (text_of(read, "plain"), text_of(read, "html")) == (text, f"<p>{text}</p>\n")
    assert read["Content-Language"] == language
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Date"].datetime == NOW
    assert read.get_content_type() == "multipart/alternative"
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) < 100


def test_a_long_name_is_several_encoded_words() -> None:
    """A name of a hundred letters is folded as RFC 2047 has it, and is one name again."""
    name = "Александра Константинопольская-Задунайская " * 2

    content, read = parsed(mail(recipient_name=name))

    field = message_from_bytes(content)["To"].rpartition("<")[0]
    assert str(make_header(decode_header(field))).strip() == one_line(name, 100)
    assert len(read["To"].addresses) == 1
    assert max(map(len, content.split(b"\r\n"))) < 100


def test_headers_that_a_mail_brings_along_are_set() -> None:
    """Threading and unsubscribing; a reply by a person is not an automatic one."""
    link = "https://help.example.org/en/subscriptions/" + "a" * 64 + "/stop"
    given = {"In-Reply-To": "<1@x>", "References": "<1@x>", "List-Unsubscribe": f"<{link}>", "Auto-Submitted": "no"}

    _, read = parsed(mail(headers=given))

    assert {name: read[name] for name in given} == given


@pytest.mark.parametrize(
    "name",
    [
        "Bcc",
        "to",
        "CC",
        "Subject",
        "Content-Type",
        "content-transfer-encoding",
        "Resent-To",
        "a b",
        "a:b",
        "é",
        "x\r\nBcc",
    ],
)
def test_a_header_that_changes_the_mail_is_refused(name: str) -> None:
    """A mail has one recipient, and headers that are made here stay as they are."""
    with pytest.raises(Refused) as refused:
        compose(mail(headers={name: "x"}), "<a@b>", SENDER, NOW)

    assert refused.value.permanent


@pytest.mark.parametrize("value", ["é", "x" * 901, "<" + "a" * 2000 + ">"])
def test_a_header_with_an_impossible_value_is_refused(value: str) -> None:
    """Addresses and numbers are ASCII, and a line has an end."""
    with pytest.raises(Refused):
        compose(mail(headers={"List-Unsubscribe": value}), "<a@b>", SENDER, NOW)


@given(
    name=HOSTILE,
    subject=HOSTILE,
    text=HOSTILE,
    html=HOSTILE,
    site=HOSTILE,
    header=HOSTILE.map(lambda text: text.encode("ascii", "ignore").decode()),
)
def test_no_text_becomes_a_header_or_a_recipient(
    name: str, subject: str, text: str, html: str, site: str, header: str
) -> None:
    """Whatever stands in names, subjects, texts and values of headers."""
    made = mail(recipient_name=name, subject=subject, text=text, html=html, headers={"In-Reply-To": header})
    content, read = parsed(made, site)

    assert set(header_names(content)) <= MADE | {"In-Reply-To"}
    assert len(header_names(content)) == len(set(header_names(content)))
    assert [address.addr_spec for address in read["To"].addresses] == ["anna@example.org"]
    assert [address.addr_spec for address in read["From"].addresses] == [SENDER]
    assert str(make_header(decode_header(message_from_bytes(content)["Subject"]))) == one_line(subject, 300)
    assert text_of(read, "plain").rstrip("\n") == lines(text).rstrip("\n")
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\0" not in content


@given(st.one_of(HOSTILE, HOSTILE.map(lambda text: f"{text}@example.org"), HOSTILE.map(lambda text: f"anna@{text}")))
def test_an_address_is_one_address_or_refused(address: str) -> None:
    """No list, no comment, no line break, no sign outside ASCII gets into a header or to the server."""
    wire, refused = tried(address)
    if refused is not None:
        assert refused.permanent
        assert "@" not in str(refused)
        return

    assert wire.isascii()
    assert wire.isprintable()
    assert wire.count("@") == 1
    assert not set(wire) & set(' ,;<>()"\\')


@given(st.from_regex(EMAIL, fullmatch=True).filter(lambda text: len(text) <= EMAIL_LENGTH))
def test_what_people_may_type_is_deliverable_or_refused(address: str) -> None:
    """Every address that a form takes has a form in ASCII, or is refused for good."""
    wire, refused = tried(address)
    if refused is not None:
        assert refused.permanent
        return

    _, read = parsed(mail(recipient=address))
    assert read["To"].addresses[0].addr_spec == wire
    assert len(wire) <= EMAIL_LENGTH
    assert all(1 <= len(label) <= 63 for label in wire.rpartition("@")[2].split("."))


@pytest.mark.parametrize(
    ("domain", "wire"),
    [
        ("example.org", "example.org"),
        ("Пример.РФ", "xn--e1afmkfd.xn--p1ai"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("été.fr", "xn--t-9fab.fr"),
        ("a⒈example.org", ""),
        ("⑴.example.org", ""),
        ("ü" * 60 + ".de", ""),
        ("", ""),
        ("a..b", ""),
    ],
)
def test_domains_are_written_in_ascii(domain: str, wire: str) -> None:
    """By IDNA 2008; signs that would become dots or brackets on the way are refused."""
    assert wire_domain(domain) == wire


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("support@[::1]", "support@[IPv6:::1]"),
        ("a@[127.0.0.1]", "a@[127.0.0.1]"),
        ("support@localhost", "support@localhost"),
    ],
)
def test_the_sender_may_be_on_this_machine(address: str, wire: str) -> None:
    """Without a public address the sender is a plain host."""
    assert wire_address(address) == wire
