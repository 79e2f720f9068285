"""What a search makes of a query in four languages: as typed, put right, in another language, and what is shown."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from portal import learning
from portal.edition import Edition, Editions
from portal.locales import CODES
from portal.queries import Query, Verdict, read_query
from portal.search.inquiry import MARGIN, Inquirer
from portal.search.understanding import RepairKind
from portal.selfservice import FOREIGN_SHOWN, PAGE_SIZE, Answer, answer
from portal.services import Services
from portal.settings import Settings
from tests.builders import write_article
from tests.publishing import Folder

#: What can be done, in each language; one word means one thing.
ACTIONS = {
    "delete": {"en": "delete", "fr": "supprimer", "de": "löschen", "ru": "удалить"},
    "print": {"en": "print", "fr": "imprimer", "de": "drucken", "ru": "напечатать"},
    "order": {"en": "order", "fr": "commander", "de": "bestellen", "ru": "заказать"},
    "encrypt": {"en": "encrypt", "fr": "chiffrer", "de": "verschlüsseln", "ru": "зашифровать"},
    "repair": {"en": "repair", "fr": "réparer", "de": "reparieren", "ru": "починить"},
}
#: To what.
THINGS = {
    "invoice": {"en": "invoice", "fr": "facture", "de": "Rechnung", "ru": "квитанция"},
    "folder": {"en": "folder", "fr": "dossier", "de": "Ordner", "ru": "папка"},
    "pass": {"en": "pass", "fr": "laissez-passer", "de": "Ausweis", "ru": "пропуск"},
    "keyboard": {"en": "keyboard", "fr": "clavier", "de": "Tastatur", "ru": "клавиатура"},
}
TITLE = {"en": "{0} the {1}", "fr": "{0} la {1}", "de": "{1} {0}", "ru": "{0} {1}"}
BODY = {
    "en": "Choose the {1} and click {0}.\n\n## Why {0} the {1}\n\nThis office needs it.",
    "fr": "Choisissez la {1} et cliquez sur {0}.\n\n## Raison de {0} la {1}\n\nCe bureau en a besoin.",
    "de": "Wählen Sie die {1} und klicken Sie {0}.\n\n## Grund {1} zu {0}\n\nDieses Büro braucht das.",
    "ru": "Выберите {1} и нажмите {0}.\n\n## Причина {0} {1}\n\nЭто нужно офису.",
}
#: The one language that an article exists in.
ONLY = {"repair-keyboard": "de", "encrypt-pass": "fr", "order-invoice": "ru", "print-folder": "en"}


def write(root: Path) -> Path:
    """Twenty articles, sixteen of them in four languages."""
    for (action, doing), (thing, names) in product(ACTIONS.items(), THINGS.items()):
        slug = f"{action}-{thing}"
        for code in CODES:
            if ONLY.get(slug, code) == code:
                words = doing[code], names[code]
                topic = "devices" if thing == "keyboard" else "papers"
                write_article(root, code, slug, TITLE[code].format(*words), BODY[code].format(*words), topic=topic)
    labels = "{en: Name, fr: Nom, de: Name, ru: Имя}"
    (root / "topics.yml").write_text(f"devices:\n  name: {labels}\npapers:\n  name: {labels}\n", encoding="utf-8")
    return root


def opened(data: Path) -> Edition:
    """A process of its own."""
    return Editions(data, "en", Settings().cuts).current()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The published library, of which nothing has been learned."""
    base = tmp_path_factory.mktemp("inquiry")
    made = Folder(write(base / "articles"), base / "var")
    made.publish()
    return made


@pytest.fixture(scope="module")
def plain(folder: Folder) -> Iterator[Edition]:
    """The library without term tables."""
    made = opened(folder.data)
    yield made
    made.index.close()


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edition]:
    """The library with term tables."""
    base = tmp_path_factory.mktemp("learned")
    made = Folder(write(base / "articles"), base / "var")
    made.publish()
    assert learning.learn(made.data) == 6
    edition = opened(made.data)
    yield edition
    edition.index.close()


def slugs(found: Answer) -> list[str]:
    return [result.item.article.slug for result in found.results]


