"""How the networks that judge churches are made: one loop, and one card beside the weights.

`church_reader`, `segmenter` and `window_training` say what is read and what it costs to be wrong.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn
from torch.nn import functional

from gancourse.data.images import Images, scale
from gancourse.files import card_of, write_atomically, write_unpacked
from gancourse.models.fast import prefers_bfloat16
from gancourse.pretrained import halved, restored


def fit(
    model: nn.Module,
    images: Images,
    loss: Callable[[Any, Tensor], Tensor],
    epochs: int,
    batch: int,
    rng: torch.Generator,
    rough: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> None:
    """Train on roughened images (N, 3, H, W), in place; loss: (what the model says, indices (B,)) -> a scalar.

    rough: what is done to a batch in [-1, 1], `roughened` where nothing is said. AdamW, one cycle of the learning rate
    up to 0.006; bfloat16 where the processor is quicker at it. A line an epoch is printed.
    """
    started, steps = time.perf_counter(), len(images) // batch
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.006, total_steps=epochs * steps)
    half = prefers_bfloat16(torch.device("cpu"))
    for epoch in range(1, epochs + 1):
        total = torch.zeros(())
        for index in torch.randperm(len(images), generator=rng)[: steps * batch].split(batch):
            x = (rough or roughened)(scale(images.pixels[index]), rng).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                said = model(x)
            cost = loss(said, index)
            optimiser.zero_grad()
            cost.backward()
            optimiser.step()
            schedule.step()
            total += cost.detach()
        seconds = time.perf_counter() - started
        print(f"epoch {epoch}/{epochs}: loss {total.item() / steps:.4f}, {seconds:.0f} s", flush=True)


def rounded(model: nn.Module) -> bytes:
    """The model's weights in half precision, as a safetensors file holds them; the model gets the rounded ones."""
    state = halved(model.state_dict())
    model.load_state_dict(restored(state))
    return save_safetensors(state)


def refuse_name(out: Path) -> None:
    """Raises ValueError for an `out` that is neither in .safetensors nor, packed, in .safetensors.xz."""
    if not out.name.endswith((".safetensors", ".safetensors.xz")):
        raise ValueError(f"out is {out}, expected a name in .safetensors or .safetensors.xz.")


def write(out: Path, raw: bytes, about: dict[str, Any], data: tuple[Images, ...], started: float) -> None:
    """Write the weights and the card beside them.

    about: what the card begins with. data: what trained and what tested. started: by time.perf_counter.
    """
    half = prefers_bfloat16(torch.device("cpu"))
    card = {
        "name": card_of(out).stem,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
        **about,
        "data": {one.name: {"images": len(one), "sha256": one.fingerprint} for one in data},
        "precision": "bfloat16 autocast, float32 weights" if half else "float32",
        "torch": torch.__version__,
        "seconds": round(time.perf_counter() - started),
        "licence": "MIT, as the code. Trained on the course's own renderer.",
    }
    write_unpacked(out, raw)
    write_atomically(card_of(out), (json.dumps(card, indent=1) + "\n").encode())


def roughened(x: Tensor, rng: torch.Generator) -> Tensor:
    """Images (B, 3, H, W), every second one blurred by a factor of 2 or 4, then with noise of its own strength."""
    k = 2 if torch.rand((), generator=rng) < 0.5 else 4
    blurred = functional.interpolate(functional.avg_pool2d(x[::2], k), scale_factor=k, mode="bilinear")
    x = x.clone()
    x[::2] = blurred
    strength = 0.15 * torch.rand(len(x), 1, 1, 1, generator=rng)
    return (x + strength * torch.randn(x.shape, generator=rng)).clamp(-1, 1)
