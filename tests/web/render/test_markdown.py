"""A model's markdown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html import escape

import pytest

from tests.patience import given_up_after
from tests.web.render.harmless import HOSTILE, problems
from web.render import markdown
from web.render.markdown import TagKind, render_markdown

ADVERSARIAL = [
    ">", "> ", "> a\n", ">a\n\n", "> - ", "- ", "- a\n", "- a\nb\n", "- > ", "1. a\n", "1) a\n2. b\n",
    "  - a\n    - b\n", "- " * 40 + "a\n", ">" * 90 + " a\n", "[", "]", "[a](", "[a](b) ", "![a][b]",
    "[a]: b\n", "[a]: b '\n", "[a\n\n", "*a ", "*a_ ", "**a**", "*" * 1_499 + "\n\n", "[a](" * 350 + "\n\n",
    "~~a", "`a` ", "``a` ", "`", "~", "|", "|a|\n|-|\n", "a|b\n-|-\n", "a|\n" + "- " * 240 + "x\n",
    "|a" * 2_000 + "\n" + "|-" * 2_000 + "\n", "<", "<a@b.", "<http:a", "&", "\\", "# a\n", "- - - ",
    "_ " * 2_000 + "a\n", "a\n", "a\n=\n", "    a\n", "~~~\n", "```py\nx\n```\n", "<fig name=",
    '<fig name="x"/>',
]  # fmt: skip


def render(text: str) -> str:
    return render_markdown(text, tag=show)


def show(kind: TagKind, name: str) -> str:
    return f'<ck-figure data-kind="{kind}" data-name="{len(name)}"></ck-figure>'


def shown(html: str) -> int:
    return html.count("<ck-figure")


@pytest.mark.parametrize(
    "tag",
    [
        '<fig name="x"/>', "<fig name='x'/>", "<fig name=x/>", '<fig  name = "x"  />', '<FIG name="x">',
        '<fig name="x"></fig>', "<fig name='x' ></fig>", '<df name="x"/>', '<fig name="x" width=3/>',
    ],
)  # fmt: skip
def test_a_tag_is_shown_however_it_is_spelt(tag: str) -> None:
    assert shown(render(tag)) == 1
    assert shown(render(f"Look: {tag} and go on.")) == 1


@pytest.mark.parametrize(
    "text",
    [
        '- one\n- <fig name="x"/>',
        '> <fig name="x"/>',
        '| a |\n|---|\n| <fig name="x"/> |',
        '**bold <fig name="x"/>**',
        '## <fig name="x"/>',
        '1. one\n\n   <fig name="x"/>',
    ],
)
def test_a_tag_is_shown_wherever_it_stands(text: str) -> None:
    assert shown(render(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '`<fig name="x"/>`',
        '```\n<fig name="x"/>\n```',
        '```python\n<fig name="x"/>',
        '    <fig name="x"/>',
        '~~~\n<df name="x"/>\n~~~',
        "<fig>",
        '<figure name="x"/>',
        "<fig name=>",
    ],
)
def test_a_tag_in_code_or_without_a_name_stays_text(text: str) -> None:
    html = render(text)
    assert shown(html) == 0
    assert "fig" in html or "df" in html


def test_names_with_underscores_are_not_emphasis() -> None:
    assert shown(render('<fig name="_a"/> and <fig name="b_"/> and <df name="a_b_c"/>')) == 3


def test_a_tag_alone_takes_the_place_of_its_paragraph() -> None:
    assert render('a\n\n<fig name="x"/>\n\nb') == f"<p>a</p>\n{show('fig', 'x')}\n<p>b</p>\n"


def test_markdown_of_every_day() -> None:
    html = render(
        "# T\n\na **b** *c* ~~d~~ `e`\n\n- x\n- y\n\n1. z\n\n> q\n\n---\n\n[l](https://x.example)"
    )
    for part in (
        "<h1>T</h1>",
        "<strong>b</strong>",
        "<em>c</em>",
        "<del>d</del>",
        "<code>e</code>",
    ):
        assert part in html
    for part in ("<ul>", "<ol>", "<blockquote>", "<hr>", 'href="https://x.example"'):
        assert part in html


def test_tables_scroll_inside_themselves_and_keep_alignment() -> None:
    html = render("| a | b |\n|:--|--:|\n| 1 | 2 |")
    assert '<div class="table-scroll" tabindex="0"><table>' in html
    assert '<td align="right">2</td>' in html


def test_fenced_code_is_highlighted_with_its_language_and_a_copy_button() -> None:
    html = render("```py\nimport os\n```")
    assert '<span class="code-lang">Python</span>' in html
    assert "data-copy" in html
    assert '<span class="kn">import</span>' in html


def test_code_of_an_unknown_language_is_only_escaped() -> None:
    assert "a &lt; b</code>" in render("```klingon\na < b\n```")


def test_an_image_becomes_a_link() -> None:
    html = render("![a chart](https://evil.example/x.png?data=secret)")
    assert "<img" not in html
    assert ">a chart</a>" in html


def test_links_open_elsewhere_and_lead_nowhere_inside() -> None:
    assert 'rel="noopener noreferrer"' in render("[x](https://a.example)")
    assert "href" not in render("[x](/logout)")
    assert "href" not in render("[x](//evil.example)")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    assert problems(render(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "**bold", "`code", "[link](https://a", "| a | b |\n|--", "```python\nfor i", "- ", "> ", "1.", "~~x",
        "<fig na",
    ],
)  # fmt: skip
def test_text_that_breaks_off_renders_as_far_as_it_goes(text: str) -> None:
    html = render(f"Before.\n\n{text}")
    assert html.startswith("<p>Before.</p>")
    assert problems(html) == []


@pytest.mark.parametrize(
    "text",
    [
        ">" * 20_000 + "x",
        "[a](" * 20_000,
        "x" * 500_000,
        "]" * 50_000,
        "![a]" * 20_000,
        "*a_" * 20_000,
        "a" + " " * 50_000 + "b",
        "# " + " " * 50_000,
        "- " * 90 + "a\n" + "a\n" * 40_000,
        ">" * 90 + "a\n" + "a\n" * 40_000,
        "~~~\n" * 20_000,
        "- ```\n" * 15_000,
        '<fig name="x"/>\n\n' * 5_000,
    ],
)
def test_text_made_to_exhaust_the_parser_is_shown_plainly(text: str) -> None:
    with given_up_after(15):
        assert render(text) == f'<p class="plain">{escape(text, quote=False)}</p>'


@pytest.mark.parametrize("unit", ADVERSARIAL, ids=range(len(ADVERSARIAL)))
def test_no_text_keeps_the_parser_for_long(unit: str) -> None:
    with given_up_after(15):
        assert problems(render((unit * 100_000)[:100_000])) == []


def test_text_of_many_lines_in_many_blocks_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "PARSE_SECONDS", -1.0)
    assert render("```\na\n```") == '<p class="plain">```\na\n```</p>'


def test_a_tag_that_never_ends_is_text() -> None:
    text = "<fig name=" + "a" * 90_000
    assert render(text) == f"<p>{text.replace('<', '&lt;')}</p>\n"


def test_code_may_hold_any_number_of_marks() -> None:
    assert "code-block" in render("```json\n" + "[[1], [2]],\n" * 3_000 + "```")


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# T", "<h1>T</h1>"),
        ("###   T  ##  ", "<h3>T</h3>"),
        ("# T#", "<h1>T#</h1>"),
        ("## #", "<h2></h2>"),
        ("#", "<h1></h1>"),
        ("#T", "<p>#T</p>"),
        ("#" + "\t" * 400 + "T" + " " * 400 + "#", "<h1>T</h1>"),
        ("####### T", "<p>####### T</p>"),
    ],
)
def test_headings(line: str, heading: str) -> None:
    assert render(line) == f"{heading}\n"


def test_text_that_takes_long_to_parse_is_shown_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "PARSE_SECONDS", 0.0)
    wide = "|a" * 2000 + "\n" + "|-" * 2000 + "\n" + "|\n" * 2000
    assert render(wide) == f'<p class="plain">{wide}</p>'


def test_others_may_render_while_figures_and_code_are_made() -> None:
    locked = []

    def tag(kind: TagKind, name: str) -> str:
        locked.append(markdown._one_at_a_time.locked())
        return show(kind, name)

    render_markdown('<fig name="x"/>', tag=tag)
    assert locked == [False]


def test_threads_do_not_mix_their_texts() -> None:
    texts = [f'# {n}\n\n```py\n{n}\n```\n\n<fig name="{"x" * n}"/>' for n in range(40)]
    alone = [render(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, texts)) == alone
