"""The built site in a browser, opened from disk; skipped where there is no Chromium."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from book_sample import write_sample

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the PATH: the site was not opened in a browser"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from pipeline import build

    root = write_sample(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSAE_QUARTO", "no")
        patch.setenv("KOSAE_BUILD", str(root / "build"))
        for lang in ("ko", "en"):
            build.build_book(lang, root=root)
    return root / "_site"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as runner:
        instance = runner.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield instance
        instance.close()


@pytest.fixture
def open_page(browser, site):
    contexts, wrong = [], []

    def opener(path: str, width: int = 1280, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on(
            "request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
        )
        page.goto((site / path).as_uri())
        return page

    yield opener
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "path", ["ko/index.html", "ko/pages-ko/01_superposition.html", "en/pages-en/02_activations.html"]
)
def test_no_sideways_scroll_and_pictures_load(open_page, path, width):
    page = open_page(path, width)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt.length > 0)")


@pytest.mark.parametrize(
    ("path", "query", "hit"),
    [
        ("ko/index.html", "변형", "01_superposition"),
        ("ko/pages-ko/02_activations.html", "topk", "#sec-loss"),
        ("en/pages-en/01_superposition.html", "objective", "#sec-loss"),
    ],
)
def test_search_finds_words_and_leads_there(open_page, path, query, hit):
    page = open_page(path)
    page.keyboard.press("/")
    page.keyboard.type(query)
    first = page.locator("#results a").first
    assert hit in first.get_attribute("href") and page.locator("#results mark").count() > 0
    page.keyboard.press("Enter")
    page.wait_for_function("hit => location.href.includes(hit)", arg=hit)
    page.locator("#search").fill("qqqqzzzz")
    assert page.locator("#results a").count() == 0 and page.locator("#results p").count() == 1


def test_light_and_dark(open_page):
    paper = "getComputedStyle(document.body).backgroundColor"
    dark, light = open_page("ko/index.html", scheme="dark"), open_page("ko/index.html")
    night, day = dark.evaluate(paper), light.evaluate(paper)
    assert night != day
    light.click("#theme-toggle")
    assert light.evaluate(paper) == night
    light.reload()
    assert light.evaluate(paper) == night


def test_the_other_language_and_the_next_chapter(open_page):
    page = open_page("ko/pages-ko/01_superposition.html")
    page.click("a.language")
    assert page.url.endswith("en/pages-en/01_superposition.html")
    page.click("nav.turn a.next")
    assert page.url.endswith("en/pages-en/02_activations.html")
    page.click("main a.xref >> nth=0")
    assert page.url.endswith("#fig-curve")


def test_code_is_folded_and_opens_at_once(open_page):
    page = open_page("en/pages-en/01_superposition.html")
    assert page.locator("details.code[open]").count() == 0
    page.click("#code-toggle")
    assert page.locator("details.code[open]").count() == page.locator("details.code").count() > 0


def test_the_menu_on_a_phone(open_page):
    page = open_page("ko/pages-ko/01_superposition.html", 390)
    assert not page.locator("nav.chapters").is_visible()
    page.click("label.menu")
    assert page.locator("nav.chapters").is_visible()
    page.click("nav.chapters a >> nth=2")
    assert page.url.endswith("pages-ko/02_activations.html")
