"""The language model: hook points, padding, replacement, losses, token spans; on every kind of decoder."""

import json

import pytest
import torch
import transformers

from kosae_core.batches import length_batches, merge_spans
from kosae_core.hooks import find_blocks, resolve_point
from kosae_core.lm import LanguageModel
from kosae_core.loading import load_lm

SMALL = {"vocab_size": 400, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
LLAMA = SMALL | {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.2,
}  # fmt: skip
HEAD = {"head_dim": 8}
GPT = {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 64, "initializer_range": 0.2}
MOE = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
GROUPS = {"n_group": 1, "topk_group": 1, "first_k_dense_replace": 1}
LATENT = {
    "kv_lora_rank": 8, "q_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8, "head_dim": 4,
    "num_key_value_heads": 4,
}  # fmt: skip
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
EYES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28}
FALCON = {k: v for k, v in LLAMA.items() if k not in ("num_key_value_heads", "intermediate_size")}
FAMILIES = {
    "Llama": LLAMA,
    "GPT2": SMALL | GPT,
    "GPTNeoX": LLAMA,
    "Gemma2": LLAMA | HEAD | {"sliding_window": 4, "query_pre_attn_scalar": 8},
    "Qwen3": LLAMA | HEAD,
    "Mistral": LLAMA | HEAD | {"sliding_window": 4},
    "Phi3": LLAMA,
    "Exaone4": LLAMA | {"sliding_window": 4, "sliding_window_pattern": 2},
    "Qwen2": LLAMA,
    "Gemma3Text": LLAMA | HEAD | {"sliding_window": 4, "query_pre_attn_scalar": 8},
    "Olmo2": LLAMA,
    "Falcon": FALCON,
    "Bloom": SMALL | {"hidden_size": 32, "n_layer": 4, "n_head": 4, "initializer_range": 0.2},
    "Starcoder2": LLAMA,
    "Mixtral": LLAMA | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "Qwen3Moe": LLAMA | HEAD | MOE | {"num_experts": 4},
    "Phi": LLAMA,
    "HyperCLOVAX": LLAMA | {"residual_multiplier": 0.3},
    "ExaoneMoe": LLAMA | HEAD | MOE | GROUPS | {"num_experts": 4, "sliding_window": 4, "sliding_window_pattern": 2},
    "SolarOpen": LLAMA | HEAD | MOE | GROUPS | {"n_routed_experts": 4},
    "DeepseekV3": LLAMA | MOE | GROUPS | LATENT | {"n_routed_experts": 4},
    "GptOss": LLAMA | HEAD | {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 4},
    "Qwen3_5Text": LLAMA | HEAD | LINEAR,
    "Gemma3": {"text_config": LLAMA | HEAD | {"sliding_window": 4, "query_pre_attn_scalar": 8}, "vision_config": EYES},
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tiny_tokenizer):
    torch.manual_seed(0)
    config = getattr(transformers, f"{request.param}Config")(**FAMILIES[request.param])
    model = transformers.AutoModelForCausalLM.from_config(config)
    for name, parameter in model.named_parameters():  # norms and biases as a trained model has them, not 1 and 0
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=float("norm" in name or "ln_" in name), std=0.1)
    return LanguageModel(request.param, model, tiny_tokenizer)


DOCUMENTS = [[0, 5, 9, 77, 130, 12, 8, 250], [0, 300, 41, 7], [0, 33, 90, 21, 11, 6]]


@pytest.mark.parametrize("block", [0, 2])
def test_the_rest_of_the_model_gives_its_own_logits_back(family, block):
    batch = family.batch(DOCUMENTS)
    point = f"b{block}.resid_post"
    captured = family.capture(batch, [point])[point]
    # Other words go in, so that all the second pass can know of the first is the residual stream.
    other = family.batch([[0, *((i * 7 + 3) % 400 for i in ids[1:])] for ids in DOCUMENTS])
    with family.replaced(point, lambda hidden, real: captured):
        again = family.logits(other)
    clean = family.logits(batch)
    at = batch.attention_BT
    assert (again[at] - clean[at]).abs().max() < 1e-4
    assert (family.logits(other)[at] - clean[at]).abs().max() > 0.1


