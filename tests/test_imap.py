"""A real IMAP server: mails are fetched once, marked only when taken, and lost never."""

import getpass
import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from portal.imap import FAILURES, Mailbox, Polled, _encoded
from portal.mail import Unavailable
from portal.storage import schema
from tests.asking import rows
from tests.builders import NOW
from tests.needs import missing
from tests.postgres import database_at
from tests.receiving import inbox_on, raw
from tests.serving import free_port

USER, PASSWORD = "support@example.org", "p@ss/word+1:x"
LARGEST = 100_000
#: Whose mails they are: the server refuses to serve root's.
_NOBODY = pwd.getpwnam("nobody")
OWNER, OWNER_GROUP = (os.getuid(), os.getgid()) if os.geteuid() else (_NOBODY.pw_uid, _NOBODY.pw_gid)
_NOWHERE: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 60}


def configuration(folder: Path, port: int) -> str:
    """Dovecot for one user, with everything of its own below a folder."""
    # As root it serves somebody else's mails, and as anybody else only their own.
    mine = (
        "" if os.geteuid() == 0 else "default_internal_user = {0}\ndefault_login_user = {0}".format(getpass.getuser())
    )
    return f"""
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
auth_username_chars =
auth_failure_delay = 0
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{folder}/home/mail
{mine}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={{PLAIN}}{PASSWORD}
}}
userdb {{
  driver = static
  args = uid={OWNER} gid={OWNER_GROUP} home={folder}/home
}}
"""


