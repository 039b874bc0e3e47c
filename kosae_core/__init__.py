"""KoSAE: what sparse autoencoders find inside language models that read Korean.

Names are imported on first use, so that `import kosae_core` costs nothing and a reader of results needs no torch.
"""

import os
from importlib import import_module

# torch asks for 2 MiB pages for large blocks, where the system gives them when asked; read at its first tensor
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
# after a product torch's threads wait for the next one by spinning, some 9 ms, and hold the cores that `loops` needs meanwhile;
# a third of one bridges the gaps within a step. Read where torch is loaded, so it has to be imported after this package
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
__version__ = "0.1.0"

_EXPORTS = {
    "lm": ["LanguageModel", "HookPoint"],
    "loading": ["load_lm", "reachable"],
    "records": ["Corpus", "Record"],
    "corpora": ["load_corpus"],
    "activations": ["ActivationStore", "gather"],
    "joined": ["Joined"],
    "shards": ["Shards", "open_shards"],
    "streaming": ["Stream"],
    "generation": ["gather_generated"],
    "sae": [
        "SAE",
        "VARIANTS",
        "BatchTopKSAE",
        "CrosscoderSAE",
        "GatedAnnealSAE",
        "GatedSAE",
        "JumpReLUSAE",
        "MatryoshkaSAE",
        "PAnnealSAE",
        "SAEConfig",
        "StandardSAE",
        "TopKSAE",
        "TranscoderSAE",
        "load_sae",
    ],
    "hub": ["push_to_hub"],
    "train_config": ["TrainConfig", "History"],
    "training": ["train"],
    "metrics": ["Report", "evaluate"],
    "features": [
        "class_means",
        "document_features",
        "encode_store",
        "tfidf",
        "top_features",
        "top_tokens",
    ],
    "results": ["Results"],
    "study": ["Study"],
}
_MODULES = {
    "absorption", "activations", "base", "batches", "bilingual", "cards", "code", "corpora", "cpu_kernels", "cpu_selection", "crosscoder", "depth", "detection", "devices", "dictionary_learning", "distributed", "examples", "explaining", "features", "filling", "foreign", "generation", "gpu_kernels", "gpu_selection", "grouping", "hooks", "hub", "inputs", "interventions", "joined", "jumprelu", "kernels", "layout", "letters", "lm",
    "loading", "logodds", "loops", "losses", "mapped", "marking", "matching", "metrics", "multiple", "needs", "neuronpedia", "optimizers", "parts", "paths", "planted", "plates", "plots", "positions", "probing", "probing_tasks", "provenance", "ranks", "reading", "records", "resampling", "results", "rows", "sae", "saelens", "saving", "schedules", "shards", "sparse_probing", "sparsify", "splicing", "statistics",
    "steering", "store", "streaming", "study", "synthetic", "topk", "toy", "train_config", "trainer", "training",
}  # fmt: skip
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"kosae_core has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, *_MODULES])
