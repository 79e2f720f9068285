"""What every page of writers shows beside its own: how many files have an error."""

from portal.web.desk.page import edition_now
from portal.web.writers import blueprint


@blueprint.context_processor
def of_frame() -> dict[str, object]:
    """Files that readers do not see for an error; none while nothing has been published."""
    edition = edition_now()
    return {"broken_files": len(edition.knowledge.broken) if edition else 0}
