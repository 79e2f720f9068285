"""Mails as they go over the wire, and the ways by which they leave."""

import mailbox
import socket
import subprocess
import threading
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from shutil import which
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.mail import Mail, Refused, Unavailable, compose, lines, one_line, wire_address, wire_domain
from portal.people import EMAIL, EMAIL_LENGTH
from portal.transports import SmtpTransport, transport
from tests.builders import NOW
from tests.mailing import MailServer, header_names, mail, tls_options, with_password
from tests.needs import missing

SENDER = "support@example.org"
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


def send(way: SmtpTransport, made: Mail | None = None) -> None:
    """Send one mail."""
    made = made or mail()
    way.send(compose(made, "<request-42.abc@example.org>", SENDER, NOW, "Hilfe"), made.recipient)


def smtp(server: MailServer, timeout: float = 10.0) -> SmtpTransport:
    """The way to a server."""
    return SmtpTransport(server.url, timeout)


def test_a_server_without_smtputf8_gets_international_mail() -> None:
    """Names, subject and domain are written so that every server takes them."""
    with MailServer() as server:
        way = smtp(server)
        send(way, mail(recipient="anna@bücher.example"))
        way.close()

    assert [recipient for recipient, _ in server.taken] == ["anna@xn--bcher-kva.example"]
    assert server.messages[0]["To"].addresses[0].display_name == "Anna Kühn"


def test_mails_that_follow_each_other_share_a_connection() -> None:
    """One greeting for all, also where one of them was refused; a lost connection is opened anew."""
    with MailServer({"no@example.org": ["refuse"], "lost@example.org": ["lose"]}) as server:
        way = smtp(server)
        send(way, mail(recipient="a@example.org"))
        with pytest.raises(Refused):
            send(way, mail(recipient="no@example.org"))
        send(way, mail(recipient="lost@example.org"))
        shared = server.connections
        send(way, mail(recipient="b@example.org"))
        way.close()
        way.close()

    assert shared == 1
    assert server.connections == 2
    assert [recipient for recipient, _ in server.taken] == ["a@example.org", "lost@example.org", "b@example.org"]


@pytest.mark.parametrize(
    ("fault", "permanent"), [("refuse", True), ("spam", True), ("greylist", False), ("full", False)]
)
def test_a_refused_mail_says_whether_for_good(fault: str, permanent: bool) -> None:
    """What the server says is passed on, without the recipient's address."""
    with MailServer({"anna@example.org": [fault]}) as server:
        way = smtp(server)
        with pytest.raises(Refused) as refused:
            send(way)
        way.close()

    assert refused.value.permanent is permanent
    assert str(refused.value)[:3] in {"550", "554", "451", "452"}
    assert "anna" not in str(refused.value)
    assert server.taken == []


@pytest.mark.parametrize("fault", ["die", "drop"])
def test_a_server_that_hangs_up_is_unavailable(fault: str) -> None:
    """In the middle of a session or of a mail; the next mail opens a connection of its own."""
    with MailServer({"anna@example.org": [fault]}) as server:
        way = smtp(server)
        with pytest.raises(Unavailable):
            send(way)
        send(way)
        way.close()

    assert len(server.taken) == 1


def test_a_server_that_answers_late_is_given_up() -> None:
    """Our own timeout ends the waiting, not the server."""
    with MailServer({"anna@example.org": ["late"]}) as server, pytest.raises(Unavailable):
        send(smtp(server, timeout=0.2))


