"""Where webhooks may lead: nowhere that only this machine or its network can reach, whatever the address looks like."""

import ipaddress
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import InvalidInput
from portal.webhooks import calling, signing, targets
from portal.webhooks.calling import Unreachable
from portal.webhooks.targets import Refused, Rules, Target, addresses, is_public, read
from tests.builders import NOW
from tests.hooking import Receiver
from tests.needs import missing

PUBLIC = Rules()
#: Every way that is known to name a place inside.
INSIDE = """
    127.0.0.1 127.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 169.254.0.1 100.64.0.1
    100.100.100.200 168.63.129.16 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.1.1 239.1.1.1 240.0.0.1
    255.255.255.255 0.0.0.0 0.1.2.3 192.88.99.1
    :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
    64:ff9b:1::1 2002:7f00:1:: 2002:a00:1:: 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 fc00::1 fd00:ec2::254
    fe80::1 fec0::1 ff02::1 100::1 3fff::1 3fff:fff::1 5f00::1
""".split()
OUTSIDE = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("text", INSIDE)
def test_inside_is_refused(text: str) -> None:
    """As an address that is typed and as one that a name leads to, also beside a public one."""
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(InvalidInput, match="private"):
        read(f"https://{host}/", PUBLIC)
    target = read("https://a.example/", PUBLIC)
    for found in ([text], ["1.1.1.1", text]):
        with pytest.raises(Refused, match="private network"):
            addresses(target, PUBLIC, lambda *_, found=found: found)


def test_outside_is_allowed() -> None:
    """Also wrapped, as long as what is in it is outside, too."""
    target = read("https://a.example/", PUBLIC)

    assert addresses(target, PUBLIC, lambda *_: OUTSIDE) == [str(ipaddress.ip_address(text)) for text in OUTSIDE]


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_makes_it_no_more_public(address: ipaddress.IPv4Address) -> None:
    """Whatever is refused by itself is refused as each IPv6 address that leads to it."""
    number = int(address)
    wrapped = [f"::ffff:{address}", ipaddress.IPv6Address((0x64FF9B << 96) + number), ipaddress.IPv6Address((0x2002 << 112) + (number << 80))]  # fmt: skip

    assert {is_public(ipaddress.ip_address(str(each))) for each in wrapped} == {is_public(address)}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "missing"), ("  ", "missing"), ("https://a.example/" + "x" * 2000, "too_long"),
        ("a.example", "invalid"), ("ftp://a.example/", "invalid"), ("file:///etc/passwd", "invalid"),
        ("https:///x", "invalid"), ("https://", "invalid"), ("https://a.example\\@b.example/", "invalid"),
        ("https://a.example/\nX: y", "invalid"), ("https://a b.example/", "invalid"), ("https://a.example:99999/", "invalid"),
        ("https://[::1%25eth0]/", "invalid"), ("https://[1.1.1.1]/", "invalid"), ("https://a..b/", "invalid"),
        ("https://-a.example/", "invalid"), ("https://%31.example/", "invalid"), ("https://a.example/ü", "invalid"),
        ("https://straße.example/", "invalid"), ("https://STRAẞE.example/", "invalid"), ("https://οδος.example/", "invalid"),
        ("https://ａ.example/", "invalid"), ("https://a\u200db.example/", "invalid"), ("https://a。example/", "invalid"),
        ("https://anna:secret@a.example/", "user_info"), ("https://@a.example/", "user_info"),
        ("http://a.example/", "insecure"), ("HTTP://a.example/", "insecure"),
        ("https://a.example:22/", "port"), ("https://a.example:0/", "port"), ("https://a.example:25/", "port"),
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_receiver(url: str, code: str) -> None:
    """Each has its own reason, so that people are told what to change."""
    with pytest.raises(InvalidInput) as refused:
        read(url, PUBLIC)

    assert (refused.value.field, refused.value.code) == ("url", code)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://A.Example", Target(True, "a.example", 443, "/")),
        (" https://a.example./x?y=1#z ", Target(True, "a.example", 443, "/x?y=1")),
        ("https://a.example:8443/", Target(True, "a.example", 8443, "/")),
        ("https://a.example:80/", Target(True, "a.example", 80, "/")),
        ("https://bücher.example/", Target(True, "xn--bcher-kva.example", 443, "/")),
        ("https://BU\u0308CHER.example/", Target(True, "xn--bcher-kva.example", 443, "/")),
        ("https://xn--strae-oqa.example/", Target(True, "xn--strae-oqa.example", 443, "/")),
        ("https://[2606:4700:4700:0::1111]:1024/", Target(True, "2606:4700:4700::1111", 1024, "/")),
    ],
)
def test_what_is_one(url: str, target: Target) -> None:
    """In one form, which is the one that is called."""
    assert read(url, PUBLIC) == target


