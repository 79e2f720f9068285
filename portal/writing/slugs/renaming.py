"""Renames an article in all languages, or retires it in favour of another: every old address goes on leading somewhere.

Old slugs go into `redirects.yml` rather than into the `aliases` of a front matter: an alias stands in one language's text and
is deleted with it, a line of the file stays whatever becomes of the article.
"""

from pathlib import Path

from portal.articles import SLUG_LENGTH, is_slug
from portal.writing.slugs.plan import Plan, Refused
from portal.writing.slugs.rework import Rework


def plan_rename(root: Path, old: str, new: str, default_language: str) -> Plan:
    """Everything that gives an article another slug.

    Args:
        root: folder of the articles.
        old: slug that it has, in whatever languages; where `redirects.yml` says already that it leads to the new one,
            as after a rename that was killed, the languages that have the new one are the same article's.
        new: slug that it gets.
        default_language: the likeliest source of a family.

    Raises:
        Refused: there is no such article, or the new slug is or was another one's.
        CannotEdit: `redirects.yml` has errors.
        CannotStart: the folder cannot be used.
    """
    if not is_slug(new):
        small = f"small Latin letters and digits joined by hyphens, at most {SLUG_LENGTH}"
        raise Refused(f"{new[:SLUG_LENGTH]!r} is no slug: {small}, without folder and .md.")
    work = Rework(root, default_language, (old, new))
    work.resume(old, new)
    work.must_exist(old)
    work.must_be_files(old)
    work.must_be_free(new, old)
    given_back = work.may_take(new, old)
    work.drop_alias(new, old)
    work.turn_links(old, new)
    work.keep_fresh()
    work.set_redirects({old: new}, given_back)
    work.move(old, new)
    work.finish(old, new)
    plan = work.plan
    if plan.is_resumed and not (plan.moved or plan.links or plan.sources or plan.featured):
        raise Refused(f"There is no article {old!r}. It is {new} now, and nothing is left to do.")
    return plan


def plan_retirement(root: Path, old: str, new: str | None, default_language: str, *, is_forced: bool = False) -> Plan:
    """Everything that takes an article away and lets its addresses lead to another one.

    Args:
        root: folder of the articles.
        old: slug of the article that goes.
        new: slug of the one that takes its place; None where none does.
        default_language: the likeliest source of a family.
        is_forced: also in languages in which the other one cannot be read.

    Raises:
        Refused: there is no such article, or readers could not open the other one, be it in one language.
        CannotEdit: `redirects.yml` has errors.
        CannotStart: the folder cannot be used.
    """
    work = Rework(root, default_language, (old,))
    work.must_exist(old)
    work.must_be_files(old)
    if new is not None:
        work.must_exist(new)
        if old == new:
            raise Refused(f"{old} cannot take its own place.")
        if not work.is_published(new):
            raise Refused(f"{new} is a draft or for writers in every language: readers of {old} could not open it.")
        if not is_forced:
            work.must_cover(new, old)
        work.turn_links(old, new, work.anchors(new))
        work.keep_fresh(without=old)
    else:
        work.name_links(old)
    work.set_redirects(dict.fromkeys((old, *work.aliases(old)), new))
    work.delete(old)
    work.finish(old, new)
    return work.plan
