"""What the tests of the widgets do to them without a kernel: press, set, look and listen."""

from __future__ import annotations

import base64
import html
import io
import re

import numpy as np
import torch
from PIL import Image
from torch import nn

from gancourse import widgets
from gancourse.data.images import Images

PNG = b"\x89PNG\r\n\x1a\n"
MAKERS = {
    "latent_explorer": lambda G, D: widgets.latent_explorer(G),
    "interpolator": lambda G, D: widgets.interpolator(G),
    "arithmetic": lambda G, D: widgets.arithmetic(G),
    "seed_map": lambda G, D: widgets.seed_map(G),
    "epochs_scrubber": lambda G, D: widgets.epochs_scrubber({0: np.zeros((9, 1, 28, 28)), 3: np.ones((9, 1, 28, 28))}),
    "real_or_fake": lambda G, D: widgets.real_or_fake(G, D),
    "nearest_neighbours": lambda G, D: widgets.nearest_neighbours(
        G, Images(torch.zeros(9, 1, 28, 28, dtype=torch.uint8))
    ),
}


class Colourful(nn.Module):
    """z (B, 5) -> images (B, 3, 128, 128): each channel one number of z."""

    z_size = 5

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 3, bias=False)

    def forward(self, z):
        return torch.tanh(self.first(z))[:, :, None, None].expand(-1, 3, 128, 128)


def spoken(figure):
    return html.unescape(re.sub("<.*?>", "", figure.status.value))


def changes(figure, act):
    """Do something, and check that picture and status both follow."""
    picture, status = bytes(figure.picture.value), figure.status.value
    act()
    assert bytes(figure.picture.value) != picture and figure.status.value != status
    return spoken(figure)


def press(figure, x, y, drag=False):
    """A pointer at a place of the page, in pixels, as the page would report it."""
    width, height = figure.size
    figure._point(x / width, y / height, not drag)


def picture_of(figure):
    """The picture that the page is given: a data: address."""
    kind, text = bytes(figure.picture.value).split(b";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    assert figure.picture.format == "url" and kind == f"data:image/{picture.format}".lower().encode()
    return picture


def square(page, x, y, side):
    """The grey levels (or colours) of a square of a page, as a reader of the file sees them."""
    picture = Image.open(io.BytesIO(page.png())).convert("RGB")
    return np.asarray(picture)[y : y + side, x : x + side]
