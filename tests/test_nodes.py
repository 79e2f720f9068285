"""Which machines are waited for before new articles are shown, and for how long; what machines say of themselves."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from portal.budgets import Budgets
from portal.chains import Visitor
from portal.mail import Mail
from portal.nodes import ALIVE, Agreement, Self, lacking, leave, name_of, present, strangers, this
from portal.publishing import Publisher
from portal.services import build_of, utc_now
from portal.storage import Database, outbox, published
from portal.storage import nodes as store
from portal.storage.nodes import Node
from portal.storage.schema.nodes import nodes
from tests.builders import NOW, settings, write_article, write_library
from tests.conftest import postgres_database
from tests.serving import portal

OWN = Self("one", "code", ("k1",))
HOURS = timedelta(hours=3)


def node(name: str = "two", served: str = "old", ready: str = "", age: float = 0.0, build: str = "code") -> Node:
    """What another machine has said."""
    return Node(name, build, ("k1",), served, ready, age)


@pytest.mark.parametrize(
    ("other", "is_awaited"),
    [
        (node(), True),
        (node(ready="new"), False),
        (node(served="new"), False),
        (node(served="new", ready="newer"), False),
        (node(age=ALIVE), False),
        (node(build="other code"), False),
        (node(served=""), False),
        (node(name="one"), False),
    ],
    ids=["old", "ready", "shows it", "further on", "silent", "other code", "starts", "itself"],
)
def test_who_is_awaited(other: Node, is_awaited: bool) -> None:
    """A machine that lives, runs the same code, and has neither got the articles nor shows them."""
    assert bool(lacking("one", "code", "new", [other])) is is_awaited


_NODES = st.lists(
    st.builds(
        node,
        name=st.sampled_from("abc"),
        served=st.sampled_from(["", "old", "new"]),
        ready=st.sampled_from(["", "old", "new"]),
        age=st.floats(0, 30),
    ),
    unique_by=lambda each: each.name,
)


@given(_NODES)
def test_whoever_goes_first_lets_the_others_follow(known: list[Node]) -> None:
    """Where one machine may show new articles, every machine that is ready for them may, at once and later."""
    ready = [each.name for each in known if "new" in {each.ready, each.served}]
    for own in ready:
        if lacking(own, "code", "new", known):
            continue
        after = [Node(n.name, n.build, n.keys, "new" if n.name == own else n.served, n.ready, n.age) for n in known]
        assert all(not lacking(other, "code", "new", now) for other in ready for now in (known, after))


def test_strangers_are_told() -> None:
    """Machines that sign with a key that is not believed here; not those that are gone."""
    known = [
        node(),
        Node("three", "code", ("k2", "k1"), "old", "", 0.0),
        Node("four", "code", ("k3",), "old", "", 99.0),
    ]

    assert strangers("one", ("k1",), known) == ["three"]
    assert strangers("one", ("k1", "k2"), known) == []


def test_what_machines_say(database: Database) -> None:
    """Each changes only its own row, and only what it says; ages are by the database's clock."""
    with database.write() as connection:
        store.say(connection, "one", "b", ("k1", "k2"), served="a")
        store.say(connection, "two", "b", ("k1",), ready="c")
        store.say(connection, "one", "b2", ("k2",), ready="d")
    with database.read() as connection:
        one, two = store.everything(connection)

    assert (one.name, one.build, one.keys, one.served, one.ready) == ("one", "b2", ("k2",), "a", "d")
    assert (two.served, two.ready) == ("", "c")
    assert 0 <= one.age < ALIVE


