"""Several processes train what one trains: the same curve, the same store, a checkpoint when one of them dies."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import ranks_sample as sample
import torch
from safetensors.torch import load_file

import kosae_core as kc
from kosae_core import distributed, needs, parts, paths, ranks, training
from kosae_core.ranks import Session, Side
from kosae_core.study import Study
from pipeline import train_preset

VARIANTS = sorted(kc.VARIANTS)
CORE = ["standard", "gated", "topk", "batchtopk", "jumprelu"]
CURVES = ("loss", "mse", "sparsity", "aux", "l0", "explained_variance", "dead_share", "strength", "held_l0")
slow = pytest.mark.skipif(not os.environ.get("KOSAE_SLOW"), reason="takes minutes; make test-all runs it")


def jobs(variants, all_parts, **options):
    return [(variant, {"parts": n, **options}) for variant in variants for n in all_parts]


def in_fp32(all_parts):
    """Every variant; the annealed ones without lifting, since |f|^p is so steep where a lifted feature begins to fire that rounding
    decides the next steps (in fp64, where rounding is out of reach, they are lifted too)."""
    annealed = [v for v in VARIANTS if "p_end" in kc.VARIANTS[v].options]
    return [*jobs([v for v in VARIANTS if v not in annealed], all_parts), *jobs(annealed, all_parts, lift=0.0)]


QUICK = [
    *jobs(CORE, (1, 2), precision="fp64"), *jobs(["matryoshka"], (2,), precision="fp64"), *jobs(["topk", "gated"], (1, 2)),
    *jobs(["topk"], (1, 2), precision="fp64", accumulate=2, ema=0.9, clip=0.1, optimizer="adamw", weight_decay=0.01),
]  # fmt: skip
"""Trainings that every run of the tests makes."""


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    """What each of two ranks gets from QUICK."""
    return sample.run(2, tmp_path_factory.mktemp("ranks"), sample.train_all, QUICK)


def hold_together(together, todo):
    """Train in this process too, and compare each rank's curve with this one's."""
    known = {}
    for i, (variant, options) in enumerate(todo):
        alone = {name: value for name, value in options.items() if name != "parts"}
        key = variant, json.dumps(alone)
        if key not in known:
            known[key] = sample.train(variant, **alone)
        history, weights = known[key]
        fp64 = options.get("precision") == "fp64"
        for rank in together:
            for name in CURVES:
                expected, found = (torch.tensor(getattr(h, name), dtype=torch.float64) for h in (history, rank[i][0]))
                assert len(expected) in (0, sample.STEPS)
                near = {"atol": 1e-9, "rtol": 0} if fp64 else {"atol": 1e-4 if name != "loss" else 0, "rtol": 1e-4}
                torch.testing.assert_close(found, expected, **near, msg=lambda m: f"{variant} {options} {name}: {m}")  # noqa: B023
            for name, tensor in weights.items():
                assert rank[i][1][name].dtype == tensor.dtype and rank[i][1][name].shape == tensor.shape
                if fp64:
                    torch.testing.assert_close(rank[i][1][name], tensor, atol=1e-8, rtol=0)
                assert torch.equal(rank[i][1][name], together[0][i][1][name])  # no rank has drifted away
        assert max(history.dead_share) > 0 and history.loss[-1] < history.loss[0], variant


def test_two_ranks_follow_the_curve_of_one(two_ranks):
    hold_together(two_ranks, QUICK)


@slow
@pytest.mark.timeout(900)
def test_every_variant_on_two_ranks(tmp_path):
    todo = [*jobs(VARIANTS, (1, 2), precision="fp64"), *in_fp32((1, 2))]
    hold_together(sample.run(2, tmp_path, sample.train_all, todo), todo)


@slow
@pytest.mark.timeout(1800)
def test_every_variant_on_four_ranks(tmp_path):
    todo = [*jobs(VARIANTS, (1, 2, 4), precision="fp64"), *in_fp32((1, 4))]
    todo += jobs(["topk"], (1,), precision="fp64", optimizer="muon")
    hold_together(sample.run(4, tmp_path, sample.train_all, todo), todo)


def entries(build):
    """The files of all entries of a store, with size and sha256."""
    found = sorted((build / "store").glob("*/*/manifest.json"))
    return {path.parent.relative_to(build): json.loads(path.read_text())["files"] for path in found}


def test_a_store_has_the_same_bytes_and_a_stream_the_same_curve(sentences, tmp_path, monkeypatch):
    ours, theirs = tmp_path / "one", tmp_path / "two"
    monkeypatch.setenv("KOSAE_BUILD", str(ours))
    weights, history, streamed = sample.gather_and_train(sentences, ours)
    found = sample.run(2, tmp_path / "out", sample.gather_and_train, sentences, theirs)
    one, two = entries(ours), entries(theirs)
    assert one.keys() == two.keys() and len(one) == 4  # two stores, two autoencoders
    gathered = [path for path in one if "activations" in path.parts]
    assert len(gathered) == 2 and all(one[path] == two[path] for path in gathered)
    assert not list((theirs / "store").glob("*/.partial*"))
    for rank in found:
        assert rank[1].loss == pytest.approx(history.loss, abs=1e-9)
        assert rank[2].loss == pytest.approx(streamed.loss, abs=1e-9)
        for name, tensor in weights.items():
            torch.testing.assert_close(rank[0][name], tensor, atol=1e-6, rtol=0)


def launch(folder, variant, n_parts, dies_at=1000, world=2):
    """A training under torchrun; what it said and its exit status."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": str(Path.cwd())}
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world), sample.__file__,
        str(folder / "run.pt"), str(folder / "out.pt"), variant, str(n_parts), str(dies_at),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("variant", "n_parts"), [("gated", 2), pytest.param("topk", 1, marks=slow)])
