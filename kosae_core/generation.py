"""Text that the model writes itself, its activations captured while it writes."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kosae_core import store
from kosae_core.activations import (
    DTYPES,
    KIND,
    ActivationStore,
    corpus_name,
    describe_corpus,
)
from kosae_core.filling import Progress, check_finite
from kosae_core.hooks import HookPoint
from kosae_core.lm import LanguageModel, Replace
from kosae_core.mapped import create_mapped, write_documents

if TYPE_CHECKING:
    from kosae_core.corpora import Corpus

log = logging.getLogger("kosae.generation")

GENERATE_VERSION = 1
"""Raise it when the same arguments no longer give the same store."""


def gather_generated(
    lm: LanguageModel,
    prompts: "Corpus | Sequence[str]",
    points: str | Sequence[str],
    *,
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    seed: int = 0,
    keep_prompt: bool = False,
    dtype: str = "bf16",
    rows_per_batch: int = 64,
    progress: Progress | None = None,
) -> dict[str, ActivationStore]:
    """Let the model continue each prompt, and keep the activations of what it wrote (and of the prompt, if asked).

    A continuation ends at `max_new_tokens` or at the end token. Each prompt has random numbers of its own, so its
    continuation does not depend on the others; temperature 0 takes the likeliest token.

    Source  Activations are captured in the pass that writes the token, as in the GPT-2 study this extends.
    Raises  ValueError if the temperature is negative, a document would not fit the model, or nothing was written.
    """
    if temperature < 0 or max_new_tokens < 1 or dtype not in DTYPES:
        raise ValueError(f"temperature must be >= 0, max_new_tokens >= 1, dtype one of {', '.join(DTYPES)}.")
    names = [points] if isinstance(points, str) else list(points)
    at = {name: lm.resolve(name) for name in names}
    corpus_key, texts, langs = describe_corpus(prompts)
    shared = {
        "lm": lm.key, "prompts": corpus_key, "max_new_tokens": max_new_tokens, "temperature": float(temperature),
        "seed": seed, "keep_prompt": keep_prompt, "dtype": dtype, "version": GENERATE_VERSION,
    }  # fmt: skip
    specs = {point: {**shared, "point": str(point)} for point in sorted(set(at.values()))}
    if any(store.find(KIND, spec) is None for spec in specs.values()):
        starts = lm.documents(texts)
        writer = _Writer(lm, list(specs), max_new_tokens, temperature, seed, keep_prompt, DTYPES[dtype])
        for done, rows in enumerate(groups := _groups(starts, rows_per_batch)):
            writer.write({row: starts[row] for row in rows})
            if progress is not None:
                progress(done + 1, len(groups), "generate")
        _save(lm, specs, writer, len(starts), langs, f"continuations of {corpus_name(prompts)}")
    return {name: ActivationStore(store.folder_of(KIND, specs[point])) for name, point in at.items()}


def _groups(starts: Sequence[Sequence[int]], rows_per_batch: int) -> list[list[int]]:
    """Prompts of the same length together, so that no batch has padding."""
    by_length = defaultdict(list)
    for row, ids in enumerate(starts):
        by_length[len(ids)].append(row)
    alike = [rows for _, rows in sorted(by_length.items())]
    return [rows[i : i + rows_per_batch] for rows in alike for i in range(0, len(rows), rows_per_batch)]


def continuations(
    lm: LanguageModel, texts: Sequence[str], *, max_new_tokens: int = 32, temperature: float = 1.0, seed: int = 0,
    patch: tuple[str, Replace] | None = None, rows_per_batch: int = 256,
    on_token: Callable[[int, int], None] | None = None,
) -> list[list[int]]:  # fmt: skip
    """The token ids that the model writes after each text, with or without an edit at one hook point, without the text.

    Draws are as in `gather_generated`: each text has random numbers of its own, which an edit does not change.
    `on_token(row, token)` is told every token as it is written; what it raises ends the writing.

    Raises  ValueError if the temperature is negative, or a document would not fit the model.
    """
    if temperature < 0 or max_new_tokens < 1:
        raise ValueError("temperature must be >= 0 and max_new_tokens >= 1.")
    starts = lm.documents(texts)
    writer = _Writer(lm, [], max_new_tokens, temperature, seed, False, torch.float32)
    writer.on_token = on_token
    with nullcontext() if patch is None else lm.replaced(*patch):
        for rows in _groups(starts, rows_per_batch):
            writer.write({row: starts[row] for row in rows})
    return [writer.ids[row][len(start) :] for row, start in enumerate(starts)]


class _Writer:
    """Writes continuations batch by batch, and keeps every document's ids and activations."""

    def __init__(
        self, lm: LanguageModel, points: list[HookPoint], max_new_tokens: int, temperature: float, seed: int,
        keep_prompt: bool, dtype: torch.dtype,
    ) -> None:  # fmt: skip
        self.lm, self.points, self.max_new_tokens, self.temperature = lm, points, max_new_tokens, temperature
        self.seed, self.keep_prompt, self.dtype = seed, keep_prompt, dtype
        self.on_token: Callable[[int, int], None] | None = None
        self.ids: dict[int, list[int]] = {}
        self.kept: dict[int, list[bool]] = {}
        self.acts: dict[HookPoint, dict[int, list[Tensor]]] = {point: defaultdict(list) for point in points}
        self.ends = frozenset(np.atleast_1d(lm.tokenizer.eos_token_id if lm.tokenizer.eos_token_id is not None else []))
        self.forbidden = torch.tensor(sorted(lm.special_ids - self.ends), dtype=torch.long, device=lm.device)

    def write(self, starts: dict[int, list[int]]) -> None:
        rows = list(starts)
        draws = {row: np.random.default_rng([self.seed, row]).random(self.max_new_tokens) for row in rows}
        for row in rows:
            self.ids[row] = list(starts[row])
            self.kept[row] = [self.keep_prompt and token not in self.lm.special_ids for token in starts[row]]
        alive, cache, fed = set(rows), None, [starts[row] for row in rows]
        for step in range(self.max_new_tokens + bool(self.points)):
            last = step == self.max_new_tokens  # this pass only reads the last token written
            sinks = {point: self._sink(point, rows, alive if step else set(rows), step) for point in self.points}
            with self.lm.watched(sinks, stop=last):
                out = self.lm.forward(self.lm.batch(fed), use_cache=True, past_key_values=cache)
            if last:
                break
            cache = out.past_key_values
            chosen = self._choose(out.logits[:, -1], [draws[row][step] for row in rows])
            alive = {row for row, token in zip(rows, chosen, strict=True) if row in alive and token not in self.ends}
            for row, token in zip(rows, chosen, strict=True):
                if row in alive:
                    self.ids[row].append(token)
                    self.kept[row].append(True)
                    if self.on_token is not None:
                        self.on_token(row, token)
            if not alive:
                break
            fed = [[token] for token in chosen]

    def _sink(self, point: HookPoint, rows: list[int], alive: set[int], step: int):
        def keep(hidden_BTD: Tensor) -> None:
            hidden_BTD = hidden_BTD.to(self.dtype).cpu()
            for i, row in enumerate(rows):
                if row in alive:
                    own_TD = hidden_BTD[i][self.kept[row]] if step == 0 else hidden_BTD[i]
                    check_finite(own_TD, point)
                    self.acts[point][row].append(own_TD.clone())

        return keep

    def _choose(self, logits_BV: Tensor, draws: list[float]) -> list[int]:
        logits_BV = logits_BV.float().index_fill(1, self.forbidden, -torch.inf)
        if self.temperature == 0:
            return logits_BV.argmax(1).tolist()
        sums_BV = (logits_BV.double() / self.temperature).softmax(1).cumsum(1)
        draws_B1 = torch.tensor(draws, dtype=torch.float64, device=sums_BV.device)[:, None]
        # Scaled by the last sum, so that rounding never puts a draw beyond the last token.
        return torch.searchsorted(sums_BV, draws_B1 * sums_BV[:, -1:], right=True)[:, 0].tolist()


def _save(
    lm: LanguageModel, specs: dict[HookPoint, dict], writer: _Writer, n_documents: int, langs: list[str], corpus: str
) -> None:  # fmt: skip
    ids = [writer.ids[row] for row in range(n_documents)]
    kept = np.concatenate([np.array(writer.kept[row], dtype=bool) for row in range(n_documents)])
    if not kept.any():
        raise ValueError("the model wrote no token: every continuation ended at once.")
    texts = lm.tokenizer.batch_decode(ids, skip_special_tokens=True)
    with ExitStack() as entries:
        for point, spec in specs.items():
            folder = entries.enter_context(store.new_entry(KIND, spec))
            acts = torch.cat([one for row in range(n_documents) for one in writer.acts[point][row]])
            create_mapped(folder / "acts.bin", tuple(acts.shape), acts.dtype).copy_(acts)
            write_documents(folder, lm, ids, kept, texts, langs, corpus)
    log.info("%d tokens written for %d prompts", int(kept.sum()), n_documents)
