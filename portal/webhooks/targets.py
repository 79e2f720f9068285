"""Where webhooks may lead: no address that only this machine or its network can reach, unless the operator names its host."""

import ipaddress
import re
import socket
import threading
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from portal.errors import InvalidInput, PortalError

URL_LENGTH = 2000
#: Ports below 1024 that web servers listen on; above, anything may.
PORTS = frozenset({80, 443})
#: How long a name may take to be found, in seconds.
PATIENCE = 5.0

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: What older versions of Python take for public: protocol assignments (with metadata of a cloud), relays, tunnels, addresses
#: of examples and of segments; and one that is public and answers inside of one cloud only, with secrets of its machines.
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/32", "3fff::/20", "5f00::/16")
)

Address = IPv4Address | IPv6Address
#: Addresses of a host, as the system finds them.
Resolver = Callable[[str, int], Sequence[str]]


class Refused(PortalError):
    """A webhook may not lead there, or its host cannot be found; the message says why and names no address."""


@dataclass(frozen=True)
class Target:
    """Where a call goes."""

    is_secure: bool
    #: Lower case, without brackets; of other scripts in ASCII.
    host: str
    port: int
    #: With the query; begins with a slash.
    path: str

    @property
    def authority(self) -> str:
        """As the header `Host` names it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_secure else 80) else f"{name}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{'https' if self.is_secure else 'http'}://{self.authority}{self.path}"


@dataclass(frozen=True)
class Rules:
    """Which targets are allowed."""

    #: The only hosts, as in `Settings.webhook_hosts`; these may be private and without encryption. Empty: any public one.
    hosts: tuple[str, ...] = ()
    #: While developing this machine may be called, too.
    is_development: bool = False

    def names(self, host: str) -> bool:
        """Whether the operator has named a host, itself or with a leading dot its domain."""
        known = (name.lower().strip("[]") for name in self.hosts)
        is_named = any(host == name or (name.startswith(".") and host.endswith(name)) for name in known)
        return is_named or (self.is_development and not self.hosts and host in {"localhost", "127.0.0.1", "::1"})


def read(url: str, rules: Rules, field: str = "url") -> Target:
    """Where an address leads, as far as it can be told without looking its host up.

    Raises:
        InvalidInput: `missing`, `too_long`, `invalid`, `user_info`, `insecure`, `port`, `not_listed` or `private`.
    """
    url = url.strip()
    if not url:
        raise InvalidInput(field, "missing")
    if len(url) > URL_LENGTH:
        raise InvalidInput(field, "too_long")
    # Programs differ in what they make of these, and what is checked must be what is called.
    if not url.isprintable() or re.search(r"[\s\\<>\"^`{|}]", url) or not re.match(r"(?i)https?://[^/]", url):
        raise InvalidInput(field, "invalid")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput(field, "invalid") from None
    if "@" in parts.netloc:
        raise InvalidInput(field, "user_info")
    host = _host(host, is_bracketed="[" in parts.netloc, field=field)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise InvalidInput(field, "invalid")
    target = Target(parts.scheme == "https", host, port or (443 if parts.scheme == "https" else 80), path)
    _check(target, port, rules, field)
    return target


def _host(host: str, *, is_bracketed: bool, field: str) -> str:
    """A host's name in ASCII."""
    if is_bracketed:
        try:
            return str(IPv6Address(host.replace("%", "zone")))  # A zone would choose an interface of this machine.
        except ValueError:
            raise InvalidInput(field, "invalid") from None
    if not host.isascii():
        host = _in_ascii(host, field)
    host = host.lower()
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise InvalidInput(field, "invalid")
    return host.rstrip(".")


def _in_ascii(host: str, field: str) -> str:
    """A host's name of another script in ASCII.

    Python has the rules of 2003, and the names of today's follow other ones: straße is strasse in the old ones, which is
    somebody else's. So only what both write alike is taken; the other names can be given in ASCII.
    """
    try:
        encoded = host.encode("idna")
        is_alike = encoded.decode("idna") == unicodedata.normalize("NFC", host)
    except UnicodeError:
        raise InvalidInput(field, "invalid") from None
    if not is_alike:
        raise InvalidInput(field, "invalid")
    return encoded.decode()


def _check(target: Target, port: int | None, rules: Rules, field: str) -> None:
    """Refuse what needs no look-up to be refused."""
    is_named = rules.names(target.host)
    if rules.hosts and not is_named:
        raise InvalidInput(field, "not_listed")
    if port == 0 or (target.port < 1024 and target.port not in PORTS):
        raise InvalidInput(field, "port")
    if not target.is_secure and not is_named:
        raise InvalidInput(field, "insecure")
    try:
        literal = ipaddress.ip_address(target.host)
    except ValueError:
        return
    if not _may(literal, is_named=is_named):
        raise InvalidInput(field, "private")


def is_public(address: Address) -> bool:
    """Whether an address belongs to the whole internet, also where it wraps another one."""
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
        if address.is_site_local or address.scope_id:
            return False
    elsewhere = address.is_private or address.is_loopback or address.is_link_local or address.is_unspecified
    elsewhere = elsewhere or address.is_multicast or address.is_reserved
    return address.is_global and not elsewhere and not any(address in network for network in _SPECIAL)


def _may(address: Address, *, is_named: bool) -> bool:
    """Whether an address may be called; of a host that the operator has named also a private one."""
    if not is_named:
        return is_public(address)
    plain = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
    return not (plain.is_link_local or plain.is_multicast or plain.is_unspecified)


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which they are to be tried.

    Raises:
        OSError: it cannot be found, or not in time.
    """
    found: list[str] = []
    faults: list[OSError] = []

    def look_up() -> None:
        try:
            for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(str(entry[4][0]))
        except OSError as fault:
            faults.append(fault)
        except UnicodeError:
            faults.append(OSError("no host name"))

    # The system's own look-up has no end that can be set.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        raise TimeoutError("its name could not be looked up in time")
    if faults:
        raise faults[0]
    return list(dict.fromkeys(found))


def addresses(target: Target, rules: Rules, resolve: Resolver = system_resolver) -> list[str]:
    """The addresses of a target; a call goes to these very ones, so that a second look-up can lead nowhere else.

    Raises:
        Refused: it cannot be found, or one of its addresses may not be called.
    """
    try:
        texts = resolve(target.host, target.port)
        found = [ipaddress.ip_address(text) for text in texts]
    except TimeoutError:
        raise Refused("its name could not be looked up in time") from None
    except (OSError, ValueError):
        raise Refused("its name could not be found") from None
    if not found:
        raise Refused("its name could not be found")
    if not all(_may(address, is_named=rules.names(target.host)) for address in found):
        raise Refused("it leads into a private network")
    return [str(address) for address in found]