def elsewhere(found: Answer) -> dict[str, list[str]]:
    return {code: [result.item.article.slug for result in group] for code, group in found.elsewhere}


def every_title() -> list[tuple[str, str, str]]:
    """Language, title and slug of every family that is there in all languages."""
    return [
        (code, TITLE[code].format(doing[code], names[code]), f"{action}-{thing}")
        for (action, doing), (thing, names) in product(ACTIONS.items(), THINGS.items())
        for code in CODES
        if f"{action}-{thing}" not in ONLY
    ]


@pytest.mark.parametrize("known", ["plain", "learned"])
def test_a_title_is_answered_as_it_was_typed(known: str, request: pytest.FixtureRequest) -> None:
    """What is good is left alone: nothing put right, no other language, the article first."""
    edition: Edition = request.getfixturevalue(known)

    for language, title, slug in every_title():
        found = answer(edition, Query(language, title))
        assert found.inquiry is not None
        assert (found.verdict, slugs(found)[0], found.asked_in, found.code) == (Verdict.ANSWERED, slug, None, None)
        assert (found.repairs, found.searched) == ((), title)
        assert found.inquiry.typed is found.inquiry.own
        assert found.inquiry.guess == language


def test_exact_means_exact(learned: Edition) -> None:
    """No repair, no other language, whatever comes of it."""
    wrong = Query("en", "delte the keybord")
    foreign = Query("en", "Tastatur löschen")

    found = answer(learned, read_query("en", wrong.text, is_exact=True))
    abroad = answer(learned, read_query("en", foreign.text, is_exact=True))

    assert answer(learned, wrong).repairs
    assert slugs(answer(learned, foreign))[:1] == ["delete-keyboard"]
    for exact in (found, abroad):
        assert (exact.verdict, exact.results, exact.repairs, exact.elsewhere) == (Verdict.UNANSWERED, (), (), ())
        assert exact.asked_in is None
        assert exact.searched == exact.query.text


@pytest.mark.parametrize("known", ["plain", "learned"])
def test_a_query_in_another_language_is_answered_in_the_readers(known: str, request: pytest.FixtureRequest) -> None:
    """In all twelve directions the article is shown in the language of the page, by way of its family."""
    edition: Edition = request.getfixturevalue(known)

    for (typed_in, title, slug), reader in product(every_title(), CODES):
        if reader == typed_in:
            continue
        found = answer(edition, Query(reader, title))
        assert found.verdict is Verdict.ANSWERED, (reader, title)
        assert slugs(found)[0] == slug, (reader, title)
        assert {result.item.article.language for result in found.results} == {reader}
        assert found.code is None


@pytest.mark.parametrize("known", ["plain", "learned"])
@pytest.mark.parametrize(("slug", "language"), ONLY.items())
def test_what_only_another_language_has_never_answers(
    slug: str, language: str, known: str, request: pytest.FixtureRequest
) -> None:
    """Asked in its own words on another page it is in that language's group, and the desk is told so."""
    edition: Edition = request.getfixturevalue(known)
    action, thing = slug.split("-")
    title = TITLE[language].format(ACTIONS[action][language], THINGS[thing][language])

    for reader in CODES:
        found = answer(edition, Query(reader, title))
        if reader == language:
            assert (found.verdict, slugs(found)[0]) == (Verdict.ANSWERED, slug)
            continue
        assert elsewhere(found).get(language, [])[:1] == [slug], (reader, title)
        assert found.verdict is not Verdict.ANSWERED, (reader, title)
        assert slug not in slugs(found)
        assert found.code == ("U1" if found.verdict is Verdict.UNANSWERED else None)


@pytest.mark.parametrize(("slug", "language"), ONLY.items())
def test_learned_words_find_what_only_another_language_has(slug: str, language: str, learned: Edition) -> None:
    """Asked in the reader's own language, the article in another one is found and is not taken for an answer."""
    action, thing = slug.split("-")

    for reader in CODES:
        if reader == language:
            continue
        title = TITLE[reader].format(ACTIONS[action][reader], THINGS[thing][reader])
        found = answer(learned, Query(reader, title))
        assert elsewhere(found).get(language, [])[:1] == [slug], (reader, title)
        assert found.verdict is not Verdict.ANSWERED, (reader, title)


def test_without_learned_words_they_are_not_found(plain: Edition) -> None:
    """It was the tables that did it."""
    assert "repair-keyboard" not in elsewhere(answer(plain, Query("ru", "починить клавиатура"))).get("de", [])


def test_words_that_nobody_has_are_unanswered_everywhere(learned: Edition) -> None:
    """No results, nothing elsewhere, U0; small words alone are no search."""
    for language in CODES:
        found = answer(learned, Query(language, "zxqv blorp"))
        assert (found.verdict, found.code, found.results, found.elsewhere) == (Verdict.UNANSWERED, "U0", (), ())
        assert found.confidence == 0.0
    assert answer(learned, Query("en", "how do I")).verdict is Verdict.EMPTY
    assert answer(learned, Query("en", "")).verdict is Verdict.EMPTY
    assert answer(learned, Query("ru", "?!")).code is None


def test_a_misspelt_query_is_put_right_and_says_so(learned: Edition) -> None:
    """What was searched for, and what was put right for it."""
    found = answer(learned, Query("en", "delete the keybord"))

    assert found.searched == "delete the keyboard"
    assert [(item.kind, item.typed, item.meant) for item in found.repairs] == [
        (RepairKind.SPELLING, "keybord", "keyboard")
    ]
    assert slugs(found)[0] == "delete-keyboard"
    assert found.verdict is Verdict.ANSWERED


def test_a_repair_is_kept_though_another_word_stays_unknown(shipped_services: Services) -> None:
    """With “password” for “pasword” more of the query is found, whatever “zxqv” is."""
    found = answer(shipped_services.edition, Query("en", "pasword printer zxqv"))

    assert [(item.typed, item.meant) for item in found.repairs] == [("pasword", "password")]


def test_words_of_two_languages_in_one_query_are_understood(learned: Edition) -> None:
    """“Tastatur delete” on an English page."""
    found = answer(learned, Query("en", "Tastatur delete"))

    assert slugs(found)[0] == "delete-keyboard"
    assert {result.item.article.language for result in found.results} == {"en"}


def test_a_topic_narrows_and_says_what_there_is_without_it(learned: Edition) -> None:
    """Only its articles; where it has none, how many there are without it, and the desk is not told."""
    everything = answer(learned, Query("en", "delete"))
    within = answer(learned, Query("en", "delete", "devices"))
    empty = answer(learned, Query("en", "invoice", "devices"))
    nothing = answer(learned, Query("en", "zxqv blorp", "devices"))
    unheard = answer(learned, Query("en", "delete", "no-such-topic"))

    assert slugs(within) == ["delete-keyboard"]
    assert within.unfiltered == 0
    assert everything.total == 4
    assert (empty.verdict, empty.results, empty.code) == (Verdict.UNANSWERED, (), None)
    unfiltered = answer(learned, Query("en", "invoice"))
    assert empty.unfiltered == unfiltered.total + sum(len(group) for group in elsewhere(unfiltered).values()) == 5
    assert (nothing.unfiltered, nothing.code) == (0, "U0")
    assert unheard.unfiltered >= 4


def test_a_topic_narrows_other_languages_as_well(learned: Edition) -> None:
    """Neither a translation nor a foreign article of another topic is shown."""
    translated = answer(learned, Query("en", "Tastatur löschen", "papers"))
    only_there = answer(learned, Query("en", "Tastatur reparieren", "papers"))

    for found in (translated, only_there):
        shown = [*found.results, *(result for _, group in found.elsewhere for result in group)]
        assert all(result.item.article.topic == "papers" for result in shown)
    assert answer(learned, Query("ru", "Tastatur reparieren", "devices")).elsewhere[0][0] == "de"


