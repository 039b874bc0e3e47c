"""What `make plan` says: every preset, without running it; and that what chapters make is what a run of them has made."""

import re
from collections import Counter

import pytest

from kosae_core import needs, paths
from pipeline import analyses, before, costs, execute, plan, work
from pipeline import chapters as ch
from pipeline.plan import Plan

PRESETS = sorted(path.stem for path in (ch.CHAPTERS / "presets").glob("*.yaml"))
SOURCES = ["exaone", "exaone_early", "gpt2", "mistral", "phi3"]
MEASURED = {"stores": 963_063_602, "autoencoders": 111_148_496}
"""Bytes of the store after `make all` from nothing with the preset `default` (29 November 2026, 6 blocks)."""
KEPT = {
    ("standard", 2048): 5, ("gated", 2048): 4, ("topk", 2048): 5, ("topk", 1024): 10, ("topk", 512): 17, ("gated", 512): 4,
    ("groupmax", 512): 1, ("standard", 512): 2, ("batchtopk", 512): 2, ("matryoshka", 512): 2, ("jumprelu", 512): 2,
    ("p_anneal", 512): 2, ("gated_anneal", 512): 2,
}  # fmt: skip
"""The autoencoders in it, by variant and size."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(costs, "measured_rates", lambda: costs.Rates(5e10, 2e10, 1e-6))


def planned(name, **extra):
    return Plan(ch.read_preset(name), extra)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_planned_without_running_it(name, capsys, monkeypatch):
    monkeypatch.delenv("KOSAE_DATA_DIR", raising=False)
    assert plan.main(["--preset", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{name}: ") and "nothing was run" in said
    for word in ("hardware", "model", "gathers", "trains", "disk", "memory", "fits", "time", "how"):
        assert f"\n  {word} " in said


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_only_parameters_that_their_chapters_have(name):
    preset = ch.read_preset(name)
    chapters = [chapter for chapter in ch.read_chapters() if preset.runs(chapter)]
    for chapter in chapters:
        preset.parameters(chapter)  # refuses what a section sets and its chapter lacks
    if name != "default":  # which also says how activations are stored
        assert set(preset.common) <= {key for chapter in chapters for key in chapter.parameters}
    assert set(preset.sections) <= {chapter.stem for chapter in chapters}
    assert set(preset.plan) <= {"hardware", "speed", "hours", "models", "tokens_per_sentence"}


@pytest.mark.parametrize("name", SOURCES)
def test_the_hardware_that_a_preset_states_holds_it(name, monkeypatch):
    monkeypatch.delenv("KOSAE_DATA_DIR", raising=False)
    made = planned(name)
    has = made.preset.plan["hardware"]
    for stem in made.parts:
        assert sum(made.memory(stem).values()) < 0.9e9 * has["gpu_gb"], stem
        assert made.in_ram(stem) < 0.9e9 * has["memory_gb"], stem
    assert sum(made.disk().values()) < 0.9e9 * has["disk_gb"]
    assert sum(made.seconds().values()) / 3600 == pytest.approx(made.preset.plan["hours"], rel=0.25)


def test_the_settings_of_the_sources():
    made = {name: planned(name) for name in SOURCES}
    trained = {name: {(r.n_features, getattr(r.source, "point", "")) for r in p.all.runs} for name, p in made.items()}
    quantiles = {(100_000, f"b{n}.resid_post") for n in (8, 16, 24)}
    assert trained["exaone"] | trained["exaone_early"] >= quantiles
    assert (12_288, "b8.resid_post") in trained["exaone"]
    assert {s.corpus for s in made["exaone"].all.stores} >= {"keat", "synthetic"}
    assert {s.point for s in made["gpt2"].all.stores} >= {f"b{n}.resid_post" for n in range(12)}
    for name, times in (("phi3", 4), ("mistral", 100)):
        sweep = {
            (r.k, r.k_start)
            for r in made[name].all.runs
            if r.n_features == times * made[name].model.d_model and r.auxk == 0
        }
        assert sweep == {(k, start) for k in (24, 48, 64, 100, 128, 256) for start in (None, 512)}
        assert (times * made[name].model.d_model, "b16.resid_post") in trained[name]


def test_what_chapters_make_is_what_a_run_has_made(monkeypatch):
    made = planned("default")
    kept = [run for run in made.all.runs if isinstance(run.source, work.Store)]
    assert Counter((run.variant, run.n_features) for run in kept) == KEPT
    points = Counter(store.point for store in made.all.stores)
    other = {f"b{n}.{kind}": 2 for n in range(6) for kind in ("attn_out", "mlp_out")}
    assert points == other | {"b3.resid_post": 15, "b4.resid_post": 10} | {f"b{n}.resid_post": 6 for n in (0, 1, 2, 5)}
    for kind, size in made.disk().items():
        assert size == pytest.approx(MEASURED[kind], rel=0.1)


def test_a_chapter_of_korean_alone_asks_for_no_english():
    preset = ch.read_preset("ynat").asked("09")
    made = Plan(preset, {})
    assert list(made.parts) == ["09_interpretation"]
    assert {(store.corpus, store.lang) for store in made.all.stores} == {("ynat", "ko")}
    assert {s.lang for s in Plan(preset, {"corpus": "synthetic"}).all.stores} == {"ko", "en"}


def test_a_quantized_model_takes_less():
    sizes = {bits: planned("smoke", lm_options={"bits": bits}).memory("04_training")["model"] for bits in (8, 4)}
    whole = planned("smoke").memory("04_training")["model"]
    assert planned("smoke", lm_options={"dtype": "bf16"}).memory("04_training")["model"] == whole / 2
    assert whole / 4 < sizes[4] < sizes[8] < whole
    stated = planned("exaone", lm_options={"bits": 4})
    assert (
        4.5e9 < stated.memory("04_training")["model"] < 6.5e9
    )  # of 7.8e9 weights, 0.8e9 of them in two tables of bf16
    assert "in 4 bits" in plan.report(stated)


COMMITTED = ("default", "ynat", "keat", "full")


@pytest.mark.parametrize("name", COMMITTED)
def test_memory_of_chapters_is_not_far_from_what_committed_runs_took(name, monkeypatch):
    monkeypatch.delenv("KOSAE_DATA_DIR", raising=False)
    took, made = execute.read_times(paths.reference_dir(name) / "times.json"), planned(name)
    stems = took.keys() & {stem for stem, parts in made.parts.items() if parts}
    assert stems
    for stem in stems:
        assert 0.85 < made.process(stem) / 2**20 / took[stem]["peak_mib"] < 1.4, stem


@pytest.mark.parametrize("name", [name for name in COMMITTED if name != "default"])
def test_time_of_committed_runs_is_not_far_from_what_they_took(name, monkeypatch):
    """Of the machine whose rates are committed; ynat and keat ran beside other work."""
    monkeypatch.delenv("KOSAE_DATA_DIR", raising=False)
    monkeypatch.setattr(costs, "measured_rates", lambda: costs.Rates(**costs.of_file()["machine"]["rates"]))
    took, made = execute.read_times(paths.reference_dir(name) / "times.json"), planned(name)
    said = analyses.seconds(made) + sum(made.seconds().values())
    assert 0.5 < said / sum(took[stem]["seconds"] for stem in made.parts.keys() & took.keys()) < 1.3


def test_params_change_what_is_planned():
    plain, wide = planned("smoke"), planned("smoke", n_features=4096)
    assert wide.disk()["autoencoders"] > 3 * plain.disk()["autoencoders"]
    assert wide.memory("04_training")["training"] > plain.memory("04_training")["training"]


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"lm_name": "nobody/nothing"}, "the model 'nobody/nothing' is not on this machine, and the preset's plan section does not"),
        ({"colour": 1}, "the chapters of smoke: there is no parameter 'colour', which PARAMS sets"),
        ({"corpus": "no.txt"}, r"tokens a sentence of no\.txt has cannot be counted \(no file .*tokens_per_sentence"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_said(extra, sentence):
    with pytest.raises(ch.PipelineError, match=sentence):
        plan.report(planned("smoke", **extra))


WRONG = [
    ({"middle": "q7.resid_post"}, "q7"), ({"middle": "q2.resid"}, "resid"), ({"middle": "b99.resid_post"}, "b99"),
    ({"front_variants": ["topkk"]}, "topkk"), ({"lm_options": {"nope": 1}}, "lm_options has no 'nope'; there are device, dtype"),
    ({"k": 4096}, "k must lie between 1 and n_features (256), not 4096"),
    ({"lm_options": {"dtype": "fp99"}}, "dtype must be one of bf16, fp16, fp32, not 'fp99'"),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "word"), WRONG)
def test_a_setting_that_a_chapter_would_refuse_is_one_sentence(extra, word, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    monkeypatch.setattr(execute, "execute", None)  # nothing is begun
    given = [part for name, value in extra.items() for part in ("-p", name, repr(value))]
    for main in (plan.main, execute.main):
        assert main(["--preset", "smoke", *given]) == 1
        told = capsys.readouterr().err
        assert word in told and told.count("\n") == 1


def test_a_corpus_that_is_not_to_be_had_is_refused_before_the_first_chapter(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    monkeypatch.delenv("KOSAE_DATA_DIR", raising=False)
    monkeypatch.setattr(execute, "execute", None)
    for corpus, told in (("nope", "no corpus 'nope': known are "), ("keat", "keat is not in ")):
        assert execute.main(["--preset", "smoke", "--only", "04,05", "-p", "corpus", corpus]) == 1
        assert capsys.readouterr().err.startswith(told)


def test_one_chapter_is_asked_for_its_own_disk(monkeypatch):
    made = planned("smoke")
    assert 0 < sum(made.disk(["04_training"]).values()) < sum(made.disk().values())
    asked = []
    monkeypatch.setattr(before, "Plan", lambda preset, extra: made)
    monkeypatch.setattr(Plan, "disk", lambda plan, stems: asked.append(stems) or {})
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    before.before_running("smoke", {}, ["01_superposition", "05_probing"])
    assert asked == [["05_probing"]]


def test_what_another_process_removes_meanwhile_is_not_counted(tmp_path):
    class Gone:
        is_file = staticmethod(lambda: True)

        def stat(self):
            raise FileNotFoundError

    (tmp_path / "there").write_bytes(bytes(10))
    folder = type("Folder", (), {"rglob": lambda self, pattern: [tmp_path / "there", Gone()]})()
    assert before._bytes(folder) == 10


def test_what_does_not_fit_is_said_with_the_knob(monkeypatch):
    made = planned("smoke")
    assert made.fits() == "yes, by what is free here now"
    monkeypatch.setattr(needs, "free_memory", lambda device="cpu": 10**8)
    assert re.fullmatch(
        r"no\. 1\.\d GB of memory in 0\d_\w+ is needed and 0\.1 GB is there: lower n_features .*", made.fits()
    )
    monkeypatch.setattr(needs, "free_disk", lambda folder: 10**6)
    assert made.fits().startswith("no. 0.2 GB of disk is needed and 1.0 MB is there: lower n_train, or set KOSAE_BUILD")
    stated = planned("gpt2")
    assert stated.fits() == "yes, on that hardware"
    stated.preset.plan["hardware"]["gpu_gb"] = 1
    assert "of GPU memory in " in stated.fits() and "and 1.0 GB is there" in stated.fits()


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("free_memory", r"this run needs about 1\.\d GB of memory in 0\d_\w+, and 0\.1 GB are free: lower n_features"),
        ("free_disk", r"this run needs about 0\.\d GB of disk, and 0\.1 GB are free: lower n_train, or set KOSAE_BUILD"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_fit_is_not_begun(part, sentence, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(needs, part, lambda *where: 10**8)
    monkeypatch.setattr(execute, "execute", None)  # nothing is begun
    assert execute.main(["--preset", "smoke"]) == 1
    assert re.search(sentence, capsys.readouterr().err)


def test_what_a_run_needs_is_printed_before_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(execute, "execute", lambda jobs, at_once, needed: [])
    assert execute.main(["--preset", "smoke", "--only", "05_probing"]) == 0
    said = capsys.readouterr().out
    assert re.fullmatch(
        r"smoke needs about .*B of disk \(.*free\), .* of memory in 05_probing \(.* free\)"
        r"; in 05_probing model .*B, a pass .*B, training .*B, autoencoders .*B, the rest .*B\n",
        said,
    )
    assert execute.main(["--preset", "smoke", "--only", "01_superposition"]) == 0
    assert capsys.readouterr().out == ""  # reads no language model


def test_what_the_store_holds_is_not_asked_for_again(monkeypatch, tmp_path):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "there").write_bytes(bytes(sum(planned("smoke").disk().values())))
    monkeypatch.setattr(needs, "free_disk", lambda folder: 0)
    assert "0.0 MB of disk (0.0 MB free)" in before.before_running("smoke", {}, ["05_probing"])[0]


def test_a_model_on_this_machine_is_counted(tiny_lm, tmp_path):
    tiny_lm.model.save_pretrained(tmp_path)
    tiny_lm.tokenizer.save_pretrained(tmp_path)
    found = plan.read_model(str(tmp_path), {})
    tied = sum(p.numel() for p in tiny_lm.model.parameters())
    assert (found.n_params, found.d_model, found.n_layers, found.vocab) == (tied, 32, 4, 400)
    assert "hardware  this machine" in plan.report(planned("smoke", lm_name=str(tmp_path)))
