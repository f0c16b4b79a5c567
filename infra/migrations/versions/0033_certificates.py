"""Certificates are taken over once, change their status alone, and one of each holder signs."""

import sqlalchemy as sa
from alembic import op
from cryptography import x509
from cryptography.x509.oid import NameOID

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

#: Of several that signed, the one that lasts longest goes on: so it was chosen until today.
_ONE_IS_ACTIVE = """
update credential c set status = 'replaced'
where c.status = 'active' and exists (
    select from credential o
    where o.tenant_id = c.tenant_id and o.status = 'active' and o.staff_id is not distinct from c.staff_id
      and (o.not_after, o.id) > (c.not_after, c.id))
"""


def upgrade() -> None:
    """A certificate has its digest, its status a revision; the application writes the status and nothing else."""
    op.add_column("credential", sa.Column("fingerprint", sa.String(), nullable=True))
    op.add_column("credential", sa.Column("issuer_name", sa.String(), nullable=True))
    op.add_column("credential", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("credential", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    # The fence binds the owner of the table, too: it would see no row of any school.
    op.execute("alter table credential no force row level security")
    op.execute("update credential set fingerprint = encode(sha256(certificate), 'hex')")
    _name_the_issuers()
    op.execute(_ONE_IS_ACTIVE)
    op.execute("alter table credential force row level security")
    op.alter_column("credential", "fingerprint", nullable=False)
    op.alter_column("credential", "issuer_name", nullable=False)
    op.alter_column("credential", "revision", server_default=None)
    op.drop_constraint("uq_credential_tenant_id_provider_reference", "credential")
    op.create_unique_constraint(
        op.f("uq_credential_tenant_id_fingerprint"), "credential", ["tenant_id", "fingerprint"]
    )
    op.create_index(
        "uq_credential_active",
        "credential",
        ["tenant_id", "staff_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
        postgresql_nulls_not_distinct=True,
    )
    op.execute("revoke update, delete on credential from hocba_app")
    op.execute("grant update (status, revision, changed_at) on credential to hocba_app")


def _name_the_issuers() -> None:
    """The issuer's common name, or its whole name without one."""
    bind = op.get_bind()
    for row in bind.execute(sa.text("select distinct certificate from credential")).all():
        issuer = x509.load_der_x509_certificate(row.certificate).issuer
        names = issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
        values = {"der": row.certificate, "name": str(names[0].value) if names else issuer.rfc4514_string()}
        bind.execute(sa.text("update credential set issuer_name = :name where certificate = :der"), values)


def downgrade() -> None:
    """Which certificates had been replaced is not known any more."""
    raise NotImplementedError("certificates that were replaced cannot be told from those that were suspended")
