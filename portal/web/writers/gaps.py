"""Gaps as a to-do list: what people asked in vain, who writes about it, and closing with proof."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from portal import closing
from portal.errors import (
    AlreadyTaken,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotProven,
    SearchUnavailable,
    StaleTicket,
    TransitionRefused,
)
from portal.people import Right, may
from portal.storage import claims, unanswered
from portal.storage import tickets as store
from portal.storage.unanswered import Gap
from portal.tickets import PROOF_RANK, PROVEN, UNSOLVED, Action, Resolution
from portal.web import forms
from portal.web.desk.actions import read_form, version_of, why_not_proven
from portal.web.desk.page import edition_now, empty_form
from portal.web.security import needs, person
from portal.web.services import services
from portal.web.writers import blueprint
from portal.web.writers.choosing import spoken, wanted
from portal.writing.planning.answered import answered
from portal.writing.planning.begun import begun

#: Gaps on one page, and wordings that are shown with each.
PAGE_SIZE, WORDINGS = 50, 5
#: Wordings on a gap's own page.
ALL_WORDINGS = 200


@blueprint.get("/gaps")
@needs(Right.WRITE_ARTICLES)
def gaps() -> str:
    """What people asked in vain, most asked first, with its wordings and who writes about it."""
    language = wanted()
    after = _place(request.args.get("after", ""))
    with services().database.read() as connection:
        found = unanswered.page(connection, spoken(language), after, PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        numbers = [gap.number for gap in shown]
        known = {
            "counts": unanswered.counts(connection),
            "claims": claims.of(connection, numbers),
            "variants": unanswered.variants(connection, numbers),
        }
    # After the transaction, which searching must not keep open.
    edition = services().edition
    return render_template(
        "desk/writers_gaps.html",
        gaps=shown,
        more=f"{shown[-1].occurrences}~{shown[-1].number}" if len(found) > PAGE_SIZE else "",
        chosen=language,
        most=WORDINGS,
        articles=edition.knowledge,
        answered=answered(edition, shown),
        begun=partial(begun, edition.knowledge),
        **known,
    )


def _place(text: str) -> tuple[int, int] | None:
    """Where the page before ended; None for the first page and for anything that is no such place."""
    times, _separator, number = text.partition("~")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in (times, number)):
        return None
    return int(times), int(number)


@blueprint.get("/gaps/<int(max=2147483647):number>")
@needs(Right.WRITE_ARTICLES)
def gap(number: int) -> Response:
    """All wordings of a gap, what its search finds now, and the way to close it."""
    return gap_page(number, empty_form())


def gap_page(number: int, form: forms.Form, problem: str = "", status: int = 200, **more: Any) -> Response:
    """A gap as it is now.

    Args:
        number: of the gap.
        form: what the writer has typed, and what is wrong with it.
        problem: why it was not done, as a sentence.
        status: of the answer.
        **more: further variables of the template.
    """
    me = person()
    with services().database.read() as connection:
        found = unanswered.several(connection, [number]).get(number)
        if found is None:
            raise NotFound(f"gap {number}")
        ticket = store.get(connection, number)
        claim = claims.of(connection, [number]).get(number)
        shown: dict[str, Any] = {
            "gap": found,
            "ticket": ticket,
            "claim": claim,
            "variants": unanswered.variants(connection, [number])[number][:ALL_WORDINGS],
            "is_unsolved": ticket.status in UNSOLVED,
            "may_release": claim is not None and (claim.person_id == me.id or may(me, Right.SUPERVISE)),
        }
    edition = edition_now()
    candidates: list[tuple[int, str, str]] = []
    proof = answered(edition, [found]).get(number) if edition is not None and shown["is_unsolved"] else None
    if edition is not None and shown["is_unsolved"]:
        try:
            candidates = closing.candidates(edition, ticket)
        except SearchUnavailable:
            edition = None
    page = render_template(
        "desk/writers_gap.html",
        form=form,
        problem=problem,
        candidates=candidates,
        proof=proof,
        begun=partial(begun, edition.knowledge) if edition else lambda _gap: None,
        can_search=edition is not None,
        articles=edition.knowledge if edition else None,
        ways=[way for way in closing.OF_GAP if way in PROVEN],
        usual=_usual(found),
        proof_rank=PROOF_RANK,
        me=me,
        **more,
        **shown,
    )
    return make_response(page, status)


def _usual(found: Gap) -> Resolution:
    """The way in which such a gap is mostly closed."""
    return Resolution.TRANSLATED if found.kind == "translation" else Resolution.ARTICLE_WRITTEN


def _doing(number: int, form: forms.Form, act: Callable[[], str], back: str) -> AnyResponse:
    """Do something to a gap and say so where the writer came from; or show it with why it was not done."""
    try:
        told = act()
    except InvalidInput as error:
        form.errors[error.field] = error.code
        return gap_page(number, form, status=400)
    except AlreadyTaken as error:
        return gap_page(number, form, _("%(writer)s has already taken this on.", writer=error.owner), 409)
    except NotAllowed:
        theirs = _("Another writer has taken this on. Only they or a supervisor can give it back.")
        return gap_page(number, form, theirs, 403)
    except StaleTicket:
        stale = _(
            "Something has changed since you opened the page. Below you see how it is now; what you typed is kept."
        )
        return gap_page(number, form, stale, 409)
    except TransitionRefused:
        return gap_page(number, form, _("This is no longer waiting for an answer."), 409)
    except NotProven as error:
        why, _gap = why_not_proven(number, error)
        return gap_page(number, form, status=409, unproven=why)
    except SearchUnavailable:
        return gap_page(
            number,
            form,
            _("Search does not work at the moment, so nobody can tell whether the article answers it."),
            503,
        )
    flash(told, "done")
    return redirect(_address(back, number), 303)


def _address(back: str, number: int) -> str:
    """Where a writer came from: the list of what to do, that of the gaps, or the gap itself."""
    chosen: dict[str, Any] = {"in": wanted() or None}
    known = {
        "todo": lambda: url_for("writers.page", **chosen),
        "gaps": lambda: url_for("writers.gaps", _anchor=f"ui-gap-{number}", **chosen),
    }
    return known[back]() if back in known else url_for("writers.gap", number=number)


@blueprint.post("/gaps/<int(max=2147483647):number>/claim")
@needs(Right.WRITE_ARTICLES)
def claim(number: int) -> AnyResponse:
    """Take a gap on."""

    def act() -> str:
        services().claims.claim(person(), number, services().clock())
        return str(_("You have taken it on. Others see that you write about it."))

    return _doing(number, read_form("claim"), act, forms.read("back")["back"])


@blueprint.post("/gaps/<int(max=2147483647):number>/release")
@needs(Right.WRITE_ARTICLES)
def release(number: int) -> AnyResponse:
    """Give a gap back."""

    def act() -> str:
        services().claims.release(person(), number, services().clock())
        return str(_("You have given it back. Anybody can take it on now."))

    return _doing(number, read_form("release"), act, forms.read("back")["back"])


@blueprint.post("/gaps/<int(max=2147483647):number>/close")
@needs(Right.WRITE_ARTICLES)
def close(number: int) -> AnyResponse:
    """Close a gap by an article that its own search finds now."""
    form = read_form("close", "resolution", "slug")
    chosen = form.values["resolution"]
    resolution = Resolution(chosen) if chosen in {way.value for way in PROVEN} else None

    def act() -> str:
        now = services().clock()
        solve = services().closing.solve
        if resolution is None:
            raise InvalidInput("resolution", "missing")
        solve(edition_now(), person(), number, resolution, form.values["slug"], "", now, version_of(form))
        return _closed(number)

    return _doing(number, form, act, "")


def _closed(number: int) -> str:
    """What came of closing a gap, as a sentence."""
    with services().database.read() as connection:
        history = store.history(connection, number)
    proof = next(event.details for event in reversed(history) if event.action is Action.SOLVE)
    said = _("Closed: the search finds the article at rank %(rank)s.", rank=proof["rank"])
    told = int(proof["told"])
    people = ngettext("%(num)s person is being told.", "%(num)s people are being told.", told)
    return f"{said} {people}" if told else said
