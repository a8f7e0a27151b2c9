"""Maps of countries are drawn with nothing from elsewhere; what can't be says so."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab

COUNTRIES = "px.choropleth(locations=['FRA', 'BRA', 'IND'], color=[1, 2, 3], locationmode='ISO-3')"
CITIES = "px.scatter_geo(lat=[48.9, 37.9, 59.9], lon=[2.3, 23.7, 10.8], scope='europe')"
OCEANIA = "px.scatter_geo(lat=[-33.9], lon=[151.2], scope='oceania')"
ISLANDS_AND_ALL = 5


def say(ann: Tab, figure: str) -> Locator:
    ann.say(f"import plotly.express as px\n{figure}")
    return ann.log.locator("ck-figure:visible")


def shapes(path: Locator) -> int:
    """How many closed or open lines a path consists of."""
    return (path.get_attribute("d") or "").count("M")


def test_countries_are_coloured_by_their_codes(ann: Tab) -> None:
    figure = say(ann, COUNTRIES)
    ann.drawn()
    countries = figure.locator("path.choroplethlocation")
    expect(countries).to_have_count(3)
    assert all(shapes(each) for each in countries.all())
    assert shapes(figure.locator(".layer.coastlines path")) > ISLANDS_AND_ALL


@pytest.mark.parametrize("resolution", [110, 50])
def test_a_continent_has_its_land_and_borders(ann: Tab, resolution: int) -> None:
    figure = say(ann, f"{CITIES}.update_geos(resolution={resolution})")
    ann.drawn()
    expect(figure.locator(".scattergeo path.point")).to_have_count(3)
    for layer in ("land", "countries"):
        assert shapes(figure.locator(f".layer.{layer} path")) > ISLANDS_AND_ALL


def test_a_region_without_outlines_says_so(ann: Tab, visit: Visits) -> None:
    figure = say(ann, OCEANIA)
    expect(figure.get_by_role("alert")).to_contain_text("outlines of this region aren't installed")
    visit.allow("404|could not find topojson")


def test_a_map_of_tiles_says_that_it_needs_a_server(ann: Tab) -> None:
    figure = say(ann, "px.scatter_map(lat=[48.9], lon=[2.3])")
    expect(figure.get_by_role("alert")).to_contain_text("need a map server")
