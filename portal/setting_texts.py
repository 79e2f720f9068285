"""What the text of a setting may be; each reader raises ValueError with what is allowed."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.errors import InvalidInput
from portal.locales import CODES
from portal.people import clean_email


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reader of a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def one_of(*allowed: str) -> Callable[[str], str]:
    """Reader of one of a few words."""

    def read(text: str) -> str:
        if text.strip().lower() not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return text.strip().lower()

    return read


def truth(text: str) -> bool:
    """Reader of yes or no."""
    return one_of("true", "false", "1", "0", "yes", "no")(text) in {"true", "1", "yes"}


def path(text: str) -> Path:
    """Reader of a path."""
    if not text.strip() or "\0" in text or "?" in text:
        raise ValueError("the path of a folder, without a question mark")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("the path of a folder") from None


def line(text: str) -> str:
    """Reader of one short line of text."""
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise ValueError("one line of 1 to 200 characters")
    return text.strip()


def _has_port(address: str) -> bool:
    """Whether an address names no port or a possible one."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def database(text: str) -> str:
    """Reader of a database address."""
    if not re.match(r"sqlite:///.|postgresql\+psycopg://", text) or not _has_port(text):
        raise ValueError("sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
    return text


def postgresql(text: str) -> str:
    """Reader of a PostgreSQL database's address."""
    if not text.startswith("postgresql+psycopg://") or not _has_port(text):
        raise ValueError("postgresql+psycopg://USER@HOST/NAME")
    return text


def redis(text: str) -> str:
    """Reader of a Redis address."""
    if not re.match(r"(redis|rediss|unix)://", text) or not _has_port(text):
        raise ValueError("redis://HOST:PORT/NUMBER")
    return text


def base_url(text: str) -> str:
    """Reader of the public address: scheme and host, without a path."""
    text = text.strip()
    is_one = re.fullmatch(r"https?://([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(:\d{1,5})?/?", text)
    if not is_one or not _has_port(text):
        raise ValueError("an address such as https://help.example.org")
    return text.rstrip("/")


def issuer(text: str) -> str:
    """Reader of an identity provider's address, kept as it is spelt; without encryption only on this machine."""
    text = text.strip()
    is_secure = re.fullmatch(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?", text)
    is_here = re.fullmatch(r"http://(localhost|127\.0\.0\.1)(:\d{1,5})?/?", text)
    if not (is_secure or is_here) or not _has_port(text):
        raise ValueError("an address such as https://login.example.org")
    return text


def hosts(text: str) -> tuple[str, ...]:
    """Reader of host names separated by commas."""
    hosts = tuple(host.strip() for host in text.split(",") if host.strip())
    if not hosts or not all(re.fullmatch(r"\.?[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]", host) for host in hosts):
        raise ValueError("host names separated by commas, such as help.example.org")
    return hosts


def origins(text: str) -> tuple[str, ...]:
    """Reader of the addresses of other sites, without paths, separated by commas."""
    wrong = ValueError("addresses separated by commas, such as https://www.example.org")
    try:
        origins = tuple(base_url(origin.lower()) for origin in text.split(",") if origin.strip())
    except ValueError:
        raise wrong from None
    if not origins:
        raise wrong
    return origins


def by_language(text: str) -> tuple[tuple[str, float], ...]:
    """Reader of a share for each language."""
    try:
        pairs = [part.split(":") for part in text.split(",")]
        shares = {code.strip(): float(share) for code, share in pairs}
    except ValueError:
        shares = {}
    if set(shares) != set(CODES) or not all(0 <= share <= 1 for share in shares.values()):
        raise ValueError("a number from 0 to 1 for each language, such as " + ",".join(f"{code}:0.5" for code in CODES))
    return tuple(shares.items())


def mail_url(text: str) -> str:
    """Reader of a way to send mail."""
    is_server = (
        re.match(r"(smtp|smtps|smtp\+starttls)://[^/\s]+/?$", text) and urlsplit(text).hostname and _has_port(text)
    )
    if text != "console:" and not is_server:
        raise ValueError("smtp://[USER:PASSWORD@]HOST[:PORT], smtps://…, smtp+starttls://… or console:")
    return text


def imap_url(text: str) -> str:
    """Reader of a mailbox's address."""
    is_mailbox = (
        re.match(r"imaps?://[^/\s:@]+:[^/\s:@]+@[^/\s@]+(/[^\s\"\\?#]*)?$", text)
        and urlsplit(text).hostname
        and _has_port(text)
        and unquote(urlsplit(text).netloc + urlsplit(text).path).isprintable()
    )
    if not is_mailbox:
        raise ValueError("imaps://USER:PASSWORD@HOST[:PORT]/FOLDER, with special characters as %XX")
    return text


def keys(text: str) -> tuple[str, ...]:
    """Reader of keys separated by commas; what makes a key is said where they are opened."""
    found = tuple(key.strip() for key in text.split(",") if key.strip())
    if not found or not (text.isascii() and text.isprintable()) or min(map(len, found)) < 32:
        raise ValueError("keys of at least 32 characters with commas between; openssl rand -hex 32 makes one")
    return found


def address(text: str) -> str:
    """Reader of an e-mail address."""
    try:
        return clean_email(text)
    except InvalidInput:
        raise ValueError("an e-mail address such as support@example.org") from None


def time_zone(text: str) -> str:
    """Reader of a time zone's name."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("the name of a time zone, such as Europe/Berlin") from None
