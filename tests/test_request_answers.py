"""What requesters do with what they sent: replies, closing, opening again, rating, once however often."""

from datetime import timedelta

import pytest

from portal.errors import InvalidInput, NotFound, TransitionRefused
from portal.lifecycle import TEXT_LENGTH
from portal.storage import Database
from portal.storage import tickets as store
from portal.storage.ratings import Rating
from portal.tickets import Action, Actor, Status
from tests.builders import NOW
from tests.requesting import count, events, receive, requests_on, work


@pytest.mark.parametrize("token", ["", "0" * 64, "0" * 63, "Z" * 64, "\x00" * 64, "é" * 64, "\ud800", "0" * 100_000])
def test_what_is_no_link_leads_nowhere(database: Database, token: str) -> None:
    """A guessed, cut or hostile link is answered like one that never was, whatever is done with it."""
    receive(database)
    requests = requests_on(database)

    for use in (
        lambda: requests.follow(token, NOW),
        lambda: requests.answer_back(token, "text", NOW),
        lambda: requests.close(token, NOW),
        lambda: requests.rate(token, 5, "", NOW),
    ):
        with pytest.raises(NotFound):
            use()


def test_a_reply_goes_to_the_desk_and_opens_what_was_solved(database: Database) -> None:
    """The requester's words are in the history under their name; notes stay among colleagues."""
    request, link = receive(database)
    work(database, request.id, Action.NOTE, Action.SOLVE)

    changed, other = requests_on(database).answer_back(link, " Noch nicht. ", NOW)
    _, shown, _ = requests_on(database).follow(link, NOW)

    assert (changed.status, changed.resolution, other) == (Status.OPEN, None, None)
    assert [event.action for event in shown] == [Action.OPENED, Action.SOLVE, Action.REQUESTER_REPLY]
    assert (shown[-1].text, shown[-1].actor) == ("Noch nicht.", Actor(name="Anna Kühn"))


@pytest.mark.parametrize(("text", "code"), [(" \u200b\n", "missing"), ("ё" * (TEXT_LENGTH + 1), "too_long")])
@pytest.mark.parametrize("is_closed", [False, True])
def test_a_reply_within_bounds(database: Database, text: str, code: str, is_closed: bool) -> None:
    """An empty or endless reply is refused, also where it would open another request."""
    _, link = receive(database)
    if is_closed:
        requests_on(database).close(link, NOW)

    with pytest.raises(InvalidInput) as refused:
        requests_on(database).answer_back(link, text, NOW)

    assert (refused.value.field, refused.value.code) == ("text", code)
    assert count(database, "tickets") == 1


def test_a_second_press_of_a_button_changes_nothing(database: Database) -> None:
    """The same reply, closing or opening at once again is the same; later, or other words, are not."""
    request, link = receive(database)
    requests = requests_on(database)
    soon, later = NOW + timedelta(minutes=9), NOW + timedelta(minutes=11)

    for at in (NOW, soon, later):
        requests.answer_back(link, "Hello?", at)
    requests.answer_back(link, "Nobody there?", later)
    work(database, request.id, Action.SOLVE)
    for _ in range(2):
        requests.reopen(link, later, "No.")
    for _ in range(2):
        closed = requests.close(link, later)

    assert closed.status is Status.CLOSED
    assert [action for action, _ in events(database, request.id)] == [
        Action.OPENED, *[Action.REQUESTER_REPLY] * 3, Action.SOLVE, Action.REOPEN, Action.REQUESTER_CLOSE,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "It broke again."])
def test_the_requester_opens_a_solved_request_again(database: Database, text: str) -> None:
    """With or without a word; what is not solved cannot be opened again by them."""
    request, link = receive(database)
    with pytest.raises(TransitionRefused):
        requests_on(database).reopen(link, NOW, text)
    work(database, request.id, Action.SOLVE)

    opened = requests_on(database).reopen(link, NOW, text)

    assert (opened.status, opened.solved_at) == (Status.OPEN, None)
    assert events(database, request.id)[-1] == (Action.REOPEN, text)


@pytest.mark.parametrize("action", [Action.MARK_SPAM, Action.MARK_DUPLICATE])
def test_what_the_desk_put_aside_is_not_the_requesters_to_open(database: Database, action: Action) -> None:
    """Spam and duplicates open again by an agent, not by the requester's button."""
    request, link = receive(database)
    work(database, request.id, action)

    with pytest.raises(TransitionRefused):
        requests_on(database).reopen(link, NOW)


def test_a_rating_is_one_answer_and_the_first_counts(database: Database) -> None:
    """Stars and comment are kept once and shown; the history has it, for the staff only."""
    request, link = receive(database)
    work(database, request.id, Action.SOLVE)
    requests, later = requests_on(database), NOW + timedelta(days=1)

    for stars, comment in ((4, "  Fast.\x00 "), (4, "Fast."), (2, "")):
        requests.rate(link, stars, comment, later)
    found, shown, rating = requests.follow(link, later)

    assert (found.status, rating) == (Status.SOLVED, Rating(4, "Fast.", later))
    assert [event.action for event in shown] == [Action.OPENED, Action.SOLVE]
    with database.read() as connection:
        rated = [event for event in store.history(connection, request.id) if event.action is Action.RATE]
    assert [(event.text, event.details) for event in rated] == [("Fast.", {"stars": "4"})]


@pytest.mark.parametrize(
    ("stars", "comment", "field", "code"),
    [(0, "", "stars", "missing"), (6, "", "stars", "missing"), (3, "ё" * 601, "comment", "too_long")],
)
def test_a_rating_within_bounds(database: Database, stars: int, comment: str, field: str, code: str) -> None:
    """One to five stars and 600 characters; anything else is refused."""
    _, link = receive(database)
    requests_on(database).close(link, NOW)

    with pytest.raises(InvalidInput) as refused:
        requests_on(database).rate(link, stars, comment, NOW)

    assert (refused.value.field, refused.value.code) == (field, code)
    assert count(database, "ratings") == 0


def test_only_what_has_ended_is_rated(database: Database) -> None:
    """An open request has no rating yet; a closed one still takes the longest comment."""
    _, link = receive(database)
    requests = requests_on(database)

    with pytest.raises(TransitionRefused):
        requests.rate(link, 5, "", NOW)
    requests.close(link, NOW)
    requests.rate(link, 5, "ё" * 600, NOW)

    assert requests.follow(link, NOW)[2] == Rating(5, "ё" * 600, NOW)
