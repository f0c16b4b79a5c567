"""The words of signing requests."""

import uuid
from datetime import datetime
from typing import NewType

import msgspec

from backend.core.actor import StaffId
from backend.remote_signing.accounts.schemas import OwnValues
from backend.remote_signing.credentials.schemas import CredentialView
from backend.remote_signing.formats.schemas import SUBJECT_TEACHER, XmlTarget
from backend.remote_signing.providers.port import Ask

RequestId = NewType("RequestId", uuid.UUID)
StepId = NewType("StepId", uuid.UUID)
BatchId = NewType("BatchId", uuid.UUID)
CallId = NewType("CallId", uuid.UUID)

#: The page on which a person decides about calls of unknown outcome.
HELD_ADDRESS = "/ky/giu-lai"

PDF_TYPE = "application/pdf"
XML_TYPE = "application/xml"

ROLE_NAMES = {
    SUBJECT_TEACHER: "Giáo viên bộ môn",
    "homeroom_teacher": "Giáo viên chủ nhiệm",
    "principal": "Hiệu trưởng",
    "school_seal": "Con dấu số nhà trường",
}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one hash is over: bytes that were shown, as a whole (`target` None) or one part of XML. 0 is the PDF."""

    number: int
    sha256: str
    target: XmlTarget | None = None


class NewSigner(msgspec.Struct, frozen=True, kw_only=True):
    """One turn to sign, in order. `role` is the name of the signature field; `staff_id` None means the seal.

    `signs_pdf` is False for whoever signs parts of the XML alone; such a turn may come before the first field.
    Neighbours of one role sign side by side, in any order, each the `part` of the document that people call so.
    """

    role: str
    staff_id: StaffId | None
    name: str
    part: str | None = None
    signs_pdf: bool = True
    xml: tuple[XmlTarget, ...] = ()


class NewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A document in the store and who is to sign it. `label` and `group` name it in the signers' trays.

    Trays are sorted by `sort_key`, character by character. `address` is the page of the school on which it is read.
    `noun` is what people call one such document, `note` what its signers should know before they sign it.
    `xml_sha256` is the same content as unsigned XML, where a signer signs parts of it.
    """

    subject_id: uuid.UUID
    label: str
    group: str
    sort_key: str
    document_sha256: str
    signers: tuple[NewSigner, ...]
    xml_sha256: str | None = None
    address: str | None = None
    noun: str = "học bạ"
    note: str | None = None


class TrayGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for one signer, by group (class), part of the document (subject) and kind of document."""

    role: str
    group: str
    part: str | None
    noun: str
    count: int


class TrayItem(msgspec.Struct, frozen=True, kw_only=True):
    """One document that waits for a signature; `parts` are what of it is signed, each by a hash of its own."""

    step_id: StepId
    request_id: RequestId
    subject_id: uuid.UUID
    role: str
    group: str
    label: str
    part: str | None
    document_sha256: str
    address: str | None
    noun: str
    note: str | None
    parts: tuple[Part, ...]

    @property
    def xml_sha256(self) -> str | None:
        """The XML of which parts are signed, if any are."""
        return next((one.sha256 for one in self.parts if one.target is not None), None)


class DeclinedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A document that somebody would not sign, and why; nobody else signs it before that is settled."""

    step_id: StepId
    subject_id: uuid.UUID
    role: str
    signer_id: StaffId | None
    signer_name: str
    group: str
    label: str
    part: str | None
    address: str | None
    noun: str
    declined_at: datetime
    reason: str


class ReadyTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A document that waits for one signer now; `signer_id` None means the holder of the seal."""

    subject_id: uuid.UUID
    signer_id: StaffId | None
    signer_name: str


class ConsentOffer(msgspec.Struct, frozen=True, kw_only=True):
    """What the signer is asked to agree to: exactly these documents, named by their Merkle root (hex).

    `as_of` is the moment of the list: what becomes ready later is not in it and does not disturb the consent.
    `statement` is what the signer's proof is bound to (`rules.consent_statement`).
    """

    role: str
    statement: str
    as_of: datetime
    items: tuple[TrayItem, ...]
    merkle_root: str
    certificate_subject: str
    certificate_serial: str


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a consent rests on: a person's proof for exactly this list, or a mandate that two people agreed to before."""

    proved_by: str
    proved_at: datetime
    evidence: dict[str, str] | None = None
    mandate_id: uuid.UUID | None = None


class StandingBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that was sealed under a mandate."""

    consented_at: datetime
    count: int
    short_code: str
    state: str
    problem: str


class BatchProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a batch has come, in documents. `state` is a `rules.BatchState`.

    `held`: of these it cannot be told whether they were signed; they wait for a person and are in no tray.
    """

    id: BatchId
    role: str
    state: str
    count: int
    signed: int
    held: int
    consented_at: datetime
    ended_at: datetime | None
    problem: str | None
    short_code: str


class HeldCall(msgspec.Struct, frozen=True, kw_only=True):
    """Documents of a batch of which it cannot be told whether they were signed; nothing goes on without a person.

    `transaction_id` is what the signing service knows it by.
    """

    id: CallId
    state: str
    transaction_id: str
    signer_id: StaffId
    signer_name: str
    provider: str
    provider_reference: str | None
    has_values: bool
    held_at: datetime | None
    role: str
    short_code: str
    labels: tuple[str, ...]
    subject_ids: tuple[uuid.UUID, ...]
    problem: str
    since: datetime


class HeldView(msgspec.Struct, frozen=True, kw_only=True):
    """A held call and what a person may do with it now.

    `asks`: the signing service can be asked what became of it. `waits_until`: before that nothing is given back.
    """

    call: HeldCall
    title: str
    provider_name: str
    asks: bool
    waits_until: datetime | None


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One signer's turn, for the page of a document."""

    id: StepId
    position: int
    role: str
    part: str | None
    signer_id: StaffId | None
    signer_name: str
    state: str
    signed_at: datetime | None
    declined_at: datetime | None
    declined_reason: str | None
    certificate_subject: str | None
    certificate_serial: str | None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One call that was about a turn, under which consent and certificate; `transaction_id` is ours at the provider."""

    batch_id: BatchId
    short_code: str
    consented_at: datetime
    proved_by: str
    count: int
    provider_name: str
    certificate_subject: str
    certificate_serial: str
    transaction_id: str
    provider_reference: str | None
    submitted_at: datetime | None
    state: str
    state_name: str
    problem: str | None


class SignedPart(msgspec.Struct, frozen=True, kw_only=True):
    """One hash of a turn: of the PDF (`target` None), or of the element of the XML with that Id; and what came of it."""

    target: str | None
    shown_sha256: str
    digest: str | None
    signed_sha256: str | None
    signature: bytes | None


class TurnHistory(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one turn to sign; `parts` are those of the newest attempt."""

    step_id: StepId
    request_id: RequestId
    subject_id: uuid.UUID
    label: str
    group: str
    noun: str
    part: str | None
    role: str
    signer_name: str
    state: str
    address: str | None
    opened_at: datetime
    ready_at: datetime | None
    signed_at: datetime | None
    declined_at: datetime | None
    declined_reason: str | None
    completed_at: datetime | None
    attempts: tuple[Attempt, ...]
    parts: tuple[SignedPart, ...]


class BatchTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that a batch was about, whatever came of it."""

    step_id: StepId
    label: str
    group: str
    part: str | None


class ProvenLeaf(msgspec.Struct, frozen=True, kw_only=True):
    """One hash of a consent, and the way from its leaf to the root; None where none was kept."""

    request_id: uuid.UUID
    sha256: str
    part: str
    index: int | None
    count: int | None
    proof: str | None


class ConsentProof(msgspec.Struct, frozen=True, kw_only=True):
    """Under which consent a turn was signed, and that this document was in it."""

    step_id: uuid.UUID
    batch_id: uuid.UUID
    role: str
    signed_at: datetime | None
    consented_at: datetime
    merkle_root: str
    proved_by: str
    proved_at: datetime | None
    evidence: dict[str, str] | None
    leaves: tuple[ProvenLeaf, ...]


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate (DER) and chain that a batch signs with, fixed at the consent."""

    provider: str
    account: str
    reference: str
    certificate: bytes
    chain: tuple[bytes, ...]


