"""Put the reference numbers of `default` into the READMEs: `python -m pipeline.readme` (part of `make reference`).

A number stands between two comments that Markdown does not show: <!--=c05.accuracy_gated-->0.93<!--/-->. The tables of training
speed, between <!--speed--> and <!--/speed--> and, of wider dictionaries, between <!--sizes--> and <!--/sizes-->, are those of
benchmarks/results/train_throughput.json.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from kosae_core import paths, results
from pipeline import claims
from pipeline.command import told

FILES = claims.FILES
TARGET_L0 = 16
"""At which the benchmark compares what is learnt: k of its small size."""
_MARK = re.compile(r"<!--=(c\d\d\.[a-z0-9_]+)-->(.*?)<!--/-->", re.S)
_TABLE = re.compile(r"(<!--(speed|sizes)-->\n).*?(<!--/\2-->)", re.S)
_HEADS = {
    "ko": ("변형", "속도(fp32)", "속도(bf16)", "가장 빠른 상대", "걸음, 프로세서, L0(여기, 상대)", "여기: 설명 분산, 찾은 특징, 죽은 특징", "가장 나은 상대"),
    "en": ("variant", "speed, fp32", "speed, bf16", "fastest peer", "steps, processor, L0 (here, peer)", "here: explained variance, found, dead", "best peer"),
}  # fmt: skip
_WIDER = ("middle", "gpt2")
_SIZE = {
    "ko": ("{d_model:,}차원, 특징 {n_features:,}개, k {k}, {steps}걸음: fp32", "bf16", "곱셈 한계의 몫(fp32, bf16)"),
    "en": (
        "{d_model:,} wide, {n_features:,} features, k {k}, {steps} steps: fp32",
        "bf16",
        "share of the products' limit (fp32, bf16)",
    ),
}
_NAMES = {"standard": "Standard", "gated": "Gated", "jumprelu": "JumpReLU", "topk": "TopK", "batchtopk": "BatchTopK", "matryoshka": "Matryoshka"}  # fmt: skip


def filled(text: str, name: str, records: dict) -> str:
    """The text with every marked number as the results have it.

    Raises  ValueError that names the file, the line and the key when there is no such record.
    """

    def number(match: re.Match) -> str:
        key = match.group(1)
        if key not in records:
            line = text.count("\n", 0, match.start()) + 1
            raise ValueError(f"{name}:{line}: {key} is not in data/results/default; run make all and make reference.")
        return f"<!--={key}-->{results.shown(records[key])}<!--/-->"

    return _MARK.sub(number, text)


def speed_table(speed: dict[str, Any], learnt: dict[str, Any], language: str) -> str:
    """By variant, in Markdown: ratios to the fastest peer with their spread over turns and their conditions, and what is learnt at equal L0.

    Quality is measured on a dictionary that nothing was chosen on: ours with the defaults, a peer's with its best settings on
    another; of several peers the best by the sum of explained variance and features found.
    """
    lines = ["| " + " | ".join(_HEADS[language]) + " |", "| :-- | --: | --: | :-- | :-- | :-- | :-- |"]
    for variant, name in _NAMES.items():
        row, cells = speed.get(f"small/{variant}"), [name, "", "", "", ""]
        if row:
            cells[1:3] = _ratios(row)
            cells[3] = row["fastest_peer"].removesuffix(", fp32")
            l0 = [row["sides"][side]["quality"]["l0"] for side in ("kosae, fp32", row["fastest_peer"])]
            cells[4] = f"{row['steps']:,}, {row['machine']['processor']}, {l0[0]:,.0f}, {l0[1]:,.0f}"
        cells += [_quality(learnt, variant, own) for own in (True, False)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _ratios(row: dict[str, Any]) -> list[str]:
    """The ratio to the fastest peer and its spread over turns, for both precisions; nothing for one that is not measured."""
    found = [row["ratios"].get(precision) for precision in ("fp32", "bf16")]
    return [f"{r['ratio']:.2f}x [{r['lowest']:.1f}, {r['highest']:.1f}]" if r else "" for r in found]


def sizes_table(speed: dict[str, Any], language: str) -> str:
    """By variant that is measured, in Markdown: ratios at the wider sizes, and what share of the machine's own matrix products they reach."""
    sizes = {
        name: row["size"] | {"steps": row["steps"]}
        for name in _WIDER
        for variant in _NAMES
        if (row := speed.get(f"{name}/{variant}"))
    }
    heads = [_HEADS[language][0], *(head.format(**size) for size in sizes.values() for head in _SIZE[language])]
    lines = ["| " + " | ".join(heads) + " |", "| :-- |" + " --: |" * (len(heads) - 1)]
    for variant, name in _NAMES.items():
        rows, cells = [speed.get(f"{size}/{variant}") for size in sizes], [name]
        for row in rows:
            shares = [f"{r['share_of_limit']:.2f}" for r in row["ratios"].values()] if row else []
            cells += [*_ratios(row), ", ".join(shares)] if row else ["", "", ""]
        lines += ["| " + " | ".join(cells) + " |"] if any(rows) else []
    return "\n".join(lines) + "\n"


def _quality(learnt: dict[str, Any], variant: str, own: bool) -> str:
    """Ours by default and, where this is more, by the best of the sweep, or the best peer's whose L0 is within a tenth of the
    target, on the dictionary that is judged on; the best by the sum of explained variance and features found."""
    found = {}
    for key in (key for key in learnt if key.startswith(f"judged/{variant}/")):
        (library, rate), last = key.split("/")[2:4], learnt[key][-1]
        if library.startswith("kosae") == own and (own or abs(last["l0"] / TARGET_L0 - 1) <= 0.1):
            score = last["explained_variance"] + last["recovered"]
            cell = f"{last['explained_variance']:.3f}, {last['recovered']:.1%}, {last['dead']:.1%}"
            chosen = ["free"] * (library == "kosae free") + [f"lr {rate}"] * (rate != "own")
            name = f"{', '.join(chosen)}: {cell}" if chosen else cell
            found[library, rate] = (score, name if own else f"{cell} ({library})")
    most = max(found.values(), default=(0, ""))
    default = found.get(("kosae", "own"), most) if own else most
    return "; ".join(dict.fromkeys(cell for _, cell in (default, most)))


def with_speed(text: str, name: str) -> str:
    """The text with the present tables of speed in their blocks; a text without them stays as it is."""
    folder = paths.ROOT / "benchmarks" / "results"
    files = (folder / "train_throughput.json", folder / "planted_quality.json")
    speed, learnt = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    tables = {"speed": speed_table(speed, learnt, FILES[name]), "sizes": sizes_table(speed, FILES[name])}
    return _TABLE.sub(lambda m: m[1] + tables[m[2]] + m[3], text)


def records_of(folder: Path) -> dict:
    """All records of a results folder by key."""
    documents = results.load_results(folder).values()
    return {key: entry for document in documents for key, entry in document["records"].items()}


@told(ValueError, head="KoSAE: ")
def main() -> int:
    records = records_of(paths.reference_dir("default"))
    for name in FILES:
        path = paths.ROOT / name
        text = path.read_text(encoding="utf-8")
        path.write_text(with_speed(claims.filled(filled(text, name, records), name), name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