class Server:
    """An IMAP server, and what a person sees in its mailbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        (folder / "home").mkdir()
        os.chown(folder / "home", OWNER, OWNER_GROUP)
        self._file = folder / "dovecot.conf"
        self._file.write_text(configuration(folder, self.port), encoding="utf-8")

    def start(self) -> None:
        """Begin to listen."""
        program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
        if program is None:
            missing("Dovecot", "apt-get install dovecot-imapd")
        self._program = program
        # It goes on in the background with what it was given: a pipe would never end.
        subprocess.run([program, "-c", str(self._file)], check=True, **_NOWHERE)

    def stop(self) -> None:
        """Stop listening."""
        subprocess.run([self._program, "-c", str(self._file), "stop"], check=False, **_NOWHERE)

    def url(self, box: str = "INBOX") -> str:
        """The address of a folder."""
        return f"imap://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{quote(box)}"

    def mailbox(self, box: str = "INBOX", **changes: Any) -> Mailbox:
        """A folder of it."""
        return Mailbox(self.url(box), LARGEST, **changes)

    def person(self, box: str = "INBOX") -> imaplib.IMAP4:
        """Somebody who looks into the mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        client.login(USER, PASSWORD)
        assert client.select(f'"{_encoded(box)}"')[0] == "OK"
        return client

    def put(self, *contents: bytes, box: str = "INBOX") -> None:
        """Let mails come in."""
        client = self.person()
        client.create(f'"{_encoded(box)}"')
        for content in contents:
            assert client.append(f'"{_encoded(box)}"', "", "", content.replace(b"\n", b"\r\n"))[0] == "OK"
        client.logout()

    def unread(self) -> int:
        """How many mails are unread."""
        client = self.person()
        found = client.search(None, "UNSEEN")[1][0].split()
        client.logout()
        return len(found)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A real server; not below pytest's folder, which the owner of the mails may not enter."""
    with tempfile.TemporaryDirectory(prefix="imap-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        made = Server(Path(name))
        made.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture
def box(server: Server) -> Server:
    """The server with an empty mailbox."""
    client = server.person()
    if client.search(None, "ALL")[1][0]:
        client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
    client.expunge()
    client.logout()
    return server


def plain(number: int) -> bytes:
    """One of many mails."""
    return raw(f"Mail {number}.", Message_ID=f"<{number}@mail.example.org>")


def test_unread_mails_are_handed_over_once(box: Server) -> None:
    """Oldest first and whole; afterwards they are read, and what a person has flagged or deleted is left alone."""
    box.put(*map(plain, range(5)))
    client = box.person()
    client.store("2", "+FLAGS", r"(\Flagged)")
    client.store("3", "+FLAGS", r"(\Seen)")
    client.store("4", "+FLAGS", r"(\Deleted)")
    client.logout()
    taken: list[bytes] = []
    mailbox = box.mailbox()

    first, second = mailbox.poll(taken.append), mailbox.poll(taken.append)

    assert (first, second) == (Polled(2, 0), Polled(0, 0))
    assert [content.replace(b"\r\n", b"\n") for content in taken] == [plain(0), plain(4)]


def test_what_cannot_be_taken_stays_unread_and_comes_last(box: Server) -> None:
    """A mail that fails keeps no other, and is not lost; a few of them end the pass."""
    box.put(*map(plain, range(FAILURES + 4)))
    taken: list[bytes] = []
    is_broken = True

    def take(content: bytes) -> None:
        if is_broken and any(b"Mail %d." % number in content for number in range(FAILURES)):
            raise OSError(5, "no space")
        taken.append(content)

    mailbox = box.mailbox()
    first, second = mailbox.poll(take), mailbox.poll(take)
    left = box.unread()
    is_broken = False
    third = mailbox.poll(take)

    assert (first, second, third) == (Polled(0, FAILURES), Polled(4, FAILURES), Polled(FAILURES, 0))
    assert (left, box.unread(), len(taken)) == (FAILURES, 0, FAILURES + 4)


def test_a_mail_is_marked_only_after_it_was_taken(box: Server, tmp_path: Path) -> None:
    """A process that dies in between hands it over again, and it is known."""
    database = database_at(tmp_path / "portal.db")
    inbox = inbox_on(database)
    box.put(plain(1))

    class Killed(BaseException):
        """As the process ends."""

    def take_and_die(content: bytes) -> None:
        inbox.receive(content, NOW)
        raise Killed

    with pytest.raises(Killed):
        box.mailbox().poll(take_and_die)
    assert box.unread() == 1
    outcomes: list[str] = []
    box.mailbox().poll(lambda content: outcomes.append(inbox.receive(content, NOW).outcome.value))

    assert outcomes == ["duplicate"]
    assert (box.unread(), rows(database, schema.tickets), rows(database, schema.outbox)) == (0, 1, 1)
    database.close()


def test_of_a_large_mail_no_more_is_fetched_than_is_read(box: Server) -> None:
    """And a pass takes only so many mails."""
    box.put(raw("x" * 3 * LARGEST), plain(1), plain(2))
    sizes: list[int] = []
    mailbox = box.mailbox()

    counts = [mailbox.poll(lambda content: sizes.append(len(content)), limit=2).taken for _ in range(3)]

    assert counts == [2, 1, 0]
    assert sizes[0] == LARGEST + 1


@pytest.mark.parametrize("name", ["Поддержка & Hilfe", "Help desk", 'a"b\\c'])
def test_folders_of_any_name(box: Server, name: str) -> None:
    """As IMAP writes them."""
    box.put(plain(1), box=name)

    assert box.mailbox(name).poll(lambda _: None).taken == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace("word", "wrong"), "authenticationfailed"),
        (lambda url: url.replace("INBOX", "Nowhere"), "refuses"),
    ],
    ids=["password", "folder"],
)
def test_why_a_mailbox_cannot_be_read_is_said_without_names(
    box: Server, change: Callable[[str], str], said: str
) -> None:
    """For the log: neither the user nor the password."""
    with pytest.raises(Unavailable) as error:
        Mailbox(change(box.url()), LARGEST).poll(lambda _: None)

    assert said in str(error.value)
    assert not any(word in str(error.value) for word in ("support@", "p@ss", "Nowhere"))


def test_a_mailbox_is_looked_into_when_it_is_due(box: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """At first, and then every so many seconds."""
    moments = [0.0]
    monkeypatch.setattr("portal.imap.time.monotonic", lambda: moments[0])
    mailbox = box.mailbox(every=30)
    counts = []
    for second in (0, 10, 29, 30, 31):
        box.put(plain(second))
        moments[0] = float(second)
        polled = mailbox.poll_if_due(lambda _: None)
        counts.append((polled.taken, polled.is_due))

    assert counts == [(1, True), (0, False), (0, False), (3, True), (0, False)]
