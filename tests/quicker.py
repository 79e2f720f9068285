"""Lets the many applications of the tests share what each would make anew: templates, addresses, SQL, hashes."""

from collections.abc import Callable, Iterable
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from portal import storage
from tests.builders import PASSWORD

_compile, _parse = Rule._compile_builder, Rule._parse_rule
_builders: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}
_parsed: dict[str, tuple[list[Any], list[Any], dict[str, Any]]] = {}
_statements: dict[type, LRUCache[Any, Any]] = {}
_hash, _verify, _make_engine = PasswordHasher.hash, PasswordHasher.verify, storage.create_engine  # type: ignore[attr-defined]
_hashes: dict[tuple[object, ...], str] = {}
_right: set[tuple[str | bytes, str | bytes]] = set()


class _Compiled(BytecodeCache):
    """Compiled templates, kept as long as the process; Jinja compares the sources itself."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket with what is kept."""
        if kept := self._kept.get(bucket.key):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what has been compiled."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


def _builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """What makes the address of a rule; it asks the rule that it is bound to for its converters."""
    defaults = tuple(sorted((rule.defaults or {}).items()))
    key = (append_unknown, tuple(rule._trace), defaults)
    if key not in _builders:
        _builders[key] = _compile(rule, append_unknown)
    return _builders[key]


def _parts(rule: Rule, text: str) -> Iterable[Any]:
    """What a rule is matched by; with it, its converters and what its address is built from."""
    if text not in _parsed:
        before, known = len(rule._trace), set(rule._converters)
        parts = list(_parse(rule, text))
        own = {name: converter for name, converter in rule._converters.items() if name not in known}
        _parsed[text] = parts, rule._trace[before:], own
        return parts
    parts, trace, converters = _parsed[text]
    rule._trace.extend(trace)
    rule._converters.update(converters)
    rule.arguments.update(converters)
    return parts


def _engine(*arguments: Any, **options: Any) -> Engine:
    """An engine whose statements are compiled once for all engines of its kind."""
    engine = _make_engine(*arguments, **options)
    engine._compiled_cache = _statements.setdefault(type(engine.dialect), LRUCache(5000))
    return engine


def _hashed(hasher: PasswordHasher, password: str | bytes, **options: Any) -> str:
    """A hash; that of the tests' own password is made once."""
    if password != PASSWORD or options:
        return _hash(hasher, password, **options)
    key = (hasher.time_cost, hasher.memory_cost, hasher.parallelism)
    if key not in _hashes:
        _hashes[key] = _hash(hasher, password)
    return _hashes[key]


def _verified(hasher: PasswordHasher, stored: str | bytes, password: str | bytes) -> bool:
    """True for a right password, which stays right; any other is looked at each time.

    Raises:
        VerificationError: it is wrong.
    """
    if (stored, password) not in _right:
        _verify(hasher, stored, password)
        _right.add((stored, password))
    return True


def share() -> None:
    """Begin to share."""
    rules: Any = Rule
    rules._compile_builder, rules._parse_rule = _builder, _parts
    Flask.jinja_options = {"bytecode_cache": _Compiled()}
    engines: Any = storage
    engines.create_engine = _engine
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        kind: Any = dialect  # It is a part of the key of what is compiled.
        kind.__eq__ = lambda one, other: type(one) is type(other)
        kind.__hash__ = lambda one: hash(type(one))
    hasher: Any = PasswordHasher
    hasher.hash, hasher.verify = _hashed, _verified
