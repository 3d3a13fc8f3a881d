"""people: members of organizations and their keys; tiers that nobody set are forgotten

Revision: 0009
Follows: 0006

The tier that stood with an organization was the last month's choice, set by whoever asked (ADR 0021). It is forgotten,
so that an installation without keys goes on as before: each month asks for its tier. Only processes of the release
before write it again: end them before migrating.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None

_ROLES = "role in ('viewer', 'approver', 'editor', 'owner')"


def upgrade() -> None:
    op.alter_column(
        "organizations",
        "tier",
        existing_type=sa.Text(),
        nullable=True,
        comment="NULL: nobody has set it, so each month may ask for one",
    )
    op.execute("update organizations set tier = null")
    op.create_table(
        "members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column(
            "email_key", sa.Text(), nullable=False, comment="NFKC and case folded: one member per address"
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(_ROLES, name=op.f("ck_members_role")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_members_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("organization_id", "email_key", name=op.f("uq_members_organization_id_email_key")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_members_organization_id_id")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False, comment="the part of the key that may be shown"),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False, comment="what it is for"),
        sa.Column(
            "role",
            sa.Text(),
            nullable=False,
            comment="the most that it may do; its member's role limits it, too",
        ),
        sa.Column("secret_hash", sa.Text(), nullable=False, comment="SHA-256 of the whole key"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True, comment="to the minute"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_ROLES, name=op.f("ck_api_keys_role")),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_api_keys_organization_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_keys_secret_hash")),
    )
    op.create_index(
        op.f("ix_api_keys_organization_id_member_id"),
        "api_keys",
        ["organization_id", "member_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_api_keys_organization_id_member_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("members")
    op.execute("update organizations set tier = 'basic' where tier is null")
    op.alter_column(
        "organizations",
        "tier",
        existing_type=sa.Text(),
        nullable=False,
        comment=None,
        existing_comment="NULL: nobody has set it, so each month may ask for one",
    )