def test_a_block_adds_its_attention_and_its_mlp(family):
    batch = family.batch(DOCUMENTS)
    kinds = ("resid_pre", "attn_out", "mlp_out", "resid_post")
    for block in range(family.n_blocks):
        parts = family.capture(batch, [f"b{block}.{kind}" for kind in kinds])
        before, attention, mlp, after = (parts[f"b{block}.{kind}"][batch.attention_BT] for kind in kinds)
        assert attention.norm() > 0.01 and mlp.norm() > 0.01
        assert (before + attention + mlp - after).norm() < 1e-5 * after.norm()


def test_replacing_a_part_by_zero_leaves_it_out_of_the_stream(family):
    batch = family.batch(DOCUMENTS)
    clean = family.capture(batch, ["b1.resid_pre", "b1.mlp_out", "b1.resid_post", "b1.attn_out"])
    with family.replaced("b1.mlp_out", lambda hidden, real: torch.zeros_like(hidden)):
        without = family.capture(batch, ["b1.resid_post"])["b1.resid_post"]
    expected = clean["b1.resid_pre"] + clean["b1.attn_out"]
    assert torch.allclose(without[batch.attention_BT], expected[batch.attention_BT], atol=1e-4)


def test_padding_changes_nothing(family):
    together = family.capture(family.batch(DOCUMENTS), ["q3.resid_post"])["q3.resid_post"]
    for row, ids in enumerate(DOCUMENTS):
        alone = family.capture(family.batch([ids]), ["q3.resid_post"])["q3.resid_post"]
        assert torch.allclose(together[row, : len(ids)], alone[0], atol=1e-4)


def test_padding_on_the_left_changes_nothing(family):
    left, right = family.batch(DOCUMENTS, side="left"), family.batch(DOCUMENTS)
    assert left.ids_BT[1].tolist() == [1, 1, 1, 1, 0, 300, 41, 7]
    assert torch.equal(left.real_BT.sum(1), right.real_BT.sum(1))
    points = ["q3.resid_post", "b1.attn_out", "b2.mlp_out"]
    here, there = family.capture(left, points), family.capture(right, points)
    for point in points:
        assert torch.allclose(here[point][left.attention_BT], there[point][right.attention_BT], atol=1e-4)
    clean, captured = family.logits(left), family.capture(left, ["b1.resid_post"])["b1.resid_post"]
    assert torch.allclose(clean[left.attention_BT], family.logits(right)[right.attention_BT], atol=1e-4)
    other = family.batch([[0, *((i * 7 + 3) % 400 for i in ids[1:])] for ids in DOCUMENTS], side="left")
    with family.replaced("b1.resid_post", lambda hidden, real: captured):
        again = family.logits(other)
    assert (again - clean)[left.attention_BT].abs().max() < 1e-4


def test_the_families_differ_in_what_the_hooks_must_not_mind():
    """Tied and untied embeddings, windows shorter than the documents, grouped queries, parallel blocks, norms after the parts."""
    configs = {name: getattr(transformers, f"{name}Config")(**options) for name, options in FAMILIES.items()}
    assert {configs["Gemma2"].tie_word_embeddings, configs["Llama"].tie_word_embeddings} == {True, False}
    windows = [name for name, c in configs.items() if getattr(c, "sliding_window", None) == 4]
    assert {"Gemma2", "Gemma3Text", "Mistral", "Exaone4"} <= set(windows) and max(map(len, DOCUMENTS)) > 4
    assert configs["Llama"].num_key_value_heads < configs["Llama"].num_attention_heads
    assert configs["GPTNeoX"].use_parallel_residual


def test_blocks_and_final_norm_are_found(family):
    assert family.n_blocks == 4 and family.d_model == 32
    batch = family.batch(DOCUMENTS)
    last = family.capture(batch, ["b3.resid_post"])["b3.resid_post"]
    head = family.model.get_output_embeddings()
    logits = head(family.final_norm(last))
    cap = getattr(family.model.config, "final_logit_softcapping", None)
    logits = logits if cap is None else torch.tanh(logits / cap) * cap
    assert torch.allclose(logits, family.logits(batch), atol=1e-4)


def test_losses_equal_one_document_at_a_time(tiny_lm):
    losses = tiny_lm.token_losses([*DOCUMENTS, [0], [0, 7]], tokens_per_batch=10)
    assert [len(loss) for loss in losses] == [7, 3, 5, 0, 1]
    for ids, loss in zip(DOCUMENTS, losses, strict=False):
        logits = tiny_lm.model(input_ids=torch.tensor([ids])).logits[0].double()
        slow = [-(logits[t] - logits[t].logsumexp(0))[ids[t + 1]].item() for t in range(len(ids) - 1)]
        assert loss.tolist() == pytest.approx(slow, abs=1e-5)


