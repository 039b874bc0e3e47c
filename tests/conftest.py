"""Fixtures that several test files share: a tiny random model and a build folder that is thrown away."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import jaxtyping
import pytest
import torch

# The shapes in the annotations of the core are checked at every call that a test makes. The modules of the grammar hold
# no tensors and make millions of small calls, each of which the check would slow down tenfold; compiled loops cannot be wrapped.
UNCHECKED = {
    "conjugation", "corpora", "cpu_kernels", "cpu_selection", "english", "gpu_kernels", "gpu_selection", "grammar", "korean", "loops", "readers", "schema", "sentences", "synthetic",
}  # fmt: skip
CORE = Path(__file__).parent.parent / "kosae_core"
jaxtyping.install_import_hook(
    [f"kosae_core.{path.stem}" for path in CORE.glob("*.py") if path.stem not in UNCHECKED | {"__init__"}],
    "shapes.check",
)

torch.set_num_threads(1)
for name in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"):  # `make test`: a test's own make is no part of it
    os.environ.pop(name, None)

SENTENCES = [
    "어제 친구와 시장에서 김치찌개를 먹었다.",
    "나는 아침마다 공원에서 천천히 달립니다.",
    "비가 와서 우산을 두 개 샀어요.",
    "We had soup at the market yesterday.",
    "The train was late, so she read a book.",
    "Nobody wanted to play the violin in the rain.",
]


@pytest.fixture(scope="session", autouse=True)
def build_folder(tmp_path_factory):
    """Everything a test makes goes to a folder of this session, never to the project's build/."""
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSAE_BUILD", str(folder))
        yield folder


@pytest.fixture
def built_in(tmp_path, monkeypatch):
    """The built-in builder, also where Quarto is there, in a build folder of this test alone."""
    monkeypatch.setenv("KOSAE_QUARTO", "no")
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path / "build"))


@pytest.fixture
def empty_store(tmp_path, monkeypatch):
    """A build folder of this test alone."""
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path / "build"))
    return tmp_path / "build" / "store"


@pytest.fixture(scope="session")
def sentences():
    """Forty short Korean and English texts, all different, of different lengths."""
    pairs = [f"{a} {b[: 5 + 3 * i]}" for i, a in enumerate(SENTENCES) for b in SENTENCES]
    return [*pairs, "밥", "hi", "뷁쒧 😀", "네."]


def make_tokenizer():
    """A byte-level BPE of 400 tokens trained on a few sentences: `<s>` 0, `<pad>` 1."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>", pad_token="<pad>")


@pytest.fixture(scope="session")
def tiny_tokenizer():
    """See `make_tokenizer`."""
    return make_tokenizer()


def make_tiny_lm():
    """A Llama of four blocks, d_model 32, with random weights (seed 0)."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from kosae_core.lm import LanguageModel

    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, bos_token_id=0, eos_token_id=0, pad_token_id=1,
        tie_word_embeddings=True, initializer_range=0.2,
    )  # fmt: skip
    return LanguageModel("tiny", LlamaForCausalLM(config), tokenizer)


@pytest.fixture(scope="session")
def tiny_lm():
    """See `make_tiny_lm`."""
    return make_tiny_lm()
