"""What cells break, with what a page says then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.kernels import cells


@dataclass(frozen=True)
class Fault:
    """``said`` is a regular expression for the page's words; ``ends`` is whether the kernel ends of it."""

    code: str
    said: str
    ends: bool = True


_CUT_OFF = r"The cell closed its connections and Python was ended\."
_OVER_MEMORY = r"The cell used more than [\d.]+ GiB and Python was ended\."
_OVER_FILES = r"The cell filled its folder with more than [\d.,]+ {} and Python was ended\."

FAULTS: Final = {
    "ignores SIGINT": Fault(cells.IGNORES_SIGINT, "It ignored the interrupt, so Python was ended"),
    "forks 10 000 times": Fault(
        cells.FORKS, "Resource temporarily unavailable|started more than", ends=False
    ),
    "allocates 8 GiB": Fault(cells.ALONE, _OVER_MEMORY),
    "allocates 8 GiB in children": Fault(cells.BY_CHILDREN, _OVER_MEMORY),
    "fills its folder": Fault(cells.MANY_FILES, _OVER_FILES.format("files")),
    "writes 10 GiB": Fault(cells.ONE_BIG_FILE, _OVER_FILES.format("[MG]iB")),
    "prints 1 GB": Fault(cells.PRINTS_1_GB, r"… [\d,]+ more (lines|characters) …", ends=False),
    "prints 10 million lines": Fault(
        cells.PRINTS_MANY_LINES, "its limit, and was stopped", ends=False
    ),
    "displays 500 MB": Fault(
        cells.DISPLAYS_500_MB, r"This output takes 476\.8 MiB\. 16 MiB can be shown", ends=False
    ),
    "closes its sockets": Fault(cells.CLOSES_ITS_SOCKETS, _CUT_OFF),
    "becomes a program": Fault(cells.BECOMES_A_PROGRAM, _CUT_OFF),
    "kills itself": Fault(cells.KILLS_ITSELF, "Python ended: killed by signal 9"),
    "replaces stdout": Fault(f"{cells.REPLACES_STDOUT}\n'goes on'", "goes on", ends=False),
    "exits": Fault(cells.EXITS, "Python ended: exited with status 7"),
    "segfaults": Fault(cells.SEGFAULTS, "Python ended: .*segmentation fault"),
    "leaves daemons": Fault(
        f"{cells.DAEMONS}\n{cells.EXITS}", "Python ended: exited with status 7"
    ),
}
