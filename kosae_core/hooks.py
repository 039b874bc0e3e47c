"""Where a decoder's activations are, found from the structure of the loaded module.

A block reads the residual stream and adds to it: `resid_post = resid_pre + attn_out + mlp_out`. This identity defines
the four kinds of hook point, and `find_contributions` checks it on the loaded model, so that post-norms (Gemma 2,
OLMo 2), parallel blocks (GPT-NeoX) and modules that add the residual themselves (BLOOM) need no table of models.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

KINDS = ("resid_pre", "attn_out", "mlp_out", "resid_post")
_PART_NAMES = {
    "attn_out": re.compile(r"attn|attention", re.IGNORECASE),
    "mlp_out": re.compile(r"mlp|feed_?forward|ffn|moe", re.IGNORECASE),
}
_NOT_A_PART = re.compile(r"norm|ln_|dropout|rotary", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class HookPoint:
    """One place in a decoder whose activations can be read or replaced."""

    block: int
    """Index of the block, from 0."""
    kind: str
    """One of `KINDS`."""

    def __str__(self) -> str:
        return f"b{self.block}.{self.kind}"


def resolve_point(text: str, n_blocks: int) -> HookPoint:
    """Turn `q2.resid_post` (quantile) or `b3.resid_post` (block) into a hook point.

    Raises  ValueError if the text has another form, or the block does not exist.
    Source  q0..q3 are the outputs of blocks 0, n/4, n/2, 3n/4, rounded down, as in the Korean 2x2 study this extends.
    """
    match = re.fullmatch(r"(?:q([0-3])|b(\d+))\.(\w+)", text)
    if not match or match[3] not in KINDS:
        raise ValueError(f"hook point {text!r} is not q0..q3 or b<block>, a dot, and one of {', '.join(KINDS)}.")
    block = int(match[1]) * n_blocks // 4 if match[1] else int(match[2])
    if block >= n_blocks:
        raise ValueError(f"hook point {text!r}: the model has blocks b0 to b{n_blocks - 1}.")
    return HookPoint(block, match[3])


def find_blocks(model: nn.Module, path: str | None = None) -> nn.ModuleList:
    """The list of decoder blocks: the outermost ModuleList of `num_hidden_layers` beside the token embedding.

    Raises  ValueError, saying what was looked for, when there is not exactly one.
    """
    if path is not None:
        return _named(model, path, f"blocks={path!r}")
    config = model.config.get_text_config(decoder=True)
    n_layers = getattr(config, "num_hidden_layers", None)
    trunk = _parent(model, model.get_input_embeddings())
    lists = {name: m for name, m in trunk.named_modules() if isinstance(m, nn.ModuleList) and len(m) == n_layers}
    outer = {name: m for name, m in lists.items() if not any(name.startswith(f"{other}.") for other in lists)}
    if len(outer) > 1:
        outer = {name: m for name, m in outer.items() if _part(m[0], "attn_out") is not None}
    if len(outer) != 1:
        raise ValueError(
            f"{type(model).__name__}: looked for one ModuleList of {n_layers} blocks beside the token embedding and "
            f"found {sorted(outer) or 'none'}; name it with load_lm(..., blocks='path.to.blocks')."
        )
    return next(iter(outer.values()))


def _named(module: nn.Module, path: str, given: str) -> Any:
    try:
        return module.get_submodule(path)
    except AttributeError:
        raise ValueError(f"{given}: {type(module).__name__} has no such submodule.") from None


def find_final_norm(model: nn.Module, blocks: nn.ModuleList, path: str | None = None) -> nn.Module:
    """The norm between the last block and the unembedding: the norm that stands after the blocks.

    Raises  ValueError if no module after the blocks is called a norm, or none is at `path`.
    """
    if path is not None:
        return _named(model, path, f"final_norm={path!r}")
    after = False
    for child_name, child in _parent(model, blocks).named_children():
        if after and re.search(r"norm|ln_f", f"{child_name} {type(child).__name__}", re.IGNORECASE):
            return child
        after = after or child is blocks
    raise ValueError(
        f"{type(model).__name__}: looked beside the blocks, after them, for a module called norm or ln_f and found none; "
        "name it with load_lm(..., final_norm='path.to.norm')."
    )


def _parent(model: nn.Module, wanted: nn.Module) -> nn.Module:
    for module in model.modules():
        if any(child is wanted for child in module.children()):
            return module
    raise ValueError(f"{type(model).__name__}: {type(wanted).__name__} is not part of the model.")


def _part(block: nn.Module, kind: str) -> nn.Module | None:
    """The block's attention or MLP: the first direct child with weight matrices that is named so, else classed so."""
    children = {
        name: child
        for name, child in block.named_children()
        if any(p.ndim >= 2 for p in child.parameters()) and not _NOT_A_PART.search(name)
    }
    # Names before classes: the attention of Qwen3Moe has the class Qwen3MoeAttention.
    for label in (lambda name, child: name, lambda name, child: type(child).__name__):
        for name, child in children.items():
            if _PART_NAMES[kind].search(label(name, child)):
                return child
    return None


