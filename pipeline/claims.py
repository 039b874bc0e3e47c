"""Hold the findings of the earlier studies against our results: `python -m pipeline.claims` (make claims).

`data/claims.toml` says which recorded claims and numbers test each finding. The verdicts go to the READMEs, between
<!--claims--> and <!--/claims-->: those of `full`, the longest run with most seeds, with their numbers and on how many seeds they
stand, then the bare ones of `default`, and on news of `ynat` and `keat`. The last chapter has those of its own run in place of
`default`'s, and why a finding does not hold.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from kosae_core import paths, results
from pipeline.command import told

FILES = {"README.md": "en", "README.ko.md": "ko"}
NEWS, SEEDS = ("ynat", "keat"), ("full10", "full20")
VERDICTS = {
    "ko": {"holds": "성립", "fails": "성립하지 않음", "mixed": "엇갈림", "undecided": "판정할 수 없음", "open": ""},
    "en": {"holds": "holds", "fails": "does not hold", "mixed": "mixed", "undecided": "undecided", "open": ""},
}
KINDS = {"str": str, "int": int, "float": int | float, "list": list, "dict": dict}
HEADS = {"ko": ("주장", "판정", "측정값", "시드"), "en": ("finding", "verdict", "measured", "seeds")}
THIS = {"ko": "이 실행", "en": "this run"}
OPEN = {"ko": "아직 어느 장도 재지 않은 주장: {}.", "en": "Not tested by any chapter yet: {}."}
UNTESTABLE = {
    "ko": "여기서 시험할 수 없는 주장: {}(까닭은 책의 마지막 장).",
    "en": "Not testable here: {} (the book's last chapter says why).",
}
_BLOCK = re.compile(r"(<!--claims-->\n).*?(<!--/claims-->)", re.S)
_KEY = re.compile(r"\{(c\d\d\.[a-z0-9_]+)\}")


@dataclass(frozen=True)
class Claim:
    """One finding of an earlier study."""

    id: str
    source: str
    """Its key in references.bib, or encyclopedia."""
    ko: str
    en: str
    expected: str = ""
    """The ordering or value that it leads one to expect."""
    tolerance: str = ""
    """The margin that our test allows."""
    seeds: int = 0
    """On how many seeds of training its verdict stands within one run of `full`; with 1, runs on other seeds are asked too."""
    supports: list[str] = field(default_factory=list)
    """Recorded claims that speak for it where they hold."""
    refutes: list[str] = field(default_factory=list)
    """Recorded claims that speak against it where they hold."""
    within: dict[str, list[float]] = field(default_factory=dict)
    """Recorded numbers that must lie between two bounds."""
    shown_ko: str = ""
    shown_en: str = ""
    """The cell of numbers, with keys in braces."""
    why_ko: str = ""
    why_en: str = ""
    """Why it does not hold here, or cannot be tested; shown where that is so."""
    elsewhere: list[str] = field(default_factory=list)
    """Presets of news whose chapter asks this of another corpus, so that their column says nothing."""
    status: str = "tested"
    """tested; open where no chapter tests it yet; untestable where none can."""

    @property
    def group(self) -> str:
        """The letter of its source."""
        return self.id[0]


@dataclass(frozen=True)
class Run:
    """What runs a chapter again, and for how long."""

    command: str
    machine: str
    minutes: float


class Recorded:
    """The claims and numbers of one preset, by key, from its results by chapter."""

    def __init__(self, documents: dict[str, dict[str, Any]]) -> None:
        self.claims = {k: v for d in documents.values() for k, v in d["claims"].items()}
        self.records = {k: v for d in documents.values() for k, v in d["records"].items()}


def read(path: Path, known: list[Recorded]) -> tuple[list[Claim], dict[str, Run]]:
    """The claims of a file and the runs of its chapters.

    Raises  ValueError, one sentence with place and fix, for what is not TOML, an unknown or missing field, an id given
            twice, a claim with neither a test nor the status open, and a key that no result has.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not TOML in UTF-8: {error}.") from None
    listed, again = document.get("claim", []), document.get("run", {})
    tables = [*listed, *again.values()] if isinstance(listed, list) and isinstance(again, dict) else [None]
    if set(document) - {"claim", "run"} or not all(isinstance(each, dict) for each in tables):
        raise ValueError(f"{path.name} must hold [[claim]] and [run.NN] alone; it has {', '.join(document)}.")
    runs = {n: _made(Run, given, f"{path.name}, run.{n}") for n, given in again.items()}
    claims: list[Claim] = []
    for i, given in enumerate(listed, 1):
        place = f"{path.name}, claim {given.get('id', f'number {i}')}"
        claim = _made(Claim, given, place)
        if claim.id in {c.id for c in claims}:
            raise ValueError(f"{place}: this id is given twice; give one of the two another.")
        _check(claim, place, runs, known)
        claims.append(claim)
    return claims, runs


