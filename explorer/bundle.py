"""An analysis on disk: classic scripts, which a page loads from disk as it needs them, made once and kept in the store.

`index.js` holds what the table and the map show of all features, `f0003.js` the pages of features 96 to 127. Each is one
call, `KOSAE.index(id, {...})` or `KOSAE.features(id, 3, [...])`, whose JSON the server reads too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer import analysis, names
from explorer.analysis import Analysis
from explorer.scripts import chunk_name, js
from explorer.sources import Source
from kosae_core import code, store
from kosae_core.lm import LanguageModel
from kosae_core.marking import rounded
from kosae_core.reading import languages
from kosae_core.study import Study

log = logging.getLogger("kosae.explorer")

KIND = "explorer"
PER_CHUNK = 32
Progress = Callable[[int, int, str], None]


def spec_of(source: Source, lm: LanguageModel, study: Study, langs: tuple[str, ...]) -> dict[str, Any]:
    """All that an analysis depends on: what it is of, and what its code and the core's do."""
    files = [Path(analysis.__file__), Path(names.__file__), *sorted(Path(code.__file__).parent.glob("*.py"))]
    sources = {file.name: code.meaning(file.read_text("utf-8")) for file in files}
    return {
        "sae": source.weights_key, "lm": lm.key, "point": source.point, "dtype": study.dtype,
        "texts": {f"{split}-{lang}": study.records(split, lang).key for split in ("train", "test") for lang in langs},
        "code": store.key_of(sources), "per_chunk": PER_CHUNK,
    }  # fmt: skip


def made(source: Source, study: Study, progress: Progress | None = None, lm: LanguageModel | None = None) -> Path:
    """The folder of a source's analysis on a study's texts, from the store or made now.

    Raises  NoSource if the SAE does not fit its model; CorpusError where the texts cannot be read.
    """
    lm, sae = source.load(lm)
    langs = languages(study)

    def make(folder: Path) -> None:
        found = Analysis(lm, sae, source.point, study, langs)
        write(folder, source, study, found, progress)

    return store.made(KIND, spec_of(source, lm, study, langs), make)


def write(folder: Path, source: Source, study: Study, found: Analysis, progress: Progress | None = None) -> None:
    """Write the chunks of an analysis."""
    n, page = found.sae.n_features, []
    for record in found.features():
        page.append(record)
        if len(page) == PER_CHUNK or record["id"] == n - 1:
            number = record["id"] // PER_CHUNK
            text = f"KOSAE.features({js(source.id)},{number},{js(page)});\n"
            (folder / chunk_name(number)).write_text(text, "utf-8")
            page = []
        if progress is not None:
            progress(record["id"] + 1, 2 * n, "examples")
    index = head(source, study, found) | {"columns": columns(found, progress)}
    (folder / "index.js").write_text(f"KOSAE.index({js(source.id)},{js(index)});\n", "utf-8")
    log.info("%s: %d features written", source.id, n)


def head(source: Source, study: Study, found: Analysis) -> dict[str, Any]:
    """What is said once of a whole SAE."""
    tokens = {lang: int((found.test.lang_N == lang).sum()) for lang in found.langs}
    return {
        "id": source.id, "title": source.title, "lm": source.lm_name, "point": source.point,
        "n_features": found.sae.n_features, "per_chunk": PER_CHUNK, "corpus": study.corpus, "langs": list(found.langs),
        "n_texts": len(found.test.records), "n_tokens": tokens, "norm": rounded(found.norm),
        "alive": int((found.counts_F > 0).sum()), "l0": rounded(found.test.X_NF.nnz / found.test.n_tokens),
        "labels": found.labels, "shown": list(found.means), "names": names.names(study.corpus),
    }  # fmt: skip


def columns(found: Analysis, progress: Progress | None = None) -> dict[str, list[Any]]:
    """What the table and the map show, one list per column and one element per feature."""
    n, test = found.sae.n_features, found.test
    strongest = [test.column(f)[1] for f in range(n)]
    rules = []
    for f in range(n):
        cues, verdict = found.rule(f)
        rules.append([cues, *([rounded(verdict.detection), rounded(verdict.fuzzing)] if verdict else [None, None])])
        if progress is not None:
            progress(n + f + 1, 2 * n, "explanations")
    preference = found.preference_F
    best = found.best
    return {
        "density": [rounded(c / test.n_tokens) for c in found.counts_F],
        "max": [rounded(v.max()) if len(v) else 0.0 for v in strongest],
        "mean": [rounded(v.mean()) if len(v) else 0.0 for v in strongest],
        "preference": [rounded(p) for p in preference] if preference is not None else [],
        "label": [[label, name] if label else None for label, name in zip(best.label_F, best.name_F, strict=True)],
        "f1": [rounded(v) for v in best.f1_F],
        "f1_all": [rounded(v) for v in best.all_F],
        "owner": found.owner_F,
        "rule": [rule[0] for rule in rules],
        "detection": [rule[1] for rule in rules],
        "fuzzing": [rule[2] for rule in rules],
        "reads": found.reads_F,
        "cluster": found.cluster_F.tolist(),
        "x": [rounded(x, 3) for x in found.layout_F2[:, 0]],
        "y": [rounded(y, 3) for y in found.layout_F2[:, 1]],
    }  # fmt: skip
