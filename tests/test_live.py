"""What is said of the memory of a pass, against tensors counted as they come and go."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_lm import FAMILIES, family  # noqa: F401

from kosae_core.batches import length_batches
from kosae_core.filling import pass_bytes
from kosae_core.live import live_bytes
from pipeline.facts import per_token

DOCUMENTS = [[0, *(5 + i % 300 for i in range(length))] for length in (30, 30, 30, 29, 29, 28, 28, 27, 26, 26, 25) * 4]


def test_what_lives_at_once_is_counted_and_views_and_what_was_there_are_not():
    x = torch.ones(1000)

    def call():
        a = x + 1  # 4,000 bytes
        b = a.view(10, 100).t() * 2  # 8,000
        a.add_(1)
        del a  # 4,000
        c = b.double()  # 12,000
        del b
        return (c + x.reshape(10, 100).t()).sum() + x[:500].clone().sum()  # 8,000 + 8,000 + 8: the most

    assert live_bytes(call) == 16_008
    gc.collect()
    assert live_bytes(lambda: x.view(100, 10)) == 0


def test_a_device_without_memory_counts_as_one_with_it():
    def call(device):
        x = torch.zeros(64, 32, device=device)
        return torch.nn.functional.silu(x @ x.new_zeros(32, 128)) @ x.new_zeros(128, 32)

    assert live_bytes(lambda: call("meta")) == live_bytes(lambda: call("cpu")) > 4 * 64 * 128


def test_a_pass_over_a_large_batch_takes_what_two_small_ones_say(family):  # noqa: F811
    point = family.resolve("b3.resid_post")
    largest = length_batches([len(ids) for ids in DOCUMENTS], 512)[0]

    def run():
        with family.watched({point: len}):
            family.forward(family.batch([DOCUMENTS[row] for row in largest]))

    assert pass_bytes(family, DOCUMENTS, [point], 512) == pytest.approx(live_bytes(run), rel=0.05)


@pytest.mark.parametrize("name", ["Llama", "GPT2", "Gemma2", "Mistral", "GPTNeoX", "Exaone4"])
def test_a_pass_can_be_counted_from_the_configuration_alone(name):
    """Of widths as in real models, where a block is largest in its MLP and what belongs to heads and positions does not weigh."""
    import transformers

    wide = {
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": 64,
        "hidden_size": 256,
        "intermediate_size": 1024,
    }
    wide = {"n_embd": 256} if name == "GPT2" else wide
    config = getattr(transformers, f"{name}Config")(**(FAMILIES[name] | wide))
    ids_BT = torch.zeros(40, 10, dtype=torch.long)
    with torch.device("meta"):
        twin = transformers.AutoModelForCausalLM.from_config(config)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    taken = live_bytes(lambda: model.base_model(ids_BT, use_cache=False)) / ids_BT.numel()
    assert per_token(twin) == pytest.approx(taken, rel=0.1)


HOLES = """
import torch
from contextlib import contextmanager, nullcontext
from kosae_core.live import giving_back

def taken():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))

@contextmanager
def around():
    with giving_back(8 << 20):
        with giving_back(1 << 20):
            pass
        yield

del [torch.zeros(4 << 20) for _ in range(2)][:]  # 16 MiB each: from here on glibc takes smaller ones from the heap
for within, n_bytes in ((nullcontext, 4 << 20), (lambda: giving_back(1 << 20), 4 << 20), (nullcontext, 4 << 20), (around, 4 << 20), (around, 8 << 20)):
    with within():
        tables = [torch.ones(n_bytes // 4) for _ in range(16)]
        before = taken()
        del tables[::2]  # holes
        print(int((before - taken()) / 1024))  # whole MiB; the process itself grows by some pages
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="a process is asked what it takes in Linux's way")


def said_by(code: str, **variables: str) -> list[int]:
    """The numbers that some code prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | variables, check=True, capture_output=True, text=True)  # fmt: skip
    return [int(line) for line in done.stdout.split()]


@linux
def test_within_giving_back_holes_are_not_kept_and_who_set_the_threshold_keeps_it():
    plain, within, after, small, large = said_by(HOLES)
    assert plain == after == small == 0
    assert 16 <= within <= 34  # some come from holes that were there
    assert 32 <= large <= 68
    own = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}
    assert said_by(HOLES, **own) == [0] * 5  # without the second, tables that happen to end the heap are no holes


PAGES = """
import kosae_core, torch
table = torch.ones(16 << 20)
print(sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages")) // 1024)
"""


@linux
def test_large_tables_have_large_pages_where_the_system_gives_them_when_asked(monkeypatch):
    if "[madvise]" not in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text():
        pytest.skip("this system gives large pages to all, or to none")
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)  # set where this process imported the package
    assert said_by(PAGES)[0] >= 60 and said_by(PAGES, THP_MEM_ALLOC_ENABLE="0")[0] < 10


SPUN = """
import kosae_core, torch, time
torch.set_num_threads(2)
a = torch.randn(700, 700)
spent = []
for _ in range(40):
    a @ a
    before = time.process_time()
    time.sleep(0.03)
    spent.append(time.process_time() - before)
print(int(1e6 * sorted(spent)[20]))
"""


@linux
def test_after_a_product_threads_do_not_hold_the_cores_that_compiled_loops_need_unless_asked(monkeypatch):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    short, passive, asked = said_by(SPUN), said_by(SPUN, OMP_WAIT_POLICY="PASSIVE"), said_by(SPUN, GOMP_SPINCOUNT="3000000")  # fmt: skip
    assert max(short + passive) * 4 < asked[0], (short, passive, asked)