def test_a_patch_that_changes_nothing_keeps_the_losses_and_zero_changes_them(tiny_lm):
    clean = torch.cat(tiny_lm.token_losses(DOCUMENTS))
    same = torch.cat(tiny_lm.token_losses(DOCUMENTS, patch=("q2.resid_post", lambda hidden, real: hidden)))
    zero = torch.cat(tiny_lm.token_losses(DOCUMENTS, patch=("q2.resid_post", lambda hidden, real: hidden * 0)))
    assert torch.equal(clean, same) and not torch.allclose(clean, zero)
    assert torch.equal(clean, torch.cat(tiny_lm.token_losses(DOCUMENTS)))  # no hook is left behind


def test_the_patch_is_told_which_tokens_are_real(tiny_lm):
    seen = []
    tiny_lm.token_losses([[0, 5, 9, 1, 7], [0, 5]], patch=("b0.resid_post", lambda h, real: seen.append(real) or h))
    assert seen[0].tolist() == [[False, True, True, False, True], [False, True, False, False, False]]


def test_capture_stops_after_the_last_point(tiny_lm):
    tiny_lm.site("b1.mlp_out")  # its parts are looked for once, in a pass of their own
    ran = []
    handles = [b.register_forward_pre_hook(lambda *_, i=i: ran.append(i)) for i, b in enumerate(tiny_lm.blocks)]
    tiny_lm.capture(tiny_lm.batch(DOCUMENTS), ["b0.resid_post", "b1.mlp_out", "b1.resid_pre"])
    for handle in handles:
        handle.remove()
    assert ran == [0, 1]


def test_parts_are_found_even_while_a_point_is_replaced(tiny_tokenizer):
    lm = LanguageModel("fresh", transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA)), tiny_tokenizer)
    batch = lm.batch(DOCUMENTS)
    with lm.replaced("b1.resid_post", lambda hidden, real: hidden + 1):
        patched = lm.capture(batch, ["b2.mlp_out", "b2.resid_pre"])
    assert torch.allclose(patched["b2.resid_pre"], lm.capture(batch, ["b1.resid_post"])["b1.resid_post"] + 1)


def test_points(tiny_lm):
    assert [resolve_point(f"q{i}.resid_post", 6).block for i in range(4)] == [0, 1, 3, 4]
    assert str(tiny_lm.resolve("q2.mlp_out")) == "b2.mlp_out"
    for wrong in ("q4.resid_post", "b4.resid_post", "q1.resid", "resid_post", "b1"):
        with pytest.raises(ValueError, match="hook point"):
            tiny_lm.resolve(wrong)


def test_remote_code_tree_of_exaone(tiny_tokenizer):
    """A hand-written model with the module tree of EXAONE 3.0, which transformers does not have."""
    model = ExaoneLike()
    lm = LanguageModel("exaone-like", model, tiny_tokenizer)
    assert lm.blocks is model.transformer.h and lm.final_norm is model.transformer.ln_f
    batch = lm.batch(DOCUMENTS)
    parts = lm.capture(batch, ["b1.resid_pre", "b1.attn_out", "b1.mlp_out", "b1.resid_post"])
    total = parts["b1.resid_pre"] + parts["b1.attn_out"] + parts["b1.mlp_out"]
    assert torch.allclose(total, parts["b1.resid_post"], atol=1e-5)
    other, captured, clean = lm.batch([[0, *ids[:0:-1]] for ids in DOCUMENTS]), parts["b1.resid_post"], lm.logits(batch)
    with lm.replaced("b1.resid_post", lambda hidden, real: captured):
        again = lm.logits(other)
    assert (again - clean)[batch.attention_BT].abs().max() < 1e-4
    assert (lm.logits(other) - clean)[batch.attention_BT].abs().max() > 0.01


def test_a_model_without_such_blocks_says_what_was_looked_for(tiny_lm):
    config = tiny_lm.model.config
    layers, config.num_hidden_layers = config.num_hidden_layers, 7
    try:
        with pytest.raises(ValueError, match="one ModuleList of 7 blocks.*blocks='path.to.blocks'"):
            find_blocks(tiny_lm.model)
        assert find_blocks(tiny_lm.model, "model.layers") is tiny_lm.blocks
        with pytest.raises(ValueError, match="no such submodule"):
            find_blocks(tiny_lm.model, "model.nothing")
    finally:
        config.num_hidden_layers = layers


