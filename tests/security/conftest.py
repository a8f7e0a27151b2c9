"""Where kernels start that are attacked and that attack."""

from __future__ import annotations

from tests.kernels.conftest import isolated as isolated
from tests.kernels.conftest import launch as launch
from tests.kernels.conftest import tier as tier
from tests.kernels.conftest import tiered as tiered
