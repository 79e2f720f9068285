"""Queries within bounds, who may have meant them, and what makes two of them the same gap."""

import random
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.queries import MAX_CHARACTERS, MAX_WORDS, Cuts, Query, Verdict, gap_fingerprint, read_query

SOME = settings(deadline=None, max_examples=100)
#: Any text, blanks and invisible characters often, also longer than what is kept.
TEXTS = st.text(max_size=60) | st.lists(st.text(min_size=1, max_size=30), max_size=60).map(" ".join)
STEMS = st.lists(st.text("abcdefgéüß0123456789яж", min_size=1, max_size=8), max_size=8)


def a_query(text: str = "vpn geht nicht") -> Query:
    """What is read from a text that was sent."""
    return read_query("de", text)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  vpn\t does\r\nnot  work ", "vpn does not work"),
        ("vpn\0client", "vpn client"),
        ("\x1b[31mvpn\x07\x7f", "[31mvpn"),
        ("vpn\x85client\u2028dead\u2029", "vpn client dead"),
        ("\u202evpn\u202c \u200fclient\u200e \u2066ok\u2069", "vpn client ok"),
        ("\ufeffvpn\u200bclient\u2060", "vpn client"),
        ("accès\u202f!\u00a0non", "accès ! non"),
        ("vpn\ud800", "vpn"),
        ("vpn\ue000", "vpn"),
        ("\u200b\u200b \0", ""),
        ("", ""),
        ("😀 принтер 🖨️ kaputt 🇩🇪", "😀 принтер 🖨️ kaputt 🇩🇪"),
        ("0x80070005: C++ & <b> 100 %", "0x80070005: C++ & <b> 100 %"),
    ],
    ids=[
        "white-space", "nul", "control", "separators", "direction-marks", "zero-width", "no-break", "surrogate",
        "private-use", "nothing-visible", "empty", "emoji", "signs",
    ],
)  # fmt: skip
def test_read_query(sent: str, kept: str) -> None:
    """Invisible characters become blanks, white space is folded, and everything else stays."""
    query = read_query("fr", sent, "network")

    assert query == Query("fr", kept, "network", is_cut=False)


@pytest.mark.parametrize("is_exact", [True, False])
def test_as_typed(is_exact: bool) -> None:
    """Whether a query is to be taken as it was typed is kept, and bounds hold all the same."""
    query = read_query("de", " vpn\0client ", is_exact=is_exact)

    assert query == Query("de", "vpn client", is_exact=is_exact)
    assert a_query("vpn").is_exact is False


@pytest.mark.parametrize(
    ("confidence", "verdict"),
    [
        (0.0, Verdict.UNANSWERED), (0.1999, Verdict.UNANSWERED), (0.2, Verdict.UNCERTAIN), (0.5999, Verdict.UNCERTAIN),
        (0.6, Verdict.ANSWERED), (1.0, Verdict.ANSWERED),
    ],
)  # fmt: skip
def test_cuts_divide_the_verdicts(confidence: float, verdict: Verdict) -> None:
    """A cut belongs to what is above it."""
    assert Cuts(0.2, 0.6).verdict(confidence) is verdict


@pytest.mark.parametrize(("cut", "verdict"), [(0.0, Verdict.ANSWERED), (1.0, Verdict.UNANSWERED)])
def test_equal_cuts_leave_no_doubt(cut: float, verdict: Verdict) -> None:
    """With both in one place no search is uncertain."""
    assert Cuts(cut, cut).verdict(0.5) is verdict


def test_longest_text() -> None:
    """The longest query is kept whole; of one that is longer the beginning is kept."""
    whole, longer = a_query("ж" * MAX_CHARACTERS), a_query("ж" * MAX_CHARACTERS + "z")

    assert (whole.text, whole.is_cut) == ("ж" * 200, False)
    assert (longer.text, longer.is_cut) == ("ж" * 200, True)


def test_cut_before_a_blank() -> None:
    """What is cut where a word ends has no blank at its end."""
    query = a_query("x" * (MAX_CHARACTERS - 1) + " word")

    assert (query.text, query.is_cut) == ("x" * 199, True)


def test_most_words() -> None:
    """The word after the last that is kept is cut off."""
    words = [f"w{number}" for number in range(MAX_WORDS + 1)]

    most, more = a_query(" ".join(words[:MAX_WORDS])), a_query(" ".join(words))

    assert (most.text.split(), most.is_cut) == (words[:MAX_WORDS], False)
    assert (more.text.split(), more.is_cut) == (words[:MAX_WORDS], True)


@pytest.mark.parametrize(
    "sign", ["x", "\u202e", "word ", "\0", "😀"], ids=["letters", "marks", "words", "nul", "emoji"]
)
def test_a_giant_text_costs_nothing(sign: str) -> None:
    """Of 100,000 characters the beginning is read, in a few milliseconds at most."""
    giant = (sign * 100_000)[:100_000]
    start = time.process_time()

    queries = [a_query(giant) for _ in range(10)]

    assert (time.process_time() - start) / 10 < 0.1
    assert all(len(query.text) <= 200 for query in queries)
    assert queries[0].is_cut == (sign != "\0")  # What is nothing but invisible has nothing that could be cut.
    assert queries[0].text in giant.replace("\0", " ").replace("\u202e", " ")