class Doubling(torch.nn.Module):
    """A decoder layer that adds its attention twice."""

    def __init__(self, layer):
        super().__init__()
        self.attn, self.part, self.layer = layer.self_attn, layer.mlp, [layer]

    def forward(self, hidden_states, **kwargs):
        return (
            self.layer[0](hidden_states, **kwargs)
            + self.attn(self.layer[0].input_layernorm(hidden_states), **kwargs)[0]
        )


def test_parts_that_do_not_add_up_are_refused_and_others_can_be_named(tiny_tokenizer):
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA))
    model.model.layers[1] = Doubling(model.model.layers[1])
    lm = LanguageModel("doubling", model, tiny_tokenizer)
    lm.capture(lm.batch(DOCUMENTS), ["b1.resid_post"])
    with pytest.raises(ValueError, match=r"do not add up .*name others with load_lm\(..., parts="):
        lm.capture(lm.batch(DOCUMENTS), ["b1.mlp_out"])
    model.model.layers[1].part = torch.nn.Sequential(model.model.layers[1].part)
    with pytest.raises(
        ValueError, match=r"mlp_out: looked in block 1 \(Doubling\) for .*'mlp\|feed.*name it with load_lm"
    ):
        lm.capture(lm.batch(DOCUMENTS), ["b1.attn_out"])
    with pytest.raises(ValueError, match=r"parts=\{'attn_out': 'attention'\}: LlamaDecoderLayer has no such submodule"):
        LanguageModel("named", model, tiny_tokenizer, parts={"attn_out": "attention"}).site("b0.attn_out")


def test_what_cannot_be_found_can_be_named(tiny_lm, tmp_path):
    tiny_lm.model.save_pretrained(tmp_path)
    tiny_lm.tokenizer.save_pretrained(tmp_path)
    named = {"parts": {"attn_out": "self_attn.o_proj", "mlp_out": "mlp.down_proj"}, "final_norm": "model.norm"}
    lm = load_lm(tmp_path, device="cpu", **named)
    assert lm.site("b1.mlp_out").module is lm.blocks[1].mlp.down_proj and lm.final_norm is lm.model.model.norm
    batch, points = lm.batch(DOCUMENTS), ["b1.attn_out", "b1.mlp_out"]
    found, wanted = lm.capture(batch, points), tiny_lm.capture(batch, points)
    assert all(torch.equal(found[point], wanted[point]) for point in points)
    with pytest.raises(ValueError, match="final_norm='model.nothing': LlamaForCausalLM has no such submodule"):
        _ = load_lm(tmp_path, device="cpu", final_norm="model.nothing").final_norm


def test_a_model_without_a_norm_after_its_blocks_says_what_was_looked_for(tiny_tokenizer):
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA))
    del model.model._modules["norm"]
    with pytest.raises(ValueError, match="looked beside the blocks, after them, .* final_norm='path.to.norm'"):
        _ = LanguageModel("bare", model, tiny_tokenizer).final_norm


def test_key_follows_weights_configuration_and_tokenizer(tmp_path):
    from conftest import make_tiny_lm

    tiny_lm = make_tiny_lm()
    assert tiny_lm.key  # taken before the first save, which fills in the configuration
    tiny_lm.model.save_pretrained(tmp_path)
    tiny_lm.tokenizer.save_pretrained(tmp_path)
    again = load_lm(tmp_path, device="cpu")
    assert again.key == tiny_lm.key
    with torch.no_grad():
        again.model.lm_head.weight[3, 3] += 1e-3
    changed = LanguageModel("changed", again.model, again.tokenizer)
    assert changed.key != tiny_lm.key
    assert load_lm(tmp_path, device="cpu", dtype=torch.bfloat16).key != tiny_lm.key


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no weights"):
        load_lm(tmp_path)
    with pytest.raises(FileNotFoundError, match="nobody/nothing"):
        load_lm("nobody/nothing")


REMOTE = """
from transformers import LlamaConfig, LlamaForCausalLM

class OwnConfig(LlamaConfig):
    model_type = "own_code"

class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
"""


def test_code_that_comes_with_a_model_runs_only_when_it_is_trusted(tiny_lm, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.delenv("KOSAE_TRUST_REMOTE_CODE", raising=False)
    folder = tmp_path / "exaone-like"
    tiny_lm.model.save_pretrained(folder)
    tiny_lm.tokenizer.save_pretrained(folder)
    (folder / "own.py").write_text(REMOTE)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own_code",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ValueError, match="Python code of its own, which would run here with all your rights; when you have"
    ):
        load_lm(folder, device="cpu")
    monkeypatch.setenv("KOSAE_TRUST_REMOTE_CODE", "1")
    batch = tiny_lm.batch([[0, 5, 6]])
    assert torch.equal(load_lm(folder, device="cpu").logits(batch), tiny_lm.logits(batch))


