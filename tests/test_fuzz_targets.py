"""The targets of the fuzzer, without it: what was ever found by it, and what Hypothesis makes up."""

import importlib.util
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.__main__ import is_good, reached
from fuzz.targets import TARGETS, seeds
from portal import markup
from tests.needs import REPOSITORY, missing

#: Signs that readers of texts stumble over, more often than any others.
_SIGNS = st.text(
    st.one_of(st.sampled_from("<>&\"'`:/\\@#[](){}|!*_-+=~;,.%?\n\r\t\x00\x01\u2028\u202e\ud7ff ß"), st.characters())
)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_hold(name: str) -> None:
    """At least three of each, the ones that were found once among them."""
    found = seeds(name)
    assert len(found) >= 3
    for path in found:
        TARGETS[name](path.read_bytes())


# Files in a form that werkzeug refuses half-way are closed when they are collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_made_up_bytes_hold(name: str) -> None:
    """Texts of difficult signs, the seeds with something in their middle, and any bytes."""
    known = [path.read_bytes() for path in seeds(name)]

    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(
        st.one_of(st.binary(max_size=300), _SIGNS.map(lambda text: text.encode("utf-8", "replace"))),
        st.sampled_from(known),
        st.integers(0, 200),
    )
    def holds(made: bytes, seed: bytes, place: int) -> None:
        TARGETS[name](made)
        TARGETS[name](seed[:place] + made + seed[place:])

    holds()


def test_growth_is_read_from_the_log() -> None:
    """First and last; a log without figures is none."""
    log = "#2\tINITED cov: 10 ft: 11 corp: 1/1b\n#9\tNEW    cov: 12 ft: 15 corp: 2/3b\n#64 DONE cov: 12 ft: 15\n"
    assert reached(log) == [10, 12, 12]
    assert reached("==1== ERROR: libFuzzer: timeout\n") == []


@pytest.mark.parametrize(
    ("code", "log", "good"),
    [
        ("0", "#2\tINITED cov: 10 ft\n#9\tDONE cov: 12 ft\n", True),
        ("77", "#2\tINITED cov: 10 ft\n#9\tDONE cov: 12 ft\n", False),
        ("0", "#2\tINITED cov: 10 ft\n#9\tDONE cov: 9 ft\n", False),
        ("0", "", False),
    ],
    ids=["grown", "crashed", "shrunk", "said nothing"],
)
def test_a_run_is_good_or_not(code: str, log: str, *, good: bool) -> None:
    """Only where nothing was found, and figures were there that have not shrunk."""
    assert is_good(code, log) is good


def test_the_fuzzer_runs() -> None:
    """With the engine itself: one target for a second."""
    if importlib.util.find_spec("atheris") is None:
        missing("atheris", "pip install '.[test]'")
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "moved", "--seconds", "1"],
        capture_output=True, text=True, timeout=600, check=False, cwd=REPOSITORY,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "moved: reached" in done.stdout


def test_angle_brackets_in_values_are_no_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older versions of nh3 leave them there, and what frames code and tables must not take them for elements."""
    monkeypatch.setattr("nh3.clean", lambda *_given, **_more: '<b title="<pre onclick=x>" lang="<table">y</b>')
    assert markup.render("y", "en").html == '<b title="&lt;pre onclick=x&gt;" lang="&lt;table">y</b>'
