"""What the tests of the staff's accounts share: codes of an app, and what the audit says."""

from datetime import timedelta

import pyotp

from portal.own_account import OwnAccount
from portal.people import Person
from portal.staff import Staff
from portal.storage import audit
from portal.storage import people as store
from tests.builders import NOW, PASSWORD

SECRET = b"s" * 32


def code(staff: Staff, who: Person, steps: int = 0, at: timedelta = timedelta(0)) -> str:
    """What somebody's app shows some steps later."""
    with staff.database.read() as connection:
        known = store.account(connection, store.with_number(who.id))
    assert known is not None
    assert known.totp_salt is not None
    return pyotp.TOTP(staff.factor.key(known.totp_salt)).at(NOW + at, counter_offset=steps)


def with_codes(staff: Staff, who: Person) -> tuple[str, ...]:
    """Turn somebody's codes on a day ago; their recovery codes."""
    yesterday = NOW - timedelta(days=1)
    _, key = staff.sign_in(who.email, PASSWORD, yesterday)
    offer = OwnAccount(staff).offer(who, "Help")
    first = pyotp.TOTP(staff.factor.key(offer.salt)).at(yesterday)
    return OwnAccount(staff).turn_on(who, key, PASSWORD, offer.salt, first, yesterday)[0]


def actions(staff: Staff) -> list[str]:
    """What the audit says was done, newest first."""
    with staff.database.read() as connection:
        return [entry.action for entry in audit.newest(connection)]
