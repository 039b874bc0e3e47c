"""Autoencoders on the Hugging Face hub: `push_to_hub(sae, "owner/name")`, `load_sae("hub:owner/name")`.

A repository holds what `SAE.save` writes (or, with format="saelens", what SAELens reads) and a model card made from the
provenance that is kept with the weights.
"""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError, HTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from kosae_core.base import SAE

if TYPE_CHECKING:
    from kosae_core.metrics import Report

_NAME = re.compile(r"hub:([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)(?:@([\w.-]+))?")
_TROUBLE = (HTTPError, HFValidationError, LocalEntryNotFoundError, OSError)


def push_to_hub(
    sae: SAE, repo: str, *, format: str = "kosae", report: "Report | None" = None, private: bool = True,
    license: str | None = None, api: HfApi | None = None,
) -> str:  # fmt: skip
    """Upload an autoencoder with its card, in one commit; returns where `load_sae` finds it, of that commit.

    Who may write there is the business of huggingface_hub (`hf auth login`, or HF_TOKEN). The repository is made where there is
    none, `private` unless told otherwise. `report` is what `evaluate` measured; `license` an identifier such as cc-by-sa-4.0,
    which the licence of the model that was read may demand.

    Raises  ValueError when the hub refuses, or is not reached; nothing is uploaded by halves.
    """
    api = api or HfApi()
    with tempfile.TemporaryDirectory() as folder:
        sae.save(folder, format=format)
        (Path(folder) / "README.md").write_text(card(sae, repo, report, license), encoding="utf-8")
        try:
            api.create_repo(repo, private=private, exist_ok=True)
            commit = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Sparse autoencoder of KoSAE")
        except _TROUBLE as error:
            raise ValueError(f"{repo}: the hub did not take it: {_reason(error)}.") from error
    return f"hub:{repo}@{commit.oid}"


def fetch(name: str) -> Path:
    """The folder of `hub:owner/name`, with a folder inside it or a revision where asked for: `hub:owner/name/layers.3@main`.

    What was downloaded once is read without a network.

    Raises  ValueError for a name of another form, and where the hub has no such thing or is not reached.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(
            f"{name!r}: a place on the hub is written hub:owner/name, hub:owner/name/folder or hub:owner/name@revision."
        )
    repo, inside, revision = match[1], match[2].strip("/"), match[3]
    try:
        folder = snapshot_download(repo, revision=revision, allow_patterns=f"{inside}/*" if inside else None)
    except RepositoryNotFoundError as error:
        raise ValueError(f"{name}: the hub has no repository {repo}, or it is not yours to read.") from error
    except _TROUBLE as error:
        raise ValueError(f"{name}: it cannot be had from the hub: {_reason(error)}.") from error
    found = Path(folder) / inside
    if not found.is_dir():
        raise ValueError(f"{name}: the repository {repo} has no folder {inside}.")
    return found


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def card(sae: SAE, repo: str, report: "Report | None" = None, license: str | None = None) -> str:
    """The model card of an autoencoder: what it is of, how it was trained, how to load it, what was measured."""
    about, config = sae.provenance, sae.config
    model = about.get("model")
    header = ["library_name: kosae", "tags:", "- sparse-autoencoder", "- interpretability"]
    if isinstance(model, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        header += [f"base_model: {model}"]
    if license:
        header += [f"license: {license}"]
    facts: dict[str, Any] = {
        "Variant": config.variant, "Features": f"{sae.n_features:,}", "Width of the activations": f"{sae.d_model:,}",
        "Features kept per token (k)": config.k, "Language model": model, "Hook point": about.get("point"),
        "Revision": about.get("revision"), "Corpus": about.get("corpus"), "Tokens it was trained on": about.get("tokens"), "Seed": about.get("seed"),
        "Versions": ", ".join(f"{name} {version}" for name, version in (about.get("versions") or {}).items()),
    }  # fmt: skip
    lines = ["---", *header, "---", "", f"# {repo.rpartition('/')[2]}", ""]
    lines += [
        "A sparse autoencoder that rewrites the activations of a language model at one place as a sum of few features."
    ]
    lines += ["", "| | |", "| :-- | :-- |"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in facts.items() if value not in (None, "")]
    lines += ["", "```python", "import kosae_core as kc", f'sae = kc.load_sae("hub:{repo}")', "```", ""]
    lines += [
        "It takes raw activations, shape (tokens, width): `sae.encode(acts)` gives features, `sae(acts)` reconstructions."
    ]
    if report is not None:
        numbers = {name: value for name, value in report.as_dict().items() if value == value}  # not those that are NaN
        lines += ["", "## Measured on held-out tokens", "", "| | |", "| :-- | --: |"]
        lines += [f"| {name} | {value:.6g} |" for name, value in numbers.items()]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
