"""An admin sees everybody's kernels and ends a runaway one; its user is told and goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visits
from tests.browser.eager import EAGER
from tests.browser.tab import Tab
from tests.browser.test_looks import screenshots as screenshots
from tests.browser.test_looks import shapes, take
from tests.serving import Served, serving
from tests.web.test_admin import NO_NAMESPACES

LOOP = "# fit all models\nprint('begun', flush=True)\nwhile True: pass"


@pytest.fixture(scope="module")
def administered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with an admin."""
    data = tmp_path_factory.mktemp("administered") / "data"
    environ = {**EAGER, "CHATKERNEL_SESSION_GRACE_SECONDS": "60"}
    with serving(data, "--admin", "root", environ=environ) as server:
        yield server


def admins_page(visit: Visits, served: Served) -> Tab:
    """The admin page, reached from the sidebar in a browser of the admin's own."""
    tab = visit(served, "root", path=None, secret=served.secret)
    tab.open("/")
    tab.page.get_by_role("link", name="All kernels of this server").click()
    return tab


def row(admin: Tab, user: str) -> Locator:
    """A user's kernel that lives, starts or waits."""
    living = ".kernels tbody tr:not(.is-dead, .is-hibernated)"
    return admin.page.locator(living).filter(has_text=user)


def test_a_runaway_cell_is_seen_and_killed(administered: Served, visit: Visits) -> None:
    ann = visit(administered, "Ann")
    admin = admins_page(visit, administered)
    ann.send(LOOP)
    hers = row(admin, "Ann")
    expect(hers.locator(".state")).to_have_text("busy")
    expect(hers.locator(".of-code")).to_have_text("# fit all models")
    expect(hers.locator(".of-cpu")).to_have_text(re.compile(r"[1-9]\d* %"))
    kill = hers.get_by_role("button", name="Kill Ann’s kernel")
    kill.click()
    admin.button("Cancel").click()
    expect(hers.locator(".state")).to_have_text("busy")
    kill.click()
    admin.button("Kill").click()
    ann.turns(1)
    expect(ann.log).to_contain_text("An admin of this server ended Python.")
    expect(admin.page.locator(".is-dead")).to_contain_text("ended by an admin")
    expect(admin.page.locator(".audit")).to_contain_text("root killed Ann’s kernel")
    ann.say("'alive'")
    expect(ann.results.last).to_have_text("'alive'")
    expect(hers.locator(".state")).to_have_text("idle")


def test_an_idle_kernel_is_ended_by_its_user_being_told(
    administered: Served, visit: Visits
) -> None:
    bob = visit(administered, "Bob")
    bob.say("kept = 1")
    admin = admins_page(visit, administered)
    row(admin, "Bob").get_by_role("button", name="Kill").click()
    admin.button("Kill").click()
    expect(bob.notices).to_contain_text("An admin of this server ended Python.")
    bob.say("'alive'")
    expect(bob.results.last).to_have_text("'alive'")


def test_a_hibernating_kernel_is_seen_until_its_chat_goes_on(
    administered: Served, visit: Visits
) -> None:
    dora = visit(administered, "Dora")
    dora.say("kept = 1")
    admin = admins_page(visit, administered)
    row(admin, "Dora").get_by_role("button", name="Hibernate Dora’s kernel").click()
    expect(dora.notices).to_have_text(
        "An admin of this server ended Python. Its variables are gone. "
        "It starts again with your next message."
    )
    asleep = admin.page.locator(".is-hibernated").filter(has_text="Dora")
    expect(asleep.locator(".state")).to_have_text("hibernated")
    expect(asleep.locator(".of-chat")).to_have_text("kept = 1")
    expect(asleep.locator(".of-code")).to_have_text("an admin hibernated it")
    expect(asleep.get_by_role("button")).to_have_count(0)
    expect(row(admin, "Dora")).to_have_count(0)
    dora.say("'kept' in globals()")
    expect(dora.results.last).to_have_text("False")
    expect(dora.log).to_contain_text(
        "An admin of this server ended Python. Python started afresh, so variables of earlier"
    )
    expect(dora.notices).to_be_empty()
    expect(row(admin, "Dora").locator(".state")).to_have_text("idle")
    expect(asleep).to_have_count(0)


def test_a_tier_that_is_not_the_best_is_shown_with_what_would_raise_it(
    tmp_path: Path, visit: Visits, screenshots: Path
) -> None:
    with serving(tmp_path / "data", "--admin", "root", before=NO_NAMESPACES) as served:
        admin = admins_page(visit, served)
        note = admin.page.locator(".tier-note")
        expect(note.get_by_role("heading")).to_have_text("Sandbox: tier landlock")
        expect(note).to_contain_text("unshare was refused.")
        expect(note.get_by_role("listitem").first).to_be_visible()
        for shape in shapes(admin):
            take(admin, screenshots / f"{shape}-admin-tier.png")
        visit.allow_lost_servers()


def test_the_table_is_sorted_by_its_headers(administered: Served, visit: Visits) -> None:
    admin = admins_page(visit, administered)
    for name in ("zoe", "Carl"):
        visit(administered, name).say("1")
        expect(row(admin, name)).to_be_visible()
    admin.page.get_by_role("columnheader", name="User").get_by_role("link").click()
    users = admin.page.locator(".kernels tbody .of-user")
    expect(admin.page.locator("[aria-sort=ascending]")).to_contain_text("User")
    expect(users.last).to_have_text("zoe")
    admin.page.get_by_role("columnheader", name="User").get_by_role("link").click()
    expect(users.first).to_have_text("zoe")


def test_its_looks(administered: Served, visit: Visits, screenshots: Path) -> None:
    ann = visit(administered, "Ann Example")
    ann.send(LOOP)
    visit(administered, "Bob").say(
        "import pandas as pd\nsales = pd.read_csv('samples/sales.csv')\nlen(sales)"
    )
    admin = admins_page(visit, administered)
    expect(row(admin, "Ann Example").locator(".state")).to_have_text("busy")
    plate = admin.page.locator(".kernel-plate")
    for shape in shapes(admin):
        take(admin, screenshots / f"{shape}-admin.png")
        assert plate.evaluate("it => it.scrollWidth <= it.clientWidth"), shape
        admin.page.screenshot(path=screenshots / f"{shape}-admin-all.png", full_page=True)
    row(admin, "Ann Example").get_by_role("button", name="Kill").click()
    for shape in shapes(admin):
        take(admin, screenshots / f"{shape}-admin-kill.png")
    admin.button("Kill").click()
    ann.turns(1)
