"""Documents to be signed, whose turn it is, and how far each hash has come. Everything needed is in rows and in S3."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class SigningRequest(TenantTable):
    """One document and its signers. `subject_id` is opaque here; `current_sha256` is the newest signed revision.

    `xml_sha256` is the same content as XML where that is signed, too; `signed_xml_sha256` holds everybody's signatures.
    """

    __tablename__ = "signing_request"
    __table_args__ = (
        UniqueConstraint("tenant_id", "subject_id"),
        {
            "info": holding(
                internal="group_label noun state document_sha256 current_sha256 xml_sha256 signed_xml_sha256 address "
                "opened_at completed_at",
                personal="label sort_key note",
                title="Yêu cầu ký",
                purpose="Ký số học bạ",
                ground=Ground.SIGNATURES,
                keep=Keep.RECORD,
            )
        },
    )

    subject_id: Mapped[uuid.UUID]
    label: Mapped[str]
    group_label: Mapped[str]
    noun: Mapped[str]
    note: Mapped[str | None]
    sort_key: Mapped[str]
    state: Mapped[str]
    document_sha256: Mapped[str]
    current_sha256: Mapped[str]
    xml_sha256: Mapped[str | None]
    signed_xml_sha256: Mapped[str | None]
    address: Mapped[str | None]
    opened_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class SigningStep(TenantTable):
    """One signer's turn. `signer_id` is the person; None means the holder of the school's seal.

    What is signed in it: the PDF, in the field of the role, and these parts of the XML (`formats.schemas.XmlTarget`).
    Turns at one position are taken in any order; `part_label` says whose is which part.
    """

    __tablename__ = "signing_step"
    __table_args__ = (
        UniqueConstraint(
            "tenant_id", "request_id", "position", "part_label", postgresql_nulls_not_distinct=True
        ),
        tenant_key("request_id", "signing_request"),
        tenant_key("signer_id", "staff_member"),
        tenant_key("batch_id", "signing_batch"),
        Index("ix_signing_step_waiting", "tenant_id", "state", "signer_id"),
        {
            "info": holding(
                internal="position role part_label signs_pdf xml_targets state ready_at signed_at declined_at",
                personal="signer_name declined_reason",
                title="Lượt ký",
                purpose="Biết ai đã ký, ai còn phải ký",
                ground=Ground.SIGNATURES,
                keep=Keep.RECORD,
            )
        },
    )

    request_id: Mapped[uuid.UUID]
    position: Mapped[int]
    role: Mapped[str]
    part_label: Mapped[str | None]
    signs_pdf: Mapped[bool]
    xml_targets: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    signer_id: Mapped[uuid.UUID | None]
    signer_name: Mapped[str]
    state: Mapped[str]
    ready_at: Mapped[datetime | None]
    batch_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    signed_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    declined_reason: Mapped[str | None]


class SigningBatch(TenantTable):
    """Many turns of one signer under one consent; `merkle_root` binds the consent to the exact documents.

    `proved_by` is the factor that the signer showed for exactly this consent; with a passkey, `evidence` is its answer. A
    consent under a mandate rests on what two people agreed to before.
    """

    __tablename__ = "signing_batch"
    __table_args__ = (
        tenant_key("credential_id", "credential"),
        tenant_key("consented_by", "staff_member"),
        tenant_key("mandate_id", "seal_mandate"),
        {
            "info": holding(
                internal="role consented_at merkle_root count proved_by proved_at state ended_at problem",
                personal="evidence",
                title="Xác nhận ký của từng lô",
                purpose="Chứng minh ai đã đồng ý ký danh sách nào, bằng cách xác minh nào",
                ground=Ground.SIGNATURES,
                keep=Keep.RECORD,
            )
        },
    )

    role: Mapped[str]
    credential_id: Mapped[uuid.UUID]
    consented_by: Mapped[uuid.UUID]
    consented_at: Mapped[datetime]
    merkle_root: Mapped[str]
    count: Mapped[int]
    proved_by: Mapped[str]
    proved_at: Mapped[datetime | None]
    evidence: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    mandate_id: Mapped[uuid.UUID | None]
    state: Mapped[str]
    ended_at: Mapped[datetime | None]
    problem: Mapped[str | None]


class ProviderCall(TenantTable):
    """One transaction at the provider: at most as many hashes as it takes. `id` is our transaction id there.

    The row is committed before the provider hears of it, so a crash never leads to a second transaction. `submitted_at`
    says since when it may have heard. `challenge` is what it wants of the signer, never what the signer gave; since
    `answering_since` an answer is on its way. `held_at` is since when it waits for a person, of those that do.
    """

    __tablename__ = "provider_call"
    __table_args__ = (
        tenant_key("batch_id", "signing_batch"),
        {
            "info": holding(
                internal="number state provider_reference submitted_at challenge answering_since problem held_at"
            )
        },
    )

    batch_id: Mapped[uuid.UUID] = mapped_column(index=True)
    number: Mapped[int]
    state: Mapped[str]
    provider_reference: Mapped[str | None]
    submitted_at: Mapped[datetime | None]
    challenge: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    answering_since: Mapped[datetime | None]
    problem: Mapped[str | None]
    held_at: Mapped[datetime | None]


class SigningAttempt(TenantTable):
    """That a call was about a turn. It stays where the call came to nothing and the turn went back to the tray."""

    __tablename__ = "signing_attempt"
    __table_args__ = (
        UniqueConstraint("tenant_id", "step_id", "call_id"),
        tenant_key("step_id", "signing_step"),
        tenant_key("call_id", "provider_call"),
        {"info": holding()},
    )

    step_id: Mapped[uuid.UUID]
    call_id: Mapped[uuid.UUID] = mapped_column(index=True)


class SigningItem(TenantTable):
    """One hash: whose turn, over which bytes; what was prepared for it, and the value that came back.

    `part` says what of its turn: 0 is the PDF, each further number one of its `xml_targets`. An XML signature waits in
    `signature` until everybody has signed. `leaf_index`, `leaf_count` and `proof` (digests, joined) lead from its leaf to
    the root of the consent, whatever becomes of the other documents.

    `base_sha256` is the revision that the signer saw and consented to; `prepared_update` is what was appended to it, an
    empty signature, before the hash was taken.
    """

    __tablename__ = "signing_item"
    __table_args__ = (
        UniqueConstraint("tenant_id", "step_id", "part"),
        tenant_key("step_id", "signing_step"),
        tenant_key("call_id", "provider_call"),
        {
            "info": holding(
                internal="part leaf_index leaf_count proof position base_sha256 region_start region_end digest value "
                "signed_sha256",
                personal="prepared_update signed_attributes signature",
                title="Phần ký của từng tài liệu",
                purpose="Ghép chữ ký số vào học bạ",
                ground=Ground.SIGNATURES,
                keep=Keep.RECORD,
            )
        },
    )

    step_id: Mapped[uuid.UUID]
    call_id: Mapped[uuid.UUID] = mapped_column(index=True)
    part: Mapped[int]
    leaf_index: Mapped[int | None]
    leaf_count: Mapped[int | None]
    proof: Mapped[bytes | None] = mapped_column(LargeBinary)
    position: Mapped[int]
    base_sha256: Mapped[str]
    prepared_update: Mapped[bytes | None] = mapped_column(LargeBinary)
    region_start: Mapped[int | None]
    region_end: Mapped[int | None]
    signed_attributes: Mapped[bytes | None] = mapped_column(LargeBinary)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    value: Mapped[bytes | None] = mapped_column(LargeBinary)
    signed_sha256: Mapped[str | None]
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
