"""One-time codes of a second device: made from the instance's secret, shown as a picture, checked.

What is stored of a person is a salt. Their key follows from it and the instance's secret, so that a copy of the table
gives nobody a code. A salt ends with the name of the secret's key that it belongs to; one without a name was made before
there could be several, and may belong to any.
"""

import base64
import re
import secrets
from collections.abc import Collection
from datetime import datetime

import pyotp
from pyotp.exceptions import OTPVerificationError

from portal import keys

#: How many recovery codes somebody gets; each opens the door once, where the device is not at hand.
RECOVERY_CODES = 10
#: How far the device's clock may be wrong, in steps of 30 seconds.
WINDOW = 1


def new_salt() -> str:
    """What makes one person's key differ from all others."""
    return secrets.token_urlsafe(24)


def key_name(salt: str) -> str:
    """The name of the key that a salt belongs to; empty where it was made before salts named one."""
    found = re.search(r"\.([0-9a-f]{8})\Z", salt)
    return found[1] if found else ""


def new_recovery_codes() -> tuple[str, ...]:
    """Codes of 120 random bits, which a quick hash protects, in groups that can be copied by hand."""
    return tuple(grouped(base64.b32encode(secrets.token_bytes(15)).decode()) for _ in range(RECOVERY_CODES))


def grouped(text: str) -> str:
    """A key or code in groups of four."""
    return " ".join(re.findall(r".{1,4}", text))


def picture(address: str) -> str:
    """A key's address as a QR code: a `data:` address of an SVG, dark on light in every colour scheme."""
    import segno  # noqa: PLC0415 - a fiftieth of a start, for a page that people see once

    return segno.make(address, micro=False).svg_data_uri(scale=4, border=4, dark="#000", light="#fff")


class SecondFactor:
    """Makes and checks codes.

    Args:
        secret: the instance's.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def new_salt(self) -> str:
        """What makes one person's key differ from all others, with the name of the present key."""
        return f"{new_salt()}.{keys.name(self._secret)}"

    def key(self, salt: str) -> str:
        """The key that the device is given: 160 bits in base 32."""
        return _totp(self._macs("totp", salt)[0])

    def _keys_of(self, salt: str) -> tuple[bytes, ...]:
        """The keys that a salt may belong to, of those that are believed; none where its own has been dropped."""
        called = key_name(salt)
        return tuple(key for key in keys.believed(self._secret) if called in {"", keys.name(key)})

    def address(self, salt: str, email: str, issuer: str) -> str:
        """The key with its names, as authenticator apps read it from a picture."""
        return pyotp.TOTP(self.key(salt)).provisioning_uri(name=email, issuer_name=issuer)

    def step(self, salt: str, code: str, now: datetime, after: int | None) -> int | None:
        """The step of time that a code belongs to.

        Args:
            salt: the person's.
            code: as typed.
            now: aware.
            after: the last step of which a code was accepted; neither it nor an earlier one is accepted again.

        Returns:
            The step; None where the code is wrong, too old or used.
        """
        digits = re.sub(r"[\s-]", "", code[:20])
        if not re.fullmatch(r"[0-9]{6}", digits) or not self._keys_of(salt):
            return None
        for mac in self._macs("totp", salt):
            try:
                found = pyotp.TOTP(_totp(mac)).verify_and_get_timecode(digits, for_time=now, valid_window=WINDOW)
            except OTPVerificationError:
                continue
            return found if after is None or found > after else None
        return None

    def recovery_hash(self, salt: str, code: str) -> str:
        """What is stored of a recovery code; groups, small letters and the digits 0 and 1 do not matter."""
        return self._recovery(salt, code)[0]

    def spent(self, salt: str, code: str, stored: Collection[str]) -> str | None:
        """The one of the stored hashes that a recovery code belongs to; None where it is none of them."""
        return next((each for each in self._recovery(salt, code) if each in stored), None)

    def _recovery(self, salt: str, code: str) -> list[str]:
        """The hashes of a recovery code by each key that it may belong to."""
        plain = re.sub(r"[\s-]", "", code[:60]).upper().translate(str.maketrans("01", "OI"))
        return [mac.hex() for mac in self._macs("recovery", salt, plain)]

    def _macs(self, *parts: str) -> list[bytes]:
        """The keyed hashes, what they are for a part of them, by each key that a salt may belong to.

        Where its own has been dropped, by the present one, which fits nothing that was made before.
        """
        message = "\0".join(parts).encode()
        return [keys.mac(key, message) for key in self._keys_of(parts[1]) or (self._secret,)]


def _totp(mac: bytes) -> str:
    """A device's key, of a keyed hash."""
    return base64.b32encode(mac[:20]).decode()