def test_machines_are_forgotten(database: Database) -> None:
    """At once where they take leave, after a while where they are silent."""
    with database.write() as connection:
        for name in ("one", "two", "three"):
            store.say(connection, name, "b", (), served="a")
        now = utc_now()
        for name, seen in (("two", now - timedelta(days=9)), ("four", now + timedelta(days=9)), ("five", now + HOURS)):
            store.say(connection, name, "b", (), served="a")
            connection.execute(update(nodes).where(nodes.c.name == name).values(seen_at=seen))
        store.leave(connection, "three")
        swept = store.sweep(connection, timedelta(days=1))
    with database.read() as connection:
        five, one = store.everything(connection)
    assert (swept, one.name, five.name) == (2, "one", "five")
    # The clock was set back by three hours: who has said nothing since is not taken for alive until then.
    assert one.age < ALIVE < five.age


class Clock:
    """Time that passes only while somebody waits; after some looks, something happens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.then: dict[int, Callable[[], None]] = {}
        self.looks = 0
        monkeypatch.setattr("portal.nodes.time.monotonic", lambda: self.now)

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.looks += 1
        if self.looks in self.then:
            self.then[self.looks]()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock of our own."""
    return Clock(monkeypatch)


@pytest.fixture
def shared(postgres: str, migrated_postgres: str) -> Iterator[Database]:
    """A database that several machines can share."""
    with postgres_database(postgres, migrated_postgres) as url:
        made = Database(url)
        yield made
        made.close()


def say(database: Database, name: str, **told: str) -> None:
    """Let a machine say something."""
    with database.write() as connection:
        store.say(connection, name, "code", ("k1",), **told)


def waited(database: Database, clock: Clock, patience: float = 60, *, is_current: bool = True) -> bool:
    """What waiting for new articles comes to."""
    return Agreement(database.url, OWN, patience, clock.pause).wait("new", clock.now, lambda: is_current)


def test_a_machine_alone_waits_for_nobody(shared: Database, clock: Clock) -> None:
    """Neither where no other lives, nor on SQLite."""
    say(shared, "one", served="old")

    assert waited(shared, clock)
    assert waited(Database("sqlite://"), clock)
    assert clock.looks == 0


def test_articles_are_shown_when_all_have_them(shared: Database, clock: Clock) -> None:
    """And not before; what is ready is told to the others."""
    say(shared, "two", served="old")
    clock.then[5] = lambda: say(shared, "two", ready="new")

    assert waited(shared, clock)
    assert clock.looks == 5
    with shared.read() as connection:
        assert {each.name: each.ready for each in store.everything(connection)} == {"one": "new", "two": "new"}


