"""Loading: devices, dtypes, weights spread over devices or quantized; what goes wrong is one sentence."""

import importlib.util

import pytest
import torch

from kosae_core import loading, needs
from kosae_core.interventions import direct_effects
from kosae_core.loading import load_lm, reachable
from pipeline.facts import read_model

DOCUMENTS, OTHERS = [[0, 5, 9, 77, 130, 12], [0, 41, 7]], [[0, 3, 8, 9, 9, 9], [0, 2, 2]]
PARTS = ("model.embed_tokens", "model.rotary_emb", "model.norm", "lm_head", *(f"model.layers.{i}" for i in range(4)))


def save_tiny(path, **changed):
    from conftest import make_tiny_lm
    from transformers import LlamaConfig, LlamaForCausalLM

    lm = make_tiny_lm()
    model = LlamaForCausalLM(LlamaConfig(**(lm.model.config.to_dict() | changed))) if changed else lm.model
    model.save_pretrained(path)
    lm.tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny Llama on disk."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """The same of width 128: a row of weights has to hold whole blocks of quantization."""
    return save_tiny(
        tmp_path_factory.mktemp("models") / "wide",
        hidden_size=128,
        head_dim=32,
        intermediate_size=256,
        initializer_range=0.1,
    )


def split(**elsewhere):
    """A device_map with some parts on another device than the CPU."""
    return dict.fromkeys(PARTS, "cpu") | {name.replace("_", ".", 1): place for name, place in elsewhere.items()}


@pytest.mark.parametrize(
    "place",
    ["auto", {"": "cpu"}, {**split(), "model.layers.1": "disk", "model.layers.2": "disk"}, {**split(), "model.layers.3": "disk", "model.norm": "disk"}],
    ids=["auto", "one", "middle on disk", "end on disk"],
)  # fmt: skip
def test_a_model_that_is_spread_gives_what_one_device_gives(folder, place):
    lm, whole = load_lm(folder, device=place), load_lm(folder, device="cpu")
    on_disk = isinstance(place, dict) and "disk" in place.values()
    assert on_disk == any(parameter.is_meta for parameter in lm.model.parameters())
    assert lm.key == whole.key and lm.device == torch.device("cpu")
    points = ["b1.resid_post", "b1.mlp_out", "b2.attn_out", "b3.resid_pre"]
    batch = whole.batch(DOCUMENTS)
    for point, acts in lm.capture(batch, points).items():
        assert torch.equal(acts, whole.capture(batch, [point])[point])
    clean, captured = lm.logits(batch), lm.capture(batch, ["b1.resid_post"])["b1.resid_post"]
    with lm.replaced("b1.resid_post", lambda hidden, real: captured):
        again = lm.logits(lm.batch(OTHERS))
    at = batch.attention_BT
    assert torch.equal(clean, whole.logits(batch)) and (again[at] - clean[at]).abs().max() < 1e-4
    directions = torch.randn(3, lm.d_model, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(direct_effects(lm, directions), direct_effects(whole, directions))


def test_dtypes_have_names(folder):
    assert next(load_lm(folder, device="cpu").model.parameters()).dtype == torch.float32
    for dtype in ("bf16", torch.bfloat16):
        assert next(load_lm(folder, device="cpu", dtype=dtype).model.parameters()).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="dtype must be one of bf16, fp16, fp32, not 'int8'"):
        load_lm(folder, device="cpu", dtype="int8")


@pytest.mark.parametrize(
    "gpus, rank, place", [(0, None, "cpu"), (1, None, "cuda:0"), (4, None, "auto"), (4, "2", "cuda:2")]
)
def test_where_a_model_goes_by_default(gpus, rank, place, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    if rank is None:
        monkeypatch.delenv("LOCAL_RANK", raising=False)
    else:
        monkeypatch.setenv("LOCAL_RANK", rank)
    found = loading._place(None)
    assert str(found) == place
    assert loading._dtype(None, found) == (torch.float32 if place == "cpu" else torch.bfloat16)


def test_a_device_that_is_not_there_is_one_sentence(folder):
    with pytest.raises(ValueError, match="device must be cpu, cuda, cuda:1, ..., one of auto, .* not 'gpu'"):
        load_lm(folder, device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device 'cuda': this machine has no GPU that PyTorch sees"):
            load_lm(folder, device="cuda")


def test_what_is_not_installed_is_named(folder, monkeypatch):
    found = importlib.util.find_spec
    hidden = {"bitsandbytes", "torchao"}
    monkeypatch.setattr(loading, "find_spec", lambda name: None if name in hidden else found(name))
    for bits in (4, 8):
        with pytest.raises(ValueError, match=f"bits={bits} needs bitsandbytes, .*: pip install bitsandbytes"):
            load_lm(folder, device="cpu", bits=bits)
    for bits in (2, True):
        with pytest.raises(ValueError, match="bits must be 8 or 4"):
            load_lm(folder, device="cpu", bits=bits)
    hidden |= {"accelerate"}
    with pytest.raises(
        ValueError, match="spread over devices, or quantized, needs accelerate, .* pip install accelerate"
    ):
        load_lm(folder, device="auto")


@pytest.mark.parametrize("library, bits", [("bitsandbytes", 8), ("bitsandbytes", 4), ("torchao", 8)])
def test_quantized_weights_are_read_and_changed_alike(wide, library, bits, monkeypatch):
    pytest.importorskip(library)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        loading,
        "find_spec",
        lambda name: None if name != library and name in ("bitsandbytes", "torchao") else found(name),
    )
    lm, whole = load_lm(wide, device="cpu", bits=bits), load_lm(wide, device="cpu")
    assert type(lm.blocks[0].mlp.up_proj.weight) is not torch.nn.Parameter
    assert lm.key == load_lm(wide, device="cpu", bits=bits).key != whole.key
    batch = lm.batch(DOCUMENTS)
    parts = lm.capture(batch, [f"b1.{kind}" for kind in ("resid_pre", "attn_out", "mlp_out", "resid_post")])
    before, attention, mlp, after = (acts[batch.attention_BT] for acts in parts.values())
    assert (before + attention + mlp - after).norm() < 1e-5 * after.norm()
    true = whole.capture(batch, ["b1.resid_post"])["b1.resid_post"][batch.attention_BT]
    assert 0 < (after - true).norm() < (0.15 if bits == 8 else 0.6) * true.norm()
    clean = lm.logits(batch)
    with lm.replaced("b1.resid_post", lambda hidden, real: parts["b1.resid_post"]):
        again = lm.logits(lm.batch(OTHERS))
    assert (again - clean)[batch.attention_BT].abs().max() < 1e-4
    if library == "bitsandbytes":  # asked last: what is read for it changes the 4-bit weights of a CPU
        held = {t.data_ptr(): t.nbytes for t in lm.model.state_dict().values() if isinstance(t, torch.Tensor)}
        facts = read_model(str(wide), {})
        assert needs.lm_bytes(facts.n_params, 4, facts.whole, bits) == pytest.approx(sum(held.values()), rel=0.1)


def test_damaged_files_are_one_sentence(folder, tmp_path):
    for name, content, sentence in [
        ("model.safetensors", b"\x10" * 64, "it cannot be read as a model of transformers: "),
        ("config.json", b"{", "it cannot be read as a model of transformers: "),
        ("config.json", b'{"model_type": "no_such_family"}', "it cannot be read as a model of transformers: .*no_such_family"),
        ("tokenizer.json", b"{}", "it cannot be read as a model of transformers: "),
    ]:  # fmt: skip
        broken = tmp_path / f"broken-{name}-{len(content)}"
        broken.mkdir()
        for file in folder.iterdir():
            (broken / file.name).write_bytes(content if file.name == name else file.read_bytes())
        with pytest.raises(ValueError, match=sentence) as told:
            load_lm(broken, device="cpu")
        assert "\n" not in str(told.value)


def test_a_folder_that_lacks_a_weight_is_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"weights are missing.*model\.layers\.1\.mlp\.up_proj\.weight"):
        load_lm(tmp_path, device="cpu")


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(needs, "free_memory", lambda device="cpu": 1000)
    with pytest.raises(needs.TooLarge, match="another device|smaller model"):
        load_lm(folder, device="cpu")


def test_only_a_hub_id_that_the_hub_does_not_give_is_out_of_reach(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert reachable("kosae-lm") and reachable(folder) and reachable("/no/such/folder") and reachable("no-such-folder")
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert reachable("models/mine") and not reachable("models/none")  # without a network, as all tests are
    with pytest.raises(FileNotFoundError, match="nor a hub id that loads"):
        load_lm("/no/such/folder")


def test_the_revision_is_what_was_loaded(folder):
    lm = load_lm(folder, device="cpu")
    assert lm.revision == f"sha256:{lm.key}"
    lm.commit = "0123abc"
    assert lm.revision == "0123abc"
