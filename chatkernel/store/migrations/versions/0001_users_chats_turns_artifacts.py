"""Users, chats, turns and references to artifacts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "user",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "chat",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "user_id",
            sa.String(),
            sa.ForeignKey("user.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("title", sa.String()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("last_user_at", sa.DateTime()),
        sa.Column("last_user_text", sa.String()),
        sa.Column("next_seq", sa.Integer(), nullable=False),
    )
    op.create_table(
        "turn",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "chat_id", sa.String(), sa.ForeignKey("chat.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("user_text", sa.String(), nullable=False),
        sa.Column("obj_fp", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("first_seq", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("chat_id", "idx"),
    )
    op.create_table(
        "artifact",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "chat_id",
            sa.String(),
            sa.ForeignKey("chat.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("turn_idx", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(), nullable=False, index=True),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("name", sa.String()),
        sa.Column("size", sa.Integer(), nullable=False),
    )
