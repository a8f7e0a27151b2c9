"""What admins do with kernels is written down, and stays when users and chats go."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("kernel_id", sa.String(), nullable=False),
        sa.Column("chat_id", sa.String()),
        sa.Column("user_id", sa.String()),
        sa.Column("user_name", sa.String()),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
    )
