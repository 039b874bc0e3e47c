"""One training for `huge_pages.py`, in a process of its own: the median of its steps, and the most memory that it adds."""

import json
import statistics
import sys
import time

import torch

import kosae_core as kc
from kosae_core.trainer import Trainer

from scaling import Peak, warm  # isort: skip  (beside this file)

variant, d_model, n_features, batch, steps = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(1)
torch.manual_seed(0)
acts_ND = torch.randn(4 * batch, d_model)
warm(variant)
peak = Peak()
trainer = Trainer(kc.SAEConfig(variant, n_features), acts_ND, kc.TrainConfig(steps, batch, device="cpu"))
seconds = []
while not trainer.done:
    began = time.process_time()
    trainer.advance()
    seconds.append(time.process_time() - began)
print(json.dumps({"seconds": statistics.median(seconds[steps // 4 :]), "peak": peak.bytes()}))