class ItemToPrepare(msgspec.Struct, frozen=True, kw_only=True):
    """One hash to be prepared; `first`/`last` say where its step stands among those that sign the PDF.

    `target`: not the PDF but that part of the XML.
    """

    item_id: uuid.UUID
    role: str
    first: bool
    last: bool
    signer_name: str
    base_sha256: str
    target: XmlTarget | None


class PreparedItem(msgspec.Struct, frozen=True, kw_only=True):
    """What prepare found out about one item; `update` is what it appends to the PDF that was shown.

    `signed_attributes` are what the digest is of: for XML the canonical SignedInfo.
    """

    item_id: uuid.UUID
    update: bytes | None = None
    region_start: int | None = None
    region_end: int | None = None
    signed_attributes: bytes
    digest: bytes


class CallToPrepare(msgspec.Struct, frozen=True, kw_only=True):
    """A provider call whose documents are to be prepared."""

    pin: Pin
    credential: CredentialView
    consented_at: datetime
    items: tuple[ItemToPrepare, ...]


class StoredChallenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider wants of the signer, as it stands in the row of the call. `until`: then it is too late.
    `reference` is the provider's name of the question, which is no transaction yet.

    `nonce` changes with every answer, so that a consent that came back from the provider's page counts once. `sending`:
    the answer on its way only has a code sent.
    """

    reference: str
    asks: tuple[Ask, ...]
    prompt: str
    sends: bool
    until: datetime
    nonce: str
    sending: bool = False


class OpenChallenge(msgspec.Struct, frozen=True, kw_only=True):
    """What the signer of a batch has to give now, for `count` documents. `busy`: an answer is on its way."""

    call_id: CallId
    asks: tuple[Ask, ...]
    prompt: str
    sends: bool
    until: datetime
    busy: bool
    count: int
    provider_name: str
    problem: str | None


class CallToSend(msgspec.Struct, frozen=True, kw_only=True):
    """A provider call with everything prepared; `transaction_id` is ours and never changes.

    Since `submitted_at` the provider may have heard of it. `challenge` is what it wants of the signer. `problem` is the
    trouble that the call had when it was last tried, if any. `own` is what the school filled in for the provider, for
    this call alone.
    """

    pin: Pin
    own: OwnValues
    transaction_id: str
    provider_reference: str | None
    submitted_at: datetime | None
    challenge: StoredChallenge | None
    problem: str | None
    hashes: tuple[bytes, ...]
    description: str


class ItemToEmbed(msgspec.Struct, frozen=True, kw_only=True):
    """A returned value and the place that waits for it; `earlier` are role and certificate of those who signed before."""

    item_id: uuid.UUID
    role: str
    earlier: tuple[tuple[str, bytes], ...]
    base_sha256: str
    target: XmlTarget | None
    update: bytes
    region_start: int
    region_end: int
    signed_attributes: bytes
    digest: bytes
    value: bytes


class CallToEmbed(msgspec.Struct, frozen=True, kw_only=True):
    """A provider call whose values have all come back and been verified."""

    pin: Pin
    consented_at: datetime
    items: tuple[ItemToEmbed, ...]


class EmbeddedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A signed revision of the PDF that is in the store, `size` in bytes; or a finished signature over XML."""

    item_id: uuid.UUID
    signed_sha256: str | None = None
    size: int = 0
    signature: bytes | None = None


class XmlSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A finished signature over a part of the XML, and the certificates (DER) of who made it."""

    target: XmlTarget
    signature: bytes
    certificates: tuple[bytes, ...]


class RequestToComplete(msgspec.Struct, frozen=True, kw_only=True):
    """A fully signed document, its newest revision, and the certificates (DER) in the PDF.

    `fields` are the signatures that the PDF must have, in order; `signatures` those over parts of the XML, which is still
    the unsigned one.
    """

    request_id: uuid.UUID
    current_sha256: str
    fields: tuple[str, ...]
    certificates: tuple[bytes, ...]
    xml_sha256: str | None
    signatures: tuple[XmlSignature, ...]


class CompletedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The document with its long-term validation material is in the store; `size` in bytes."""

    request_id: uuid.UUID
    document_sha256: str
    size: int
    xml_sha256: str | None = None
    xml_size: int = 0
