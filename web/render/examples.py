"""The three examples of an empty chat. In direct mode each builds on the one before it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A card: ``text`` is what a click sends."""

    title: str
    detail: str
    text: str


DIRECT = (
    Example(
        "Load the sample data",
        "Two years of sales, as a DataFrame",
        'import pandas as pd\n\nsales = pd.read_csv("samples/sales.csv", parse_dates=["date"])\nsales',
    ),
    Example(
        "Make a table",
        "Revenue by region and month",
        'by_month = sales.pivot_table(\n    index=sales["date"].dt.to_period("M").astype(str),\n'
        '    columns="region", values="revenue", aggfunc="sum",\n)\nby_month',
    ),
    Example(
        "Draw a figure",
        "Interactive, with plotly",
        'import plotly.express as px\n\npx.line(by_month, markers=True, title="Revenue by region")',
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
