"""The tables of results in the README and the docs are those that the main job gives."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from capacity import document, open_result
from capacity.cli import main

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/limits.md")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def main_job(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "latest"
    done = CliRunner().invoke(main, ["run", "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


def blocks(text):
    return {found[2]: found[3] for found in document.BLOCK.finditer(text)}


def parts(table):
    """Words and numbers of a table apart."""
    numbers = [float(number.replace(",", "")) for number in NUMBER.findall(table)]
    return NUMBER.sub("#", table), numbers


@pytest.mark.parametrize("page", PAGES)
def test_a_page_tells_what_the_main_job_gives(main_job, page):
    """Rounding may differ by a unit of the last figure between processors; anything more is a page out of date."""
    written = (ROOT / page).read_text(encoding="utf-8")
    with open_result(main_job / "result.nc") as result:
        now = document.renewed(written, result)
    assert blocks(written)
    for name, table in blocks(now).items():
        words, numbers = parts(table)
        words_written, numbers_written = parts(blocks(written)[name])
        assert words_written == words, f"{page}: {name}"
        assert numbers_written == pytest.approx(numbers, rel=0.02, abs=1.01), f"{page}: {name}"


def test_renewing_leaves_the_rest_of_a_page_alone_and_is_steady(main_job, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- run: limits -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    document.main(main_job, [page])
    once = page.read_text(encoding="utf-8")
    assert once.startswith("before\n<!-- run: limits -->\n| | year | grid |")
    assert once.endswith("|\n<!-- end -->\nafter\n")
    assert "old" not in once
    document.main(main_job, [page])
    assert page.read_text(encoding="utf-8") == once
