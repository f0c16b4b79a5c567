"""Pupils with every field of the forms and of the Ministry's dictionary; what was corrected; years at other schools."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TEXTS = (
    "lifelong_code",
    "passport_kind",
    "passport_number",
    "permanent_address",
    "father_job",
    "mother_job",
    "guardian_job",
    "policy_group",
    "disability",
)
_DAYS = ("identity_verified_on", "status_on")
_FLAGS = ("code_is_temporary", "not_assessed", "individual_plan")
#: Vietnamese letters with what they are searched by; kept here, because a migration never changes.
_MARKED = {
    "a": "àảãáạăằẳẵắặâầẩẫấậ",
    "d": "đ",
    "e": "èẻẽéẹêềểễếệ",
    "i": "ìỉĩíị",
    "o": "òỏõóọôồổỗốộơờởỡớợ",
    "u": "ùủũúụưừửữứự",
    "y": "ỳỷỹýỵ",
}


def upgrade() -> None:
    """Add columns and tables. Pupils who are there are found by name, code and the end of their number at once."""
    for name in _TEXTS:
        op.add_column("student", sa.Column(name, sa.String(), nullable=True))
    for name in _DAYS:
        op.add_column("student", sa.Column(name, sa.Date(), nullable=True))
    for name in _FLAGS:
        _add_filled("student", sa.Column(name, sa.Boolean(), nullable=False, server_default="false"))
    _add_filled("student", sa.Column("status", sa.String(), nullable=False, server_default="studying"))
    _add_filled("student", sa.Column("search_key", sa.String(), nullable=False, server_default=""))
    _add_filled("student", sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("student", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_student_tenant_id_merged_into_id"),
        "student",
        "student",
        ["tenant_id", "merged_into_id"],
        ["tenant_id", "id"],
    )
    for column in (sa.Column("came_from", sa.String()), sa.Column("left_on", sa.Date())):
        op.add_column("enrollment", column)
    op.add_column("enrollment", sa.Column("reason", sa.String(), nullable=True))
    op.add_column("school_class", sa.Column("closed_on", sa.Date(), nullable=True))
    _fill()
    op.create_index(
        "ix_student_search",
        "student",
        ["tenant_id", "name_key", "id"],
        postgresql_include=["search_key", "status"],
    )
    op.create_table(
        "student_change",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("old_value", sa.String(), nullable=False),
        sa.Column("new_value", sa.String(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("student_change", "student_id", "student"),
        _reference("student_change", "changed_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_student_change")),
    )
    op.create_index("ix_student_change_student", "student_change", ["tenant_id", "student_id"])
    enable_rls("student_change", rights="select, insert")
    op.create_table(
        "earlier_year",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("academic_year", sa.String(), nullable=False),
        sa.Column("grade_level", sa.Integer(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("school_name", sa.String(), nullable=False),
        sa.Column("registry_no", sa.String(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("results", sa.String(), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("earlier_year", "student_id", "student"),
        _reference("earlier_year", "entered_by", "staff_member"),
        _reference("earlier_year", "withdrawn_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_earlier_year")),
    )
    op.create_index("ix_earlier_year_student", "earlier_year", ["tenant_id", "student_id"])
    enable_rls("earlier_year", rights="select, insert, update")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("earlier_year")
    op.drop_table("student_change")
    op.drop_index("ix_student_search", "student")
    op.drop_column("school_class", "closed_on")
    for column in ("reason", "left_on", "came_from"):
        op.drop_column("enrollment", column)
    op.drop_constraint(op.f("fk_student_tenant_id_merged_into_id"), "student")
    for column in ("merged_into_id", "revision", "search_key", "status", *_FLAGS, *_DAYS, *_TEXTS):
        op.drop_column("student", column)


def _fill() -> None:
    """What follows from what is there, for all schools: the fence binds the owner of the tables, too, so it is let down
    for these statements, within the transaction of the migration."""
    letters = "".join(_MARKED.values())
    plain = "".join(letter * len(marked) for letter, marked in _MARKED.items())
    folded = f"translate(lower(full_name), '{letters}{letters.upper()}', '{plain}{plain}')"
    for table in ("student", "enrollment"):
        op.execute(f"alter table {table} no force row level security")
    op.execute(
        f"update student set search_key = ' ' || {folded} || ' ' || lower(student_code)"
        " || coalesce(' ' || right(personal_id, 4), '')"
    )
    op.execute(
        "update student s set status = 'left' where exists (select from enrollment e where e.tenant_id = s.tenant_id"
        " and e.student_id = s.id) and not exists (select from enrollment e where e.tenant_id = s.tenant_id"
        " and e.student_id = s.id and e.status = 'studying')"
    )
    for table in ("student", "enrollment"):
        op.execute(f"alter table {table} force row level security")


def _add_filled(table: str, column: sa.Column[object]) -> None:
    """Rows that are there get the default; later ones say it themselves."""
    op.add_column(table, column)
    op.alter_column(table, column.name, server_default=None)


def _reference(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
