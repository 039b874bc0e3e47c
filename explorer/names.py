"""What the classes of the synthetic corpus are called in both languages; those of other corpora keep their own names."""

from __future__ import annotations

import yaml

from kosae_core import paths


def names(corpus: str) -> dict[str, dict[str, list[str]]]:
    """For the labels big and small, class -> [Korean, English]; empty for other corpora."""
    found: dict[str, dict[str, list[str]]] = {}
    if corpus != "synthetic":
        return found
    found = {"big": {}, "small": {}}
    for file in sorted((paths.data_dir() / "grammar" / "categories").glob("*.yaml")):
        category = yaml.load(file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        found["big"][category["id"]] = [category["ko"], category["en"]]
        for item in category["items"]:
            found["small"][item["id"]] = [item["ko"], item["en"]]
    return found