@pytest.mark.parametrize(
    "sent",
    ["vpn" + " " * 1000, " " * 1000 + "vpn", "vpn" + "\r\n" * 1000, "\0" * 1000 + "vpn"],
    ids=["after", "before", "lines-after", "nul-before"],
)
def test_blanks_are_folded_before_anything_is_cut(sent: str) -> None:
    """However many blanks surround a query, it is whole, and nothing of it was cut off."""
    query = a_query(sent)

    assert (query.text, query.is_cut) == ("vpn", False)


@SOME
@given(TEXTS)
def test_always_within_bounds(text: str) -> None:
    """Whatever is sent, what is kept is short, visible and folded."""
    kept = a_query(text).text

    assert len(kept) <= MAX_CHARACTERS
    assert len(kept.split(" ")) <= MAX_WORDS
    assert kept == " ".join(kept.split())
    assert all(unicodedata.category(sign)[0] not in "CZ" or sign == " " for sign in kept)


@SOME
@given(TEXTS)
def test_reading_twice_changes_nothing(text: str) -> None:
    """What was read is read as itself, and nothing more is cut off."""
    once = a_query(text)

    twice = a_query(once.text)

    assert (twice.text, twice.is_cut) == (once.text, False)


@SOME
@given(TEXTS)
def test_cut_or_whole(text: str) -> None:
    """A query that is not marked as cut has every visible character of what was sent."""
    query = a_query(text)

    visible = [sign for sign in text if unicodedata.category(sign)[0] not in "CZ"]
    kept = [sign for sign in query.text if sign != " "]
    assert kept == visible[: len(kept)]
    assert query.is_cut is (len(kept) < len(visible))


@pytest.mark.parametrize(
    "text",
    [
        "vpn geht nicht",
        "0x80070005",
        "https://intranet.example.org geht nicht",
        "wie öffne ich C:\\Windows",
        "and/or",
        "zugriff auf //server/freigabe verweigert",
        "что такое <script> в письме",
    ],
)
def test_plausible(text: str) -> None:
    """A person may have typed this."""
    assert a_query(text).is_plausible


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/wp-login.php",
        "HTTP://EXAMPLE.ORG",
        "  //example.org/a?b=c ",
        "www.example.org/wp-login.php",
        "ftp://example.org/file",
        "../../../../etc/passwd",
        "/etc/passwd",
        "<script>alert(1)</script>",
        "<ScRiPt src=//example.org>",
        "w " * (MAX_WORDS + 1),
        "x" * 201,
    ],
    ids=lambda text: text[:20],
)
def test_not_plausible(text: str) -> None:
    """Web addresses, attacks and over-long texts never open a ticket."""
    assert not a_query(text).is_plausible


@SOME
@given(STEMS, st.data())
def test_order_and_repetition_do_not_matter(stems: list[str], data: st.DataObject) -> None:
    """The same stems in any order, however often, are the same gap."""
    repeated = stems + (data.draw(st.lists(st.sampled_from(stems))) if stems else [])
    data.draw(st.randoms(use_true_random=False)).shuffle(repeated)

    fingerprint = gap_fingerprint("de", repeated, None)

    assert fingerprint == gap_fingerprint("de", stems, None)


@SOME
@given(STEMS, STEMS, st.none() | st.sampled_from(("network", "email")), st.none() | st.just("email"))
def test_stems_and_topic_matter(first: list[str], second: list[str], topic: str | None, other: str | None) -> None:
    """Two searches are the same gap exactly if they have the same stems and the same topic filter."""
    is_same = set(first) == set(second) and topic == other

    fingerprints = gap_fingerprint("ru", first, topic), gap_fingerprint("ru", second, other)

    assert (fingerprints[0] == fingerprints[1]) is is_same


def test_language_matters() -> None:
    """The same stems asked in four languages are four gaps."""
    fingerprints = {gap_fingerprint(code, ["vpn"], "network") for code in ("en", "fr", "de", "ru")}

    assert len(fingerprints) == 4


def test_parts_are_kept_apart() -> None:
    """A topic is no stem, and two stems are not one that is spelt like both."""
    fingerprints = {
        gap_fingerprint("en", ["vpn", "email"], None),
        gap_fingerprint("en", ["vpn"], "email"),
        gap_fingerprint("en", ["vpnemail"], None),
        gap_fingerprint("en", ["email"], "vpn"),
    }

    assert len(fingerprints) == 4


def test_fingerprint_fits_its_column() -> None:
    """A fingerprint is 32 hexadecimal digits, the same in every process, also without any stem."""
    stems = [f"stem{number}" for number in range(500)]
    random.Random(1).shuffle(stems)

    fingerprints = gap_fingerprint("en", stems, None), gap_fingerprint("en", (), None)

    assert all(len(text) == 32 and set(text) <= set("0123456789abcdef") for text in fingerprints)
    assert gap_fingerprint("en", ["reset", "password"], None) == "addbe6c5ae400dfa71582edd02ce81d8"