def test_a_rank_that_dies_leaves_a_checkpoint_that_goes_on_to_the_same_bits(variant, n_parts, two_ranks, tmp_path):
    history, weights = two_ranks[0][QUICK.index((variant, {"parts": n_parts}))]  # a run without a death
    status, said = launch(tmp_path, variant, n_parts, dies_at=27)
    assert status != 0 and "exitcode  : -9" in said and not (tmp_path / "out.pt").exists()
    copy = shutil.copy(tmp_path / "run.pt", tmp_path / "copy.pt")
    status, said = launch(tmp_path, variant, n_parts)
    assert status == 0 and "from step 20" in said
    again, found = torch.load(tmp_path / "out.pt", weights_only=False)
    assert again == history
    assert all(torch.equal(found[name], tensor) for name, tensor in weights.items())
    # another number of processes can go on too, to the same weights but for rounding
    config, cfg = sample.settings(variant)
    sae, seen = kc.train(config, sample.acts(), cfg, held=sample.acts()[:50], checkpoint=copy)
    assert seen.loss[:20] == history.loss[:20] and len(seen.loss) == sample.STEPS
    for name, tensor in weights.items():
        torch.testing.assert_close(sae.state_dict()[name], tensor, atol=1e-4, rtol=0)


@slow
def test_a_rank_that_fails_ends_the_run_with_its_own_error(tmp_path):
    status, said = launch(tmp_path, "topk", 1, dies_at="27!")
    assert status != 0 and "ArithmeticError: a fault of rank 1" in said and (tmp_path / "run.pt").exists()
    assert not (tmp_path / "out.pt").exists()
    status, said = launch(tmp_path, "topk", 1)
    assert status == 0 and "from step 20" in said


@slow
def test_a_rank_that_does_not_answer_ends_the_run(tmp_path):
    status, said = launch(tmp_path, "topk", 1, dies_at=-27)
    assert status != 0 and "lost a rank" in said and "imed out" in said


@pytest.fixture
def mesh(monkeypatch):
    """Make this process believe that it is one of several."""

    def believe(n_rows=1, n_parts=1, index=0):
        monkeypatch.setattr(ranks, "_now", (Side(n_rows, 0, None), Side(n_parts, index, None)))

    return believe


@pytest.mark.parametrize(
    ("shape", "variant", "options", "sentence"),
    [
        ((3, 1), "topk", {}, r"batch_size \(64\) must be a multiple of 2 x ranks that share rows \(3\) x accumulate \(1\)"),
        ((2, 1), "gated", {"accumulate": 32}, r"must be a multiple of 2 x ranks that share rows \(2\) x accumulate \(32\)"),
        ((1, 5), "topk", {}, r"n_features \(48\) must be a multiple of the parts it is cut into \(5\)"),
        ((1, 2), "topk", {"optimizer": "muon"}, "muon orthogonalises whole matrices"),
    ],
)  # fmt: skip
def test_what_cannot_be_shared_out_is_said(shape, variant, options, sentence, mesh):
    config, cfg = sample.settings(variant, **options)
    mesh(*shape)
    with pytest.raises(ValueError, match=sentence):
        kc.trainer.Trainer(config, sample.acts(), cfg)


