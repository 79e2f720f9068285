"""Sessions and their ends, one's own account, others' accounts, and who the identity provider knows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from portal.desk.administration import Administration
from portal.errors import CodeNeeded, InvalidInput, NotAllowed, NotFound, SignInRefused, TooManyAttempts
from portal.identity import Identity, IdentityRefused
from portal.own_account import OwnAccount
from portal.passwords import verify
from portal.people import Person, Role
from portal.staff import Staff
from portal.storage import Database, audit
from portal.storage import people as store
from tests.builders import NOW, PASSWORD, person
from tests.staffing import SECRET, actions, code, with_codes

MINUTE = timedelta(minutes=1)
OTHER = "lantern-copper-meadow-81"


@pytest.fixture
def staff(database: Database) -> Staff:
    """Sign-ins of twelve hours, an hour without use, three attempts."""
    return Staff(database, 3, timedelta(hours=12), timedelta(hours=1), SECRET)


@pytest.fixture
def mia(staff: Staff) -> Person:
    """An agent."""
    return staff.add(person(), PASSWORD, NOW)


@pytest.fixture
def admin(staff: Staff) -> Person:
    """An administrator."""
    return staff.add(person(email="ada@example.org", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, NOW)


class TestSessions:
    """How long a sign-in lasts."""

    def test_it_ends_an_hour_after_the_last_use(self, staff: Staff, mia: Person) -> None:
        """Every use counts from then on."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)

        assert staff.of_session(key, NOW + 59 * MINUTE) == mia
        assert staff.of_session(key, NOW + 118 * MINUTE) == mia
        assert staff.of_session(key, NOW + 178 * MINUTE) is None

    @pytest.mark.parametrize("change", ["password", "second_factor", "leave"])
    def test_none_begins_with_what_has_changed_meanwhile(
        self, change: str, staff: Staff, mia: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody resets the account after its old password was found right."""

        def changed_at_once(stored: str | None, password: str) -> bool:
            if change == "password":
                staff.set_password(None, mia.id, OTHER, NOW)
            elif change == "leave":
                Administration(staff.database).change_person(None, replace(mia, is_active=False), NOW)
            else:
                with staff.database.write() as connection:
                    store.set_second_factor(connection, mia.id, "salt", None, ())
            return verify(stored, password)

        monkeypatch.setattr("portal.staff.verify", changed_at_once)

        with pytest.raises(SignInRefused):
            staff.sign_in(mia.email, PASSWORD, NOW)
        with staff.database.read() as connection:
            assert store.sessions_of(connection, mia.id, NOW, timedelta(hours=1)) == []

    def test_it_ends_after_twelve_hours_however_busy(self, staff: Staff, mia: Person) -> None:
        """The absolute limit."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        for minutes in range(0, 719, 30):
            assert staff.of_session(key, NOW + minutes * MINUTE) == mia

        assert staff.of_session(key, NOW + timedelta(hours=12)) is None

    def test_a_page_that_stands_open_is_no_use(self, staff: Staff, mia: Person) -> None:
        """What asks by itself does not keep anybody signed in."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        for minutes in range(60):
            assert staff.of_session(key, NOW + minutes * MINUTE, is_use=False) == mia

        assert staff.of_session(key, NOW + 60 * MINUTE, is_use=False) is None

    def test_use_is_written_down_once_a_minute(
        self, staff: Staff, mia: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Sixty pages a minute are one write."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        written: list[object] = []
        see = store.see

        def note(connection: Connection, key_hash: str, now: datetime) -> None:
            written.append(now)
            see(connection, key_hash, now)

        monkeypatch.setattr(store, "see", note)

        for seconds in range(0, 180, 5):
            staff.of_session(key, NOW + timedelta(seconds=seconds))

        assert written == [NOW + MINUTE, NOW + 2 * MINUTE]

    def test_the_key_is_not_in_the_database(self, staff: Staff, mia: Person) -> None:
        """A copy of the table opens nothing."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW, "Firefox, Linux")
        (one,) = OwnAccount(staff).sign_ins(mia, key, NOW)

        assert one.is_this
        assert one.browser == "Firefox, Linux"
        assert key not in one.reference
        assert staff.of_session(one.reference, NOW) is None

    def test_who_has_left_neither_signs_in_nor_stays(self, staff: Staff, mia: Person) -> None:
        """Deactivation ends sessions; the right password is as wrong as any other."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        with staff.database.write() as connection:
            assert store.save(connection, replace(mia, is_active=False))

        assert staff.of_session(key, NOW) is None
        with pytest.raises(SignInRefused):
            staff.sign_in(mia.email, PASSWORD, NOW)

    @pytest.mark.parametrize(
        ("changes", "stays"),
        [
            ({"roles": frozenset({Role.WRITER})}, False),
            ({"email": "m@example.org"}, False),
            ({"name": "Mia L.", "tiers": (2,), "languages": ("fr",), "topics": ("vpn",)}, True),
        ],
        ids=["roles", "address", "others"],
    )
    def test_other_rights_need_a_new_sign_in(
        self, changes: dict[str, object], stays: bool, staff: Staff, mia: Person
    ) -> None:
        """A session never changes what it may do."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        changed = replace(mia, **changes)  # type: ignore[arg-type]
        with staff.database.write() as connection:
            assert store.save(connection, changed)

        assert (staff.of_session(key, NOW) == replace(changed, version=2)) is stays

    def test_a_person_changed_meanwhile_is_not_stored(self, staff: Staff, mia: Person) -> None:
        """The version is compared, and the later change refused."""
        with staff.database.write() as connection:
            assert store.save(connection, replace(mia, name="A"))
            assert not store.save(connection, replace(mia, name="B"))
            assert not store.save(connection, replace(mia, id=mia.id + 1))

        assert [each.name for each in staff.everybody()] == ["A"]


class TestOwnAccount:
    """What somebody does with their own account."""

    def test_one_ends_ones_own_sign_ins_and_nobody_elses(self, staff: Staff, mia: Person, admin: Person) -> None:
        """One, or all others; this one first in the list."""
        own = OwnAccount(staff)
        keys = [staff.sign_in(mia.email, PASSWORD, NOW + n * MINUTE, f"B{n}")[1] for n in range(3)]
        _, others = staff.sign_in(admin.email, PASSWORD, NOW)
        listed = own.sign_ins(mia, keys[0], NOW + 3 * MINUTE)
        theirs = own.sign_ins(admin, others, NOW)[0].reference

        assert [one.browser for one in listed] == ["B0", "B2", "B1"]
        assert not own.end(mia, theirs)
        assert own.end(mia, listed[1].reference)
        assert not own.end(mia, listed[1].reference)
        assert own.end_others(mia, keys[0]) == 1
        assert [staff.of_session(key, NOW) is None for key in (*keys, others)] == [False, True, True, False]

    def test_another_password_ends_all_but_this_one_which_gets_a_new_key(self, staff: Staff, mia: Person) -> None:
        """Whoever had the old password or key is out."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        _, elsewhere = staff.sign_in(mia.email, PASSWORD, NOW)

        renewed = OwnAccount(staff).change_password(mia, key, PASSWORD, OTHER, NOW)

        assert [staff.of_session(each, NOW) for each in (key, elsewhere, renewed)] == [None, None, mia]
        assert staff.sign_in(mia.email, OTHER, NOW)[0] == mia
        with pytest.raises(SignInRefused):
            staff.sign_in(mia.email, PASSWORD, NOW)
        assert actions(staff) == ["password", "add"]

    @pytest.mark.parametrize(
        ("new", "code"),
        [("short", "too_short"), ("x" * 201, "too_long"), ("a" * 20, "too_common"), (PASSWORD, "same"),
         ("mia@example.org", "too_common")],
    )  # fmt: skip
    def test_a_bad_password_changes_nothing(self, new: str, code: str, staff: Staff, mia: Person) -> None:
        """The rules are those of a first password."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)

        with pytest.raises(InvalidInput) as refused:
            OwnAccount(staff).change_password(mia, key, PASSWORD, new, NOW)

        assert (refused.value.field, refused.value.code) == ("password", code)
        assert staff.of_session(key, NOW) == mia

    def test_guessing_the_password_from_inside_is_counted_too(self, staff: Staff, mia: Person) -> None:
        """A browser left open gives no more tries than the sign-in page."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)
        for _ in range(3):
            with pytest.raises(SignInRefused):
                OwnAccount(staff).change_password(mia, key, "wrong", OTHER, NOW)

        with pytest.raises(TooManyAttempts):
            OwnAccount(staff).turn_off(mia, key, PASSWORD, NOW)
        with pytest.raises(TooManyAttempts):
            staff.sign_in(mia.email, PASSWORD, NOW)


class TestAdministration:
    """What administrators do with others' accounts."""

    DEEDS: tuple[Callable[[Staff, Person | None, int], object], ...] = (
        lambda staff, by, number: staff.sign_out_everywhere(by, number, NOW),
        lambda staff, by, number: staff.set_password(by, number, OTHER, NOW),
        lambda staff, by, number: staff.reset_second_factor(by, number, NOW),
        lambda staff, by, number: staff.unlink(by, number, NOW),
    )

    @pytest.mark.parametrize("deed", DEEDS, ids=["sign-out", "password", "codes", "unlink"])
    def test_each_needs_the_right_signs_out_and_is_recorded(
        self, deed: Callable[[Staff, Person | None, int], object], staff: Staff, mia: Person, admin: Person
    ) -> None:
        """Administrators and the command line may; nobody else, and only with people who exist."""
        _, key = staff.sign_in(mia.email, PASSWORD, NOW)

        with pytest.raises(NotAllowed):
            deed(staff, mia, admin.id)
        with pytest.raises(NotFound):
            deed(staff, admin, 999)
        assert staff.of_session(key, NOW) == mia
        deed(staff, admin, mia.id)
        deed(staff, None, mia.id)

        assert staff.of_session(key, NOW) is None
        with staff.database.read() as connection:
            by_console, by_admin, *_ = audit.newest(connection)
        assert (by_admin.actor_name, by_console.actor_name) == (admin.name, "portal staff")
        assert by_admin.key == str(mia.id)
        assert (by_admin.before, by_admin.after) == ({}, {})

    def test_only_administrators_add_people(self, staff: Staff, mia: Person, admin: Person) -> None:
        """And what is recorded has no password."""
        with pytest.raises(NotAllowed):
            staff.add(person(email="x@example.org"), PASSWORD, NOW, mia)
        added = staff.add(person(email="x@example.org"), PASSWORD, NOW, admin)

        with staff.database.read() as connection:
            entry = audit.newest(connection)[0]
        assert (entry.action, entry.key, entry.person_id) == ("add", str(added.id), admin.id)
        assert PASSWORD not in str(entry)

    def test_who_has_lost_the_phone_gets_in_again(self, staff: Staff, mia: Person, admin: Person) -> None:
        """The password alone suffices after the reset."""
        with_codes(staff, mia)
        staff.reset_second_factor(admin, mia.id, NOW)

        assert staff.sign_in(mia.email, PASSWORD, NOW)[0] == mia


class TestElsewhere:
    """Somebody whom the identity provider knows."""

    ME = Identity("sub-1", "mia@example.org", True)

    def test_linked_by_a_verified_address_once_then_by_subject(self, staff: Staff, mia: Person) -> None:
        """The address may change there; another account with the old address is not let in."""
        assert staff.sign_in_as(self.ME, NOW)[0] == mia
        assert staff.sign_in_as(Identity("sub-1", "", False), NOW)[0] == mia
        with pytest.raises(IdentityRefused) as refused:
            staff.sign_in_as(Identity("sub-2", "mia@example.org", True), NOW)

        assert refused.value.code == "unknown"
        assert actions(staff) == ["link", "add"]

    @pytest.mark.parametrize(
        ("identity", "code"),
        [
            (Identity("sub-1", "mia@example.org", False), "unverified"),
            (Identity("sub-1", "nobody@example.org", True), "unknown"),
            (Identity("sub-1", "", True), "unknown"),
        ],
    )
    def test_nobody_is_added(self, identity: Identity, code: str, staff: Staff, mia: Person) -> None:
        """Not without a verified address, and not where nobody has it."""
        with pytest.raises(IdentityRefused) as refused:
            staff.sign_in_as(identity, NOW)

        assert refused.value.code == code
        assert staff.everybody() == [mia]

    def test_who_has_left_is_not_let_in(self, staff: Staff, mia: Person) -> None:
        """Linked before or not."""
        staff.sign_in_as(self.ME, NOW)
        with staff.database.write() as connection:
            store.save(connection, replace(mia, is_active=False))

        with pytest.raises(IdentityRefused):
            staff.sign_in_as(self.ME, NOW)
        staff.unlink(None, mia.id, NOW)
        with pytest.raises(IdentityRefused):
            staff.sign_in_as(self.ME, NOW)

    def test_codes_are_asked_for_all_the_same(self, staff: Staff, mia: Person) -> None:
        """Who has turned them on is asked, whichever way they come."""
        with_codes(staff, mia)

        with pytest.raises(CodeNeeded) as needed:
            staff.sign_in_as(self.ME, NOW)
        assert staff.sign_in_with_code(needed.value.pending, code(staff, mia), NOW)[0] == mia

    def test_unlinked_people_are_linked_anew(self, staff: Staff, mia: Person, admin: Person) -> None:
        """With another account of the provider."""
        staff.sign_in_as(self.ME, NOW)
        staff.unlink(admin, mia.id, NOW)

        assert staff.sign_in_as(Identity("sub-2", "mia@example.org", True), NOW)[0] == mia
