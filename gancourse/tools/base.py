"""What every tool has: a frozen generator, and the shape of a tool."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import latent
from gancourse.latent import LatentError
from gancourse.latent.generating import checked
from gancourse.latent_pictures import SMALL, Page
from gancourse.models import fast
from gancourse.models.base import Generator
from gancourse.plots.grids import to_uint8


class Frozen:
    """A generator as it is now, made ready for quick single pictures: training it on does not change them.

    .z_size .shape (C, H, W) .small (whether many images fit on a page). The course's own generators take the fast path
    (gancourse.models.fast), in bfloat16 where the processor has it: pixels then differ by less than one can see.
    Raises LatentError for a generator that cannot be copied, or that does not give images.
    """

    def __init__(self, G: nn.Module) -> None:
        if not isinstance(G, nn.Module):
            raise LatentError(f"G is a {type(G).__name__}, expected a generator: a torch.nn.Module.")
        try:
            self.G = copy.deepcopy(G).eval().requires_grad_(False)
        except (RuntimeError, TypeError) as error:
            raise LatentError(f"G cannot be copied ({str(error)[:120]}).") from error
        self.z_size = latent.z_size(G)
        self.device = next((p.device for p in self.G.parameters()), torch.device("cpu"))
        self._run: nn.Module = self.G
        self._kind = torch.float32
        if isinstance(G, Generator) and self.device.type == "cpu":
            self._kind = torch.bfloat16 if fast.has_bfloat16(self.device) else torch.float32
            self._run = fast.Network(self.G.to(self._kind).to(memory_format=torch.channels_last)).eval()
        self.shape = self.images(latent.sample(1, self.z_size)).shape[1:]

    @property
    def small(self) -> bool:
        return max(self.shape[1:]) <= SMALL

    @property
    def colour(self) -> bool:
        return int(self.shape[0]) == 3

    def images(self, z: Tensor) -> np.ndarray:
        """uint8 (B, C, H, W) of z (B, z_size). Raises LatentError."""
        try:
            with torch.inference_mode():
                x = self._run(z.to(self.device, self._kind))
        except LatentError:
            raise
        except Exception as error:  # a student's G may raise anything
            raise LatentError(f"G raised {type(error).__name__} for z {tuple(z.shape)}: {str(error)[:200]}") from error
        return to_uint8(checked(x, len(z)))


class Tool:
    """A state; a page of it, always of the same size; a sentence about it."""

    size = (0, 0)

    def page(self) -> Page:
        raise NotImplementedError

    def describe(self) -> str:
        raise NotImplementedError
