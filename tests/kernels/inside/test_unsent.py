"""Printed text that waits to be sent."""

from __future__ import annotations

from random import Random

from kernels.inside.unsent import Unsent


def written(*texts: str, end: int = 10) -> str:
    unsent = Unsent(end)
    for text in texts:
        unsent.write(text)
    return unsent.getvalue()


def test_little_is_kept_whole() -> None:
    assert written() == ""
    assert written("a", "", "b" * 9, "c" * 10, "d" * 10) == "a" + "b" * 9 + "c" * 10 + "d" * 10


def test_of_one_large_text_the_ends_are_kept_and_the_rest_is_counted() -> None:
    assert (
        written("a" * 10 + "-" * 1234 + "z" * 10)
        == f"{'a' * 10}\n… 1,234 more characters …\n{'z' * 10}"
    )


def test_what_is_left_out_is_all_in_one_place() -> None:
    assert (
        written("h" * 10, "early", "-" * 30 + "z" * 10)
        == f"{'h' * 10}\n… 35 more characters …\n{'z' * 10}"
    )


def test_of_many_small_texts_nothing_goes_uncounted() -> None:
    random = Random(7)
    for _ in range(200):
        texts = ["x" * random.randrange(30) for _ in range(random.randrange(50))]
        sent = written(*texts)
        head, said, tail = sent.partition("\n… ") if "…" in sent else (sent, "", "")
        left_out, _, tail = tail.partition(" more characters …\n") if said else ("0", "", "")
        assert len(head) + int(left_out) + len(tail) == sum(map(len, texts))
        assert len(head) + len(tail) <= 3 * 10
        assert len(tail) >= 10 or not said
