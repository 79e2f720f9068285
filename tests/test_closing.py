"""Closing: a gap is closed only by an article that its own search finds, whatever the agent says."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.closing import OF_GAP, OF_REQUEST, Closing, candidates, judged, prove, read_slug
from portal.errors import InvalidInput, NotAllowed, NotFound, NotProven, StaleTicket, TransitionRefused
from portal.locales import CODES
from portal.people import Person, Role
from portal.queries import Verdict
from portal.staff import Staff
from portal.storage import Database, claims, outbox
from portal.storage import tickets as store
from portal.tickets import PROVEN, Action, Kind, Resolution, Status, Ticket
from tests.builders import NOW, PASSWORD, person, ticket, write_article
from tests.postgres import database_at
from tests.publishing import Folder
from tests.test_subscribing import mails, subscribe, subscriptions_on

WRITTEN = Resolution.ARTICLE_WRITTEN
#: Searches that find nothing in the small library, until an article is written.
QUERY = {"en": "kazoo tuning", "fr": "accorder kazoo", "de": "Kazoo stimmen", "ru": "настройка казу"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Database]:
    """The tickets of the small library."""
    made = database_at(tmp_path / "desk.db")
    yield made
    made.close()


@pytest.fixture
def mia(desk: Database) -> Person:
    """An agent who is known to the database."""
    return Staff(desk, 10, timedelta(hours=1)).add(person(), PASSWORD, NOW)


def add(database: Database, query: str, language: str = "en", **changes: object) -> Ticket:
    """A gap."""
    made = ticket(kind=Kind.GAP, language=language, query=query, subject=query, description="", code="U0", **changes)
    with database.write() as connection:
        return store.get(connection, store.create(connection, made) or 0)


def now_of(database: Database, gap: Ticket) -> Ticket:
    """A ticket as it is now."""
    with database.read() as connection:
        return store.get(connection, gap.id)


def closing(database: Database) -> Closing:
    """The use case on a database."""
    return Closing(database, subscriptions_on(database))


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("resolution", sorted(PROVEN))
def test_an_article_that_is_found_closes_and_everybody_is_told(
    resolution: Resolution, language: str, folder: Folder, desk: Database, mia: Person
) -> None:
    """Before it is written nothing closes; afterwards each of the ways does."""
    gap = add(desk, QUERY[language], language)
    subscribe(desk, gap, language=language)
    with pytest.raises(NotProven) as refused:
        closing(desk).solve(folder.edition, mia, gap.id, resolution, "kazoo", "done", NOW)
    untouched = now_of(desk, gap)
    write_article(folder.articles, language, "kazoo", QUERY[language], f"{QUERY[language]}.")
    folder.publish()

    solved = closing(desk).solve(folder.edition, mia, gap.id, resolution, "kazoo", "", NOW, gap.version)

    assert (refused.value.rank, refused.value.slug) == (None, "kazoo")
    assert untouched == gap
    assert (solved.status, solved.resolution, solved.slug) == (Status.SOLVED, resolution, "kazoo")
    assert now_of(desk, gap) == solved
    assert solved.resolution_text == QUERY[language]
    answered = mails(desk)[-1]
    assert (answered.recipient, answered.language) == ("anna@example.org", language)
    assert f"/{language}/articles/kazoo" in answered.text
    with desk.read() as connection:
        [event] = [event for event in store.history(connection, gap.id) if event.action is Action.SOLVE]
        assert (event.actor.name, event.details["rank"], event.details["told"]) == ("Mia Lindt", "1", "1")


def test_below_the_third_rank_is_not_found(folder: Folder, desk: Database, mia: Person) -> None:
    """The rank is told, and nothing has changed: no event, no mail, no subscriber lost."""
    for number in range(5):
        write_article(folder.articles, "en", f"kazoo-{number}", "Kazoo tuning", "Kazoo tuning. " * (6 - number))
    folder.publish()
    gap = add(desk, QUERY["en"])
    subscribe(desk, gap)
    before = mails(desk)
    ranks = {slug: rank for rank, slug, _title in candidates(folder.edition, gap)}
    by_rank = {rank: slug for slug, rank in ranks.items()}

    with pytest.raises(NotProven) as refused:
        closing(desk).solve(folder.edition, mia, gap.id, WRITTEN, by_rank[4], "done", NOW)

    assert refused.value.rank == 4
    assert now_of(desk, gap) == gap
    assert mails(desk) == before
    with desk.read() as connection:
        assert store.history(connection, gap.id) == []
    assert closing(desk).solve(folder.edition, mia, gap.id, WRITTEN, by_rank[3], "done", NOW).slug == by_rank[3]


def test_an_article_in_another_language_closes_nothing(folder: Folder, desk: Database, mia: Person) -> None:
    """A French reader asks for what exists in English only: the translation closes it."""
    gap = add(desk, "vpn", "fr", slug="vpn-only-english")
    gap_u1 = now_of(desk, gap)
    with pytest.raises(NotProven):
        closing(desk).solve(folder.edition, mia, gap.id, Resolution.TRANSLATED, "vpn-only-english", "", NOW)
    write_article(folder.articles, "fr", "vpn-only-english", "Se connecter au VPN", "Le tunnel VPN s’ouvre.")
    folder.publish()

    solved = closing(desk).solve(folder.edition, mia, gap.id, Resolution.TRANSLATED, gap_u1.slug, "", NOW)

    assert (solved.status, solved.resolution_text) == (Status.SOLVED, "Se connecter au VPN")


def test_a_synonym_closes(folder: Folder, desk: Database, mia: Person) -> None:
    """The article stays as it is; the words lead to it."""
    gap = add(desk, "gribouilleur", "en")
    with pytest.raises(NotProven):
        closing(desk).solve(folder.edition, mia, gap.id, Resolution.SYNONYM_ADDED, "printer-offline", "", NOW)
    (folder.articles / "en" / "synonyms.txt").write_text("printer, gribouilleur\n", encoding="utf-8")
    folder.publish()

    solved = closing(desk).solve(folder.edition, mia, gap.id, Resolution.SYNONYM_ADDED, "printer-offline", "", NOW)

    assert (solved.status, solved.slug) == (Status.SOLVED, "printer-offline")


def test_what_is_masked_is_not_searched_for(folder: Folder, desk: Database) -> None:
    """The kept query has a mask in the place of an address; the article is found by the rest."""
    proof = prove(folder.edition, add(desk, "printer offline [e-mail]"), "printer-offline")
    nothing = prove(folder.edition, add(desk, "[e-mail]"), "printer-offline")

    assert (proof.rank, proof.language, proof.is_given) == (1, "en", True)
    assert (nothing.rank, nothing.verdict, nothing.is_given) == (None, Verdict.EMPTY, False)


def test_rank_one_of_a_search_without_an_answer_proves_nothing(folder: Folder, desk: Database) -> None:
    """Readers would be told once more that there is no good answer, and the gap would open again."""
    proof = prove(folder.edition, add(desk, "printer kazoo tuning subscription mandolin"), "printer-offline")

    assert (proof.rank, proof.verdict) == (1, Verdict.UNANSWERED)
    assert not proof.is_given


def test_of_two_agents_at_once_one_is_told(folder: Folder, desk: Database, mia: Person) -> None:
    """Both looked at the same version; one closes, everybody is told once."""
    gap = add(desk, "printer offline")
    subscribe(desk, gap)
    start, answers = threading.Barrier(2), []
    edition = folder.edition

    def solve() -> None:
        start.wait()
        try:
            closing(desk).solve(edition, mia, gap.id, WRITTEN, "printer-offline", "", NOW, gap.version)
            answers.append("solved")
        except StaleTicket:
            answers.append("stale")

    threads = [threading.Thread(target=solve) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(answers) == ["solved", "stale"]
    assert [mail.key.split("-")[0] for mail in mails(desk)] == ["confirm", "answered"]


def test_out_of_scope_needs_no_proof_and_tells_nobody(folder: Folder, desk: Database, mia: Person) -> None:
    """A text for colleagues is needed then."""
    gap = add(desk, "kazoo tuning")
    subscribe(desk, gap)
    use = closing(desk)
    with pytest.raises(InvalidInput) as refused:
        use.solve(folder.edition, mia, gap.id, Resolution.OUT_OF_SCOPE, "", " ", NOW)

    solved = use.solve(folder.edition, mia, gap.id, Resolution.OUT_OF_SCOPE, "printer-offline", "no music", NOW)

    assert (refused.value.field, refused.value.code) == ("text", "missing")
    assert (solved.status, solved.slug) == (Status.SOLVED, "")
    assert len(mails(desk)) == 1


def test_what_is_no_way_or_no_article_or_not_allowed_is_refused(folder: Folder, desk: Database, mia: Person) -> None:
    """Each with its reason, and nothing has changed."""
    gap = add(desk, "printer offline")
    use, edition = closing(desk), folder.edition
    for resolution, slug, field, code in (
        (Resolution.ANSWERED, "printer-offline", "resolution", "missing"),
        (Resolution.WITHDRAWN, "printer-offline", "resolution", "missing"),
        (None, "printer-offline", "resolution", "missing"),
        (WRITTEN, "  ", "slug", "missing"),
        (WRITTEN, "No Slug!", "slug", "invalid"),
        (WRITTEN, "../../etc/passwd%00", "slug", "invalid"),
    ):
        with pytest.raises(InvalidInput) as refused:
            use.solve(edition, mia, gap.id, resolution, slug, "x", NOW)
        assert (refused.value.field, refused.value.code) == (field, code)
    with pytest.raises(InvalidInput):
        use.solve(edition, mia, gap.id, WRITTEN, "printer-offline", "x" * 10_001, NOW)
    with pytest.raises(NotAllowed):
        use.solve(edition, person(roles=frozenset({Role.WRITER})), gap.id, Resolution.OUT_OF_SCOPE, "", "x", NOW)
    with pytest.raises(NotAllowed):
        use.solve(edition, person(roles=frozenset()), gap.id, WRITTEN, "printer-offline", "", NOW)
    with pytest.raises(NotFound):
        use.solve(edition, mia, 999, WRITTEN, "printer-offline", "", NOW)
    assert now_of(desk, gap) == gap
    use.solve(edition, mia, gap.id, WRITTEN, "printer-offline", "", NOW)
    with pytest.raises(TransitionRefused):
        use.solve(edition, mia, gap.id, WRITTEN, "printer-offline", "", NOW)
    assert Resolution.WITHDRAWN not in {*OF_GAP, *OF_REQUEST}


def test_a_writer_closes_by_proof_and_no_request(folder: Folder, desk: Database) -> None:
    """Whoever may write articles needs no other right where the search itself has the last word."""
    staff = Staff(desk, 10, timedelta(hours=1))
    writer = staff.add(person(email="w@example.org", roles=frozenset({Role.WRITER}), tiers=()), PASSWORD, NOW)
    gap = add(desk, "printer offline")
    with desk.write() as connection:
        request = store.create(connection, ticket(query="printer offline")) or 0
        claims.take(connection, gap.id, writer.id, NOW)

    solved = closing(desk).solve(folder.edition, writer, gap.id, WRITTEN, "printer-offline", "", NOW)
    with pytest.raises(TransitionRefused):
        closing(desk).solve(folder.edition, writer, request, WRITTEN, "printer-offline", "", NOW)

    assert solved.status is Status.SOLVED
    with desk.write() as connection:
        store.save(connection, replace(solved, status=Status.OPEN))
        assert claims.of(connection, [gap.id]) == {}, "a gap that opens again is anybody's"


def test_an_earlier_slug_leads_to_the_article(folder: Folder, desk: Database, mia: Person) -> None:
    """What an agent has in a bookmark."""
    write_article(folder.articles, "en", "kazoo", "Kazoo tuning", "Kazoo tuning.", aliases="[old-kazoo]")
    folder.publish()
    gap = add(desk, "kazoo tuning")

    assert closing(desk).solve(folder.edition, mia, gap.id, WRITTEN, "old-kazoo", "", NOW).slug == "kazoo"


def test_the_candidates_are_what_the_search_finds(folder: Folder, desk: Database) -> None:
    """By rank, in the gap's language, with their titles."""
    assert candidates(folder.edition, add(desk, "Drucker offline", "de"))[0] == (
        1, "printer-offline", "Der Drucker ist offline",
    )  # fmt: skip
    assert candidates(folder.edition, add(desk, "")) == []


