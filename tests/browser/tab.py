"""A tab of a browser with a chat in it, in the words of the person before it."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect


@dataclass(frozen=True)
class Tab:
    """One page. What it shows are locators; what a person does are methods."""

    page: Page
    url: str

    @property
    def message(self) -> Locator:
        """The composer's textarea: a combobox while completions are listed, else a textbox."""
        return self.page.get_by_label("Message", exact=True)

    @property
    def send_button(self) -> Locator:
        return self.page.get_by_role("button", name="Send", exact=True)

    @property
    def stop_button(self) -> Locator:
        return self.page.get_by_role("button", name="Stop", exact=True)

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def live(self) -> Locator:
        return self.page.locator("#live")

    @property
    def prompts(self) -> Locator:
        return self.log.locator("[data-kind=user_prompt] .source")

    @property
    def results(self) -> Locator:
        """What cells gave back."""
        return self.log.locator("div.result")

    @property
    def answers(self) -> Locator:
        """What the model said."""
        return self.log.locator("[data-kind=call_tools] .prose")

    @property
    def ends(self) -> Locator:
        """The ends of turns; one that ended well shows nothing."""
        return self.log.locator("[data-kind=turn_end]")

    @property
    def figures(self) -> Locator:
        """The plotly figures that are drawn and visible."""
        return self.log.locator("ck-figure .main-svg:first-child:visible")

    @property
    def tables(self) -> Locator:
        return self.log.locator("ck-table table:visible")

    @property
    def banner(self) -> Locator:
        return self.page.locator("#banner")

    @property
    def notices(self) -> Locator:
        return self.page.locator("#notices")

    @property
    def history(self) -> Locator:
        """The links of the sidebar's list."""
        return self.page.get_by_role("navigation", name="Chats").get_by_role("link")

    @property
    def title(self) -> Locator:
        return self.page.get_by_role("heading", level=1).first

    @property
    def chat_id(self) -> str:
        return str(self.page.locator("body").get_attribute("data-chat"))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def open(self, path: str = "/") -> None:
        """Go to an address of the server."""
        self.page.goto(self.url + path)

    def write(self, text: str) -> None:
        """Put a message into the composer, and wait until it could be sent."""
        self.message.fill(text)
        expect(self.send_button).to_be_enabled()

    def send(self, text: str) -> None:
        """Write a message and send it."""
        self.message.fill(text)
        self.send_button.click()

    def say(self, text: str) -> None:
        """Send a message and wait for the end of its turn."""
        before = self.ends.count()
        self.send(text)
        self.turns(before + 1)

    def turns(self, count: int) -> None:
        """Wait until ``count`` turns are over."""
        expect(self.ends).to_have_count(count)
        expect(self.stop_button).to_be_hidden()

    def drawn(self) -> None:
        """Wait until all figures and tables are drawn: those that were far from the screen as well."""
        for each in self.log.locator("ck-figure:visible, ck-table:visible").all():
            if each.get_attribute("data-ck-state") != "drawn":
                each.scroll_into_view_if_needed()
            expect(each).to_have_attribute("data-ck-state", "drawn")

    def blocks(self) -> list[tuple[str, str]]:
        """Every block's id and text, once all its figures and tables are drawn."""
        self.drawn()
        pairs = self.log.locator("article").evaluate_all(
            "all => all.map(each => [each.id, each.textContent])"
        )
        return [(str(id_), str(text)) for id_, text in pairs]

    def scrolls_sideways(self) -> bool:
        """Whether the page itself is wider than the screen."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )
