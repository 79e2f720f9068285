"""The second step of a sign-in: codes, recovery codes, and attempts."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from argon2 import PasswordHasher

from portal.errors import CodeNeeded, InvalidInput, Pending, SignInRefused, TooManyAttempts
from portal.own_account import OwnAccount
from portal.passwords import rehashed, verify
from portal.people import Person
from portal.staff import Staff
from portal.storage import Database
from portal.storage import people as store
from tests.builders import NOW, PASSWORD, person
from tests.staffing import SECRET, actions, code, with_codes

MINUTE = timedelta(minutes=1)


@pytest.fixture
def staff(database: Database) -> Staff:
    """Sign-ins of twelve hours, an hour without use, three attempts."""
    return Staff(database, 3, timedelta(hours=12), timedelta(hours=1), SECRET)


@pytest.fixture
def mia(staff: Staff) -> Person:
    """An agent."""
    return staff.add(person(), PASSWORD, NOW)


def pending(staff: Staff, who: Person) -> Pending:
    """Type the password of somebody who uses codes."""
    with pytest.raises(CodeNeeded) as needed:
        staff.sign_in(who.email, PASSWORD, NOW)
    return needed.value.pending


@pytest.mark.parametrize("is_overtaken", [False, True])
def test_hashes_of_before_are_made_anew_at_a_sign_in(
    is_overtaken: bool, staff: Staff, mia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the parameters of today, once; a password that an administrator has set meanwhile stays."""

    def stored() -> str:
        with staff.database.read() as connection:
            known = store.account(connection, store.with_number(mia.id))
        assert known is not None
        return known.password_hash

    def overtaken(hash_: str, password: str) -> str | None:
        if is_overtaken:
            staff.set_password(None, mia.id, "lantern-copper-meadow-81", NOW)
        return rehashed(hash_, password)

    with staff.database.write() as connection:
        store.set_password(connection, mia.id, PasswordHasher(1, 8192, 1).hash(PASSWORD))
    monkeypatch.setattr("portal.staff.rehashed", overtaken)
    with pytest.raises(SignInRefused) if is_overtaken else nullcontext():
        staff.sign_in(mia.email, PASSWORD, NOW)

    renewed = stored()
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify(renewed, PASSWORD) is not is_overtaken
    monkeypatch.undo()
    if not is_overtaken:
        staff.sign_in(mia.email, PASSWORD, NOW)
        assert stored() == renewed