def _made(kind: type, given: dict[str, Any], place: str) -> Any:
    have = [f.name for f in fields(kind)]
    for name in (name for name in given if name not in have):
        raise ValueError(f"{place}: there is no field {name!r}; the fields are {', '.join(have)}.")
    for f in fields(kind):
        if f.name in given and not isinstance(given[f.name], KINDS[f.type.partition("[")[0]]):
            raise ValueError(f"{place}: {f.name} must be a {f.type}, not {given[f.name]!r}.")
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(f"{place}: {str(error).split('() ', 1)[-1]}; add it.") from None


def _check(claim: Claim, place: str, runs: dict[str, Run], known: list[Recorded]) -> None:
    keys = {"claims": [*claim.supports, *claim.refutes], "records": [*claim.within, *_KEY.findall(claim.shown_ko)]}
    tests = [*keys["claims"], *claim.within]
    if claim.status not in ("tested", "open", "untestable"):
        raise ValueError(f"{place}: the status is tested, open or untestable, not {claim.status!r}.")
    if (claim.status != "tested") == bool(tests):
        raise ValueError(f'{place}: give it supports, refutes or within, or else status = "open", not both.')
    if bool(claim.why_ko) != bool(claim.why_en) or (claim.status == "untestable" and not claim.why_ko):
        raise ValueError(f"{place}: why_ko and why_en go together, and an untestable claim needs them; add them.")
    if tests and not (claim.expected and claim.tolerance and claim.seeds > 0 and claim.shown_ko and claim.shown_en):
        raise ValueError(f"{place}: a tested claim needs expected, tolerance, seeds, shown_ko and shown_en; add them.")
    if sorted(_KEY.findall(claim.shown_ko)) != sorted(_KEY.findall(claim.shown_en)):
        raise ValueError(f"{place}: shown_ko and shown_en show different keys; make them the same.")
    for kind, key in ((kind, key) for kind, wanted in keys.items() for key in wanted):
        if not any(key in getattr(preset, kind) for preset in known):
            raise ValueError(
                f"{place}: no committed result has {key} among its {kind}; correct the key, or run make reference."
            )
    for number in sorted({key[1:3] for key in tests} - set(runs)):
        raise ValueError(f"{place}: add [run.{number}] with the command, machine and minutes of chapter {number}.")


def verdict(claim: Claim, found: Recorded) -> str:
    """holds, fails or mixed, by whether all tests, none or some speak for it; open where one has not been run.

    undecided where some neither speak for it nor against it, as an interval that contains 0, and none speaks against it.
    """
    tests = [*claim.supports, *claim.refutes, *claim.within]
    if not tests or not all(key in found.claims or key in found.records for key in tests):
        return "open"
    votes = [_vote(found.claims[key]) for key in claim.supports]
    votes += [None if vote is None else not vote for vote in (_vote(found.claims[key]) for key in claim.refutes)]
    votes += [low <= found.records[key]["value"] <= high for key, (low, high) in claim.within.items()]
    if all(votes):
        return "holds"
    return "undecided" if False not in votes else "mixed" if any(votes) else "fails"


def _vote(recorded: dict[str, Any]) -> bool | None:
    """What a recorded claim says; None where it was neither shown nor contradicted."""
    return None if recorded.get("undecided") else recorded["holds"]


def number(entry: dict[str, Any]) -> str:
    """A record as prose shows it, with its interval where it has one (that of a single seed has no width)."""
    bounds = [results.shown(entry | {"value": bound}) for bound in entry.get("interval", [])]
    return results.shown(entry) + (f" [{', '.join(bounds)}]" if len(set(bounds)) > 1 else "")


def table(
    claims: list[Claim], main: Recorded, bare: dict[str, Recorded], language: str, again: Sequence[Recorded] = ()
) -> str:
    """The verdicts on the tested claims as a Markdown table: those of `main` with numbers, then those of `bare` alone.

    Between them stands on how many seeds the first ones rest: those within the run, or itself and the runs of `again`. Nothing
    where no claim is tested.
    """
    if all(claim.status != "tested" for claim in claims):
        return ""
    head = [*HEADS[language], *(preset if preset in THIS.values() else f"`{preset}`" for preset in bare)]
    lines = [f"| | {' | '.join(head)} |", "| :-- " * (1 + len(head)) + "|"]
    for claim in (claim for claim in claims if claim.status == "tested"):
        now, text = verdict(claim, main), getattr(claim, f"shown_{language}")
        if now == "open" or not all(key in main.records for key in _KEY.findall(text)):
            text = ""
        numbers = _KEY.sub(lambda m: number(main.records[m[1]]), text)
        sets = [now, *(verdict(claim, found) for found in again)] if claim.seeds == 1 else [now] * claim.seeds
        cells = [claim.id, getattr(claim, language), VERDICTS[language][now], numbers, _seeds(sets, language)]
        asked = {name: "open" if name in claim.elsewhere else verdict(claim, found) for name, found in bare.items()}
        cells += [VERDICTS[language][each] for each in asked.values()]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _seeds(verdicts: list[str], language: str) -> str:
    """On how many seeds a verdict stands, and where they do not all give it, how many gave which."""
    if "open" in verdicts or len(set(verdicts)) == 1:
        return "" if "open" in verdicts else str(len(verdicts))
    counts = ", ".join(f"{VERDICTS[language][each]} {count}" for each, count in Counter(verdicts).most_common())
    return f"{len(verdicts)}: {counts}"


