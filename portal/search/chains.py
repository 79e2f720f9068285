"""What is done to the words of each language before they are searched: one chain per language, as data."""

import re
from dataclasses import dataclass

from whoosh.lang.stopwords import stoplists


@dataclass(frozen=True)
class Chain:
    """What is done to the words of one language."""

    #: Words that carry no subject, in addition to the usual list, as they are written.
    stop: frozenset[str]
    #: Articles and pronouns that are joined to a word with an apostrophe.
    elided: frozenset[str] = frozenset()
    #: What is written in two ways, once accents are gone, and what it is brought to before stemming.
    letters: tuple[re.Pattern[str], str] | None = None
    #: What may stand between the parts of a compound; empty where the language writes its compounds apart.
    links: tuple[str, ...] = ()


CHAINS = {
    "en": Chain(
        frozenset("could does doesnt didnt cannot cant dont isnt wont im ive id wasnt get got want please".split())
        | frozenset(stoplists["en"]),
    ),
    "fr": Chain(
        frozenset(
            "les cette cet ceci cela ça quel quelle quels quelles comment pourquoi quand où faire fait fais peut peux "
            "puis sans plus très si donc alors quoi dont entre vers chez ni aussi être avoir veux veut estce tout tous toute toutes combien".split()
        )
        # “Le son” is what one hears.
        | (frozenset(stoplists["fr"]) - {"son"}),
        elided=frozenset("l d j m t s n c qu jusqu lorsqu puisqu quoiqu".split()),
    ),
    "de": Chain(
        frozenset("warum weshalb wieso bitte darf gibt geht mal wird kannst könnt woran welchen gehts gibts".split())
        | frozenset(stoplists["de"]),
        # “Aenderung” is “Änderung”; the “ue” of “neuer” and “genauer” is none.
        letters=(re.compile(r"([ao])e|(?<![aeq])(u)e"), r"\1\2"),
        links=("", "s", "es", "n", "en", "er"),
    ),
    "ru": Chain(
        frozenset("ещё это почему сделать делать нужно хочу пожалуйста также либо".split())
        | frozenset(stoplists["ru"]),
    ),
}
"""The chain of every language."""
