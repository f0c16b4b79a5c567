"""The first schema: tenant context, directory, work queue, and the tables of every slice behind their fences."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls, prepare_context_key, run_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HERE = Path(__file__).parent

#: What the application may do with a table, where that is less than everything.
RIGHTS = {
    "audit_event": "select, insert",
    "stored_object": "select, insert",
}

TENANT_TABLES = (
    "academic_year",
    "audit_event",
    "school",
    "signing_request",
    "staff_member",
    "stored_object",
    "student",
    "credential",
    "import_run",
    "school_class",
    "staff_role",
    "transcript",
    "enrollment",
    "grade_sheet",
    "signing_batch",
    "teaching_assignment",
    "transcript_version",
    "year_result",
    "delivery",
    "mark",
    "provider_call",
    "signing_step",
    "delivery_attempt",
    "signing_item",
)


def upgrade() -> None:
    """Create everything."""
    run_script(HERE / "0001_context.sql")
    prepare_context_key()
    run_script(HERE / "0001_directory.sql")
    create_tables()
    run_script(HERE / "0001_work.sql")
    for table in TENANT_TABLES:
        enable_rls(table, rights=RIGHTS.get(table, "select, insert, update, delete"))
    run_script(HERE / "0001_guards.sql")


def create_tables() -> None:
    """All tables, parents first."""
    op.create_table(
        "academic_year",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_academic_year")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_academic_year_tenant_id_name")),
    )
    op.create_table(
        "audit_event",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("subject_label", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_subject_id"), "audit_event", ["subject_id"], unique=False)
    op.create_table(
        "school",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("tax_code", sa.String(), nullable=False),
        sa.Column("province_code", sa.String(), nullable=False),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("ward", sa.String(), nullable=False),
        sa.Column("levels", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_school")),
    )
    op.create_table(
        "signing_request",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("group_label", sa.String(), nullable=False),
        sa.Column("sort_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("current_sha256", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signing_request")),
        sa.UniqueConstraint("tenant_id", "subject_id", name=op.f("uq_signing_request_tenant_id_subject_id")),
    )
    op.create_table(
        "staff_member",
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_staff_member")),
        sa.UniqueConstraint("tenant_id", "email", name=op.f("uq_staff_member_tenant_id_email")),
    )
    op.create_table(
        "stored_object",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", name=op.f("pk_stored_object")),
    )
    op.create_table(
        "student",
        sa.Column("student_code", sa.String(), nullable=False),
        sa.Column("personal_id", sa.String(), nullable=True),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=False),
        sa.Column("gender", sa.String(), nullable=True),
        sa.Column("ethnicity", sa.String(), nullable=True),
        sa.Column("nationality", sa.String(), nullable=True),
        sa.Column("birth_place", sa.String(), nullable=True),
        sa.Column("hometown", sa.String(), nullable=True),
        sa.Column("current_address", sa.String(), nullable=True),
        sa.Column("father_name", sa.String(), nullable=True),
        sa.Column("mother_name", sa.String(), nullable=True),
        sa.Column("guardian_name", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_student")),
        sa.UniqueConstraint("tenant_id", "student_code", name=op.f("uq_student_tenant_id_student_code")),
    )
    op.create_index("uq_student_tenant_id_personal_id", "student", ["tenant_id", "personal_id"], unique=True)
    op.create_table(
        "job",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("subject_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("told", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_job")),
        schema="work",
    )
    op.create_table(
        "outbox_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_outbox_event")),
        schema="work",
    )
    op.create_table(
        "credential",
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("subject_name", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_credential_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_credential")),
        sa.UniqueConstraint(
            "tenant_id", "provider", "reference", name=op.f("uq_credential_tenant_id_provider_reference")
        ),
    )
    op.create_table(
        "import_run",
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("parsed_sha256", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("preview", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "uploaded_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_import_run_tenant_id_uploaded_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_run")),
    )
    op.create_table(
        "school_class",
        sa.Column("academic_year_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("grade_level", sa.Integer(), nullable=False),
        sa.Column("homeroom_teacher_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "academic_year_id"],
            ["academic_year.tenant_id", "academic_year.id"],
            name=op.f("fk_school_class_tenant_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "homeroom_teacher_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_school_class_tenant_id_homeroom_teacher_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_school_class")),
        sa.UniqueConstraint(
            "tenant_id",
            "academic_year_id",
            "name",
            name=op.f("uq_school_class_tenant_id_academic_year_id_name"),
        ),
    )
    op.create_table(
        "staff_role",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_staff_role_tenant_id_staff_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "staff_id", "role", name=op.f("pk_staff_role")),
    )
    op.create_table(
        "transcript",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("lookup_code", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_transcript_tenant_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_transcript")),
        sa.UniqueConstraint(
            "tenant_id", "student_id", "level", name=op.f("uq_transcript_tenant_id_student_id_level")
        ),
    )
    op.create_table(
        "enrollment",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("registry_no", sa.String(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_enrollment_tenant_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_enrollment_tenant_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint(
            "tenant_id", "student_id", "class_id", name=op.f("uq_enrollment_tenant_id_student_id_class_id")
        ),
    )
    op.create_index("ix_enrollment_class", "enrollment", ["tenant_id", "class_id"], unique=False)
    op.create_table(
        "grade_sheet",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("subject_code", sa.String(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("locked_by", sa.Uuid(), nullable=True),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_grade_sheet_tenant_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "locked_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_grade_sheet_tenant_id_locked_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_grade_sheet")),
        sa.UniqueConstraint(
            "tenant_id",
            "class_id",
            "subject_code",
            "term",
            name=op.f("uq_grade_sheet_tenant_id_class_id_subject_code_term"),
        ),
    )
    op.create_table(
        "signing_batch",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("consented_by", sa.Uuid(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merkle_root", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "consented_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_signing_batch_tenant_id_consented_by"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credential_id"],
            ["credential.tenant_id", "credential.id"],
            name=op.f("fk_signing_batch_tenant_id_credential_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signing_batch")),
    )
    op.create_table(
        "teaching_assignment",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("subject_code", sa.String(), nullable=False),
        sa.Column("teacher_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_teaching_assignment_tenant_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "teacher_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_teaching_assignment_tenant_id_teacher_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_teaching_assignment")),
        sa.UniqueConstraint(
            "tenant_id",
            "class_id",
            "subject_code",
            name=op.f("uq_teaching_assignment_tenant_id_class_id_subject_code"),
        ),
    )
    op.create_table(
        "transcript_version",
        sa.Column("transcript_id", sa.Uuid(), nullable=False),
        sa.Column("academic_year_id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("snapshot", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("pdf_sha256", sa.String(), nullable=True),
        sa.Column("xml_sha256", sa.String(), nullable=True),
        sa.Column("signed_sha256", sa.String(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "academic_year_id"],
            ["academic_year.tenant_id", "academic_year.id"],
            name=op.f("fk_transcript_version_tenant_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_transcript_version_tenant_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_transcript_version_tenant_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transcript_id"],
            ["transcript.tenant_id", "transcript.id"],
            name=op.f("fk_transcript_version_tenant_id_transcript_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_transcript_version")),
        sa.UniqueConstraint(
            "tenant_id",
            "transcript_id",
            "academic_year_id",
            "number",
            name=op.f("uq_transcript_version_tenant_id_transcript_id_academic_year_id_number"),
        ),
    )
    op.create_index(
        "ix_transcript_version_class", "transcript_version", ["tenant_id", "class_id", "state"], unique=False
    )
    op.create_table(
        "year_result",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("output", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_year_result_tenant_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "confirmed_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_year_result_tenant_id_confirmed_by"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_year_result_tenant_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_year_result")),
        sa.UniqueConstraint(
            "tenant_id", "class_id", "student_id", name=op.f("uq_year_result_tenant_id_class_id_student_id")
        ),
    )
    op.create_table(
        "delivery",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("package_sha256", sa.String(), nullable=False),
        sa.Column("authority_reference", sa.String(), nullable=True),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "version_id"],
            ["transcript_version.tenant_id", "transcript_version.id"],
            name=op.f("fk_delivery_tenant_id_version_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "tenant_id",
            "version_id",
            "authority",
            "action",
            name=op.f("uq_delivery_tenant_id_version_id_authority_action"),
        ),
    )
    op.create_index("ix_delivery_state", "delivery", ["tenant_id", "state"], unique=False)
    op.create_table(
        "mark",
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sheet_id"],
            ["grade_sheet.tenant_id", "grade_sheet.id"],
            name=op.f("fk_mark_tenant_id_sheet_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_mark_tenant_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_mark")),
        sa.UniqueConstraint(
            "tenant_id",
            "sheet_id",
            "student_id",
            "kind",
            "slot",
            name=op.f("uq_mark_tenant_id_sheet_id_student_id_kind_slot"),
        ),
    )
    op.create_table(
        "provider_call",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("provider_reference", sa.String(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["signing_batch.tenant_id", "signing_batch.id"],
            name=op.f("fk_provider_call_tenant_id_batch_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_provider_call")),
    )
    op.create_index(op.f("ix_provider_call_batch_id"), "provider_call", ["batch_id"], unique=False)
    op.create_table(
        "signing_step",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("signer_id", sa.Uuid(), nullable=True),
        sa.Column("signer_name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["signing_batch.tenant_id", "signing_batch.id"],
            name=op.f("fk_signing_step_tenant_id_batch_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "request_id"],
            ["signing_request.tenant_id", "signing_request.id"],
            name=op.f("fk_signing_step_tenant_id_request_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "signer_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_signing_step_tenant_id_signer_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signing_step")),
        sa.UniqueConstraint(
            "tenant_id", "request_id", "position", name=op.f("uq_signing_step_tenant_id_request_id_position")
        ),
    )
    op.create_index(op.f("ix_signing_step_batch_id"), "signing_step", ["batch_id"], unique=False)
    op.create_index(
        "ix_signing_step_waiting", "signing_step", ["tenant_id", "state", "signer_id"], unique=False
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("sent_sha256", sa.String(), nullable=True),
        sa.Column("answer_sha256", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "delivery_id"],
            ["delivery.tenant_id", "delivery.id"],
            name=op.f("fk_delivery_attempt_tenant_id_delivery_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_delivery_attempt")),
        sa.UniqueConstraint(
            "tenant_id",
            "delivery_id",
            "number",
            name=op.f("uq_delivery_attempt_tenant_id_delivery_id_number"),
        ),
    )
    op.create_table(
        "signing_item",
        sa.Column("step_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("base_sha256", sa.String(), nullable=False),
        sa.Column("prepared_update", sa.LargeBinary(), nullable=True),
        sa.Column("region_start", sa.Integer(), nullable=True),
        sa.Column("region_end", sa.Integer(), nullable=True),
        sa.Column("signed_attributes", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("signed_sha256", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"],
            ["provider_call.tenant_id", "provider_call.id"],
            name=op.f("fk_signing_item_tenant_id_call_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "step_id"],
            ["signing_step.tenant_id", "signing_step.id"],
            name=op.f("fk_signing_item_tenant_id_step_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signing_item")),
        sa.UniqueConstraint("tenant_id", "step_id", name=op.f("uq_signing_item_tenant_id_step_id")),
    )
    op.create_index(op.f("ix_signing_item_call_id"), "signing_item", ["call_id"], unique=False)


def downgrade() -> None:
    """There is no way back behind the first schema."""
    raise NotImplementedError("the first schema cannot be undone")