def test_a_variant_that_is_not_the_packages_is_not_cut(mesh):
    class Own(kc.TopKSAE):
        variant = "own"

    try:
        config, cfg = sample.settings("own")
        mesh(1, 2)
        with pytest.raises(ValueError, match="the variant own is not the package's own"):
            kc.trainer.Trainer(config, sample.acts(), cfg)
    finally:
        del kc.VARIANTS["own"]  # other tests go through all variants


def test_parts_that_the_ranks_cannot_share_are_refused(monkeypatch):
    for world, n_parts in ((1, 2), (4, 3), (4, 0)):
        monkeypatch.setenv("WORLD_SIZE", str(world))
        with pytest.raises(ValueError, match=rf"{world} rank\(s\) cannot share {n_parts} parts of a dictionary"):
            distributed.together(n_parts).__enter__()
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="rank 3 of this machine has no GPU: there are 2"):
        distributed.together(device="cuda").__enter__()
    config, cfg = sample.settings("topk", precision="fp64", device="cuda")
    with pytest.raises(ValueError, match="precision='fp64' is for a CPU"):
        kc.trainer.Trainer(config, sample.acts(), cfg)


def test_of_equal_numbers_no_more_than_k_are_taken(mesh, monkeypatch):
    table_BK = torch.tensor([[2.0, 1.0, 1.0], [0.5, 0.5, 0.0]])
    monkeypatch.setattr(
        ranks, "collected", lambda tensor, all_ranks: [tensor, tensor]
    )  # two ranks with the same numbers
    taken = 0
    for index in (0, 1):
        mesh(1, 2, index)
        taken = taken + ranks.among_largest(table_BK, 4).sum(1)
    assert taken[0] == 4 and taken[1] == 4
    mesh(1, 2, 1)
    assert ranks.among_largest(table_BK, 3)[0, 0]  # the largest of either rank


@pytest.mark.parametrize(("index", "expected"), [(0, (0, 2, 8, 8)), (1, (0, 0, 2, 8))])
def test_prefixes_are_cut_with_the_dictionary(index, expected, mesh):
    mesh(1, 2, index)
    assert ranks.edges((0, 2, 10, 16), 8) == expected


def test_a_name_says_along_which_axis_a_tensor_is_cut(mesh):
    mesh(1, 2, 1)
    for name, shape, expected in (("W_dec_FD", (4, 3), (2, 3)), ("W_enc_DF", (3, 4), (3, 2)), ("b_enc_F", (4,), (2,))):
        assert parts.cut(name, torch.zeros(shape)).shape == expected
    for name in ("b_dec_D", "scale", "threshold", "mean_D"):
        assert parts.axis(name) is None
    assert parts.cut("b_enc_F", torch.arange(4)).tolist() == [2, 3]
    every = {n for v in VARIANTS for n, _ in kc.VARIANTS[v](sample.settings(v)[0], 12).named_parameters()}
    assert {name for name in every if parts.axis(name) is None} == {"b_dec_D"}