def test_patience_ends(shared: Database, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A machine whose articles do not come keeps the others for so long, and is named."""
    say(shared, "two", served="old")

    assert waited(shared, clock, patience=30)
    assert clock.now == 30
    assert "without waiting any longer for two" in caplog.text


def test_without_the_database_patience_decides(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Articles are shown although nobody can be asked."""
    gone = Database("postgresql+psycopg://portal@127.0.0.1:1/portal")

    assert waited(gone, clock, patience=1)
    assert "the database" in caplog.text


def test_newer_files_are_read_first(shared: Database, clock: Clock) -> None:
    """Half of a copy is never waited for, once the other half is there."""
    say(shared, "two", served="old")

    assert not waited(shared, clock, is_current=False)
    assert clock.now < 3


def test_a_publication_waits_and_begins_anew(tmp_path: Path) -> None:
    """Readers see the old articles while it waits; where files have changed meanwhile, those are shown."""
    root, data = write_library(tmp_path / "articles"), tmp_path / "var"
    data.mkdir()
    Publisher(root, data).publish(NOW)
    seen: list[tuple[str, bool]] = []

    def agree(digest: str, _begun: float, is_current: Callable[[], bool]) -> bool:
        database = Database(f"sqlite:///{data / 'articles.db'}")
        with database.read() as connection:
            seen.append((digest, published.state(connection, "digest") == digest))
        database.close()
        if len(seen) == 1:
            write_article(root, title="Even newer")
        return is_current()

    write_article(root, title="New")
    Publisher(root, data, agree=agree).publish(NOW)

    database = Database(f"sqlite:///{data / 'articles.db'}")
    with database.read() as connection:
        article = published.Loader().load(connection, "en").articles["en", "reset-password"].article
    database.close()
    assert article.title == "Even newer"
    assert [is_seen for _, is_seen in seen] == [False, False]
    assert seen[0][0] != seen[1][0]


def test_equal_articles_have_one_digest(tmp_path: Path) -> None:
    """Whenever and wherever they are published, in one step or several; any change makes another."""
    digests: list[str] = []
    for name, title in (("a", ""), ("b", ""), ("c", "Another")):
        root, data = write_library(tmp_path / name / "articles"), tmp_path / name / "var"
        data.mkdir()
        if name == "b":
            write_article(root, slug="gone")
            Publisher(root, data).publish(NOW)
            (root / "en" / "gone.md").unlink()
        if title:
            write_article(root, title=title)
        Publisher(root, data).publish(NOW + timedelta(days=len(digests)))
        database = Database(f"sqlite:///{data / 'articles.db'}")
        with database.read() as connection:
            digests.append(published.state(connection, "digest"))
        database.close()

    assert digests[0] == digests[1] != digests[2]


def test_equal_code_has_one_build(tmp_path: Path) -> None:
    """Wherever and whenever it was installed; any change makes another."""
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text(text)

    builds = [build_of(tmp_path / name) for name in "abc"]

    assert builds[0] == builds[1] != builds[2]


def test_names(tmp_path: Path) -> None:
    """As the settings say, else host and port; every machine tells the names of its keys."""
    made = settings(tmp_path, tmp_path, node="left", port=8001)

    assert name_of(made) == "left"
    assert name_of(settings(tmp_path, tmp_path, port=8001)).endswith(":8001")
    assert this(made, "b", b"k" * 32).name == "left"
    leave(made)  # On SQLite there is nobody to be told.


def test_a_worker_that_ends_takes_no_leave(shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a copy of the main process, and comes to the same end; the machine is still there."""

    def names() -> list[str]:
        with shared.read() as connection:
            return [each.name for each in store.everything(connection)]

    made = settings(tmp_path, tmp_path, node="one", database_url=shared.url)
    say(shared, "one")
    with monkeypatch.context() as worker, present(made):
        worker.setattr("portal.nodes.os.getpid", lambda: 0)
    assert names() == ["one"]

    with present(made):
        pass
    assert names() == []


def test_the_command_tells_what_differs(shared: Database, tmp_path: Path) -> None:
    """Who lives, and that they show different articles."""
    say(shared, "one", served="a" * 32)
    say(shared, "two", served="b" * 32)

    told = portal("nodes", "--data", str(tmp_path / "var"), PORTAL_DATABASE_URL=shared.url).stdout

    assert "one" in told
    assert "two" in told
    assert "The living machines show different articles." in told
    assert "different code" not in told


def test_a_budget_is_exact_where_several_take_the_last_of_it() -> None:
    """What was counted beyond it is given back, so that a refusal costs nothing."""
    budgets = Budgets("memory://", session=1, network=9, anonymous=9, total=9)
    local = budgets._local
    visitor = Visitor("s" * 32, True, "192.0.2.0/24")
    test, local.test = local.test, lambda *_: True  # type: ignore[method-assign]

    assert [budgets.take(visitor) for _ in range(5)] == [True] + [False] * 4
    assert local.get_window_stats(budgets._network, "network", visitor.network).remaining == 8
    local.test = test  # type: ignore[method-assign]


@pytest.mark.parametrize("apart", [0.001, 1.0, 60.0])
def test_a_mail_is_taken_once_wherever_rounds_begin(database: Database, apart: float) -> None:
    """A machine whose round began earlier, or whose clock goes behind, sees what another has taken as taken."""
    with database.write() as connection:
        outbox.add(connection, Mail("ada@example.org", "Ada", "en", "Hello", "Text", ""), "one", NOW)
        first = outbox.claim(connection, NOW + timedelta(seconds=apart), 900)
        second = outbox.claim(connection, NOW, 900)

    assert first is not None
    assert second is None
