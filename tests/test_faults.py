"""The check finds what is wrong in real articles, where it is wrong, and nothing else."""

from pathlib import Path

import pytest

from tests.faults import difference, prepare
from tests.needs import REPOSITORY, corpus

SOURCES = [
    pytest.param(path, id=name) for name, path in (("corpus", corpus()), ("own", REPOSITORY / "articles")) if path
]


@pytest.mark.parametrize("source", SOURCES)
def test_forty_faults_are_found_and_nothing_else(source: Path, tmp_path: Path) -> None:
    """Each at its line and column; what is found no longer is what was said of articles that cannot be read now."""
    shop = prepare(source, tmp_path / "articles", 60)

    new, gone = difference(shop)

    assert new == sorted(shop.expected)
    assert gone == sorted(shop.gone)
    assert len(shop.expected) == len({code for *_, code in shop.expected}) == 40