def test_special_tokens_written_in_a_text_are_text(tiny_lm):
    assert not set(tiny_lm.tokens("<s> 밥 <pad>")) & tiny_lm.special_ids
    assert tiny_lm.documents(["<s> 밥"])[0] == [0, *tiny_lm.tokens("<s> 밥")]


def test_spans_cover_whole_characters(tiny_lm, sentences):
    for text in sentences:
        spans = tiny_lm.token_spans(text)
        assert len(spans) == len(tiny_lm.tokens(text))
        pieces = merge_spans(spans)
        assert "".join(text[start:end] for start, end, _, _ in pieces) == text
        assert [i for _, _, first, last in pieces for i in range(first, last)] == list(range(len(spans)))
    assert [piece[2:] for piece in merge_spans(tiny_lm.token_spans("뷁"))] == [(0, 3)]  # one syllable, three bytes


def test_a_batch_has_two_sides(tiny_lm):
    with pytest.raises(ValueError, match="padded on the right or on the left, not 'middle'"):
        tiny_lm.batch(DOCUMENTS, side="middle")


def test_length_batches_keep_the_budget_and_every_document():
    lengths = [3, 9, 1, 30, 2, 2, 8, 0]
    batches = length_batches(lengths, 16)
    assert sorted(row for rows in batches for row in rows) == [0, 1, 2, 3, 4, 5, 6]
    assert all(len(rows) * max(lengths[row] for row in rows) <= 16 or len(rows) == 1 for rows in batches)


class ExaoneLike(torch.nn.Module):
    """`transformer.h[i].attn.attention`, `mlp.c_fc_0/c_fc_1/c_proj`, `transformer.ln_f`."""

    def __init__(self):
        super().__init__()
        n = torch.nn

        class Inner(n.Module):
            def __init__(self):
                super().__init__()
                self.q_proj, self.out_proj = n.Linear(32, 32), n.Linear(32, 32)

            def forward(self, hidden_states):
                steps = torch.arange(1, hidden_states.shape[1] + 1)[:, None]
                return self.out_proj(self.q_proj(hidden_states).cumsum(1) / steps), None

        class ExaoneAttention(n.Module):
            def __init__(self):
                super().__init__()
                self.attention = Inner()

            def forward(self, hidden_states):
                return self.attention(hidden_states)

        class ExaoneGatedMLP(n.Module):
            def __init__(self):
                super().__init__()
                self.c_fc_0, self.c_fc_1, self.c_proj = n.Linear(32, 48), n.Linear(32, 48), n.Linear(48, 32)

            def forward(self, hidden_states):
                return self.c_proj(torch.nn.functional.silu(self.c_fc_0(hidden_states)) * self.c_fc_1(hidden_states))

        class ExaoneBlock(n.Module):
            def __init__(self):
                super().__init__()
                self.ln_1, self.attn, self.ln_2, self.mlp = (
                    n.LayerNorm(32), ExaoneAttention(), n.LayerNorm(32), ExaoneGatedMLP()
                )  # fmt: skip

            def forward(self, hidden_states):
                hidden_states = hidden_states + self.attn(self.ln_1(hidden_states))[0]
                return (hidden_states + self.mlp(self.ln_2(hidden_states)),)

        class ExaoneModel(n.Module):
            def __init__(self):
                super().__init__()
                self.wte, self.drop = n.Embedding(400, 32), n.Dropout(0.0)
                self.h, self.ln_f = n.ModuleList(ExaoneBlock() for _ in range(3)), n.LayerNorm(32)

        self.transformer = ExaoneModel()
        self.lm_head = n.Linear(32, 400, bias=False)
        self.config = transformers.PretrainedConfig(num_hidden_layers=3)

    def get_input_embeddings(self):
        return self.transformer.wte

    def forward(self, input_ids, attention_mask=None, use_cache=False):
        hidden_states = self.transformer.wte(input_ids)
        for block in self.transformer.h:
            hidden_states = block(hidden_states)[0]
        logits = self.lm_head(self.transformer.ln_f(hidden_states))
        return transformers.modeling_outputs.CausalLMOutput(logits=logits)