def denied(claim: Claim, found: dict[str, Recorded]) -> bool:
    """Whether a claim does not hold in one of some presets' results."""
    asked = [verdict(claim, each) for name, each in found.items() if name not in claim.elsewhere]
    return not {"fails", "mixed", "undecided"}.isdisjoint(asked)


def reasons(claims: list[Claim], found: dict[str, Recorded], language: str) -> str:
    """Why claims do not hold in one of some runs, or cannot be tested, one item each; nothing where all hold."""
    told = [c for c in claims if c.status == "untestable" or denied(c, found)]
    return "".join(f"- **{c.id}.** {getattr(c, f'why_{language}')}\n" for c in told if c.why_ko)


def _list(claims: list[Claim], status: str, sentence: str) -> str:
    """The sentence with the ids of the claims of a status, a paragraph; nothing where there are none."""
    ids = ", ".join(claim.id for claim in claims if claim.status == status)
    return f"\n{sentence.format(ids)}\n" if ids else ""


def committed(*runs: Recorded) -> tuple[list[Claim], dict[str, Run], dict[str, Recorded]]:
    """The project's own claims, their runs, and the committed results of each preset that has any.

    A claim's keys must be in one of these, or in one of the `runs`. What runs on other seeds leave out stands as in `full`.
    """
    documents = {name: results.load_results(paths.reference_dir(name)) for name in ("default", "full", *NEWS, *SEEDS)}
    documents = {name: each for name, each in documents.items() if each or name in ("default", "full")}
    found = {name: Recorded((documents["full"] if name in SEEDS else {}) | documents[name]) for name in documents}
    return *read(paths.data_dir() / "claims.toml", [*found.values(), *runs]), found


def section(group: str, run: Recorded, language: str, full: bool = False) -> tuple[str, str]:
    """What the chapter of claims shows of one source: the table of verdicts, and the remarks below it.

    The verdicts are those of the committed `full` with their numbers, then those of the run, on news, and with other seeds; where
    the run is itself of `full`, its own and then those of `default`.

    Raises  ValueError as `read` does, and for a letter that no claim begins with.
    """
    claims, _, found = committed(run)
    claims = [claim for claim in claims if claim.group == group]
    if not claims:
        raise ValueError(f"claims.toml: no claim's id begins with {group}; name another letter, or add the claim.")
    first, second = (run, {"default": found["default"]}) if full else (found["full"], {THIS[language]: run})
    beside = second | {preset: found[preset] for preset in NEWS if preset in found}
    remarks = reasons(claims, {"": first} | beside, language) + _list(claims, "open", OPEN[language])
    return table(claims, first, beside, language, again(found)), remarks


def again(found: dict[str, Recorded]) -> list[Recorded]:
    """The committed runs of `full` on other seeds."""
    return [found[preset] for preset in SEEDS if preset in found]


def filled(text: str, name: str) -> str:
    """The text of a README with the present verdicts in its block.

    Raises  ValueError as `read` does, and when the text has no block.
    """
    if not _BLOCK.search(text):
        raise ValueError(f"{name} has no <!--claims--> and <!--/claims--> lines; put them where the verdicts belong.")
    (claims, _, found), language = committed(), FILES[name]
    beside = {preset: found[preset] for preset in ("default", *NEWS) if preset in found}
    after = _list(claims, "open", OPEN[language]) + _list(claims, "untestable", UNTESTABLE[language])
    return _BLOCK.sub(
        lambda m: m[1] + table(claims, found["full"], beside, language, again(found)) + after + m[2],
        text,
    )


@told(ValueError, head="KoSAE: ")
def main() -> int:
    for name in FILES:
        path = paths.ROOT / name
        path.write_text(filled(path.read_text(encoding="utf-8"), name), encoding="utf-8")
    runs = committed()[1].values()
    print("The verdicts are in README.md and README.ko.md. What measures them again:")
    for run in runs:
        print(f"  {run.command}  ({run.minutes:g} min, {run.machine})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