def first_tensor(output: Tensor | tuple) -> Tensor:
    """The hidden states in a module's output, which may be a tuple."""
    return output[0] if isinstance(output, tuple) else output


@dataclass(frozen=True)
class Site:
    """The module, and the side of it, where one hook point's tensor passes."""

    module: nn.Module
    """Its input (`resid_pre`) or output (all others) is the hook point's tensor."""
    is_input: bool = False
    """Whether the tensor is the module's input."""
    adds_residual: bool = False
    """Whether the module adds its `residual` argument to its output itself, as BLOOM's do."""
    scale: float = 1.0
    """What the block multiplies the output with before it adds it, as Granite's do."""

    def attach(self, fn: Callable[[Tensor], Tensor | None]) -> torch.utils.hooks.RemovableHandle:
        """Call `fn(hidden_BTD)` whenever the tensor passes; what it returns, unless None, takes the tensor's place."""
        if self.is_input:
            return self.module.register_forward_pre_hook(_before(fn), with_kwargs=True)
        return self.module.register_forward_hook(_after(fn, self.adds_residual, self.scale), with_kwargs=True)


def _before(fn: Callable[[Tensor], Tensor | None]) -> Callable:
    def hook(module: nn.Module, args: tuple, kwargs: dict) -> tuple | None:
        new = fn(args[0] if args else kwargs["hidden_states"])
        if new is None:
            return None
        return ((new, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": new})

    return hook


def _after(fn: Callable[[Tensor], Tensor | None], adds_residual: bool, scale: float) -> Callable:
    def hook(module: nn.Module, args: tuple, kwargs: dict, output: Tensor | tuple) -> Tensor | tuple | None:
        hidden = first_tensor(output)
        if adds_residual:
            residual = inspect.signature(module.forward).bind(*args, **kwargs).arguments["residual"].to(hidden.device)
            new = fn(hidden - residual)
            new = None if new is None else new + residual
        else:
            new = fn(hidden if scale == 1 else hidden * scale)
            new = new if new is None or scale == 1 else new / scale
        if new is None:
            return None
        return (new, *output[1:]) if isinstance(output, tuple) else new

    return hook


@dataclass
class _Watched:
    """One block, the modules looked at, and what passed through them."""

    block: nn.Module
    parts: dict[str, Site]
    norms: list[Site]
    copies: dict[Site, Tensor]
    passed: dict[nn.Module, tuple[Tensor, Tensor]]


def find_contributions(
    blocks: nn.ModuleList, run: Callable[[], None], parts: Mapping[str, str] | None = None
) -> list[dict[str, Site]]:
    """Find what each block's attention and MLP add to the residual stream, by watching one forward pass.

    A norm that reads exactly the attention's (or MLP's) output belongs to the contribution, and so does a number that the
    block multiplies both with. The parts found must add up to what the block adds. `parts` names submodules of a block, by
    kind (`attn_out`, `mlp_out`), where they cannot be found.

    Raises  ValueError if a block has no attention or MLP module, or the parts do not add up.
    """
    watched, handles = [_look(i, block, parts or {}) for i, block in enumerate(blocks)], []
    try:
        for one in watched:
            for site in (*_ends(one.block), *one.parts.values(), *one.norms):
                handles += [site.attach(_copy_to(one.copies, site)), _note(one.passed, site.module)]
        run()
    finally:
        for handle in handles:
            handle.remove()
    return [_settle(i, one) for i, one in enumerate(watched)]


def _look(i: int, block: nn.Module, named: Mapping[str, str]) -> _Watched:
    parts = {}
    for kind in _PART_NAMES:
        given = f"parts={{{kind!r}: {named.get(kind)!r}}}"
        part = _named(block, named[kind], given) if kind in named else _part(block, kind)
        if part is None:
            names = [name for name, _ in block.named_children()]
            raise ValueError(
                f"{kind}: looked in block {i} ({type(block).__name__}) for a child with weight matrices whose name or class "
                f"has {_PART_NAMES[kind].pattern!r} and found only {names}; name it with "
                f"load_lm(..., parts={{{kind!r}: 'name'}})."
            )
        parts[kind] = Site(part, adds_residual="residual" in inspect.signature(part.forward).parameters)
    norms = [Site(child) for child in block.children() if "norm" in type(child).__name__.lower()]
    return _Watched(block, parts, norms, {}, {})


def _ends(block: nn.Module) -> tuple[Site, Site]:
    return Site(block, is_input=True), Site(block)


def _copy_to(copies: dict[Site, Tensor], site: Site) -> Callable[[Tensor], None]:
    # Copied at once: some blocks go on to add to this very tensor in place (Falcon).
    return lambda hidden: copies.__setitem__(site, hidden.detach().clone())


def _note(passed: dict[nn.Module, tuple[Tensor, Tensor]], module: nn.Module) -> torch.utils.hooks.RemovableHandle:
    def hook(module: nn.Module, args: tuple, kwargs: dict, output: Tensor | tuple) -> None:
        passed[module] = (args[0] if args else kwargs.get("hidden_states"), first_tensor(output))

    return module.register_forward_hook(hook, with_kwargs=True)


def _settle(i: int, one: _Watched) -> dict[str, Site]:
    chosen = {}
    for kind, part in one.parts.items():
        readers = [n for n in one.norms if n.module in one.passed]
        readers = [n for n in readers if one.passed[n.module][0] is one.passed[part.module][1]]
        chosen[kind] = readers[0] if readers and not part.adds_residual else part
    before, after = (one.copies[end] for end in _ends(one.block))
    before = before.to(after.device)  # of a model on several devices, the block before may be on another one
    added = sum(one.copies[site].to(after.device) for site in chosen.values()).float()
    grown = (after - before).float()
    allowed = 1e-3 * grown.norm() + 4 * torch.finfo(after.dtype).eps * after.float().norm()
    if not (grown - added).norm() <= allowed:  # unless it is multiplied before it is added
        scale = float((grown * added).sum() / added.square().sum())
        chosen = {kind: replace(site, scale=scale) for kind, site in chosen.items()}
        added = scale * added
    if not (grown - added).norm() <= allowed or any(s.adds_residual and s.scale != 1 for s in chosen.values()):
        raise ValueError(
            f"block {i} ({type(one.block).__name__}): the attention and MLP outputs found do not add up to what the "
            "block adds to the residual stream, nor any multiple of them; name others with "
            "load_lm(..., parts={'attn_out': 'name', 'mlp_out': 'name'}), or use resid_pre or resid_post."
        )
    return chosen
