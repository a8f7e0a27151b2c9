"""What a kernel sent is weighed by what it takes of memory."""

from __future__ import annotations

import gc
import json
import tracemalloc

import orjson
import pytest

from kernels.weight import weigh, weigh_json, without_escapes, without_texts
from kernels.wire import JSON


def listed(part: str, times: int = 20_000) -> bytes:
    return f"[{','.join([part] * times)}]".encode()


def memory_of(data: bytes) -> tuple[JSON, int]:
    """What the JSON says, and the memory that it takes now."""
    gc.collect()
    tracemalloc.start()
    try:
        value: JSON = orjson.loads(data)
        return value, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


DENSE = {
    "lists": "[]",
    "lists of lists": "[[[]]]",
    "lists of one": "[7]",
    "objects": "{}",
    "objects of one": '{"a":1}',
    "records": '{"x":0.123456,"y":-1.5,"name":"abc"}',
    "short numbers": "1.5",
    "long numbers": "0.12345678901234567",
    "integers": "1234",
    "large integers": "123456789012345678",
    "exponents": "1e5",
    "texts of one": '"a"',
    "texts": '"abcdef"',
    "dates": '"2026-01-01T12:30:00"',
    "sentences": '"one, two: three [four]; \\"five\\", {six}"',
    "texts of emoji": '"abcdefgh\N{GRINNING FACE}"',
}


@pytest.mark.parametrize("part", DENSE.values(), ids=DENSE)
def test_json_is_weighed_by_its_memory(part: str) -> None:
    data = listed(part)
    value, memory = memory_of(data)
    for weight in (weigh(value), weigh_json(data)):
        assert 0.8 * memory < weight < 3 * memory


def test_keys_that_are_all_different_are_weighed() -> None:
    value, memory = memory_of(orjson.dumps({f"key {n}": n for n in range(20_000)}))
    assert 0.8 * memory < weigh(value) < 3 * memory


def test_little_json_is_heavier_than_it_can_be() -> None:
    value, memory = memory_of(b"[" * 100 + b"]" * 100)
    assert memory < weigh(value)


def test_html_weighs_about_its_bytes() -> None:
    html = orjson.dumps({"text/html": '<b class="x">a, b: [c]</b>\n' * 10_000})
    assert len(html) < weigh_json(html) < 1.5 * len(html)


@pytest.mark.parametrize("text", ["[,:]" * 1000, "x" * 4000, "ü" * 4000, "€" * 4000, "😀" * 4000])
def test_text_weighs_what_it_is_whatever_stands_in_it(text: str) -> None:
    held = text.__sizeof__()
    assert weigh(text) == held
    assert 9 * held <= weigh_json(orjson.dumps([text] * 9)) < 1.5 * 9 * held
    assert 9 * held <= weigh_json(json.dumps([text] * 9).encode())


def test_a_figure_of_typed_arrays_weighs_about_its_bytes() -> None:
    array: JSON = {"dtype": "f4", "bdata": "QUJD" * 300_000}
    figure: JSON = {"data": [{"type": "scattergl", "x": array, "y": array}], "layout": {}}
    size = len(orjson.dumps(figure))
    assert size <= weigh({"application/vnd.plotly.v1+json": figure}) < 1.1 * size


@pytest.mark.parametrize("escaped", [r'"\"[\\"', r'"\\\"["', r'"[\\\\"'])
def test_what_is_in_texts_is_left_out(escaped: str) -> None:
    data = listed(escaped, 200_000)  # of several pieces
    assert b"".join(without_texts(without_escapes(data))) == listed("", 200_000)