def test_a_server_that_drips_is_given_up() -> None:
    """A byte now and then keeps every single timeout from passing; the whole is bounded too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    while True:
                        connection.sendall(b"2")
                        threading.Event().wait(0.02)
                except OSError:
                    pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        with pytest.raises(Unavailable):
            send(SmtpTransport(f"smtp://127.0.0.1:{listener.getsockname()[1]}", 0.2))
        dripping.join(20)

    assert not dripping.is_alive()


def test_no_server_is_unavailable() -> None:
    """Nobody listens; nothing private is in the message."""
    with pytest.raises(Unavailable) as unavailable:
        send(smtp(MailServer()))

    assert "refused" in str(unavailable.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate of 127.0.0.1 with its key."""
    program = which("openssl") or missing("openssl", "apt-get install openssl")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    made = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [program, *made.split(), "-keyout", str(path), "-out", str(path) + ".crt"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    path.write_text(path.read_text() + Path(str(path) + ".crt").read_text())
    return path


@pytest.fixture
def tls(certificate: Path) -> SSLContext:
    """The server's side of TLS."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_server_that_wants_starttls_gets_it(
    tls: SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password and the mail travel encrypted, to a server whose certificate is known."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    options = tls_options(tls)
    with MailServer(**options, authenticator=with_password(b"me@x", b"p/w?"), auth_required=True) as server:
        way = SmtpTransport(f"smtp+starttls://me%40x:p%2Fw%3F@127.0.0.1:{server.port}", 10)
        send(way)
        way.close()
        with pytest.raises(Unavailable) as unavailable:
            send(SmtpTransport(f"smtp+starttls://me%40x:wrong@127.0.0.1:{server.port}", 10))

    assert len(server.taken) == 1
    assert str(unavailable.value).startswith("535")


def test_an_unknown_certificate_is_not_trusted(tls: SSLContext) -> None:
    """Nothing is sent to a server that cannot prove its name, nor in the clear to one that offers no TLS."""
    with MailServer(**tls_options(tls)) as server, pytest.raises(Unavailable):
        send(SmtpTransport(f"smtp+starttls://127.0.0.1:{server.port}", 10))
    with MailServer() as plain, pytest.raises(Unavailable, match="STARTTLS"):
        send(SmtpTransport(f"smtp+starttls://127.0.0.1:{plain.port}", 10))

    assert server.taken == plain.taken == []


def test_a_server_that_wants_starttls_and_is_asked_without_keeps_the_mail_waiting(tls: SSLContext) -> None:
    """That is the operator's setting to mend: no mail is lost for it."""
    with MailServer(**tls_options(tls)) as server, pytest.raises(Unavailable, match="530"):
        send(smtp(server))


def test_mails_over_tls_from_the_first_byte(
    tls: SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`smtps://`."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with MailServer(ssl_context=tls) as server:
        way = SmtpTransport(f"smtps://127.0.0.1:{server.port}", 10)
        send(way)
        way.close()

    assert len(server.taken) == 1


def test_without_a_server_mails_go_into_a_folder(tmp_path: Path) -> None:
    """As a Maildir that only its owner reads, also where an earlier start was broken off."""
    folder = tmp_path / "var" / "mail"
    folder.mkdir(parents=True)
    way = transport("", folder)

    for name in ("Zoé", "Анна"):
        way.send(compose(mail(recipient_name=name), f"<{name}>".encode().hex(), SENDER, NOW), "anna@example.org")
    way.close()

    kept = [message_from_bytes(bytes(message), policy=default) for message in mailbox.Maildir(folder, create=False)]
    assert {message["To"].addresses[0].display_name for message in kept} == {"Zoé", "Анна"}
    assert (folder / "new").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """The mails wait until it can."""
    (tmp_path / "mail").write_text("a file")

    with pytest.raises(Unavailable):
        transport("", tmp_path / "mail").send(compose(mail(), "<a@b>", SENDER, NOW), "anna@example.org")


def test_mails_on_the_screen_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """As their reader sees them, not as they travel."""
    way = transport("console:", Path("unused"))

    way.send(compose(mail(), "<a@b>", SENDER, NOW), "anna@example.org")
    way.close()

    shown = capsys.readouterr().out
    assert "To: anna@example.org\nSubject: [#42] Ihre Anfrage „Drucker“\n" in shown
    assert "Guten Tag Anna Kühn," in shown
