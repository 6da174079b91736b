"""The page of a report in a real browser: Debian's Chromium, without a window."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from vifkit_conformance.fixtures import lacking
from vifkit_conformance.judging.verdicts import Outcome
from vifkit_conformance.report import files
from vifkit_conformance.report.run import Run

sys.path.insert(0, str(Path(__file__).parent))

from reports import FAILED, HELD, UPDATE, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='run'</script><img src='http://192.0.2.1/seen' onerror='document.title=1'>"
LONG = "a-name-without-a-place-to-break-" * 8
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Browser"]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking(request.config, "playwright is not installed: uv sync --group browser")
    if (chromium := shutil.which("chromium") or shutil.which("google-chrome")) is None:
        lacking(request.config, "chromium is not installed: install the package chromium")
    home = {"HOME": str(tmp_path_factory.mktemp("home"))}  # it keeps reports of its crashes there
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, env={**os.environ, **home})
        yield launched
        launched.close()


def every_kind() -> list[Run]:
    """Runs in which everything is that a page can show."""
    failed = replace(FAILED, reason=LONG, said=LONG)
    expected = replace(HELD[0], outcome=Outcome.EXPECTED, reason="a known defect", evidence=FAILED.evidence)
    not_judged = replace(HELD[1], outcome=Outcome.NOT_JUDGED, reason=LONG, evidence=[])
    unseen = ("test_killed.py::test_new",)
    return [
        run(),
        run(failed, unseen=unseen, driver=LONG, commands=[LONG]),
        run(expected, not_judged, driver="other", complaints=[LONG]),
    ]


@pytest.fixture
def report(tmp_path: Path) -> str:
    return files.write(every_kind(), tmp_path).as_uri()


def opened(browser: "Browser", uri: str, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> "Page":
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(uri)
    return page


def unfold(page: "Page") -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")


def printed(page: "Page") -> Sequence[str]:
    from pypdf import PdfReader

    return [each.extract_text() for each in PdfReader(BytesIO(page.pdf(format="A4"))).pages]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(browser: "Browser", report: str, scheme: Literal["light", "dark"], width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, report, width, scheme)
    unfold(page)
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert found.response["violations"] == [], found.generate_report()
    assert len(found.response["passes"]) > 15
    page.close()


def test_axe_sees_what_is_wrong(browser: "Browser", report: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, report)
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert [each["id"] for each in found.response["violations"]] == ["color-contrast"]
    page.close()


def test_no_request_leaves_the_page(browser: "Browser", tmp_path: Path) -> None:
    hostile = run(replace(FAILED, reason=HOSTILE, said=HOSTILE), driver=HOSTILE, host=HOSTILE, commands=[HOSTILE])
    uri = files.write([hostile], tmp_path).as_uri()
    context = browser.new_context()
    asked: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text))
    page.goto(uri)
    unfold(page)
    page.wait_for_load_state("networkidle")
    assert asked == [uri]
    assert errors == []
    assert page.title() == f"{HOSTILE} on netns fails 1 of 5 tests"
    assert page.locator("script, img").count() == 0
    context.close()


def test_what_would_be_requested_is_refused_by_the_page_itself(browser: "Browser", report: str) -> None:
    page = opened(browser, report)
    refused = page.evaluate("""new Promise(done => {
        document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective))
        document.body.append(Object.assign(new Image(), {src: 'http://192.0.2.1/seen'}))
    })""")
    assert refused == "img-src"
    page.close()


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_is_no_wider_than_the_screen(browser: "Browser", report: str, width: int) -> None:
    page = opened(browser, report, width)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_what_is_wide_is_scrolled_in_its_own_box_by_keyboard(browser: "Browser", report: str) -> None:
    page = opened(browser, report, 360)
    matrix = page.get_by_role("group", name="matrix of tests and runs")
    assert matrix.evaluate("each => each.scrollWidth > each.clientWidth")
    matrix.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("each => each.scrollLeft > 0", arg=matrix.element_handle())
    page.close()


def test_what_is_printed_has_the_details(browser: "Browser", report: str) -> None:
    page = opened(browser, report)
    assert not page.locator("#failures details").evaluate("each => each.open")
    pages = printed(page)
    text = " ".join(" ".join(pages).split())
    assert "To mend: an update replaces the whole bandwidth" in text
    assert "class 1:1 has buffer 47729, and not 1000000" in text
    assert "and refuses it: test_capabilities.py" in text
    assert "what did not hold" not in text  # a filter is of no use on paper
    assert len(pages) < 20
    page.close()


def test_a_link_of_the_matrix_opens_the_details(browser: "Browser", report: str) -> None:
    page = opened(browser, report)
    details = page.locator("details", has_text=UPDATE).first
    page.get_by_role("link", name="a dropped peak is gone").click()
    page.wait_for_function("each => each.open", arg=details.element_handle())
    assert page.get_by_text("To mend:").first.is_visible()
    page.close()


@pytest.mark.parametrize(
    ("choice", "rows"),
    [
        ("every test", 6),
        ("what did not hold", 2),
        ("what was not judged or selected", 2),
    ],
)
def test_the_matrix_is_filtered_without_a_script(browser: "Browser", report: str, choice: str, rows: int) -> None:
    page = opened(browser, report)
    page.get_by_label(choice).check()
    assert page.locator("table.matrix tr.case:visible").count() == rows
    assert page.locator("details.case:visible").count() > 0
    page.close()


def test_an_outcome_is_told_by_more_than_its_colour(browser: "Browser", report: str) -> None:
    page = opened(browser, report)
    cells = page.locator("table.matrix td").all_inner_texts()
    assert {cell.split(maxsplit=1)[1] for cell in cells} == {
        *("held", "failed", "failed as expected", "refused", "not judged", "not selected"),
        *("conformant", "partial", "not run"),
    }
    page.close()
