"""Outputs and their two other forms: messages and nbformat."""

from __future__ import annotations

import nbformat
import pytest

from kernels import (
    JSON,
    ClearOutput,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Message,
    Output,
    Stream,
    UpdateDisplay,
    from_message,
    from_nbformat,
    to_nbformat,
)

OUTPUTS: list[Output] = [
    Stream("stdout", "text"),
    Stream("stderr", ""),
    DisplayData({"text/plain": "x", "application/json": {"a": [1, None]}}, {"image/png": {}}),
    ExecuteResult({"text/plain": "1"}, {}, 3),
    ExecuteResult({"text/plain": "1"}, {}, None),
    ErrorOutput("ValueError", "why", ("a", "b")),
]
CHANGES: list[Output] = [ClearOutput(True), UpdateDisplay({"text/plain": "x"}, {}, "id")]


@pytest.mark.parametrize("output", OUTPUTS + CHANGES)
def test_nbformat_there_and_back(output: Output) -> None:
    assert from_nbformat(to_nbformat(output)) == output


def test_nbformat_finds_nothing_wrong_with_them() -> None:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "",
        "execution_count": 3,
        "outputs": [to_nbformat(output) for output in OUTPUTS],
    }
    nbformat.validate({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]})


def test_a_notebooks_text_may_be_in_lines() -> None:
    saved: dict[str, JSON] = {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}
    assert from_nbformat(saved) == Stream("stdout", "a\nb")


@pytest.mark.parametrize(
    "bad", [{}, {"output_type": "pizza"}, {"output_type": 3}, {"output_type": "stream"}]
)
def test_what_is_no_output_is_refused(bad: dict[str, JSON]) -> None:
    with pytest.raises(ValueError, match="not an nbformat output"):
        from_nbformat(bad)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", {"name": "stdout"}),
        ("stream", {"name": "stdout", "text": 3}),
        ("display_data", {"data": []}),
        ("display_data", {"data": {}, "metadata": "x"}),
        ("update_display_data", {"data": {}, "metadata": {}}),
        ("update_display_data", {"data": {}, "transient": {"display_id": 3}}),
        ("update_display_data", {"data": {}, "transient": {"display_id": "x" * 501}}),
        ("execute_result", {}),
        ("error", {"ename": "E", "evalue": "x", "traceback": "not a list"}),
        ("error", {"ename": "E", "evalue": "x", "traceback": [1]}),
        ("error", {"ename": None, "evalue": "x"}),
        ("status", {"execution_state": "idle"}),
        ("comm_msg", {}),
    ],
)
def test_a_message_that_is_no_output_gives_none(kind: str, content: dict[str, JSON]) -> None:
    assert from_message(Message(kind, content)) is None


def test_a_stream_of_another_name_is_taken_as_stdout() -> None:
    assert from_message(Message("stream", {"name": "<b>", "text": "x"})) == Stream("stdout", "x")


def test_a_display_keeps_its_id() -> None:
    content: dict[str, JSON] = {"data": {}, "metadata": {}, "transient": {"display_id": "x"}}
    assert from_message(Message("display_data", content)) == DisplayData({}, {}, "x")


MANY: dict[str, JSON] = {f"a/{n}": "x" for n in range(65)}
BUNDLES: dict[str, dict[str, JSON]] = {
    "MIME types": {"data": MANY},
    "a long MIME type": {"data": {"a/" + "b" * 499: "x"}},
    "metadata": {"data": {"text/plain": "x"}, "metadata": MANY},
}


@pytest.mark.parametrize("kind", ["display_data", "execute_result", "update_display_data"])
@pytest.mark.parametrize("many", BUNDLES)
def test_an_output_of_too_many_parts_is_a_word(kind: str, many: str) -> None:
    message = Message(kind, {**BUNDLES[many], "transient": {"display_id": "id"}}, 1000)
    output = from_message(message)
    assert isinstance(output, DisplayData | ExecuteResult | UpdateDisplay)
    (said,) = output.data.values()
    assert "more than 64 MIME types or fields of metadata" in str(said)
    assert (output.metadata, output.weight) == ({}, 0)


def test_an_output_of_many_mime_types_is_taken() -> None:
    few = dict(list(MANY.items())[:64])
    assert from_message(Message("display_data", {"data": few})) == DisplayData(few)


def test_an_error_is_short_from_the_start() -> None:
    colours = "\x1b[31mx\x1b[0m\n" * 100_000
    content: dict[str, JSON] = {"ename": colours, "evalue": colours, "traceback": [colours, "end"]}
    error = from_message(Message("error", content))
    assert isinstance(error, ErrorOutput)
    (block,) = error.traceback
    assert len(error.ename) < 600
    assert max(len(error.evalue), len(block)) < 300_000
    assert block.endswith("\nend")
