"""The three examples of an empty chat. Each works by itself; in direct mode they also build on each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A card: ``text`` is what a click sends, ``after`` what is enough once the example before it ran."""

    title: str
    detail: str
    text: str
    after: str = ""


_LOAD = 'sales = pd.read_csv("samples/sales.csv", parse_dates=["date"])'
_PIVOT = """\
by_month = sales.pivot_table(
    index=sales["date"].dt.to_period("M").astype(str),
    columns="region", values="revenue", aggfunc="sum",
)"""
_DRAW = 'px.line(by_month, markers=True, title="Revenue by region")'

DIRECT = (
    Example(
        "Load the sample data",
        "Two years of sales, as a DataFrame",
        f"import pandas as pd\n\n{_LOAD}\nsales",
    ),
    Example(
        "Make a table",
        "Revenue by region and month",
        f"import pandas as pd\n\n{_LOAD}\n{_PIVOT}\nby_month",
        after=f"{_PIVOT}\nby_month",
    ),
    Example(
        "Draw a figure",
        "Interactive, with plotly",
        f"import pandas as pd\nimport plotly.express as px\n\n{_LOAD}\n{_PIVOT}\n{_DRAW}",
        after=f"import plotly.express as px\n\n{_DRAW}",
    ),
)

CHAT = (
    Example(
        "Look at the sample data",
        "What is in it, and what stands out",
        "Load samples/sales.csv and tell me what is in it and what stands out.",
    ),
    Example(
        "Draw a figure",
        "Revenue over time, by region",
        "Plot the monthly revenue in samples/sales.csv by region, as an interactive figure.",
    ),
    Example(
        "Answer a question",
        "With a table to back it up",
        "Which products in samples/sales.csv grew fastest from the first year to the second? Show a table.",
    ),
)