class TestCodes:
    """The second step."""

    def test_after_the_password_a_code_is_needed(self, staff: Staff, mia: Person) -> None:
        """The password alone gives no session."""
        with_codes(staff, mia)
        owed = pending(staff, mia)

        found, key = staff.sign_in_with_code(owed, code(staff, mia), NOW, "Firefox")

        assert found == mia
        assert staff.of_session(key, NOW) == mia

    def test_no_code_is_accepted_twice(self, staff: Staff, mia: Person) -> None:
        """Nor one of an earlier step; a later one is."""
        with_codes(staff, mia)
        owed, now, before, after = pending(staff, mia), *(code(staff, mia, steps) for steps in (0, -1, 1))
        staff.sign_in_with_code(owed, now, NOW)

        for used in (now, before):
            with pytest.raises(SignInRefused):
                staff.sign_in_with_code(owed, used, NOW)
        assert staff.sign_in_with_code(owed, after, NOW)[0] == mia

    @pytest.mark.parametrize("kind", ["device", "recovery"])
    def test_the_same_code_at_the_same_time_opens_once(self, kind: str, staff: Staff, mia: Person) -> None:
        """Of eight who send it, one gets in."""
        patient = Staff(staff.database, 99, timedelta(hours=1), timedelta(hours=1), SECRET)
        recovery = with_codes(patient, mia)
        owed, right = pending(patient, mia), recovery[0] if kind == "recovery" else code(patient, mia)

        def attempt(_: int) -> bool:
            with suppress(SignInRefused):
                patient.sign_in_with_code(owed, right, NOW)
                return True
            return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1

    def test_each_recovery_code_works_once(self, staff: Staff, mia: Person) -> None:
        """As typed by a person; the others remain."""
        codes = with_codes(staff, mia)
        owed = pending(staff, mia)
        staff.sign_in_with_code(owed, codes[3].lower().replace(" ", "-"), NOW)

        with pytest.raises(SignInRefused):
            staff.sign_in_with_code(owed, codes[3], NOW)
        assert OwnAccount(staff).uses_codes(mia) == 9
        assert staff.sign_in_with_code(owed, codes[0], NOW)[0] == mia

    def test_wrong_codes_are_wrong_passwords(self, staff: Staff, mia: Person) -> None:
        """And a right password between them forgives nothing."""
        with_codes(staff, mia)
        owed = pending(staff, mia)
        for _ in range(2):
            with pytest.raises(SignInRefused):
                staff.sign_in_with_code(owed, "000000", NOW)

        with pytest.raises(TooManyAttempts):
            staff.sign_in_with_code(owed, code(staff, mia), NOW)
        with pytest.raises(TooManyAttempts):
            staff.sign_in(mia.email, PASSWORD, NOW)

    @pytest.mark.parametrize("change", ["password", "codes", "left", "nobody", "forged"])
    def test_what_is_owed_is_void_once_the_account_has_changed(self, change: str, staff: Staff, mia: Person) -> None:
        """Even with the right code."""
        with_codes(staff, mia)
        owed, right = pending(staff, mia), code(staff, mia)
        with staff.database.write() as connection:
            if change == "password":
                store.set_password(connection, mia.id, "x")
            elif change == "codes":
                store.set_second_factor(connection, mia.id, None, None, ())
            elif change == "left":
                store.save(connection, replace(mia, is_active=False))
        owed = {"nobody": replace(owed, person_id=99), "forged": replace(owed, proof="x")}.get(change, owed)

        with pytest.raises(SignInRefused):
            staff.sign_in_with_code(owed, right, NOW)

    def test_turning_on_needs_password_and_code(self, staff: Staff, mia: Person) -> None:
        """Nothing is in force before; afterwards all other sign-ins have ended, and this one has a new key."""
        own = OwnAccount(staff)
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        _, elsewhere = staff.sign_in(mia.email, PASSWORD, NOW)
        offer = own.offer(mia, "Help")
        right = pyotp.TOTP(offer.key.replace(" ", "")).at(NOW)

        with pytest.raises(InvalidInput):
            own.turn_on(mia, key, PASSWORD, offer.salt, "123", NOW)
        with pytest.raises(SignInRefused):
            own.turn_on(mia, key, "wrong", offer.salt, right, NOW)
        assert own.uses_codes(mia) is None

        codes, renewed = own.turn_on(mia, key, PASSWORD, offer.salt, right, NOW)

        assert len(set(codes)) == 10
        assert [staff.of_session(each, NOW) for each in (key, elsewhere, renewed)] == [None, None, mia]
        # The code that turned it on has been used by that.
        with pytest.raises(SignInRefused):
            staff.sign_in_with_code(pending(staff, mia), right, NOW)
        with pytest.raises(InvalidInput) as refused:
            own.turn_on(mia, renewed, PASSWORD, offer.salt, right, NOW + 20 * MINUTE)
        assert refused.value.code == "invalid"
        later = pyotp.TOTP(offer.key.replace(" ", "")).at(NOW + 20 * MINUTE)
        with pytest.raises(InvalidInput) as refused:
            own.turn_on(mia, renewed, PASSWORD, offer.salt, later, NOW + 20 * MINUTE)
        assert refused.value.code == "on"

    def test_new_recovery_codes_replace_the_old(self, staff: Staff, mia: Person) -> None:
        """None of the earlier ones works."""
        old = with_codes(staff, mia)
        new = OwnAccount(staff).new_recovery_codes(mia, PASSWORD, NOW)
        owed = pending(staff, mia)

        with pytest.raises(SignInRefused):
            staff.sign_in_with_code(owed, old[0], NOW)
        assert staff.sign_in_with_code(owed, new[0], NOW)[0] == mia

    def test_turning_off(self, staff: Staff, mia: Person) -> None:
        """The password alone suffices again, and nothing of the key is left."""
        with_codes(staff, mia)
        _, key = staff.sign_in_with_code(pending(staff, mia), code(staff, mia), NOW)

        with pytest.raises(SignInRefused):
            OwnAccount(staff).turn_off(mia, key, "wrong", NOW)
        renewed = OwnAccount(staff).turn_off(mia, key, PASSWORD, NOW)

        assert staff.of_session(renewed, NOW) == mia
        assert staff.sign_in(mia.email, PASSWORD, NOW)[0] == mia
        with pytest.raises(SignInRefused):
            OwnAccount(staff).new_recovery_codes(mia, PASSWORD, NOW)
        assert actions(staff)[:2] == ["second_factor_off", "second_factor_on"]

    def test_a_copy_of_the_table_makes_no_codes(self, staff: Staff, mia: Person) -> None:
        """With another instance's secret neither codes nor recovery codes come out right."""
        codes = with_codes(staff, mia)
        thief = Staff(staff.database, 99, timedelta(hours=1), timedelta(hours=1), b"t" * 32)
        owed = pending(staff, mia)

        with pytest.raises(SignInRefused):
            staff.sign_in_with_code(owed, code(thief, mia), NOW)
        with pytest.raises(SignInRefused):
            thief.sign_in_with_code(owed, codes[0], NOW)


def test_without_the_secret_no_code_is_made(database: Database) -> None:
    """An empty key would make codes that anybody can compute."""
    with pytest.raises(RuntimeError):
        _ = Staff(database, 3, timedelta(hours=1)).factor
