"""Which tests run where the database is PostgreSQL."""

from collections.abc import Callable, Iterator
from functools import cache
from inspect import isclass, isfunction, ismodule, unwrap
from types import CodeType

import pytest

from portal.server import prepare
from portal.services import open_services
from tests import serving
from tests.postgres import database_at

#: All ways of the tests to a portal's database.
_WAYS_IN = {open_services, prepare, database_at, serving.Server, serving.portal, serving.portal_with_input}
#: Fixtures that a test has once for each engine.
_ON_BOTH = {"database", "database_url", "empty"}
#: Fixtures that are prepared once and only read.
_READ_ONLY = {"pattern", "small", "shipped", "shipped_services"}


def runs_on_postgresql(item: pytest.Item) -> bool:
    """Whether a test is run where the database is PostgreSQL.

    The rule: a test runs there if it has an instance of its own, or its code or that of its fixtures comes to one of the
    ways in; but not what the plain run does on both engines or on PostgreSQL, what is about SQLite itself (`sqlite`) or
    about pages, files and sockets (`reads`), and in a browser only what `writes`, of several languages in Russian, for
    the rows are alike.
    """
    given = getattr(getattr(item, "callspec", None), "params", {})
    needed = getattr(item, "fixturenames", ())
    is_there_anyway = not _ON_BOTH.isdisjoint(given) or "postgres" in needed
    if is_there_anyway or item.get_closest_marker("sqlite") or item.get_closest_marker("reads"):
        return False
    if item.get_closest_marker("browser") and (
        not item.get_closest_marker("writes") or given.get("language", "ru") != "ru"
    ):
        return False
    known = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined] # Nothing public says it.
    fixtures = [known[name][-1].func for name in needed if name in known]
    names = [(each.__module__ == "tests.conftest" and each.__name__) for each in fixtures]
    chosen = [each for each, name in zip(fixtures, names, strict=True) if name not in _READ_ONLY]
    return "instance" in names or any(_opens(unwrap(each)) for each in [item.function, *chosen])  # type: ignore[attr-defined]


@cache
def _opens(function: Callable[..., object]) -> bool:
    """Whether code comes to one of the ways in, itself or by other code of the tests that it names."""
    found: set[object] = set()
    ahead: list[object] = [function]
    while ahead:
        new = set(_named(ahead.pop())) - found
        found |= new
        ahead += [each for each in new if str(getattr(each, "__module__", "")).startswith("tests.")]
    return not found.isdisjoint(_WAYS_IN)


def _named(what: object) -> Iterator[object]:
    """The functions and classes that a function, or a class, names."""
    for each in vars(what).values() if isclass(what) else [what]:
        if isfunction(each):
            function = unwrap(each)
            names = set(_names(function.__code__))
            named = [function.__globals__[name] for name in names & set(function.__globals__)]
            # A name may also be one of another module of the tests: `builders.person`.
            modules = [vars(part) for part in named if ismodule(part) and part.__name__.startswith("tests.")]
            named += [part[name] for part in modules for name in names & set(part)]
            yield from (unwrap(part) for part in named if isfunction(part) or isclass(part))


def _names(code: CodeType) -> Iterator[str]:
    """All names in code, also of functions inside it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
