"""Prose that depends on what a run found: claims that hold or not, sentences that stand in for them, blocks with a key.

`[A is above B.]{.claim key="c05.x"}` is marked where the claim x of that run is false. With
`[A is above B.]{.claim key="c05.x"}[A is not above B.]{.otherwise}` the second sentence takes its place instead, unmarked.
`::: {.when key="c05.x"}` keeps its block where a chapter recorded x; with `holds="yes"` or `holds="no"`, where the claim x is so.
`#| when: c05.x` among the options of a code cell keeps its figure or table where a chapter recorded x; its code stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline import chapters as ch

CLAIM = re.compile(r"\]\{\.claim\s+key=[\"“]?([\w.]+)[\"”]?\s*\}")
OTHERWISE = "]{.otherwise}"
_WHEN = re.compile(r":{3,}\s*\{\s*\.when\b(.*)\}\s*")
_GIVEN = re.compile(r"\s(key|holds)=[\"“]?([\w.]+)[\"”]?(?=\s|$)")
_DIV = re.compile(r":{3,}\s*(\S.*)?")
_CELL = re.compile(r"^#\|\s*when:\s*([\w.]+)[ \t]*\n", re.MULTILINE)
_OPTIONS = re.compile(r"^#\|.*\n", re.MULTILINE)

Place = Callable[[int], str]
"""Names the place of a line of the text."""


def blocks(text: str, records: Mapping[str, Any], claims: Mapping[str, Any], at: Place) -> str:
    """The text without `.when` blocks whose condition is not met; lines keep their numbers.

    Raises  PipelineError for a block that is not closed or says something else, and for holds= with a key that is no claim
            of the run.
    """
    lines, open_divs, hidden_since = text.split("\n"), [], None
    for i, line in enumerate(lines):
        when, div = _WHEN.fullmatch(line), _DIV.fullmatch(line)
        if when:
            given = dict(_GIVEN.findall(when[1]))
            key, holds = given.get("key"), given.get("holds")
            if not key or holds not in (None, "yes", "no") or _GIVEN.sub("", when[1]).strip():
                raise ch.PipelineError(
                    f'{at(i)}: a .when block says key="c05.x", and holds="yes" or "no", and nothing else.'
                )
            met = key in records or key in claims
            if holds and hidden_since is None:
                if key not in claims:
                    raise ch.PipelineError(f"{at(i)}: no chapter recorded the claim {key}.")
                met = claims[key]["holds"] == (holds == "yes")
            open_divs.append((i, hidden_since))
            if not met and hidden_since is None:
                hidden_since = i
            lines[i] = ""
        elif div and div[1]:
            open_divs.append(None)
        elif div and open_divs:
            opened = open_divs.pop()
            if opened is not None:
                lines[i], hidden_since = "", opened[1]
                continue
        if hidden_since is not None:
            lines[i] = ""
    unclosed = [opened for opened in open_divs if opened is not None]
    if unclosed:
        raise ch.PipelineError(f"{at(unclosed[0][0])}: no ::: closes this .when block.")
    return "\n".join(lines)


def cell(source: str, records: Mapping[str, Any], claims: Mapping[str, Any]) -> tuple[str, bool]:
    """A code cell without its `when`, and whether that is met; where it is not, without label, captions or other options."""
    when = _CELL.search(source)
    met = when is None or when[1] in records or when[1] in claims
    return (_CELL if met else _OPTIONS).sub("", source), met


def settle(text: str, claims: Mapping[str, Any], note: str, at: Place) -> str:
    """The text with each claim as plain words, as words marked with `note`, or as what stands in for it.

    Raises  PipelineError for a claim or a stand-in that no bracket opens, and for a stand-in that follows no claim.
    """

    def place(position: int) -> str:
        return at(text.count("\n", 0, position))

    while match := CLAIM.search(text):
        begin, end = opening(text, match.start()), match.end()
        if begin is None:
            raise ch.PipelineError(f"{place(match.start())}: no [ opens the claim {match[1]}.")
        sentence, instead = text[begin + 1 : match.start()], None
        close = text.find(OTHERWISE, end)
        if close >= 0 and text[end : end + 1] == "[" and opening(text, close) == end:
            instead, end = text[end + 1 : close], close + len(OTHERWISE)
        if not claims[match[1]]["holds"]:
            sentence = instead if instead is not None else f"[{sentence}]{{.claim-failed}} [({note})]{{.claim-note}}"
        text = text[:begin] + sentence + text[end:]
    if OTHERWISE in text:
        raise ch.PipelineError(f"{place(text.find(OTHERWISE))}: this .otherwise does not follow a claim.")
    return text


def opening(text: str, close: int) -> int | None:
    """The place of the [ that the ] at `close` answers."""
    depth = 0
    for i in range(close, -1, -1):
        if i and text[i - 1] == "\\":
            continue
        depth += (text[i] == "]") - (text[i] == "[")
        if depth == 0:
            return i
    return None
