"""What stands under a cell, without a kernel."""

from __future__ import annotations

import tracemalloc
from typing import ClassVar

import orjson

from kernels import (
    JSON,
    ClearOutput,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Limits,
    Output,
    Shown,
    Stream,
    Transcript,
    UpdateDisplay,
)


def transcript(*outputs: Output, limits: Limits | None = None) -> list[Shown]:
    made = Transcript(limits or Limits())
    for output in outputs:
        made.add(output)
    return list(made.outputs())


def out(text: str) -> Stream:
    return Stream("stdout", text)


def display(text: str, display_id: str | None = None) -> DisplayData:
    return DisplayData({"text/plain": text}, {}, display_id)


def test_nothing_shows_nothing() -> None:
    assert transcript() == []
    assert transcript(out(""), Stream("stderr", "")) == []


def test_streams_of_one_name_are_joined() -> None:
    assert transcript(out("a"), out("b\n"), out("c")) == [out("ab\nc")]


def test_what_is_between_them_keeps_streams_apart() -> None:
    outputs: list[Output] = [out("a"), Stream("stderr", "b"), out("c"), display("d"), out("e")]
    assert transcript(*outputs) == outputs


def test_results_and_errors_are_kept() -> None:
    result = ExecuteResult({"text/plain": "1"}, {}, 1)
    outputs: list[Output] = [result, ErrorOutput("E", "why", ("line",))]
    assert transcript(*outputs) == outputs


def test_a_carriage_return_overwrites_across_outputs() -> None:
    assert transcript(out("10%"), out("\r20%"), out("\r100%\n"), out("done")) == [out("100%\ndone")]


def test_looking_at_an_unfinished_line_does_not_change_it() -> None:
    made = Transcript(Limits())
    seen = []
    for text in ("10%", "\r", "20", "\b", "5%\n"):
        made.add(out(text))
        seen.append(made.outputs())
    told = [output.text for outputs in seen for output in outputs if isinstance(output, Stream)]
    assert told == ["10%", "10%", "20%", "2%", "25%\n"] or told[-1] == "25%\n"


def test_clear_takes_all_away_at_once() -> None:
    assert transcript(out("a"), display("b"), ClearOutput(wait=False), out("c")) == [out("c")]


def test_clear_may_wait_for_the_next_output() -> None:
    assert transcript(out("a"), ClearOutput(wait=True)) == [out("a")]
    assert transcript(out("a"), ClearOutput(wait=True), display("b")) == [display("b")]


def test_an_update_changes_every_display_of_its_id_in_its_place() -> None:
    update = UpdateDisplay({"text/plain": "new"}, {}, "x")
    shown = transcript(display("1", "x"), display("2", "y"), display("3", "x"), out("a"), update)
    assert shown == [display("new", "x"), display("2", "y"), display("new", "x"), out("a")]


def test_an_update_of_nothing_shown_is_nothing() -> None:
    assert transcript(UpdateDisplay({"text/plain": "new"}, {}, "x")) == []


def test_too_many_lines_keep_their_head_and_tail() -> None:
    lines = [out(f"{n}\n") for n in range(1000)]
    (shown,) = transcript(*lines, limits=Limits(output_bytes=80))
    assert isinstance(shown, Stream)
    head, told, *tail = shown.text.split("… ")[0], *shown.text.split(" …\n")
    assert head.startswith("0\n1\n")
    assert told.endswith(" more lines")
    assert tail[-1].endswith("998\n999\n")
    kept = shown.text.count("\n") - 1
    assert f"… {1000 - kept} more lines …" in shown.text


def test_the_count_is_right_however_the_text_comes() -> None:
    text = "".join(f"{n}\n" for n in range(100_000))
    for size in (100, 5000, 100_000, len(text)):
        parts = [out(text[at : at + size]) for at in range(0, len(text), size)]
        (shown,) = transcript(*parts, limits=Limits(output_bytes=10_000))
        assert isinstance(shown, Stream)
        kept = shown.text.count("\n") - 1
        assert f"… {100_000 - kept:,} more lines …\n" in shown.text
        assert shown.text.startswith("0\n1\n2\n")
        assert shown.text.endswith("\n99998\n99999\n")


def test_a_text_of_many_steps_is_folded_as_a_short_one() -> None:
    (shown,) = transcript(out("".join(f"{n}x\b!\n" for n in range(90_000))))
    assert isinstance(shown, Stream)
    assert shown.text == "".join(f"{n}!\n" for n in range(90_000))


def test_a_line_without_end_is_cut_too() -> None:
    (shown,) = transcript(*[out("x" * 1000)] * 1000, limits=Limits(output_bytes=10_000))
    assert isinstance(shown, Stream)
    assert len(shown.text) < 11_000 + (64 << 10)
    assert "more characters …" in shown.text


def test_too_many_displays_keep_their_head_and_tail() -> None:
    shown = transcript(*[display(str(n)) for n in range(100)], limits=Limits(output_messages=4))
    assert shown == [
        display("0"),
        display("1"),
        out("… 96 more outputs …\n"),
        display("98"),
        display("99"),
    ]


def test_lines_and_displays_left_out_are_told_together() -> None:
    outputs = [output for n in range(100) for output in (out(f"{n}\n"), display(str(n)))]
    shown = transcript(*outputs, limits=Limits(output_messages=8))
    told = [output.text for output in shown if isinstance(output, Stream) and "…" in output.text]
    assert told == ["… 96 more lines and 96 more outputs …\n"] or len(told) == 1


