"""The explorer's data are what the core gives for the same texts; refusals; the files."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("umap")
import explorer_sample

import kosae_core as kc
from explorer import analysis, build, bundle, page, stamp
from explorer.build import study_of
from explorer.scripts import js, read_script
from explorer.site import data_of, listed, place, place_data
from explorer.sources import NoSource, find_source, sources
from kosae_core import cards, detection, examples, explaining, marking, matching, paths, positions
from kosae_core import interventions as iv
from kosae_core.reading import Reading

LANGS = ("ko", "en")


@pytest.fixture(scope="module")
def made():
    return explorer_sample.sample()


@pytest.fixture(scope="module")
def reading(made):
    _, sae = made.source.load(made.study.lm)
    return Reading(made.study, sae, "test", LANGS, made.source.point)


@pytest.fixture(scope="module")
def sae(made):
    return made.source.load(made.study.lm)[1]


def test_density_and_activations_are_those_of_encode_store(made, sae):
    X = [kc.encode_store(sae, made.study.acts("test", lang, made.source.point)).toarray() for lang in LANGS]
    both, columns = np.concatenate(X), made.index["columns"]
    np.testing.assert_allclose(columns["density"], (both > 0).mean(0), rtol=1e-3)
    np.testing.assert_allclose(columns["max"], both.max(0), rtol=1e-3)
    rates = [(x > 0).mean(0) for x in X]
    wanted = kc.bilingual.language_preference(*rates)
    np.testing.assert_allclose(columns["preference"], wanted, atol=1e-3)
    assert made.index["l0"] == pytest.approx((both > 0).sum(1).mean(), rel=1e-3)
    f = made.lively
    histogram, fired = made.feature(f)["histogram"], both[both[:, f] > 0, f]
    assert sum(histogram["counts"]) == len(fired)
    assert histogram["counts"] == np.histogram(fired, bins=analysis.N_BINS, range=(0, fired.max()))[0].tolist()
    assert made.feature(f)["langs"] == {
        lang: pytest.approx(r[f], rel=1e-3) for lang, r in zip(LANGS, rates, strict=True)
    }


def test_strongest_examples_are_the_top_tokens_of_the_core(made, reading):
    f = made.lively
    wanted, seen = [], {}
    for top in kc.top_tokens(reading.X_NF, reading, f, n=reading.n_tokens):
        doc = reading.records[top.document].doc
        seen[doc] = seen.get(doc, 0) + 1
        if seen[doc] <= examples.AT_MOST:
            wanted.append(top)
    wanted = wanted[: examples.N_TOP]
    shown = made.feature(f)["examples"]
    assert len(shown) == len(wanted)
    for one, top in zip(shown, wanted, strict=True):
        text = "".join(str(part) for i, part in enumerate(one["parts"]) if i % 3 != 2)
        assert text.strip("…") in reading.records[top.document].text
        assert one["parts"][3 * one["centre"] + 2] >= top.value * 0.999


def test_examples_from_all_over_the_activations_fall(made):
    for f in range(explorer_sample.N_FEATURES):
        spread = made.feature(f)["spread"]
        quantiles = [one["quantile"] for one in spread]
        assert quantiles == sorted(quantiles, reverse=True)


def test_the_rule_and_its_verdict_are_those_of_explaining(made, sae):
    f = made.lively
    train, test = (Reading(made.study, sae, split, LANGS, made.source.point) for split in ("train", "test"))
    column = train.X_NF[:, [f]].toarray().ravel()
    half = np.quantile(column[column > 0], 0.5)
    rule = explaining.explain(explaining.windows(train), column > half, train.doc_index, n_cues=6)
    fires = test.X_NF[:, [f]].toarray().ravel() > half
    verdict = explaining.judge(rule, explaining.windows(test), fires, test.doc_index)
    columns = made.index["columns"]
    assert [cue[0] for cue in columns["rule"][f]] == [cue.slot for cue in rule.cues]
    assert columns["detection"][f] == pytest.approx(verdict.detection, rel=1e-3)
    assert columns["fuzzing"][f] == pytest.approx(verdict.fuzzing, rel=1e-3)


def test_the_label_is_chosen_on_training_texts_and_judged_on_test_texts(made, sae):
    columns = made.index["columns"]
    readings = {s: Reading(made.study, sae, s, LANGS, made.source.point) for s in ("train", "test")}
    pooled = {s: kc.features.pool_tokens(r.X_NF, r.doc_index, len(r.documents), "max") for s, r in readings.items()}
    f = next(f for f, label in enumerate(columns["label"]) if label)
    label, name = columns["label"][f]
    yes = {s: np.array([record.labels[label] == name for record in r.records]) for s, r in readings.items()}
    column = {s: pooled[s][:, [f]].toarray().ravel() for s in pooled}
    rule = detection.best_rule(column["train"][:, None], yes["train"])
    said = column["test"] > rule.threshold
    assert columns["f1"][f] == pytest.approx(detection.f1_score(said, yes["test"]), abs=1e-3)
    everything = detection.f1_score(np.ones(len(said), bool), yes["test"])
    assert columns["f1_all"][f] == pytest.approx(everything, abs=1e-3)


def test_neighbours_effects_places_and_classes(made, sae, reading):
    f, W = made.lively, sae.W_dec_FD.detach()
    record = made.feature(f)
    cosine = matching.cosines(W, W)[f].numpy()
    cosine[f] = -2
    assert [g for g, _ in record["near"]] == np.argsort(-cosine, kind="stable")[: analysis.N_NEAR].tolist()
    lm = made.study.lm
    effect = iv.direct_effects(lm, W[[f]])[0].numpy()
    strings = [lm.tokenizer.decode([i]) for i in range(len(effect))]
    for pairs, sign in ((record["promoted"], 1), (record["suppressed"], -1)):
        assert [sign * v for _, v in pairs] == sorted((sign * v for _, v in pairs), reverse=True)
        token, value = pairs[0]
        assert any(strings[i] == token and value == pytest.approx(effect[i], rel=1e-3) for i in range(len(effect)))
    places, means = positions.by_position(reading.X_NF, reading.positions)
    here = dict(zip(places.tolist(), means[:, f], strict=True))
    np.testing.assert_allclose(record["places"]["mean"], [here[p] for p in record["places"]["at"]], rtol=1e-3)
    pooled = kc.features.pool_tokens(reading.X_NF, reading.doc_index, len(reading.documents), "mean")
    big = np.array([r.labels["big"] for r in reading.records])
    names, by_class = kc.class_means(pooled, big)
    assert made.index["labels"]["big"] == names.tolist()
    np.testing.assert_allclose(record["classes"]["big"], by_class[:, f], rtol=1e-3, atol=1e-9)


def test_a_second_call_analyses_nothing(made, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("analysed again")

    monkeypatch.setattr(bundle, "Analysis", never)
    assert bundle.made(made.source, made.study, lm=made.study.lm) == made.folder


def test_a_page_loads_only_what_it_shows_and_all_stays_small(made):
    files = {path.name: path.stat().st_size for path in made.folder.glob("*.js")}
    assert set(files) == {"index.js", "f0000.js", "f0001.js"}
    each = sum(files.values()) / explorer_sample.N_FEATURES
    assert each * 4096 < 25e6, f"{each:.0f} bytes per feature"


def test_texts_are_safe_inside_a_script(tmp_path):
    nasty = {"a": "</script><script>alert(1)</script>\u2028\u2029 <!--"}
    text = js(nasty)
    assert "<" not in text and "\u2028" not in text
    (tmp_path / "x.js").write_text(f'KOSAE.features("id",3,{text});\n', "utf-8")
    assert read_script(tmp_path / "x.js") == nasty
    (tmp_path / "y.js").write_text("alert(1)", "utf-8")
    with pytest.raises(ValueError, match=r"run make explorer again"):
        read_script(tmp_path / "y.js")


@pytest.mark.parametrize("lang", LANGS)
def test_pages_carry_their_list_escaped(lang):
    html = page.page(
        lang, [{"id": "a", "title": "<img src=x onerror=alert(1)> '\"", "lm": "m", "point": "b0.resid_post"}]
    )
    assert "<img" not in html and f'<html lang="{lang}">' in html
    assert "http" not in html.replace("http-equiv", "")


@pytest.mark.parametrize(
    "script", ['KOSAE.index("old",{"id": "old"})', 'KOSAE.index("old",{"id": "ol', "", 'KOSAE.index("old",[])']
)
def test_data_that_are_stale_or_cut_short_are_left_out_and_named(tmp_path, capsys, script):
    (tmp_path / "explorer-data" / "old").mkdir(parents=True)
    (tmp_path / "explorer-data" / "old" / "index.js").write_text(script)
    assert len(place(tmp_path)) == 2
    told = capsys.readouterr().err
    assert told.startswith("The explorer leaves out old, whose data in ") and "make explorer SAE=old" in told


def test_placed_data_are_listed_default_first(made, tmp_path):
    site = explorer_sample.site(tmp_path)
    place(site)
    assert [sae["id"] for sae in listed(site / "explorer-data")] == [made.source.id]
    for lang in LANGS:
        assert made.source.id in (site / lang / "explorer.html").read_text("utf-8")
        assert (site / lang / "explorer" / "web" / "app.js").is_file()


def test_cards_for_the_printed_plate_say_what_the_explorer_says(made, sae):
    chosen = [made.lively, 0, 63]
    both = {s: Reading(made.study, sae, s, LANGS, made.source.point, chosen) for s in ("train", "test")}
    columns = made.index["columns"]
    for f, card in zip(chosen, cards.cards(made.study.lm, sae, both["train"], both["test"], chosen, n=4), strict=True):
        record = made.feature(f)
        assert (card.feature, marking.rounded(card.density), marking.rounded(card.max)) == (
            f,
            columns["density"][f],
            columns["max"][f],
        )
        assert card.examples == record["examples"][:4]
        assert [[token, marking.rounded(effect)] for token, effect in card.promoted] == record["promoted"]
        rule = {shown for _, token in columns["rule"][f] if (shown := cards.shown(token))}
        assert all(token in card.rule for token in rule) and bool(card.rule) == bool(rule)
    with pytest.raises(ValueError, match="no feature 64; there are 0 to 63"):
        cards.cards(made.study.lm, sae, both["train"], both["test"], [64])


def test_what_has_not_changed_is_neither_made_nor_copied_again(made, tmp_path, monkeypatch):
    target = data_of(tmp_path, made.source.id)
    given = {"corpus": "synthetic", "n_train": 240}
    key = stamp.key_of(made.source, given)
    assert not stamp.current(target, key)
    place_data(target, made.folder, key)
    assert stamp.current(target, key) and [p.name for p in target.parent.iterdir()] == [made.source.id]
    assert key != stamp.key_of(made.source, {**given, "n_train": 241})
    assert key != stamp.key_of(replace(made.source, lm_key="0"), given)
    grammar = tmp_path / "data"
    (grammar / "grammar").mkdir(parents=True)
    (grammar / "grammar" / "new.yaml").write_text("a: 1", "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(stamp.paths, "data_dir", lambda: grammar)
        assert key != stamp.key_of(made.source, given)
    (target / "f0000.js").write_text("", "utf-8")
    assert not stamp.current(target, key)


def test_an_interrupted_copy_leaves_what_was_there(made, tmp_path, monkeypatch):
    target = data_of(tmp_path, made.source.id)
    place_data(target, made.folder, "old")

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(stamp, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place_data(target, made.folder, "new")
    assert stamp.current(target, "old") and [p.name for p in target.parent.iterdir()] == [made.source.id]


def test_a_second_build_asks_no_model(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build, "find_source", lambda id: made.source)
    monkeypatch.setattr(build, "study_of", lambda preset: made.study)
    arguments = ["--preset", "smoke", "--site", str(tmp_path), "--book"]
    assert build.main(arguments) == 0
    first = capsys.readouterr().out.splitlines()
    assert first[0].startswith(f"explorer (smoke): {made.source.id}, ") and first[1].endswith("ko/explorer.html")
    monkeypatch.setattr(bundle, "made", None)
    assert build.main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"The explorer's data of {made.source.id} are up to date."


def test_a_book_of_another_model_says_so_and_goes_on(capsys, tmp_path):
    assert build.main(["--preset", "gpt2", "--book", "--site", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "The explorer is left as it is: the chapters of gpt2 read gpt2, and kosae-lm-q2 is an SAE of kosae-lm;"
    )
    assert said.count("\n") == 1 and not list(tmp_path.iterdir())


def test_nothing_heavy_is_imported_to_see_that_nothing_changed():
    code = (
        "import sys, explorer.build; print([m for m in ('torch', 'transformers', 'umap', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=paths.ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_sources_are_named_and_refused(made):
    assert next(iter(sources())) == "kosae-lm-q2"
    assert made.source.block == 3 and "64 features" in made.source.title
    with pytest.raises(NoSource, match=r"no SAE '\.\./\.\./etc' here; there are kosae-lm-q2"):
        find_source("../../etc")
    with pytest.raises(NoSource, match=r"no preset 'x'; there are default"):
        study_of("x")


@pytest.mark.parametrize(
    ("text", "told"), [("common: [1\n", "is not YAML"), ("common: {n_train: 7}\n", ""), ("common:\n", "")]
)
def test_a_preset_of_ones_own_is_read_from_its_file(tmp_path, text, told):
    (tmp_path / "mine.yaml").write_text(text)
    if told:
        with pytest.raises(NoSource, match=told):
            build.settings_of(str(tmp_path / "mine.yaml"))
    else:
        assert build.settings_of(str(tmp_path / "mine.yaml")) == ({"n_train": 7} if "7" in text else {})


def test_what_is_damaged_in_the_store_is_passed_over(made, caplog):
    """One bad entry does not take the others along; what is half written has a name that begins with a dot."""
    ids, store = list(sources()), paths.store_dir()
    bad = [
        store / "activations" / "bad",
        store / "activations" / ".partial-x",
        *(store / "sae" / f"bad{i}" for i in range(3)),
    ]
    try:
        for folder in bad:
            folder.mkdir()
            (folder / "weights.safetensors").touch()
        (bad[0] / "manifest.json").touch()
        (bad[1] / "manifest.json").write_text("{", "utf-8")
        about = {"provenance": {"model": "kosae-lm", "point": "b3.resid_post"}, "config": {"variant": "topk"}}
        for folder, text in zip(bad[2:], ("[]", "5", json.dumps(about)), strict=True):
            (folder / "cfg.json").write_text(text, "utf-8")
        assert list(sources()) == ids
        assert [r.getMessage().split(":")[1].strip() for r in caplog.records] == [str(bad[0])]
    finally:
        for folder in bad:
            shutil.rmtree(folder, ignore_errors=True)


def test_an_sae_of_another_model_is_refused(made, tiny_lm):
    with pytest.raises(NoSource, match="was trained on another kosae-lm"):
        replace(made.source, lm_key="0" * 64).load(made.study.lm)


def test_the_default_study_is_the_chapters_own():
    assert study_of("default") == kc.Study()


def test_spans_that_share_a_character_are_one():
    assert marking.merged([(4, 6, 1.0), (0, 2, 3.0), (5, 7, 2.0), (7, 7, 9.0)]) == [(0, 2, 3.0), (4, 7, 2.0)]


def test_a_window_keeps_the_token_and_marks_its_cuts():
    text = "처음 " + "가나다라 " * 40 + "과녁 " + "마바사 " * 40
    at = text.index("과녁")
    parts, centre = marking.window(text, [(0, 2, 1.0), (at, at + 2, 2.5)], (at, at + 2), reach=20)
    assert parts[1:3] == ["과녁", 2.5] and centre == 0
    assert parts[0].startswith("…") and parts[-1].endswith("…") and len("".join(map(str, parts))) < 60
    assert "".join(str(p) for i, p in enumerate(parts) if i % 3 != 2).strip("…") in text


def test_the_space_before_a_word_is_left_out():
    assert marking.trimmed("a  b", 1, 4) == (3, 4)
    assert marking.trimmed("a  ", 1, 3) == (1, 3)


def test_the_head_names_the_classes_in_both_languages(made):
    head = made.index
    assert head["names"]["big"]["food"] == ["음식", "food"]
    assert head["alive"] == sum(d > 0 for d in head["columns"]["density"])
    assert json.dumps(head, allow_nan=False)
