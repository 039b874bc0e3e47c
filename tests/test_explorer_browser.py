"""The explorer in a browser, as a person uses it: from disk and live; skipped where there is no Chromium."""

import json
import re
import shutil

import pytest

pytest.importorskip("fastapi")
import explorer_sample

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the PATH: the explorer was not opened in a browser"
)
WIDTHS = (1280, 390)
expect = playwright.expect  # waits without eval, which the live pages' content security policy forbids
NASTY = '<img src=x onerror="window.hurt = 1"> </script><script>window.hurt = 1</script>'


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return explorer_sample.site(tmp_path_factory.mktemp("explorer"))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with explorer_sample.served(explorer_sample.site(tmp_path_factory.mktemp("served"))) as (where, _):
        yield where


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as runner:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        instance = runner.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield instance
        instance.close()


@pytest.fixture
def open_page(browser):
    """Opens pages, and at the end wants a console without errors and no request that leaves the site."""
    contexts, wrong = [], []

    def opener(base, path: str, width: int = 1280, scheme: str = "light"):
        base = base if isinstance(base, str) else base.as_uri()
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((base, "data:")) else wrong.append(r.url))
        page.goto(f"{base}/{path}")
        return page

    yield opener
    for context in contexts:
        context.close()
    assert wrong == []


def shows(page, number) -> None:
    """Waits for the page of a feature."""
    expect(page.locator("h1")).to_have_text(re.compile(rf" {number}$"))


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("lang", "query"), [("ko", "음식"), ("en", "food")])
def test_find_a_topic_read_its_examples_follow_a_neighbour(open_page, site, width, lang, query):
    page = open_page(site, f"{lang}/explorer.html", width)
    page.wait_for_selector("tbody tr")
    page.keyboard.press("/")
    page.keyboard.type(query)
    page.wait_for_function("document.querySelectorAll('tbody tr').length < 60")
    assert page.locator("tbody tr").count() > 0 and fits(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("ol.examples li")
    number = re.search(r"feature=(\d+)", page.url)[1]
    assert page.locator("h1").inner_text().split()[-1] == number
    record = explorer_sample.sample().feature(int(number))
    shown = page.locator("ol.examples").first.locator(".text")
    assert shown.count() == len(record["examples"])
    wanted = "".join(str(part) for i, part in enumerate(record["examples"][0]["parts"]) if i % 3 != 2)
    assert shown.first.inner_text() == wanted
    mark = shown.first.locator("mark.centre")
    assert (
        mark.get_attribute("data-tip")
        == f"{record['examples'][0]['parts'][3 * record['examples'][0]['centre'] + 2]:.2f}"
    )
    mark.hover()
    assert page.locator(".tip").inner_text() == mark.get_attribute("data-tip")
    assert fits(page)
    page.locator("ul.near a").first.click()
    shows(page, str(record["near"][0][0]))
    page.go_back()
    shows(page, number)


def test_a_deep_link_and_the_other_language_keep_the_feature(open_page, site):
    page = open_page(site, "ko/explorer.html#feature=7")
    page.wait_for_selector("ol.examples li, .stats")
    assert page.locator("h1").inner_text() == "특징 7"
    page.click("#language")
    page.wait_for_selector(".stats")
    assert "/en/explorer.html#feature=7" in page.url and page.locator("h1").inner_text() == "Feature 7"


def test_a_feature_that_there_is_not_is_said(open_page, site):
    page = open_page(site, "ko/explorer.html#feature=4096")
    page.wait_for_selector(".alert")
    assert page.locator(".alert").inner_text() == "특징 4096은 없다. 0부터 63까지 있다."


def test_order_and_filters(open_page, site):
    columns = explorer_sample.sample().index["columns"]
    page = open_page(site, "en/explorer.html")
    page.wait_for_selector("tbody tr")
    page.click("th.density button")
    first = int(page.locator("tbody th a").first.inner_text())
    assert columns["density"][first] == max(columns["density"])
    assert page.locator("th.density").get_attribute("aria-sort") == "descending"
    page.click("th.density button")
    assert page.locator("th.density").get_attribute("aria-sort") == "ascending"
    page.select_option("#choice-lang", "ko")
    shown = [int(text) for text in page.locator("tbody th a").all_inner_texts()]
    assert set(shown) == {f for f in range(64) if columns["density"][f] and columns["preference"][f] >= 0.5}
    page.select_option("#choice-lang", "")
    page.select_option("#choice-cluster", "0")
    shown = [int(text) for text in page.locator("tbody th a").all_inner_texts()]
    assert set(shown) == {f for f in range(64) if columns["density"][f] and columns["cluster"][f] == 0}
    page.fill("#query", "no such word anywhere")
    assert page.locator("tbody tr").count() == 0 and "No feature fits" in page.locator(".summary").inner_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_map_opens_features_by_pointer_and_by_keyboard(open_page, site, width):
    columns = explorer_sample.sample().index["columns"]
    page = open_page(site, "ko/explorer.html#map", width)
    page.wait_for_selector("canvas.map")
    assert page.locator(".legend li").count() > 2 and fits(page)
    page.focus("canvas.map")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    said = page.locator(".said").inner_text()
    number = re.match(r"특징 (\d+):", said)[1]
    page.keyboard.press("Enter")
    shows(page, number)
    page.go_back()
    page.wait_for_selector("canvas.map")
    box = page.locator("canvas.map").bounding_box()
    h, w = min(box["height"], 1.6 * box["width"]) - 28, min(box["width"], 1.7 * box["height"]) - 28
    alone = max(
        range(64),
        key=lambda f: min(
            (columns["x"][f] - columns["x"][g]) ** 2 + (columns["y"][f] - columns["y"][g]) ** 2
            for g in range(64)
            if g != f
        ),
    )
    x = (box["width"] - w) / 2 + columns["x"][alone] * w
    y = (box["height"] - h) / 2 + (1 - columns["y"][alone]) * h
    page.locator("canvas.map").click(position={"x": x, "y": y})
    shows(page, str(alone))
    page.go_back()
    page.wait_for_selector("canvas.map")
    for way in ("preference", "density", "cluster", "owner"):
        page.select_option("#colour", way)
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, -300)
    page.locator(".legend button").first.click()
    assert page.locator(".legend button").first.get_attribute("aria-pressed") == "true"


