"""The claims report as a reader meets it: opened in a real browser, wide and narrow, light and dark, without a network.

Needs Chromium or a relative of it (`apt-get install chromium`); skipped where there is none.
"""

from __future__ import annotations

from pathlib import Path

import browser
import pytest
from claims_factory import evidence

from capacity.claims import judge, report

pytestmark = pytest.mark.slow

WIDE, NARROW = 1280, 390
SECTIONS = (*(f"claim-{number}" for number in range(1, 7)), "untested", "ledger", "thresholds", "parameters")

CONTRASTS = """
(() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const element of document.querySelectorAll("p, li, a, th, td, h1, h2, h3, caption, figcaption, code, summary")) {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(element.tagName + ": " + element.textContent.slice(0, 40));
  }
  return low;
})()
"""
OUTSIDE = """
[...document.querySelectorAll("h1, h2, h3, p, li, figcaption, pre, .wide, details")]
  .concat(innerWidth < 600 ? [...document.querySelectorAll(".cards tbody th, .cards td, .cards caption")] : [])
  .filter(element => { const box = element.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth; })
  .map(element => element.tagName + ": " + element.textContent.slice(0, 40))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    made = evidence()
    folder = tmp_path_factory.mktemp("claims") / "out"
    built = report.build(made, judge.answer(made, judge.claims_of(())), Path("runs/claims"))
    report.write(built, made, folder, wall_seconds=1.0)
    return folder / "claims.html"


@pytest.fixture(scope="module")
def tab():
    program = browser.installed()
    if program is None:
        pytest.skip(f"no browser of the Chromium family is installed (looked for {', '.join(browser.NAMES)})")
    with browser.Browser(program) as opened:
        opened.offline()
        yield opened


@pytest.fixture(
    scope="module",
    params=[(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def page(request, tab, file):
    tab.view(*request.param[:1], scheme=request.param[1])
    tab.open(file)
    tab.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    return tab


def roles(tab):
    """Accessibility tree as (role, name) of the nodes that are told to a reader."""
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    told = [node for node in nodes if not node["ignored"]]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in told]


def test_every_section_is_there_and_nothing_complains(page):
    found = page.run("[...document.querySelectorAll('section')].map(part => [part.id, part.offsetHeight])")
    assert [name for name, _ in found] == list(SECTIONS)
    assert all(height > 80 for _, height in found)
    complaints = [
        e
        for e in page.events
        if e["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    ]
    assert complaints == []
    asked = [e["params"]["request"]["url"] for e in page.events if e["method"] == "Network.requestWillBeSent"]
    assert asked
    assert all(url.startswith(("file:", "data:image/png")) for url in asked)


def test_figures_are_drawn_and_stand_inside_their_frame(page):
    images = page.run("[...document.images].map(i => [i.naturalWidth, i.clientWidth, i.clientHeight, i.alt.length])")
    assert len(images) == 6
    for natural, width, height, described in images:
        assert natural == 1800
        assert width >= 600, "letters of a figure are legible from about 600 pixels on"
        assert height > 150
        assert described > 60


def test_text_stays_inside_the_window_at_a_readable_size(page):
    width = page.run("innerWidth")
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run(OUTSIDE) == []
    assert page.run("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)") >= 16
    assert (
        page.run("Math.min(...[...document.querySelectorAll('td')].map(c => parseFloat(getComputedStyle(c).fontSize)))")
        >= 14
    )


def test_colours_follow_the_reader_and_contrast(page):
    dark = page.run("matchMedia('(prefers-color-scheme: dark)').matches")
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(22, 24, 28)" if dark else "rgb(255, 255, 255)")
    assert page.run(CONTRASTS) == []


def test_tables_are_tables_for_a_screen_reader_too(page):
    told = roles(page)
    tables = [name for role, name in told if role == "table"]
    assert len(tables) == page.run("document.querySelectorAll('table').length")
    assert all(tables)
    assert sum(role == "columnheader" for role, _ in told) == page.run("document.querySelectorAll('thead th').length")
    assert sum(role == "rowheader" for role, _ in told) == page.run("document.querySelectorAll('tbody th').length")
    images = [name for role, name in told if role == "image"]
    assert len(images) == 6
    assert all(images)
    scrolled = (
        "[...document.querySelectorAll('.wide')].every(part => part.tabIndex === 0 && part.getAttribute('aria-label'))"
    )
    assert page.run(scrolled)


def test_links_lead_to_their_sections(page):
    links = page.run("[...document.querySelectorAll('nav a')].map(link => link.getAttribute('href'))")
    assert links == [f"#{name}" for name in SECTIONS]
    for place, name in enumerate(SECTIONS):
        page.run(f"document.querySelectorAll('nav a')[{place}].click()")
        assert page.run("location.hash") == f"#{name}"
        top, least = page.run(
            f"[document.getElementById('{name}').getBoundingClientRect().top, document.documentElement.scrollHeight]"
        )
        at_end = page.run("scrollY + innerHeight >= document.documentElement.scrollHeight - 2")
        assert abs(top) < 2 or at_end, (name, top, least)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_keyboard_reaches_the_claims_first(width, tab, file):
    tab.view(width)
    tab.open(file)
    tab.key("Tab")
    assert tab.run("document.activeElement.className") == "skip"
    assert tab.run("document.activeElement.getBoundingClientRect().left") >= 0
    tab.key("Enter")
    assert tab.run("location.hash") == "#claims"


def test_parameters_are_folded_until_asked_for(tab, file):
    tab.view(WIDE)
    tab.open(file)
    assert tab.run("document.querySelector('#parameters table').checkVisibility()") is False
    tab.run("document.querySelector('#parameters summary').click()")
    assert tab.run("document.querySelector('#parameters table').checkVisibility()") is True