def test_solved_gaps_are_judged_queries(folder: Folder, desk: Database, mia: Person) -> None:
    """Those that an article has closed, each once, without masks, by language."""
    for query, language, slug in (
        ("printer offline", "en", "printer-offline"),
        ("printer offline [e-mail]", "en", "printer-offline"),
        ("Passwort zurücksetzen", "de", "reset-password"),
    ):
        closing(desk).solve(folder.edition, mia, add(desk, query, language).id, WRITTEN, slug, "", NOW)
    closing(desk).solve(folder.edition, mia, add(desk, "kazoo").id, Resolution.OUT_OF_SCOPE, "", "no", NOW)
    add(desk, "open still", slug="printer-offline")

    with desk.read() as connection:
        everything, german = judged(connection), judged(connection, "de")

    assert everything == [
        ("printer offline", "printer-offline", "en"),
        ("Passwort zurücksetzen", "reset-password", "de"),
    ]
    assert german == everything[1:]
    with desk.read() as connection:
        assert outbox.waiting(connection) == 0


@pytest.mark.parametrize(
    "typed",
    [
        "reset-password",
        " Reset-Password ",
        "https://help.example.org/de/articles/reset-password",
        "https://help.example.org/de/articles/reset-password?x=1#phone",
        "/en/articles/reset-password/",
        "articles/de/reset-password.md",
        "reset-password.md#reset",
    ],
)
def test_an_article_is_named_by_slug_or_address(typed: str) -> None:
    """As it is typed, pasted from the browser or copied from the folder."""
    assert read_slug(typed) == "reset-password"


@given(st.text(max_size=600))
def test_any_text_is_a_slug_or_none(text: str) -> None:
    """Nothing else comes of it, and at once."""
    assert read_slug(text) == "" or read_slug(read_slug(text)) == read_slug(text)