def test_the_error_at_the_end_is_never_left_out() -> None:
    error = ErrorOutput("ValueError", "x" * 10_000, ("y" * 10_000,))
    *_, last = transcript(*[out("line\n")] * 1000, error, limits=Limits(output_bytes=1000))
    assert isinstance(last, ErrorOutput)
    assert last.ename == "ValueError"
    assert len(last.evalue) + len(last.traceback[0]) < 700


def test_a_large_plain_text_is_shortened_and_html_is_not() -> None:
    data = {"text/plain": "x" * 10_000, "text/html": "<p>" * 10_000}
    (shown,) = transcript(DisplayData(data), limits=Limits(output_bytes=1000))
    assert isinstance(shown, DisplayData)
    assert len(str(shown.data["text/plain"])) < 350
    assert shown.data["text/html"] == "<p>" * 10_000


def test_displays_are_bounded_by_their_bytes() -> None:
    large = DisplayData({"image/png": "x" * 1000})
    shown = transcript(*[large] * 50, limits=Limits(display_bytes=10_000))
    assert len(shown) < 12
    assert any(isinstance(output, Stream) and "more outputs" in output.text for output in shown)


LISTS: JSON = {"data": [[[] for _ in range(2000)]]}


def test_dense_json_is_bounded_by_its_memory_not_by_its_bytes() -> None:
    limits = Limits(display_bytes=1 << 20)
    made = Transcript(limits)
    tracemalloc.start()
    for n in range(200):  # of 6 KB each as JSON
        made.add(DisplayData({"application/json": orjson.loads(orjson.dumps([n, LISTS]))}))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * limits.display_bytes
    assert 4 < len(made.outputs()) < 12


def test_a_display_that_takes_too_much_memory_is_a_word() -> None:
    limits = Limits(display_bytes=100_000)
    told = {"text/plain": "This output is too large to be kept."}
    display = DisplayData({"application/json": LISTS, "text/plain": "x"}, {}, "x")
    assert transcript(display, limits=limits) == [DisplayData(told, {}, "x")]
    result = ExecuteResult({"application/json": LISTS}, {}, 7)
    assert transcript(out("a"), result, limits=limits) == [out("a"), ExecuteResult(told, {}, 7)]


def test_a_figure_of_lists_is_kept_up_to_ten_megabytes() -> None:
    numbers: list[JSON] = [n / 7 for n in range(600_000)]
    figure: JSON = {"data": [{"type": "scattergl", "y": numbers}], "layout": {}}
    assert len(orjson.dumps(figure)) > 10_000_000
    shown = DisplayData({"application/vnd.plotly.v1+json": figure})
    assert transcript(shown, out("a")) == [shown, out("a")]
    short: list[JSON] = [1.5] * 2_500_000  # which take three times the memory
    shown = DisplayData({"application/json": short})
    assert transcript(shown, out("a")) == [shown, out("a")]


def test_updates_cannot_grow_beyond_the_limit() -> None:
    displays = [display(str(n), str(n)) for n in range(50)]
    updates = [UpdateDisplay({"image/png": "x" * 1000}, {}, str(n)) for n in range(50)]
    shown = transcript(*displays, *updates, limits=Limits(display_bytes=10_000))
    assert sum(len(str(output)) for output in shown) < 20_000
    assert DisplayData({"text/plain": "This display grew too large to be kept."}, {}, "49") in shown


def test_updates_of_text_cannot_grow_beyond_the_limit() -> None:
    displays = [display(str(n), str(n)) for n in range(50)]
    updates = [UpdateDisplay({"text/plain": "x" * 900}, {}, str(n)) for n in range(50)]
    shown = transcript(*displays, *updates, limits=Limits(output_bytes=4000))
    assert sum(len(str(output)) for output in shown) < 20_000
    assert DisplayData({"text/plain": "This display grew too large to be kept."}, {}, "49") in shown


def test_an_update_changes_what_is_still_there_of_its_id() -> None:
    displays = [display(str(n), str(n % 3)) for n in range(30)]
    update = UpdateDisplay({"text/plain": "new"}, {}, "1")
    shown = transcript(*displays, update, limits=Limits(output_messages=10))
    told = [output.data["text/plain"] for output in shown if isinstance(output, DisplayData)]
    assert told == ["0", "new", "2", "3", "new", "new", "26", "27", "new", "29"]


class Id(str):
    """Notes what it is compared with."""

    __slots__ = ()
    compared: ClassVar[list[object]] = []
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        self.compared.append(other)
        return super().__eq__(other)


def test_an_update_does_not_look_at_displays_of_other_ids() -> None:
    made = Transcript(Limits())
    for n in range(900):
        made.add(display("old", str(n)))
    made.add(UpdateDisplay({"text/plain": "new"}, {}, Id("7")))
    assert set(Id.compared) <= {"7"}
    assert made.outputs()[7] == display("new", "7")


def test_memory_is_bounded_whatever_comes() -> None:
    made = Transcript(Limits(output_bytes=100_000, display_bytes=100_000, output_messages=100))
    tracemalloc.start()
    for n in range(3000):
        made.add(out(f"{n}" * 300 + "\n"))
        made.add(Stream("stderr", "\r" * 300 + "x" * 500))
        made.add(DisplayData({"image/png": "x" * 5000}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_million_carriage_returns_are_one_line() -> None:
    assert transcript(out("\r".join(map(str, range(300_000))))) == [out("299999")]
    assert transcript(*[out(f"\r{n}%") for n in range(20_000)]) == [out("19999%")]
    assert transcript(out("\r" * 1_000_000 + "x")) == [out("x")]
