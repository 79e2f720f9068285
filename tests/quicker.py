"""Lets the many applications of the tests share what each would compile anew: templates and addresses."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

_compile = Rule._compile_builder
_builders: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}


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


def share() -> None:
    """Begin to share."""
    changed: Any = Rule
    changed._compile_builder = _builder
    Flask.jinja_options = {"bytecode_cache": _Compiled()}
