"""Two tabs of one person: the newer one has the session, the older one says so and can have it back."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab
from tests.serving import Served

ELSEWHERE = "open in another tab"


def test_a_second_tab_takes_over_and_the_first_takes_it_back(ann: Tab, visit: Visits) -> None:
    ann.say("'from the first'")
    other = visit.second(ann, f"/chat/{ann.chat_id}")
    expect(ann.banner).to_contain_text(ELSEWHERE)
    ann.message.fill("'not from here'")
    expect(ann.send_button).to_be_disabled()
    expect(other.banner).to_be_hidden()
    other.say("'from the second'")
    ann.button("Use it here").click()
    expect(ann.results).to_have_text(["'from the first'", "'from the second'"])
    expect(other.banner).to_contain_text(ELSEWHERE)
    expect(ann.banner).to_be_hidden()
    ann.say("'mine again'")
    assert ann.message.input_value() == ""


def test_a_turn_goes_on_in_the_tab_that_takes_over(ann: Tab, visit: Visits) -> None:
    ann.say("import time")
    ann.send("print('begun', flush=True); time.sleep(1); 'done'")
    expect(ann.live).to_contain_text("begun")
    other = visit.second(ann, f"/chat/{ann.chat_id}")
    expect(other.live).to_contain_text("begun")
    expect(other.stop_button).to_be_visible()
    other.turns(2)
    expect(other.results.last).to_contain_text("'done'")


def test_two_browsers_are_two_tabs_too(served: Served, visit: Visits) -> None:
    desk = visit(served, "two desks")
    desk.say("'from the desk'")
    phone = visit(served, "two desks")
    expect(phone.results).to_have_text("'from the desk'")
    expect(desk.banner).to_contain_text(ELSEWHERE)


def test_reconnecting_by_itself_never_takes_over(served: Served, visit: Visits) -> None:
    first = visit(served, path=None)
    network = Network(first)
    first.open()
    first.say("1")
    network.cut()
    expect(first.banner).to_contain_text("Disconnected. Reconnecting…")
    second = visit.second(first, f"/chat/{first.chat_id}")
    second.say("'in the second'")
    network.mend()
    expect(first.banner).to_contain_text(ELSEWHERE)
    first.message.fill("'not from here'")
    expect(first.send_button).to_be_disabled()
    second.say("'still here'")
    expect(second.banner).to_be_hidden()
    first.button("Use it here").click()
    expect(first.results).to_have_text(["1", "'in the second'", "'still here'"])
    expect(second.banner).to_contain_text(ELSEWHERE)
    first.send_button.click()
    first.turns(4)


@dataclass
class Network:
    """What lies between a tab's socket and the server."""

    tab: Tab
    works: bool = True
    open: list[WebSocketRoute] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tab.page.route_web_socket("**/ws?*", self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if self.works:
            socket.connect_to_server()
            self.open.append(socket)
        else:
            socket.close(code=1012)

    def cut(self) -> None:
        """Lose the socket, and every one the page tries to open."""
        self.works = False
        for socket in self.open:
            socket.close(code=1012)

    def mend(self) -> None:
        self.works = True