@pytest.mark.parametrize("language", CODES)
def test_each_family_is_shown_once(language: str, learned: Edition) -> None:
    """In the results or in one group, whatever language the words are of; groups are short and never the reader's."""
    texts = [TITLE[code].format(ACTIONS[a][code], THINGS[t][code]) for a in ACTIONS for t in THINGS for code in CODES]

    for text in [*texts, "delete löschen supprimer удалить", "keyboard Tastatur clavier клавиатура"]:
        found = answer(learned, Query(language, text))
        shown = slugs(found) + [slug for group in elsewhere(found).values() for slug in group]
        assert len(shown) == len(set(shown)), text
        assert language not in elsewhere(found)
        assert all(0 < len(group) <= FOREIGN_SHOWN for group in elsewhere(found).values())
        own = {slug for code, slug in learned.knowledge.articles if code == language}
        assert not own & {slug for group in elsewhere(found).values() for slug in group}


def test_pages_follow_each_other(learned: Edition) -> None:
    """Ten on a page, none twice, none left out; the same verdict on each; what other languages have on the first."""
    text = " ".join(doing["en"] for doing in ACTIONS.values())
    pages = [answer(learned, Query("en", text), page) for page in (1, 2, 3)]

    assert [len(page.results) for page in pages] == [PAGE_SIZE, pages[0].total - PAGE_SIZE, 0]
    assert {page.total for page in pages} == {17}
    assert {page.verdict for page in pages} == {pages[0].verdict}
    assert len({*slugs(pages[0]), *slugs(pages[1])}) == 17
    assert pages[1].elsewhere == ()
    assert answer(learned, Query("en", text), 10**9).results == ()


def test_the_second_page_of_a_foreign_query_is_no_gap(plain: Edition) -> None:
    """What was found by way of another language is one page; the next one is empty, and not for want of an answer."""
    first, second = (answer(plain, Query("en", "Tastatur löschen"), page) for page in (1, 2))

    assert (first.verdict, first.asked_in, first.total) == (Verdict.ANSWERED, "de", len(first.results))
    assert second.results == ()
    assert (second.verdict, second.code) == (first.verdict, None)


def test_what_other_languages_have_is_about_the_same(learned: Edition) -> None:
    """A group holds no article that has nothing of the query but a word of an unlikely translation."""
    strange = {
        title: elsewhere(found)
        for language, title, slug in every_title()
        if (found := answer(learned, Query(language, title))).elsewhere
        and any(
            not set(other.split("-")) & set(slug.split("-")) for group in elsewhere(found).values() for other in group
        )
    }

    assert strange == {}


def test_a_language_without_articles_is_not_asked(tmp_path: Path) -> None:
    """Readers of a language that has none are shown what the others have."""
    write_article(tmp_path / "articles", "en", "delete-keyboard", "Delete the keyboard")
    made = Folder(tmp_path / "articles", tmp_path / "var")
    made.publish()
    edition = opened(made.data)

    found = answer(edition, Query("ru", "delete the keyboard"))

    assert (found.verdict, found.code) == (Verdict.UNANSWERED, "U1")
    assert elsewhere(found) == {"en": ["delete-keyboard"]}


def test_the_inquirer_needs_no_translator(plain: Edition) -> None:
    """Without one, words stay as they are; a surer reading in another language is still found."""
    inquirer = Inquirer(plain.index, CODES, 0.6)

    abroad = inquirer.ask("en", "Tastatur löschen")
    at_home = inquirer.ask("en", "delete the keyboard")

    assert abroad.asked_in is not None
    assert (abroad.asked_in.language, abroad.guess) == ("de", "de")
    assert abroad.asked_in.confidence > abroad.own.confidence + MARGIN
    assert (at_home.asked_in, at_home.guess) == (None, "en")
    assert [reading.language for reading in inquirer.elsewhere(at_home.own)] == ["fr", "de", "ru"]


def test_words_of_another_language_in_a_query_are_translated_and_named(shipped_services: Services) -> None:
    """Half a query in one language, half in another: what was taken for what is told."""
    mixed = answer(shipped_services.edition, Query("de", "keyboard umstellen"))
    own = answer(shipped_services.edition, Query("de", "Tastatur umstellen"))

    assert mixed.translated == (("keyboard", "tastatur"),)
    assert mixed.results[0].item.article.slug == own.results[0].item.article.slug == "keyboard-layout"
    assert own.translated == ()
