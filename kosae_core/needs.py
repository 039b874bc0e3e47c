"""What a run will need, in bytes: worked out before it starts, and held against what the machine has.

Files and everything that lives as long as a training are counted exactly. What a step needs for a moment is a number of
tables of the batch's size, measured (see `TABLES`).
"""

import logging
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch

from kosae_core import ranks, rows

if TYPE_CHECKING:  # what gathers activations does not wait for the kernels of training to be imported
    from kosae_core.base import SAEConfig
    from kosae_core.train_config import TrainConfig

logger = logging.getLogger("kosae.needs")

ROW_LABELS, TEXT = 12, 10
"""Bytes beside each row of a store: its token, position and document; about what its token id and text take in JSON."""
READ, WORDS = 250, 4 << 20
"""Bytes for each token of a corpus while its ids are found, held and written down; what a tokenizer keeps of words it has met."""
TABLES = {"topk": 1.2, "batchtopk": 1.2, "matryoshka": 1.8, "standard": 3.3, "p_anneal": 5.0, "gated": 7.5, "gated_anneal": 8.3, "jumprelu": 6.8}  # fmt: skip
"""fp32 tables of (tokens of a part, features) that exist at once while a step is at its largest: at the start, where many
features are on (with `initial_density` below a tenth it takes less). Measured on a CPU (`benchmarks/scaling.json`). A variant that
is not listed counts as its parent that is."""
GIVEN_BACK, HOLES, HEAP = 8 << 20, 1.4, 7 << 20
"""Blocks of so many bytes go back to the system between their uses while it trains (`live.giving_back`); smaller ones come from
the heap, and leave so much room between them; and what else a training keeps there."""
BY_K = ("topk", "batchtopk", "matryoshka")  # their tables on a CPU have only the rows that its threads make at a time
LOOKS = {"topk": 4.0, "gated": 5.0}
"""fp32 tables of (held-out tokens, features) at a look at them: with one path, with two or a threshold."""
BIASES = 18
"""Bytes for each pre-activation among which the first biases are looked for: two of them, a copy, marks."""
PROCESS = 614 << 20
"""Bytes of a process that has loaded the core and trained something small (`process` in `benchmarks/scaling.json`)."""
ROWS = {"topk": 9, "standard": 5}
"""The same of (tokens, d_model) tables, by k and else."""
MOMENTS = {"adam": 2, "adamw": 2, "muon": 1, "signum": 1}
"""Numbers that the optimiser keeps for each weight of the two matrices."""


SPREAD = ("auto", "balanced", "balanced_low_0", "sequential")
"""Ways of spreading a model over all GPUs and, where they are full, the machine's memory (a `device_map` of transformers)."""


class TooLarge(RuntimeError):
    """A run does not fit this machine; the message has the number and what to turn."""


@dataclass(frozen=True)
class Size:
    """How large one autoencoder is, in numbers of 4 bytes."""

    weights: int
    """What is trained."""
    saved: int
    """What its file holds: the weights, the centre, scales and thresholds."""


@cache
def size(config: "SAEConfig", d_model: int) -> Size:
    """Numbers in one autoencoder, from its own class, without making it."""
    from kosae_core.base import VARIANTS

    with torch.device("meta"):
        sae = VARIANTS[config.variant](config, d_model)
    saved = sum(tensor.numel() for tensor in sae.state_dict().values())
    return Size(sum(parameter.numel() for parameter in sae.parameters()), saved)


def sae_bytes(config: "SAEConfig", d_model: int) -> int:
    """The file of a saved autoencoder, but for its header of some hundred bytes."""
    return 4 * size(config, d_model).saved


def store_bytes(n_tokens: int, d_model: int, element: int = 2, n_points: int = 1) -> int:
    """The stores of one gather on disk, of elements of so many bytes.

    Differs the texts and token ids of the documents, which stand beside them, count as TEXT bytes a token.
    """
    return n_points * n_tokens * (d_model * element + ROW_LABELS + TEXT)


def reading_bytes(n_tokens: int) -> int:
    """The memory of a corpus of so many tokens that is being gathered, beside its activations."""
    return READ * n_tokens + WORDS


def lm_bytes(n_params: int, element: int, whole: int = 0, bits: int | None = None) -> int:
    """The weights of a language model, of so many bytes each; all but `whole` of them may be quantized to 8 or 4 bits.

    With 4 bits every 64 numbers share a scale of 4 bytes; the scales of 8 bits, one a row, are not counted.
    """
    if bits is None:
        return n_params * element
    return whole * element + int((n_params - whole) * (bits / 8 + (4 / 64 if bits == 4 else 0)))


