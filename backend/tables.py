"""All tables of the product, for migrations: importing this module fills `metadata`."""

from backend.core import audit, jobs, outbox, public_log, storage
from backend.core.database import metadata
from backend.integrations.authorities import models as authorities
from backend.integrations.deliveries import models as deliveries
from backend.integrations.first_day import models as first_day
from backend.integrations.imports import models as imports
from backend.integrations.notifications import models as notifications
from backend.integrations.partner_api import models as partner_api
from backend.integrations.reconciliation import models as reconciliation
from backend.integrations.webhooks import models as webhooks
from backend.records.assessment import models as assessment
from backend.records.calendar import models as calendar
from backend.records.copies import models as copies
from backend.records.decisions import models as decisions
from backend.records.departments import models as departments
from backend.records.duties import models as duties
from backend.records.freezes import models as freezes
from backend.records.gradebook import models as gradebook
from backend.records.handover import models as handover
from backend.records.phrases import models as phrases
from backend.records.plans import models as plans
from backend.records.privacy import models as privacy
from backend.records.publishing import models as publishing
from backend.records.regulations import models as regulations
from backend.records.review import models as review
from backend.records.rollover import models as rollover
from backend.records.roster import models as roster
from backend.records.season import models as season
from backend.records.shares import models as shares
from backend.records.signing_order import models as signing_order
from backend.records.transcripts import models as transcripts
from backend.records.transfers import models as transfers
from backend.records.transparency import models as transparency
from backend.records.verification import models as verification
from backend.remote_signing.accounts import models as accounts
from backend.remote_signing.archiving import models as archiving
from backend.remote_signing.credentials import models as credentials
from backend.remote_signing.mandates import models as mandates
from backend.remote_signing.requests import models as requests
from backend.remote_signing.token_helpers import models as token_helpers
from backend.tenants.api_clients import models as api_clients
from backend.tenants.approvals import models as approvals
from backend.tenants.delegations import models as delegations
from backend.tenants.federation import models as federation
from backend.tenants.people import models as people
from backend.tenants.policies import models as policies
from backend.tenants.schools import models as schools
from backend.tenants.staffing import models as staffing
from backend.tenants.subscriptions import models as subscriptions

#: Named so that a table nobody imported here is noticed by the guard tests.
MODULES = (
    audit,
    jobs,
    outbox,
    public_log,
    storage,
    schools,
    subscriptions,
    people,
    policies,
    federation,
    staffing,
    delegations,
    approvals,
    api_clients,
    accounts,
    credentials,
    requests,
    archiving,
    mandates,
    token_helpers,
    roster,
    plans,
    departments,
    calendar,
    duties,
    freezes,
    gradebook,
    phrases,
    publishing,
    review,
    regulations,
    signing_order,
    decisions,
    assessment,
    transcripts,
    copies,
    season,
    rollover,
    transparency,
    verification,
    shares,
    transfers,
    handover,
    privacy,
    imports,
    partner_api,
    webhooks,
    authorities,
    deliveries,
    reconciliation,
    notifications,
    first_day,
)

__all__ = ["MODULES", "metadata"]
