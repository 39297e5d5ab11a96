"""What a run is: every setting that decides how it goes, checked, and the device that it goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import torch

from gancourse.training.losses import GENERATOR_LOSSES


@dataclass(frozen=True)
class Config:
    """Everything that decides how a run goes. The defaults are P1's recipe.

    Raises ValueError for a value out of range, naming it.
    """

    model: str = "mlp"  # a name for messages and folders; the networks themselves are given to Trainer
    epochs: int = 100  # passes over the images
    batch_size: int = 128
    k: int = 1  # D steps per G step (Algorithm 1)
    lr: float = 2e-4  # Adam's, for both networks
    betas: tuple[float, float] = (0.5, 0.999)
    loss: str = "non_saturating"  # G's: "non_saturating" or "saturating" (minimax); D's is the same for both
    fresh_z: bool = True  # draw new z for G's step, as Algorithm 1 says; False reuses D's fake batch
    seed: int = 0  # of data order and z; the networks are initialised before they come here
    ema_half_life: float = 0.0  # images after which an old weight counts half in the average of G; 0: no average
    precision: str = "auto"  # "float32", "bfloat16", or "auto": what is fastest here and safe
    fast: bool = True  # use gancourse.models.fast where it knows how

    def __post_init__(self) -> None:
        if not isinstance(self.model, str):
            raise ValueError(f'model is {self.model!r}, expected a name such as "mlp".')
        if not isinstance(self.betas, list | tuple):
            raise ValueError(f"betas is {self.betas!r}, expected two numbers in [0, 1) such as (0.5, 0.999).")
        object.__setattr__(self, "betas", tuple(self.betas))
        for name in ("epochs", "batch_size", "k"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}, expected a whole number of at least 1.")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed!r}, expected a whole number from 0 to 2**63 - 1.")
        if not (isinstance(self.lr, int | float) and math.isfinite(self.lr) and self.lr > 0):
            raise ValueError(f"lr is {self.lr!r}, expected a positive number such as 2e-4.")
        if len(self.betas) != 2 or not all(isinstance(b, int | float) and 0 <= b < 1 for b in self.betas):
            raise ValueError(f"betas is {self.betas!r}, expected two numbers in [0, 1) such as (0.5, 0.999).")
        if not isinstance(self.loss, str) or self.loss not in GENERATOR_LOSSES:
            raise ValueError(f"loss is {self.loss!r}, expected one of {', '.join(GENERATOR_LOSSES)}.")
        if not (isinstance(self.ema_half_life, int | float) and 0 <= self.ema_half_life < math.inf):
            raise ValueError(f"ema_half_life is {self.ema_half_life!r}, expected a number of images, 0 for none.")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f'precision is {self.precision!r}, expected "auto", "float32" or "bfloat16".')
        for name in ("fresh_z", "fast"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected True or False.")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """From names and values. Raises ValueError for an unknown name or a bad value."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown setting {', '.join(map(repr, unknown))}; known: {', '.join(sorted(known))}.")
        return cls(**values)


def pick_device(name: str = "auto") -> torch.device:
    """CUDA where there is one, then Apple's MPS, then the CPU; or a device by name. Raises ValueError if absent."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'device is {name!r}, expected "auto", "cpu", "cuda", "cuda:1" or "mps".') from error
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.type, True):
        raise ValueError(f'device is {name!r}, but this machine has none; use "auto" or "cpu".')
    return device