def train_parts(
    config: "SAEConfig", cfg: "TrainConfig", d_model: int, n_tokens: int, *, in_memory: bool = False, held: bool = False,
    shares: int = 1, parts: int = 1, on_gpu: bool = False,
) -> dict[str, int]:  # fmt: skip
    """The bytes that a training adds to a process, by what they are for.

    Of several processes each has one of `shares` of a batch and of `parts` of the dictionary.

    `in_memory` says that the activations are a tensor already; `table` is where they are read into one. `statistics` is
    needed before the weights have gradients and moments, and is not added to what comes later.
    """
    from kosae_core import cpu_selection
    from kosae_core.base import VARIANTS
    from kosae_core.inputs import BIAS_ROWS, STATISTICS_ROWS

    everything, per_row = 4 * size(config, d_model).weights, 4 * d_model
    weights, n_features = everything // parts, config.n_features // parts
    part = -(-cfg.batch_size // (cfg.accumulate * shares))
    variant = next(
        (c.variant for c in VARIANTS[config.variant].__mro__ if getattr(c, "variant", "") in TABLES), "gated"
    )
    by_k, adds = variant in BY_K, cfg.accumulate > 1  # then the gradients of the parts before are there too
    at_once = part if on_gpu or not by_k else min(part, cpu_selection.ROWS * torch.get_num_threads())
    tables, table = TABLES[variant], 4 * n_features * at_once
    step = tables * table * (HOLES if table < GIVEN_BACK else 1)
    kept = weights * (2 + MOMENTS[cfg.optimizer] + bool(cfg.ema))
    there = 0 if adds else 1 if by_k else 0.5  # of the gradients, as the tables go while these come
    dead = 0.2 * bool(config.auxk)  # the share of features that AuxK copies
    once = max(step - there * weights, (0.5 + adds + dead) * weights)
    once += weights * (cfg.optimizer not in ("adam", "adamw")) + ROWS["topk" if by_k else "standard"] * per_row * part
    kind = "gated" if tables >= TABLES["jumprelu"] else "topk"
    look = LOOKS[kind] * 4 * n_features * cfg.held_tokens if held else 0  # at held-out tokens, between steps
    biases = BIASES * min(n_tokens, BIAS_ROWS) * min(config.n_features, 1024) if config.initial_density else 0
    statistics = (8 if config.centre == "median" else 4) * per_row * min(n_tokens, STATISTICS_ROWS)
    small = n_tokens * per_row <= rows.IN_MEMORY_BYTES
    return {
        "weights, gradients and moments": kept,
        "batch": int(max(once, look)),
        "table": (n_tokens * per_row if small and not in_memory else 0) + (per_row * cfg.held_tokens if held else 0),
        "statistics": everything + max(biases, statistics),  # one after the other
        "heap": HEAP + int((HOLES - 1) * kept * (weights // 2 < GIVEN_BACK)),  # of two matrices each
    }


def train_bytes(*args: Any, **kwargs: Any) -> int:
    """The most memory that a training adds to a process; arguments as `train_parts`."""
    return _most(train_parts(*args, **kwargs))


def _most(parts: dict[str, int]) -> int:
    return max(sum(parts.values()) - parts["statistics"], parts["statistics"] + parts["table"] + HEAP)


def free_memory(device: torch.device | str = "cpu") -> int:
    """Bytes that this process may still take: of a GPU, of memory within its control group's limit, or of all (`SPREAD`)."""
    if device in SPREAD:
        return sum(map(free_memory, ["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]))
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return max(0, min(psutil.virtual_memory().available, _left_in_group(Path("/sys/fs/cgroup"))))


def _left_in_group(group: Path) -> int:
    """Bytes that a container's limit leaves, which the machine's own numbers do not show; pages of files count as free."""
    try:
        limit = (group / "memory.max").read_text().strip()
        if limit == "max":
            return sys.maxsize
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        files = int(stat["active_file"]) + int(stat["inactive_file"])
        return int(limit) - int((group / "memory.current").read_text()) + files
    except (OSError, ValueError, KeyError):  # no such limit on this system
        return sys.maxsize


def free_disk(folder: Path) -> int:
    """Bytes free where a folder is, or will be."""
    folder = Path(folder).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def gb(n_bytes: float) -> str:
    """Bytes for people."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.1f} MB"


def _say(needed: int, free: int, sentence: str) -> None:
    """Where it takes a tenth or more of what is free, also for those who have not asked for messages (Python prints warnings then)."""
    logger.log(logging.WARNING if 10 * needed >= free else logging.INFO, sentence)


def require_memory(what: str, needed: int, device: torch.device | str, knob: str) -> None:
    """Say what a run needs, and stop it where that is not there.

    Raises  TooLarge with the numbers and `knob`, the thing to turn.
    """
    free, device = free_memory(device), "all devices together" if device in SPREAD else device
    _say(needed, free, f"{what} needs about {gb(needed)} of memory on {device}, where {gb(free)} are free")
    if needed > free:
        raise TooLarge(f"{what} needs about {gb(needed)} of memory on {device}, and {gb(free)} are free: {knob}.")


def require_disk(what: str, needed: int, folder: Path, knob: str) -> None:
    """The same for a disk.

    Raises  TooLarge.
    """
    free = free_disk(folder)
    _say(needed, free, f"{what} needs about {gb(needed)} of disk at {folder}, where {gb(free)} are free")
    if needed > free:
        raise TooLarge(f"{what} needs about {gb(needed)} of disk at {folder}, and {gb(free)} are free: {knob}.")


def whole_params(model: torch.nn.Module) -> int:
    """Of a transformers model's parameters, those that quantization leaves as they are: embeddings, the output's, norms."""
    from transformers.pytorch_utils import Conv1D

    inner = [m for m in model.modules() if isinstance(m, torch.nn.Linear | Conv1D)]
    head = model.get_output_embeddings()
    return model.num_parameters() - sum(m.weight.numel() for m in inner if m is not head)


def require_room_for_model(
    where: str, dtype: torch.dtype, device: torch.device | str, options: dict[str, Any], bits: int | None = None
) -> None:
    """Stop before the weights of a language model are read (or downloaded) that memory cannot hold, in 8 or 4 bits where it says so.

    Raises  TooLarge.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(where, **options)
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=options["trust_remote_code"])
    except Exception as error:  # what a model's own code does without weights is not known; then it is loaded unasked
        logger.info("%s: its size is not known before it is loaded (%s)", where, error)
        return
    knob = "take a smaller model" + (", or dtype=torch.bfloat16" if dtype.itemsize > 2 else ", or another device")
    needed = lm_bytes(model.num_parameters(), dtype.itemsize, whole_params(model), bits)
    require_memory(f"the model {where}", needed, device, knob)


def _parts(
    config: "SAEConfig", acts: Any, cfg: "TrainConfig", held: Any, shares: int, parts: int, device: torch.device
) -> dict[str, int]:  # fmt: skip
    there = isinstance(acts, torch.Tensor) or hasattr(acts, "shuffled")  # a stream, whose buffer is its own business
    on_gpu = device.type == "cuda"
    counted = {"in_memory": there, "held": held is not None, "shares": shares, "parts": parts, "on_gpu": on_gpu}
    return train_parts(config, cfg, rows.width(acts), rows.count(acts), **counted)


def fewest_parts(
    config: "SAEConfig", acts: Any, cfg: "TrainConfig", device: torch.device, held: Any = None
) -> int:  # fmt: skip
    """How many parts a dictionary must be cut into for each rank's to fit its device; 1 where no cut helps."""
    world = ranks.share()[1]
    for parts in (n for n in range(1, world + 1) if world % n == 0 and config.n_features % n == 0):
        needed = _parts(config, acts, cfg, held, world // parts, parts, device)
        on_gpu = needed["weights, gradients and moments"] + needed["batch"]
        if (on_gpu if device.type == "cuda" else ranks.on_this_machine() * _most(needed)) <= free_memory(device):
            return parts
    return 1


def require_room_to_train(
    config: "SAEConfig", acts: Any, cfg: "TrainConfig", device: torch.device, held: Any = None, checkpoint: Path | None = None
) -> None:  # fmt: skip
    """Stop a training that memory, or the disk of its checkpoint, cannot hold.

    Raises  TooLarge naming the setting that takes the most.
    """
    d_model, here = rows.width(acts), ranks.on_this_machine()
    parts = _parts(config, acts, cfg, held, ranks.n_rows(), ranks.n_features(), device)
    needed = here * _most(parts)
    knobs = {
        "weights, gradients and moments": f"lower n_features (now {config.n_features})",
        "batch": f"raise accumulate (now {cfg.accumulate}), or lower batch_size ({cfg.batch_size}) or n_features ({config.n_features})",
        "table": "give fewer tokens", "statistics": "give fewer tokens",
    }  # fmt: skip
    largest = max(knobs, key=parts.__getitem__)
    if device.type == "cuda":  # rows and statistics stay in the machine's own memory
        on_gpu = parts["weights, gradients and moments"] + parts["batch"]
        require_memory("the training", on_gpu, device, knobs[max(list(parts)[:2], key=parts.__getitem__)])
        require_memory("the training", here * (parts["table"] + parts["statistics"]), "cpu", knobs["table"])
    else:
        require_memory("the training", needed, device, knobs[largest])
    if checkpoint is not None:
        numbers = size(config, d_model).weights * (1 + MOMENTS[cfg.optimizer] + bool(cfg.ema)) + 2 * rows.count(acts)
        knob = f"name another place, or lower n_features (now {config.n_features})"
        require_disk("its checkpoint", 4 * numbers, checkpoint.parent, knob)