def test_light_and_dark(open_page, site):
    paper = "getComputedStyle(document.body).backgroundColor"
    dark, light = (open_page(site, "ko/explorer.html#feature=1", scheme=scheme) for scheme in ("dark", "light"))
    night, day = dark.evaluate(paper), light.evaluate(paper)
    assert night != day
    light.click("#theme-toggle")
    assert light.evaluate(paper) == night


def test_without_data_the_page_says_how_to_make_them(open_page, tmp_path):
    from explorer.site import place

    place(tmp_path)
    page = open_page(tmp_path, "ko/explorer.html")
    assert (
        page.locator(".alert").inner_text()
        == "탐색기의 자료를 아직 만들지 않았다. 저장소에서 make explorer를 실행하면 만들어진다."
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_type_a_sentence_and_see_its_features(open_page, address, width, lang):
    page = open_page(address, f"{lang}/explorer.html#analyze", width)
    page.wait_for_selector(".strip")
    page.fill("#sentences", "비가 와서 우산을 샀어요.\nThe train was late.")
    page.click("button.main")
    expect(page.locator(".tokens").first).to_have_text(re.compile("^비가"))
    assert page.locator(".sentence").count() == 2 and fits(page)
    status, _, text = explorer_sample.ask(f"{address}/analyze", {"texts": ["비가 와서 우산을 샀어요."]})
    found = json.loads(text)["texts"][0]
    strips = page.locator(".sentence").first.locator(".strip")
    assert [int(t) for t in strips.locator(".feature-link").all_inner_texts()] == [f["id"] for f in found["features"]]
    assert strips.first.locator(".num").inner_text() == f"{found['features'][0]['max']:.2f}"
    page.locator(".tokens button").nth(1).click()
    below = page.locator(".below").first.locator("li")
    assert below.count() == len(found["strongest"][1])
    page.locator("#count").evaluate("e => { e.value = 2; e.dispatchEvent(new Event('input', { bubbles: true })); }")
    expect(page.locator(".sentence").first.locator(".strip")).to_have_count(2)
    strips.first.locator("a").click()
    page.wait_for_selector(".stats")
    assert status == 200 and page.locator("h1").inner_text().endswith(f" {found['features'][0]['id']}")


@pytest.mark.parametrize("view", ["analyze", "compare"])
def test_what_is_typed_is_text_and_never_html(open_page, address, view):
    page = open_page(address, f"ko/explorer.html#{view}")
    page.fill("#sentences" if view == "analyze" else "#first", NASTY)
    page.click("button.main")
    expect(page.locator(".tokens").first).to_contain_text("onerror=")
    assert page.evaluate("window.hurt") is None and page.locator("main img").count() == 0


def test_two_sentences_side_by_side(open_page, address):
    page = open_page(address, "ko/explorer.html#compare")
    page.fill("#first", "어제 밥을 먹었다.")
    page.fill("#second", "내일 밥을 먹을 것이다.")
    page.click("button.main")
    expect(page.locator(".tokens").first).to_have_text(re.compile("^어제"))
    texts = ["어제 밥을 먹었다.", "내일 밥을 먹을 것이다."]
    both = json.loads(explorer_sample.ask(f"{address}/analyze", {"texts": texts, "count": 100})[2])["texts"]
    first, second = ({f["id"] for f in one["features"]} for one in both)
    lists = page.locator(".compare section")
    for at, wanted in enumerate((first - second, first & second, second - first)):
        shown = {int(t) for t in lists.nth(at).locator(".feature-link").all_inner_texts()}
        assert shown <= wanted and len(shown) == min(20, len(wanted))


@pytest.mark.parametrize("width", WIDTHS)
def test_steer_beside_the_unsteered(open_page, address, width):
    page = open_page(address, "ko/explorer.html#steer=3", width)
    page.fill("#wanted", "9")
    page.click("#add")
    assert page.locator(".chosen li").count() == 2
    page.fill("#prompt", NASTY[:20] + " 나는 오늘")
    page.fill("#tokens", "8")
    page.click("#steer-run")
    body = {
        "prompt": NASTY[:20] + " 나는 오늘",
        "features": [{"id": 3, "strength": 0.3}, {"id": 9, "strength": 0.3}],
        "tokens": 8,
    }
    wanted = json.loads(explorer_sample.ask(f"{address}/steer", body)[2])
    for which in ("plain", "steered"):
        expect(page.locator(f"#output-{which} p")).to_have_text(body["prompt"] + wanted[which])
    expect(page.locator("#steer-run")).to_have_text("이어 쓰기")
    assert fits(page)
    page.select_option("#mode", "clamp")
    page.click("#steer-run")
    expect(page.locator("#steer-run")).to_have_text("이어 쓰기")
    assert page.locator("[role=alert] .alert").count() == 0
    while page.locator(".chosen button").count():
        page.locator(".chosen button").first.click()
    page.click("#steer-run")
    assert page.locator("[role=alert] .alert").inner_text() == "먼저 특징을 하나 이상 넣어야 한다."


def test_another_sae_is_chosen(open_page, address):
    page = open_page(address, "ko/explorer.html#analyze")
    page.wait_for_selector(".strip")
    assert (
        page.locator("#model").input_value() == "kosae-lm" and page.locator("#block").input_value() == "b3.resid_post"
    )
    assert page.locator("#sae option").count() >= 2
    page.select_option("#sae", "kosae-lm-q2")
    expect(page).to_have_url(re.compile(r"#analyze&sae=kosae-lm-q2$"))
    one = json.loads(
        explorer_sample.ask(
            f"{address}/analyze", {"texts": ["오늘 점심에는 친구와 김치찌개를 먹었다."], "sae": "kosae-lm-q2"}
        )[2]
    )
    expect(page.locator(".strip .feature-link").first).to_have_text(str(one["texts"][0]["features"][0]["id"]))


def test_what_was_chosen_for_one_sae_is_not_asked_of_another(open_page, tmp_path):
    folder = explorer_sample.site(tmp_path)
    (own,) = (folder / "explorer-data").iterdir()
    other = shutil.copytree(own, own.with_name("other"))
    for file in other.glob("*.js"):
        text = file.read_text("utf-8").replace(f'"{own.name}"', '"other"')
        file.write_text(text.replace('"langs":["ko","en"]', '"langs":["ko"]'), "utf-8")
    explorer_sample.place(folder)
    page = open_page(folder, f"en/explorer.html#list&sae={own.name}")
    page.select_option("#choice-lang", "en")
    page.fill("#query", "no such word anywhere")
    page.select_option("#sae", "other")
    expect(page).to_have_url(re.compile("sae=other|#list$"))
    expect(page.locator("#choice-lang")).to_have_count(0)
    expect(page.locator("#query")).to_have_value("")
    alive = sum(d > 0 for d in explorer_sample.sample().index["columns"]["density"])
    expect(page.locator("tbody tr")).to_have_count(min(alive, 60))
    page.go_back()
    page.fill("#query", "12")
    page.click("#views a:nth-child(2)")  # the map
    page.go_back()
    expect(page.locator("#query")).to_have_value("12")


def test_an_sae_is_analysed_when_it_is_opened_and_a_failure_is_said(open_page, tmp_path, monkeypatch):
    with explorer_sample.served(explorer_sample.site(tmp_path)) as (address, app):
        engine, asked = app.state.engine, []
        begun = iter([{"state": "waiting"}, {"state": "making"}, {"state": "making"}])
        monkeypatch.setattr(engine, "prepare", lambda id: asked.append("begin") or next(begun))
        monkeypatch.setattr(engine, "progress", lambda id: {"state": "failed", "error": "the SAE cannot be read."})
        page = open_page(address, "ko/explorer.html#list&sae=kosae-lm-q2")
        expect(page.locator("[role=status]")).to_contain_text("처음 여는 SAE라서")
        expect(page.locator(".alert")).to_have_text("특징을 분석하지 못했다: the SAE cannot be read.")
        assert asked == ["begin", "begin"] and page.locator(".wait").count() == 0
        page.click("#views a:nth-child(2)")  # opened again, it is begun again
        expect(page.locator("h1")).to_have_text("특징 지도")
        expect(page.locator(".alert")).to_have_text("특징을 분석하지 못했다: the SAE cannot be read.")
        assert asked == ["begin", "begin", "begin"]


VIEWS = ["list", "feature=3", "map", "analyze", "compare", "steer=3"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_no_serious_barrier(open_page, address, view, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    page = open_page(address, f"ko/explorer.html#{view}", scheme=scheme)
    page.wait_for_selector(
        {
            "list": "tbody tr",
            "feature=3": ".stats",
            "map": "canvas.map",
            "analyze": ".strip",
            "compare": ".compare",
            "steer=3": ".chosen li",
        }[view]
    )
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (v["id"], v["impact"], v["nodes"][0]["html"][:150], v["nodes"][0].get("failureSummary", "")[:300])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_the_reference_page(open_page, address):
    page = open_page(address, "docs", 390)
    assert page.locator("h2").count() >= 6 and fits(page)
