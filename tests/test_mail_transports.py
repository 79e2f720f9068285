"""The ways by which mails leave: a server with all its moods, with and without TLS, a folder, the screen."""

import mailbox
import socket
import subprocess
import threading
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from shutil import which
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest

from portal.mail import Mail, Refused, Unavailable, compose
from portal.transports import SmtpTransport, transport
from tests.builders import NOW
from tests.mailing import SENDER, MailServer, mail, tls_options, with_password
from tests.needs import missing


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
