"""The README's moving picture, made of the shipped weights: digits as training goes on, and a walk between churches.

python -m gancourse banner FILE.webp
"""

from __future__ import annotations

import io

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gancourse import latent, pretrained
from gancourse.data.images import unscale
from gancourse.data.sheets import tile

DIGITS, CHURCHES = "dcgan-mnist", "church-best"
HEIGHT, GAP, WORDS = 174, 12, 22  # pixels: of the pictures, between them, of the line below them
PAPER, INK = (250, 250, 248), (64, 64, 64)
FRAMES, MILLISECONDS, HOLD = 48, 110, 10  # the last images of the digits stay for HOLD frames


def frames() -> list[Image.Image]:
    """The pictures of one turn, all of one size; the churches' walk ends where it began."""
    strip = pretrained.strip(DIGITS)
    moments = sorted(strip)
    steps = torch.linspace(0, 1, FRAMES - HOLD).square() * (len(moments) - 1)  # slowly at first: most happens there
    epochs = [moments[round(step.item())] for step in steps] + [moments[-1]] * HOLD
    walks = churches()
    return [frame(strip[epoch], epoch, walks[:, i]) for i, epoch in enumerate(epochs)]


def churches() -> Tensor:
    """Images (3, FRAMES, 3, 128, 128) uint8 along three closed ways in z, each past three random z."""
    G = pretrained.load(CHURCHES)
    rng = torch.Generator().manual_seed(6)
    ways = [latent.loop(torch.randn(3, 100, generator=rng), FRAMES // 3) for _ in range(3)]
    images: Tensor = unscale(latent.generate(G, torch.cat(ways)))
    return images.view(3, FRAMES, *images.shape[1:])


def frame(digits: Tensor, epoch: int, houses: Tensor) -> Image.Image:
    """One picture: the first 16 digits (B, 1, 28, 28) of an epoch, and churches (B, 3, 128, 128), uint8."""
    pictures = [Image.fromarray(tile(digits[:16], 4, gap=1)[0].numpy()).convert("RGB")]
    pictures += [Image.fromarray(house.permute(1, 2, 0).numpy()) for house in houses]
    width = len(pictures) * (HEIGHT + GAP) - GAP
    page = Image.new("RGB", (width, HEIGHT + WORDS), PAPER)
    for i, picture in enumerate(pictures):
        page.paste(picture.resize((HEIGHT, HEIGHT), Image.Resampling.BICUBIC), (i * (HEIGHT + GAP), 0))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    lines = ((0, f"DCGAN on digits, epoch {epoch}"), (HEIGHT + GAP, "churches: walks through the latent space"))
    for x, words in lines:
        draw.text((x, HEIGHT + 4), words, fill=INK, font=font)
    return page


def film(pages: list[Image.Image]) -> bytes:
    """Pages as an animated WebP that loops."""
    buffer = io.BytesIO()
    first, *others = pages
    first.save(buffer, "WEBP", save_all=True, append_images=others, duration=MILLISECONDS, loop=0, quality=70, method=4)
    return buffer.getvalue()
