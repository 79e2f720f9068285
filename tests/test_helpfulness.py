"""Helpfulness: a vote belongs to the text it was given for; the ranking, and translations that do worse."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.articles import fingerprint
from portal.edition import Tallies
from portal.knowledge import KnowledgeBase, Published, of_present
from portal.opinions import grouped
from portal.services import Services
from portal.storage import Database, feedback
from portal.storage.feedback import Reason, Vote
from portal.writing.planning.helpfulness import ENOUGH, WORSE_BY, alarms, standings, unhelpful
from tests.builders import NOW
from tests.test_knowledge import a_base, an_article

SOME = settings(deadline=None, max_examples=200)
OLD = "0" * 16


def pair(**changes: str) -> KnowledgeBase:
    """An English source and its German translation."""
    source = an_article("en", "vpn")
    return a_base(source, an_article("de", "vpn", source=fingerprint(source), **changes))


def tallies(base: KnowledgeBase, **votes: tuple[int, int]) -> Tallies:
    """Votes for the present texts of the article, by language."""
    return Tallies({(code, "vpn", base.articles[code, "vpn"].fingerprint): tally for code, tally in votes.items()})


def test_votes_for_earlier_texts_do_not_count() -> None:
    """Nor do those for articles that are gone; those for the same text under an earlier slug do."""
    base = a_base(an_article("en", "vpn", aliases=("tunnel",)))
    now = base.articles["en", "vpn"].fingerprint
    votes = {
        ("en", "vpn", now): (3, 4),
        ("en", "tunnel", now): (1, 2),
        ("en", "vpn", OLD): (0, 99),
        ("fr", "x", now): (1, 1),
    }

    assert of_present(base.articles, votes, base.aliases) == {("en", "vpn"): (4, 6)}
    [only] = standings(base, Tallies(votes)).values()
    assert (only.yes, only.votes, only.share) == (4, 6, 4 / 6)


def test_the_ranking_is_by_share_weighed_with_the_mean() -> None:
    """(C·m + yes) ÷ (m + votes): one vote does not outrank a hundred; the least helpful is first."""
    base = a_base(*(an_article("en", slug) for slug in "abc"))
    votes = {"a": (1, 1), "b": (90, 100), "c": (0, 1)}
    given_votes = Tallies({("en", slug, base.articles["en", slug].fingerprint): tally for slug, tally in votes.items()})

    ranking = standings(base, given_votes)

    mean, share = Fraction(1 + 100 + 1, 3), (Fraction(1) + Fraction(9, 10) + 0) / 3
    assert [slug for _, slug in ranking] == ["c", "a", "b"]
    assert ranking["en", "b"].score == pytest.approx(float((share * mean + 90) / (mean + 100)))


@SOME
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_alarm_is_exact(yes: int, more: int, source_yes: int, source_more: int) -> None:
    """At least fifteen points and twenty votes each: not by the rounding of a machine."""
    votes, source_votes = yes + more, source_yes + source_more
    base = pair()

    found = alarms(base, tallies(base, de=(yes, votes), en=(source_yes, source_votes)))

    enough = min(votes, source_votes) >= ENOUGH
    expected = enough and Fraction(source_yes, source_votes) - Fraction(yes, votes) >= Fraction(WORSE_BY, 100)
    assert bool(found) == expected
    assert all((alarm.translation.language, alarm.source.language) == ("de", "en") for alarm in found)


@pytest.mark.parametrize(
    ("german", "english", "is_alarm"),
    [((13, 20), (16, 20), True), ((13, 20), (15, 20), False), ((12, 19), (19, 19), False), ((0, 20), (19, 19), False)],
)
def test_the_alarm_at_its_limits(german: tuple[int, int], english: tuple[int, int], is_alarm: bool) -> None:
    """65 against 80 percent is an alarm, 75 is none; 19 votes say nothing; the source itself never is."""
    base = pair()

    assert bool(alarms(base, tallies(base, de=german, en=english))) is is_alarm
    assert alarms(base, tallies(base, de=english, en=german)) == ()


def test_few_votes_make_nothing_unhelpful() -> None:
    """Below five it may be one person's bad day; half is not fewer than half."""
    base = pair()

    assert unhelpful(base, tallies(base, de=(1, 4), en=(3, 6))) == []
    assert [each.language for each in unhelpful(base, tallies(base, de=(2, 5), en=(2, 6)))] == ["en", "de"]


