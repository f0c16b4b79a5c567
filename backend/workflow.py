"""THE FLOW: the product on one page. Each event, and the tasks that follow it.

marks in → sheets submitted, checked, locked → assessed → confirmed → frozen → rendered → signed in order → issued →
packaged → delivered → accepted → locked

Aside, before that: withdrawn or recalled → corrected → frozen as the next version.

What is missing here is done by people: checking and locking a sheet, confirming results, freezing, consenting to
signatures, taking a version back.
"""

from backend.core.events import Event
from backend.core.jobs import Task
from backend.integrations.authorities import tasks as authorities
from backend.integrations.connections import tasks as connections
from backend.integrations.connections.events import TrialAsked
from backend.integrations.deliveries import tasks as deliveries
from backend.integrations.deliveries.events import (
    DeliveryAccepted,
    DeliveryLocked,
    DeliveryPackaged,
    DeliveryRecalled,
    DeliveryRejected,
    DeliverySubmitted,
    RecallRefused,
    RecallReturned,
)
from backend.integrations.notifications import tasks as notifications
from backend.integrations.reconciliation import tasks as reconciliation
from backend.integrations.webhooks import tasks as webhooks
from backend.records.assessment import tasks as assessment
from backend.records.assessment.events import ResultsComputed, ResultsConfirmed
from backend.records.copies import tasks as copies
from backend.records.copies.events import CopyIssued
from backend.records.freezes import tasks as freezes
from backend.records.freezes.events import ClassFreezeAsked
from backend.records.gradebook import tasks as gradebook
from backend.records.gradebook.events import GradeSheetLocked, GradeSheetReopened
from backend.records.handover import tasks as handover
from backend.records.handover.events import SchoolExportAsked
from backend.records.regulations.events import RegulationsChanged
from backend.records.roster.events import PupilNeedsAssessment
from backend.records.transcripts import tasks as transcripts
from backend.records.transcripts.events import (
    TranscriptFrozen,
    TranscriptIssued,
    TranscriptLocked,
    TranscriptRecallAsked,
    TranscriptRecalled,
    TranscriptRendered,
    TranscriptReplaced,
)
from backend.records.transfers import tasks as transfers
from backend.records.transfers.events import TransferDrafted, TransferOffered, TransferSealed
from backend.records.transparency import tasks as transparency
from backend.remote_signing.accounts.events import SecretKeyRotated
from backend.remote_signing.archiving import tasks as archiving
from backend.remote_signing.credentials import tasks as credentials
from backend.remote_signing.credentials.events import CertificateReplaced
from backend.remote_signing.mandates.events import SealMandateGiven
from backend.remote_signing.requests import tasks as signing
from backend.remote_signing.requests.events import (
    SigningConsented,
    SigningRequestCompleted,
    SigningRequestSigned,
    TurnsOpened,
)
from backend.remote_signing.unattended import tasks as unattended

FLOW: dict[type[Event], tuple[Task, ...]] = {
    PupilNeedsAssessment: (assessment.assess_class_of_pupil,),
    GradeSheetLocked: (assessment.assess_class_of_sheet,),
    GradeSheetReopened: (assessment.withdraw_confirmation, gradebook.lock_overdue),
    RegulationsChanged: (assessment.assess_class,),
    ResultsComputed: (),  # the homeroom teacher looks and confirms
    ResultsConfirmed: (webhooks.results_confirmed,),  # the school's management freezes
    ClassFreezeAsked: (freezes.freeze_class,),
    TranscriptFrozen: (transcripts.render,),
    TranscriptRendered: (transcripts.ask_for_signatures,),
    SigningConsented: (signing.prepare_call,),
    CertificateReplaced: (signing.retire_certificate,),
    SealMandateGiven: (unattended.seal_unattended,),
    TurnsOpened: (unattended.seal_unattended,),  # the others look into their trays
    SigningRequestSigned: (signing.complete_request,),
    SigningRequestCompleted: (transcripts.issue, transfers.seal),
    TranscriptIssued: (deliveries.open_delivery, webhooks.transcript_issued, transparency.issued),
    DeliveryPackaged: (transcripts.packaged,),
    DeliverySubmitted: (transcripts.submitted,),
    DeliveryAccepted: (transcripts.accepted, webhooks.delivery_accepted),
    # Management recalls it and corrects what was refused.
    DeliveryRejected: (transcripts.rejected, webhooks.delivery_rejected, notifications.urge),
    DeliveryLocked: (transcripts.locked,),
    TranscriptRecallAsked: (deliveries.open_recall,),
    # The pupil's marks are corrected and the next version frozen.
    DeliveryRecalled: (transcripts.recalled, notifications.urge),
    RecallRefused: (transcripts.recall_refused, notifications.urge),
    TranscriptLocked: (webhooks.transcript_locked,),
    TranscriptRecalled: (webhooks.transcript_recalled, transparency.recalled),
    TranscriptReplaced: (webhooks.transcript_replaced, transparency.replaced),
    RecallReturned: (transcripts.recall_returned, notifications.urge),  # management reads why, and asks again
    CopyIssued: (copies.print_copy,),
    TransferDrafted: (transfers.compile_package,),
    TransferSealed: (transfers.offer,),
    TransferOffered: (transfers.await_answer,),
    TrialAsked: (connections.try_connection,),
    SecretKeyRotated: (authorities.close_anew,),
    SchoolExportAsked: (handover.export,),
}

#: What the calendar alone brings about: `core.daily` looks for it every night.
BY_NIGHT: tuple[Task, ...] = (
    transcripts.lock,
    archiving.stamp,
    credentials.check_certificate,
    reconciliation.reconcile,
    notifications.send,
    # What the log was not told when it happened.
    transparency.issued,
    transparency.recalled,
    transparency.replaced,
)

#: The tasks that follow an event, by its name in the outbox.
TASKS_AFTER: dict[str, tuple[Task, ...]] = {event.__name__: tasks for event, tasks in FLOW.items()}