def test_numbers_that_are_no_address_lead_where_the_system_takes_them() -> None:
    """What looks like a name and is 127.0.0.1 to the system is found out when it is looked up."""
    for text in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"):
        with pytest.raises(Refused):
            addresses(read(f"https://{text}/", PUBLIC), PUBLIC)


def test_hosts_that_the_operator_names() -> None:
    """Only these, private ones and without encryption as well; nothing leads to the metadata of a cloud."""
    named = Rules(("hooks.internal", ".corp.example", "10.1.2.3", "[fd00::5]"))
    for url in ("http://hooks.internal/", "https://a.b.corp.example/", "http://10.1.2.3:8080/", "https://[fd00::5]/"):
        read(url, named)
    for url in ("https://a.example/", "https://corp.example/", "https://xcorp.example/", "https://10.1.2.4/"):
        with pytest.raises(InvalidInput, match="not_listed"):
            read(url, named)
    inside = read("http://hooks.internal/", named)
    assert addresses(inside, named, lambda *_: ["10.0.0.1", "::1"]) == ["10.0.0.1", "::1"]
    for text in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "ff02::1"):
        with pytest.raises(Refused):
            addresses(inside, named, lambda *_, text=text: [text])


def test_developing_opens_this_machine_alone() -> None:
    """And only where no hosts are named."""
    assert read("http://localhost:9000/", Rules(is_development=True)).port == 9000
    with pytest.raises(InvalidInput, match="private"):
        read("https://10.0.0.1/", Rules(is_development=True))
    with pytest.raises(InvalidInput, match="not_listed"):
        read("http://localhost:9000/", Rules(("a.example",), is_development=True))


def test_a_name_that_cannot_be_found_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when looking it up takes too long, or it leads nowhere."""
    target = read("https://a.example/", PUBLIC)
    fails: dict[str, Callable[..., list[str]]] = {"in time": lambda *_: _raise(TimeoutError()), "found": lambda *_: []}
    for words, resolve in fails.items():
        with pytest.raises(Refused, match=words):
            addresses(target, PUBLIC, resolve)
    monkeypatch.setattr(targets, "PATIENCE", 0.0)
    found = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found.wait(10) and [])
    with pytest.raises(Refused, match="in time"):
        addresses(target, PUBLIC)
    found.set()


def _raise(error: Exception) -> list[str]:
    """Fail."""
    raise error


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-made certificate of a name, with its key."""
    program = which("openssl") or missing("openssl", "apt-get install openssl")
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=receiver.example"
    names = ["-addext", "subjectAltName=DNS:receiver.example", "-keyout", str(key), "-out", str(made)]
    subprocess.run([program, *options.split(), *names], check=True, capture_output=True, timeout=60)
    made.write_text(made.read_text() + key.read_text())
    return made


def test_the_certificate_is_of_the_name_and_the_connection_goes_to_the_address(certificate: Path) -> None:
    """Whom a name leads to later does not matter; a certificate of another name, or of nobody who is known, does."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=str(certificate))
    with Receiver(tls=server) as receiver:
        there = Target(True, "receiver.example", receiver.port, "/hook")
        other = Target(True, "localhost", receiver.port, "/hook")
        assert calling.post(there, ["127.0.0.1"], {}, b"{}", trust=ours) == 204
        assert receiver.calls[0][0]["Host"] == f"receiver.example:{receiver.port}"
        with pytest.raises(Unreachable, match="not valid"):
            calling.post(other, ["127.0.0.1"], {}, b"{}", trust=ours)
        with pytest.raises(Unreachable, match="not valid"):
            calling.post(there, ["127.0.0.1"], {}, b"{}")
        assert len(receiver.calls) == 1
    with Receiver() as plain, pytest.raises(Unreachable, match="TLS"):
        calling.post(Target(True, "localhost", plain.port, "/"), ["127.0.0.1"], {}, b"{}")


def test_signatures_are_those_of_standard_webhooks() -> None:
    """The example that its libraries are tested with; and what changes with a new secret, for a day."""
    key = signing.read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signing.sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    first = signing.Salts.make()
    second = first.change(NOW)
    third = second.change(NOW)
    kept = signing.Salts.read(str(second))
    assert (len(str(third)) <= 64, kept.new, kept.before) == (True, second.new, first.new)
    assert kept.signing(NOW) == [second.new, first.new]
    assert kept.signing(NOW + signing.OVERLAP) == [second.new]
    assert third.signing(NOW) == [third.new, second.new]
    assert signing.key(b"a" * 32, first.new) != signing.key(b"b" * 32, first.new) != signing.key(b"b" * 32, second.new)
