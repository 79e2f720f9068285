"""The parts of the desk, joined once for each process."""

from dataclasses import dataclass
from datetime import timedelta

from portal.authoring import Authoring
from portal.desk.administration import Administration
from portal.desk.ageing import Ageing
from portal.desk.assignment import Assigner
from portal.desk.calls import Calls
from portal.desk.drafting import Drafting
from portal.desk.escalation import Escalation
from portal.desk.finding import Finding, analysis
from portal.desk.incidents import Incidents
from portal.desk.merging import Merging
from portal.desk.posting import Posting
from portal.desk.presence import Presence
from portal.desk.suppliers import Suppliers
from portal.desk.surveys import Surveys
from portal.desk.work import Desk
from portal.digest_letters import DigestLetters
from portal.edition import Editions
from portal.reporting.digest import Digests
from portal.settings import Settings
from portal.staff import Staff
from portal.storage import Database
from portal.supplier_letters import SupplierLetters


@dataclass(kw_only=True)
class DeskServices:
    """What the desk's doors work with."""

    posting: Posting
    desk: Desk
    staff: Staff
    administration: Administration
    presence: Presence
    drafting: Drafting
    escalation: Escalation
    ageing: Ageing
    assigner: Assigner
    merging: Merging
    incidents: Incidents
    suppliers: Suppliers
    calls: Calls
    surveys: Surveys
    authoring: Authoring
    finding: Finding
    digests: Digests


def open_desk(
    settings: Settings, database: Database, editions: Editions, posting: Posting, secret: bytes
) -> DeskServices:
    """Join the parts of the desk."""
    zone = settings.time_zone
    domain = settings.sender.rpartition("@")[2]
    stationery = settings.public_url, settings.site_name, zone
    local = settings.sender.rpartition("@")[0] if settings.mail_in else ""
    lifetime, idle = timedelta(hours=settings.session_hours), timedelta(minutes=settings.session_idle_minutes)
    return DeskServices(
        posting=posting,
        desk=Desk(database, posting, zone),
        staff=Staff(database, settings.sign_in_attempts, lifetime, idle, secret, settings.names),
        administration=Administration(database),
        presence=Presence(database),
        drafting=Drafting(database),
        escalation=Escalation(database, zone),
        ageing=Ageing(database, zone),
        assigner=Assigner(database, zone),
        merging=Merging(database, posting),
        incidents=Incidents(database, posting, settings.default_language),
        suppliers=Suppliers(database, SupplierLetters(*stationery), secret, domain, local),
        calls=Calls(database, zone),
        surveys=Surveys(database, posting),
        authoring=Authoring(database),
        finding=Finding(database, analysis(editions)),
        digests=Digests(database, DigestLetters(*stationery), domain, secret),
    )
