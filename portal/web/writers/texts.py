"""Which texts a language lacks, or has too old, among the articles that are read most."""

from flask import render_template, request

from portal.people import Right
from portal.services import VISITS_OF
from portal.web.i18n import language
from portal.web.security import needs
from portal.web.services import services
from portal.web.writers import blueprint
from portal.web.writers.choosing import page_number, wanted
from portal.writing.planning.status import LACKING, TOPS, State, coverage
from portal.writing.planning.status import texts as texts_of

#: Texts on one page.
PAGE_SIZE = 50


@blueprint.get("/texts")
@needs(Right.WRITE_ARTICLES)
def texts() -> str:
    """The texts of a language in some state, most read first; all that is to be done where none is asked for."""
    code = wanted() or language()
    asked = request.args.get("state", "")
    state = State(asked) if asked in set(State) else None
    top = next((each for each in TOPS if str(each) == request.args.get("top", "")), None)
    knowledge, visits = services().edition.knowledge, services().visits()
    found = texts_of(knowledge, visits, code, LACKING if state is None else (state,), top)
    [figures] = [each for each in coverage(knowledge, visits, (top,)) if each.language == code]
    number = page_number()
    start = PAGE_SIZE * (number - 1)
    return render_template(
        "desk/writers_texts.html",
        texts=found[start : start + PAGE_SIZE],
        total=len(found),
        page=number,
        pages=-(-len(found) // PAGE_SIZE),
        figures=figures,
        chosen=code,
        state=state,
        states=list(State),
        top=top,
        tops=TOPS,
        days=VISITS_OF.days,
        articles=knowledge,
    )
