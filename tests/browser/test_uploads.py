"""Files into a chat: attached, dropped, several at once, refused when they are too large."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Route, expect

from tests.browser.conftest import Visits
from tests.browser.eager import EAGER
from tests.browser.tab import Tab
from tests.serving import Served, serving

LIMIT = 300_000
DROP = """(page, files) => {
  const dragged = new DataTransfer();
  for (const [name, text] of files) dragged.items.add(new File([text], name));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    page.dispatchEvent(new DragEvent(kind, { dataTransfer: dragged, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that takes small files only."""
    data = tmp_path_factory.mktemp("uploads") / "data"
    with serving(data, environ={**EAGER, "CHATKERNEL_UPLOAD_BYTES": str(LIMIT)}) as server:
        yield server


def csv(name: str, rows: int = 2) -> FilePayload:
    text = "n\n" + "".join(f"{row}\n" for row in range(rows))
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def attach(tab: Tab, *files: FilePayload) -> None:
    """Choose files by the attach button."""
    with tab.page.expect_file_chooser() as chooser:
        tab.button("Attach files").click()
    chooser.value.set_files(list(files))


def chips(tab: Tab) -> Locator:
    """The files that wait for the next message."""
    return tab.page.locator("#composer .chip")


def test_an_attached_file_is_in_the_message_and_the_cell_reads_it(ann: Tab) -> None:
    attach(ann, csv("numbers.csv", 3))
    expect(chips(ann)).to_have_text(["numbers.csv"])
    ann.say("import pandas as pd\nprint(pd.read_csv('numbers.csv').n.sum())")
    expect(ann.results).to_have_text("3")
    expect(ann.log.locator(".chip")).to_have_text(["numbers.csv"])
    expect(chips(ann)).to_have_count(0)
    ann.page.reload()
    expect(ann.log.locator(".chip")).to_have_text(["numbers.csv"])


def test_several_files_and_the_same_name_again(ann: Tab) -> None:
    attach(ann, csv("a.csv"), csv("b.csv"))
    expect(chips(ann)).to_have_text(["a.csv", "b.csv"])
    attach(ann, csv("a.csv", 5))
    expect(chips(ann)).to_have_count(3)
    ann.say("import glob\nprint(len(glob.glob('*.csv')))")
    expect(ann.results).to_have_text("3")
    expect(ann.log.locator(".chip")).to_have_count(3)
    ann.say("'no files'")
    expect(ann.log.locator(".chip")).to_have_count(3)


def test_files_are_dropped_anywhere_on_the_chat(ann: Tab) -> None:
    ann.page.locator("#socket").evaluate(DROP, [["dropped.txt", "hello"], ["two.txt", "world"]])
    expect(chips(ann)).to_have_text(["dropped.txt", "two.txt"])
    ann.say("print(open('dropped.txt').read(), open('two.txt').read())")
    expect(ann.results).to_have_text("hello world")


def test_progress_is_shown_and_sending_waits(ann: Tab) -> None:
    network = ann.page.context.new_cdp_session(ann.page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 150_000}
    network.send("Network.emulateNetworkConditions", slow)
    attach(ann, csv("large.csv", 40_000))
    expect(chips(ann)).to_have_attribute("style", re.compile(r"--done: ?0\.\d"))
    ann.message.fill("print(len(open('large.csv').readlines()))")
    expect(ann.send_button).to_be_disabled()
    expect(ann.page.get_by_text("Waiting for the upload…")).to_be_visible()
    network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    ann.send_button.click()
    ann.turns(1)
    expect(ann.results).to_have_text("40001")


def never(_route: Route) -> None:
    """A request that gets nowhere."""


def test_an_upload_can_be_called_off(ann: Tab, visit: Visits) -> None:
    visit.allow("ERR_FAILED|ERR_ABORTED")
    ann.page.route("**/files", never)
    attach(ann, csv("large.csv"))
    ann.message.fill("import os\nprint(sorted(os.listdir()))")
    expect(ann.send_button).to_be_disabled()
    ann.button("Remove large.csv").click()
    expect(chips(ann)).to_have_count(0)
    ann.send_button.click()
    ann.turns(1)
    expect(ann.results).to_have_text("['samples']")
    expect(ann.log.locator(".chip")).to_have_count(0)


def test_a_file_that_is_too_large_is_refused(ann: Tab, visit: Visits) -> None:
    visit.allow("413|ERR_CONNECTION|ERR_ABORTED")
    attach(ann, csv("huge.csv", 100_000), csv("small.csv"))
    expect(ann.notices).to_contain_text("huge.csv")
    expect(ann.notices).to_contain_text("larger than")
    ann.button("Remove huge.csv").click()
    expect(chips(ann)).to_have_text(["small.csv"])
    ann.say("import os\nprint(sorted(os.listdir()))")
    expect(ann.results).to_have_text("['samples', 'small.csv']")
    expect(ann.log.locator(".chip")).to_have_text(["small.csv"])


def test_a_name_cannot_leave_the_workspace(ann: Tab, served: Served) -> None:
    ann.page.locator("#socket").evaluate(DROP, [["..\\..\\evil.txt", "x"], [".hidden", "y"]])
    expect(chips(ann)).to_have_count(2)
    ann.say("import os\nprint(os.path.exists('../../evil.txt'))")
    expect(ann.results).to_have_text("False")
    outside: list[Path] = [*served.data.glob("*evil*"), *served.data.parent.glob("*evil*")]
    assert not outside
