"""Users get a system user id of their own, under which a server that is root runs their kernels."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("user", sa.Column("kernel_uid", sa.Integer()))
    op.create_index("ix_user_kernel_uid", "user", ["kernel_uid"], unique=True)