def test_a_dictionary_is_cut_where_one_device_is_too_small(monkeypatch):
    config, cfg, gpu = kc.SAEConfig("topk", 2**16), kc.TrainConfig(batch_size=1024), torch.device("cuda")
    acts, needed = torch.zeros(10, 256), {}
    for n in (1, 2, 4, 8):
        of = needs.train_parts(config, cfg, 256, 10, in_memory=True, shares=8 // n, parts=n, on_gpu=True)
        needed[n] = of["weights, gradients and moments"] + of["batch"]
        assert of["weights, gradients and moments"] == pytest.approx(4 * 4 * 2 * 256 * 2**16 / n, rel=0.01)
    weights = 4 * 4 * 2 * 256 * 2**16  # two matrices in fp32, their gradients and Adam's two moments
    assert needed[1] > needed[2] > needed[4] > needed[8]
    assert needed[1] > weights > needed[2] > weights / 2 > needed[4]
    monkeypatch.setattr(ranks, "session", Session(0, 8, 8))
    for free, expected in ((needed[1], 1), (needed[1] - 1, 2), (needed[2], 2), (needed[4], 4), (needed[8], 8), (0, 1)):
        monkeypatch.setattr(needs, "free_memory", lambda device, free=free: free)
        assert needs.fewest_parts(config, acts, cfg, gpu) == expected  # what fits nowhere stays whole, and is refused
    with pytest.raises(needs.TooLarge, match="the training needs about"):
        needs.require_room_to_train(config, acts, cfg, gpu)


@pytest.fixture
def tiny_preset(tiny_lm, empty_store, tmp_path, monkeypatch):
    """A preset of one chapter on the tiny model, as a file elsewhere."""
    monkeypatch.setattr(train_preset, "load_lm", lambda name: tiny_lm)
    settings = {"n_train": 40, "n_test": 40, "n_features": 48, "k": 4, "steps": 12, "batch_size": 64}
    path = tmp_path / "tiny.yaml"
    chapters = {"chapters": ["07_visualization", "09_interpretation"], "09_interpretation": {"sparse_steps": 12}}
    path.write_text(json.dumps({**chapters, "common": settings}))
    return str(path), settings


def test_the_command_leaves_what_chapters_look_for(tiny_preset, tiny_lm, empty_store, capsys, monkeypatch):
    path, settings = tiny_preset
    assert train_preset.main([path, "--checkpoint-every", "5", "-p", "seed", "3"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny needs about ") and " of memory in 0" in said and "; in 0" in said
    assert "\ntiny: 8 stores and 3 autoencoders of kosae-lm, by 1 process(es)" in said
    assert "step 12 of 12, EV" in said and said.count("in the store") == 3
    assert "gathering synthetic train ko: token " in said
    assert not list((empty_store.parent / "checkpoints").iterdir())
    monkeypatch.setattr(training, "_run", lambda *args: pytest.fail("it is trained again"))
    monkeypatch.setattr("kosae_core.activations.fill", lambda *args, **how: pytest.fail("it is gathered again"))
    study = Study(points=("q2.resid_post", "q3.resid_post"), seed=3, **settings)
    vars(study)["lm"] = tiny_lm
    variants = {run for run in ("topk", "gated", "standard") if f" {run} " in said}
    assert len(variants) == 2
    for variant in variants:
        assert len(study.sae(variant, "ko", "q2.resid_post")[1].loss) == 3
    sparser = kc.SAEConfig("topk", 512, k=8)  # chapter 09's own
    _, history = kc.train(sparser, study.acts("train"), kc.TrainConfig(12, 64, lr=0.02, seed=3))
    assert len(history.loss) == 3


@slow
@pytest.mark.timeout(1800)
def test_every_chapter_runs_on_another_model_and_finds_what_the_command_made(tmp_path):
    """A small GPT-2, whose positions are learned and whose sentences begin with their first token; all trainings but those of a variant that chapter 03 defines itself."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(paths.models_dir() / "kosae-lm")
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=256, n_embd=64, n_layer=4, n_head=4, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    tokenizer.bos_token = None  # as of Qwen
    folder, build = tmp_path / "model", tmp_path / "build"
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    asked = ["--only", "02,03,04,05,06,07,08,09,10", "-p", "lm_name", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(paths.ROOT), "KOSAE_BUILD": str(build)}

    def run(*command):
        done = subprocess.run([sys.executable, "-m", *command, *asked], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return {path.parent for path in (build / "store" / "sae").glob("*/weights.safetensors")}

    before = run("kosae_core.training", "smoke")
    after = run("pipeline.execute", "--preset", "smoke")
    assert len(before) > 40 and len(after - before) == 1
    (folder_of_results,) = {path.parent for path in (build / "results").glob("*/*.json")}
    assert len(list(folder_of_results.glob("[01][0-9].json"))) == 9


def command(preset, build, world, **variables):
    """`python -m kosae_core.training` as it is typed, by torchrun where it is several; what it said and its exit status."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world)] if world > 1 else []
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": str(paths.ROOT), "KOSAE_BUILD": str(build),
    } | variables  # fmt: skip
    asked = [sys.executable, *torchrun, "-m", "kosae_core.training", str(preset), "--checkpoint-every", "5"]
    done = subprocess.run(asked, capture_output=True, text=True, env=environment, timeout=400)
    return done.returncode, done.stdout + done.stderr


@slow
def test_torchrun_leaves_what_one_process_does_and_goes_on_after_a_death(tiny_lm, tmp_path):
    tiny_lm.model.save_pretrained(tmp_path / "lm")
    tiny_lm.tokenizer.save_pretrained(tmp_path / "lm")
    settings = {"n_train": 40, "n_test": 40, "n_features": 48, "k": 4, "steps": 400, "batch_size": 64}
    settings |= {"lm_name": str(tmp_path / "lm")}
    preset = tmp_path / "tiny.yaml"
    sparser = {"sparse_steps": 12}
    preset.write_text(json.dumps({"chapters": ["09_interpretation"], "common": settings, "09_interpretation": sparser}))
    status, said = command(preset, tmp_path / "one", 1)
    assert status == 0 and "in the store" in said, said
    dying = tmp_path / "sitecustomize.py"  # the second process dies in the middle of its training
    dying.write_text(
        "import os, signal, threading\n"
        "def watch():\n"
        "    import time\n"
        "    folder = os.path.join(os.environ['KOSAE_BUILD'], 'checkpoints')\n"
        "    while not (os.path.isdir(folder) and any(n.endswith('.pt') for n in os.listdir(folder))):\n"
        "        time.sleep(0.01)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "if os.environ.get('RANK') == '1':\n"
        "    threading.Thread(target=watch, daemon=True).start()\n"
    )
    status, said = command(preset, tmp_path / "two", 2, PYTHONPATH=f"{paths.ROOT}:{tmp_path}")
    assert status != 0 and "exitcode  : -9" in said, said
    assert len(list((tmp_path / "two" / "checkpoints").glob("*.pt"))) == 1
    status, said = command(preset, tmp_path / "two", 2)
    assert status == 0 and "by 2 process(es)" in said and "in the store" in said, said
    assert said.count("going on from its checkpoint") == 1
    one, two = (
        {p.parent.name: p for p in (tmp_path / side / "store" / "sae").glob("*/weights.safetensors")}
        for side in ("one", "two")
    )
    assert one.keys() == two.keys() and len(one) == 2
    for key, path in one.items():
        for (name, tensor), again in zip(
            sorted(load_file(path).items()), dict(sorted(load_file(two[key]).items())).values(), strict=True
        ):
            torch.testing.assert_close(again, tensor, atol=1e-3, rtol=0, msg=name)


def test_the_command_goes_on_from_its_checkpoint(tiny_preset, empty_store, monkeypatch):
    path, _ = tiny_preset
    advance, seen = kc.trainer.Trainer.advance, []

    def failing(self):
        if self.step == 7:
            raise KeyError("a fault of the machine")
        return advance(self)

    monkeypatch.setattr(kc.trainer.Trainer, "advance", failing)
    with pytest.raises(KeyError):
        train_preset.main([path, "--only", "09", "--checkpoint-every", "5"])
    assert len(list((empty_store.parent / "checkpoints").iterdir())) == 1
    monkeypatch.setattr(kc.trainer.Trainer, "advance", lambda self: (seen.append(self.step), advance(self))[1])
    assert train_preset.main([path, "--only", "09"]) == 0 and seen == [*range(5, 12), *range(12)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing"], "there is no preset 'nothing'; there are"),
        (["no/file.yaml"], "there is no preset 'no/file.yaml'; there are"),
        (["smoke", "--only", "99"], "there is no chapter '99'"),
        (["smoke", "--shard", "2"], "1 rank(s) cannot share 2 parts of a dictionary: give a divisor of 1."),
        (["smoke", "-p", "colour", "1"], "the chapters of smoke: there is no parameter 'colour', which PARAMS sets"),
        (["smoke", "-p", "lm_name", "no-such-model"], "load_lm('no-such-model'): neither the model inside, nor a folder"),
        (["smoke", "--checkpoint-every", "0"], "--checkpoint-every must be at least 1, not 0."),
    ],
)  # fmt: skip
def test_bad_arguments_give_one_sentence(arguments, sentence, capsys):
    assert train_preset.main(arguments) == 1
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