def test_the_public_list_knows_only_votes_for_the_present_text(reader: FlaskClient, portal_services: Services) -> None:
    """After a change in its text an article is no more and no less helpful than one without votes."""
    edition = portal_services.edition
    item = edition.knowledge.articles["en", "vpn-only-english"]
    for revision, expected in ((OLD, False), (item.fingerprint, True)):
        with portal_services.database.write() as connection:
            feedback.vote(connection, Vote("vpn-only-english", "en", "v" * 64, True, revision), NOW)
        portal_services._tallies._read_at = float("-inf")
        tallies_now = portal_services.tallies()

        first = edition.helpful("en", tallies_now, 1, None)[0]
        assert bool(edition.votes(tallies_now)) is expected
        assert (first.article.slug == "vpn-only-english") is expected


def test_votes_by_text_with_reasons_and_words(database: Database) -> None:
    """Newest text first, its reasons most frequent first, comments of those whom it did not help."""
    given_votes = [
        Vote("vpn", "en", "a" * 64, False, "new", Reason.UNCLEAR, "the menu is different"),
        Vote("vpn", "en", "b" * 64, False, "new", Reason.UNCLEAR, ""),
        Vote("vpn", "en", "c" * 64, False, "new", Reason.OTHER, "menu looks different"),
        Vote("vpn", "en", "d" * 64, True, "new", None, "thank you"),
        Vote("old-vpn", "en", "e" * 64, False, "old", None, "steps missing"),
        Vote("vpn", "fr", "f" * 64, False, "new", None, "introuvable"),
    ]
    with database.write() as connection:
        for minutes, each in enumerate(reversed(given_votes)):
            feedback.vote(connection, each, NOW + timedelta(minutes=minutes))

    with database.read() as connection:
        new, old = feedback.revisions(connection, "en", ["vpn", "old-vpn"])
        said = feedback.comments(connection, "en", ["vpn", "old-vpn"])
        of_new = feedback.comments(connection, "en", ["vpn"], "new", limit=1)

    assert (new.fingerprint, new.yes, new.votes, list(new.reasons.items())) == (
        "new", 1, 4, [(Reason.UNCLEAR, 2), (Reason.OTHER, 1)],
    )  # fmt: skip
    assert (old.fingerprint, old.yes, old.votes, old.first_at) == ("old", 0, 1, old.last_at)
    assert [each.comment for each in said] == ["the menu is different", "menu looks different", "steps missing"]
    assert [each.comment for each in of_new] == ["the menu is different"]
    assert [len(group.answers) for group in grouped(said)] == [2]


def test_a_vote_moves_with_its_giver_to_the_new_text(database: Database) -> None:
    """One person has one opinion of one article: that of the text they saw last."""
    first = Vote("vpn", "en", "a" * 64, True, "old")
    with database.write() as connection:
        feedback.vote(connection, first, NOW)
        feedback.vote(connection, replace(first, is_helpful=False, revision="new"), NOW)
        assert feedback.tallies(connection) == {("en", "vpn", "new"): (0, 1)}


def test_a_published_text_has_one_revision() -> None:
    """What is counted is what `articles.fingerprint` says."""
    article = an_article("en", "vpn")

    assert of_present({("en", "vpn"): Published(article, "f")}, {("en", "vpn", "f"): (1, 1)}) == {("en", "vpn"): (1, 1)}
