"""Language models: a decoder of transformers with its tokenizer, read and changed at its hook points."""

import hashlib
import inspect
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from kosae_core.batches import Batch, length_batches, pad
from kosae_core.devices import fetched, plain
from kosae_core.hooks import HookPoint, Site, find_blocks, find_contributions, find_final_norm, resolve_point

log = logging.getLogger("kosae.lm")

Replace = Callable[[Tensor, Tensor], Tensor]


class _Stop(Exception):
    """Ends a forward pass once the last activation wanted has passed."""


class LanguageModel:
    """A decoder, its tokenizer and its hook points."""

    def __init__(
        self, name: str, model: nn.Module, tokenizer: PreTrainedTokenizerBase, *, blocks: str | None = None,
        parts: Mapping[str, str] | None = None, final_norm: str | None = None, commit: str | None = None,
    ) -> None:  # fmt: skip
        if getattr(model.config, "is_encoder_decoder", False):
            raise ValueError(f"{name}: an encoder-decoder; KoSAE reads decoders.")
        self.name = name
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.blocks = find_blocks(model, blocks)
        self.n_blocks = len(self.blocks)
        self.d_model = model.get_input_embeddings().embedding_dim
        self.special_ids = frozenset(tokenizer.all_special_ids)
        self.bos_id: int | None = tokenizer.bos_token_id
        self.pad_id: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        self._parts, self._final_norm, self.commit = dict(parts or {}), final_norm, commit
        self._real_BT: Tensor | None = None
        self._probing = False

    @property
    def device(self) -> torch.device:
        """Where token ids go, and logits come back."""
        embeddings = self.model.get_input_embeddings()
        # accelerate keeps on "meta" what it fetches from memory or the disk when it is needed
        held = getattr(getattr(embeddings, "_hf_hook", None), "execution_device", None)
        return embeddings.weight.device if held is None else torch.device(held)

    @property
    def revision(self) -> str:
        """The commit on the hub that it was loaded from, else the sha256 of what was loaded: `sha256:` and `key`."""
        return self.commit or f"sha256:{self.key}"

    @property
    def context(self) -> int | None:
        """The longest document that the model reads, in tokens, where its configuration says."""
        return getattr(self.model.config.get_text_config(decoder=True), "max_position_embeddings", None)

    @property
    def final_norm(self) -> nn.Module:
        """The norm between the last block and the unembedding."""
        return find_final_norm(self.model, self.blocks, self._final_norm)

    @cached_property
    def key(self) -> str:
        """The sha256 (hex) of configuration, tokenizer and weights as loaded (so bf16 and fp32 differ)."""
        digest = hashlib.sha256()
        config = self.model.config.to_dict()
        for volatile in ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "_attn_implementation"):
            config.pop(volatile, None)
        config["architectures"] = [type(self.model).__name__]  # a model that was never saved does not name it
        vocab = sorted(self.tokenizer.get_vocab().items(), key=lambda item: item[1])
        digest.update(json.dumps([config, vocab, self.bos_id], sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            for part in plain(fetched(self.model, name) if tensor.is_meta else tensor):
                digest.update(part.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def __repr__(self) -> str:
        return f"LanguageModel({self.name!r}, {self.n_blocks} blocks, d_model {self.d_model}, {self.device})"

    def resolve(self, point: str) -> HookPoint:
        """The hook point that `q2.resid_post` or `b3.resid_post` names in this model."""
        return resolve_point(point, self.n_blocks)

    # Text

    def tokens(self, text: str) -> list[int]:
        """The token ids of a text, without special tokens; `<s>` written in a text is text."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    def documents(self, texts: Sequence[str], max_length: int | None = None) -> list[list[int]]:
        """What the model reads for each text: the start token, where there is one, then at most `max_length` in all."""
        start, documents = [] if self.bos_id is None else [self.bos_id], []
        for i in range(0, len(texts), 1000):  # what a tokenizer gives beside the ids takes more than they do
            part = list(texts[i : i + 1000])
            encoded = self.tokenizer(part, add_special_tokens=False, split_special_tokens=True, verbose=False)
            documents += [(start + ids)[:max_length] for ids in encoded["input_ids"]]
        return documents

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """The characters `text[start:end]` that each token of `tokens(text)` touches, a part of one counting whole.

        Raises  ValueError if the tokenizer does not keep offsets.
        """
        if not self.tokenizer.is_fast:
            raise ValueError(f"{self.name}: its tokenizer keeps no character offsets (no fast tokenizer).")
        encoded = self.tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True, verbose=False
        )
        return [tuple(span) for span in encoded["offset_mapping"]]

    # Forward passes

    def batch(self, documents: Sequence[Sequence[int]], side: str = "right") -> Batch:
        """Pad documents of token ids on the right, or on the left.

        Raises  ValueError if a document is empty or longer than the model reads, or there is no such side.
        """
        lengths = [len(ids) for ids in documents]
        if not lengths or min(lengths) == 0:
            raise ValueError("a batch needs documents of at least one token id.")
        if self.context is not None and max(lengths) > self.context:
            raise ValueError(f"a document of {max(lengths)} tokens: {self.name} reads at most {self.context}.")
        return pad(documents, self.pad_id, self.special_ids, self.device, side)

    def forward(self, batch: Batch, **kwargs: object) -> object:
        """The model's own output for a batch."""
        # Without padding no mask is passed, which lets attention take its fast causal path.
        mask = None if bool(batch.attention_BT.all()) else batch.attention_BT.long()
        if mask is not None and not bool(batch.attention_BT[:, 0].all()) and self._takes_positions:
            # Padding on the left: most models count positions from the edge of the batch unless they are told.
            kwargs = {"position_ids": (mask.cumsum(1) - 1).clamp_min(0), **kwargs}
        self._real_BT = batch.real_BT
        try:
            with torch.no_grad():
                return self.model(input_ids=batch.ids_BT, attention_mask=mask, **{"use_cache": False, **kwargs})
        finally:
            self._real_BT = None

    def logits(self, batch: Batch) -> Float[Tensor, "B T V"]:
        """Next-token logits."""
        return self.forward(batch).logits

    @cached_property
    def _takes_positions(self) -> bool:
        return "position_ids" in inspect.signature(self.model.forward).parameters

    @cached_property
    def _contributions(self) -> list[dict[str, Site]]:
        ids = np.random.default_rng(0).integers(0, self.model.get_input_embeddings().num_embeddings, size=4)
        self._probing = True
        try:
            return find_contributions(self.blocks, lambda: self.forward(self.batch([ids.tolist()])), self._parts)
        finally:
            self._probing = False

    def site(self, point: str | HookPoint) -> Site:
        """The module where a hook point's tensor passes."""
        at = self.resolve(point) if isinstance(point, str) else point
        if at.kind.startswith("resid"):
            return Site(self.blocks[at.block], is_input=at.kind == "resid_pre")
        return self._contributions[at.block][at.kind]

    @contextmanager
    def watched(self, sinks: Mapping[HookPoint, Callable[[Tensor], None]], *, stop: bool = True) -> Iterator[None]:
        """Give each hook point's (B, T, D) tensor to its sink as it passes.

        With `stop`, a forward pass in the block ends as soon as every point has been seen, and so does the block.
        A sink must copy what it keeps: some models change the tensor in place afterwards.
        """
        left = set(sinks)

        def passing(point: HookPoint) -> Callable[[Tensor], None]:
            def fn(hidden_BTD: Tensor) -> None:
                if self._probing:
                    return
                sinks[point](hidden_BTD)
                left.discard(point)
                if stop and not left:
                    raise _Stop

            return fn

        handles = [self.site(point).attach(passing(point)) for point in sinks]
        try:
            yield
        except _Stop:
            pass
        finally:
            for handle in handles:
                handle.remove()

    def capture(self, batch: Batch, points: Sequence[str]) -> dict[str, Float[Tensor, "B T D"]]:
        """The activations at some hook points, padding included, from one pass stopped after the last."""
        kept: dict[HookPoint, Tensor] = {}
        at = {point: self.resolve(point) for point in points}
        sinks = {point: lambda h, point=point: kept.__setitem__(point, h.clone()) for point in at.values()}
        with self.watched(sinks):
            self.forward(batch)
        return {point: kept[at[point]] for point in points}

    @contextmanager
    def replaced(self, point: str | HookPoint, fn: Replace) -> Iterator[None]:
        """Replace a hook point's tensor in every pass of this model: `fn(hidden_BTD, real_BT) -> hidden_BTD`.

        `real_BT` marks the tokens that are neither padding nor special.
        """

        def patch(hidden_BTD: Tensor) -> Tensor | None:
            if self._probing:
                return None
            if self._real_BT is None:
                raise RuntimeError("inside replaced(), run the model through lm.logits or lm.token_losses.")
            return fn(hidden_BTD, self._real_BT.to(hidden_BTD.device)).to(
                hidden_BTD
            )  # the block's device, not the first one's

        handle = self.site(point).attach(patch)
        try:
            yield
        finally:
            handle.remove()

    def token_losses(
        self,
        documents: Sequence[Sequence[int]],
        patch: tuple[str | HookPoint, Replace] | None = None,
        *,
        tokens_per_batch: int = 4096,
    ) -> list[Float[Tensor, " T"]]:
        """Cross-entropy of every token but the first of each document, optionally with one hook point replaced.

        Units  nats; one fp32 CPU tensor of `len(document) - 1` for each document, in the given order.
        """
        if patch is not None:
            with self.replaced(*patch):
                return self.token_losses(documents, tokens_per_batch=tokens_per_batch)
        losses = [torch.zeros(0)] * len(documents)
        vocabulary = self.model.get_input_embeddings().num_embeddings
        # Logits are the largest tensor of the pass: at most 2**26 of them.
        budget = min(tokens_per_batch, max(1, 2**26 // vocabulary))
        for rows in length_batches([len(ids) for ids in documents], budget, shortest=2):
            batch = self.batch([documents[row] for row in rows])
            targets_BT, scored_BT = batch.ids_BT[:, 1:], batch.attention_BT[:, 1:]
            logits = self.logits(batch)[:, :-1][scored_BT].float()
            flat = F.cross_entropy(logits, targets_BT[scored_BT], reduction="none").cpu()
            for row, loss in zip(rows, flat.split(scored_BT.sum(1).tolist()), strict=True):
                losses[row] = loss
        return losses
