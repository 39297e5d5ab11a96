"""How the course's MNIST classifier was made: `python -m gancourse train-classifier --out PATH`."""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor
from torch.nn import functional

from gancourse.data.images import Images, scale
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation.image_batches import EvaluationError
from gancourse.evaluation.mnist_classifier import FORMAT, MNISTClassifier, accuracy
from gancourse.files import card_of, write_atomically, write_unpacked
from gancourse.models.fast import prefers_bfloat16
from gancourse.training.provenance import commit as current_commit


def _augment(x: Tensor, rng: torch.Generator) -> Tensor:
    """Images (B, 1, H, W) in [-1, 1], turned up to 10 degrees, scaled up to 10 %, shifted up to 2 px."""
    draw = torch.rand(4, len(x), generator=rng) * 2 - 1
    angle, size, shift = draw[0] * math.radians(10), 1 + 0.1 * draw[1], draw[2:] * 2 * (2 / x.shape[-1])
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    theta = torch.stack([torch.stack([cos, -sin, shift[0]], 1), torch.stack([sin, cos, shift[1]], 1)], 1)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x + 1, grid, align_corners=False) - 1  # so that what moves in is black, -1


def train_classifier(
    out: str | Path, seed: int = 0, epochs: int = 10, train: Images | None = None, test: Images | None = None
) -> float:
    """Train an MNISTClassifier; write `out` and its card (.json); return its accuracy.

    out: a name in .safetensors, or, packed, in .safetensors.xz.

    AdamW with a one-cycle learning rate, batch 250, augmented images, cross-entropy; bfloat16 autocast where
    the CPU is quicker at it. The schedule is fixed and the last weights are kept: test images choose nothing.

    train, test: labelled Images; None for MNIST's 60,000 and 10,000. The same seed gives the same file on the
    same machine with the same number of threads.
    Raises EvaluationError (no labels, no epochs, a name not in .safetensors), OSError (cannot write).
    """
    out = Path(out)
    train, test = train or mnist("train"), test or mnist("test")
    if train.labels is None or test.labels is None:
        raise EvaluationError("training and test images need labels.")
    if epochs < 1 or not out.name.endswith((".safetensors", ".safetensors.xz")):
        raise EvaluationError(
            f"epochs is {epochs}, out is {out}; expected at least 1, and a name in .safetensors or .safetensors.xz."
        )
    commit = current_commit()  # now, since files may change while it trains
    started, batch_size = time.perf_counter(), min(250, len(train))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MNISTClassifier().to(memory_format=torch.channels_last)
    rng = torch.Generator().manual_seed(seed)
    steps = len(train) // batch_size
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.008, total_steps=epochs * steps)
    half = prefers_bfloat16(torch.device("cpu"))
    seconds = 0
    for epoch in range(1, epochs + 1):
        total = torch.zeros(())
        order = torch.randperm(len(train), generator=rng)[: steps * batch_size]
        for index in order.split(batch_size):
            x = _augment(scale(train.pixels[index]), rng).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = model(x)
            loss = functional.cross_entropy(logits.float(), train.labels[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.detach()
        seconds = round(time.perf_counter() - started)
        print(f"epoch {epoch}/{epochs}: loss {total.item() / steps:.4f}, {seconds} s", flush=True)
    score = accuracy(model, test)
    raw = save_safetensors({k: v.contiguous() for k, v in model.state_dict().items()}, {"format": FORMAT})
    options = f"--out {out.name} --seed {seed} --epochs {epochs}"
    card = {
        "name": card_of(out).stem,
        "what": "The course's MNIST classifier (gancourse.evaluation.MNISTClassifier), float32 weights",
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
        "parameters": sum(p.numel() for p in model.parameters()),
        "features": model.n_features,
        "how": "AdamW, one-cycle learning rate to 0.008, batch 250, augmented images; the last weights",
        "command": f"python -m gancourse train-classifier {options}",
        "commit": commit,
        "data": {s.name: {"images": len(s), "sha256": s.fingerprint} for s in (train, test)},
        "score": {"test accuracy": score, "measured on": f"{len(test)} test images, float32"},
        "precision": "bfloat16 autocast, float32 weights" if half else "float32",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "licence": "MIT, as the code. Trained on MNIST (LeCun, Cortes, Burges), which is CC BY-SA 3.0.",
    }
    write_unpacked(out, raw)
    write_atomically(card_of(out), (json.dumps(card, indent=2) + "\n").encode())
    return score
