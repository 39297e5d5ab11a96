"""The bug hunt of lesson 10: what SRGAN's G minimises, in the published manner, to be repaired; and its check.

The listing runs as it stands; `tests/exercises/test_srgan_listing.py` shows what its bugs do. The check runs the
student's function on hidden pictures, and tells from what the networks were given which of the bugs are still there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import judge_value
from gancourse.exercises.checking.imagenet import MEAN, STD, normalised, ranges
from gancourse.exercises.checking.judging import Mistake, close
from gancourse.exercises.checking.watching import Features, Watched, gradients, one_number

PUBLISHED = '''\
import torch
from torch.nn import functional as F

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def g_loss(net, D, features, low, true):
    """What G minimises; low, true: levels 0 to 255, uint8, (B, 3, h, w) and (B, 3, 4h, 4w).

    net: G without its tanh, pictures in [0, 1] -> (B, 3, 4h, 4w). D: pictures -> logits (B,). features: a network of
    ImageNet with BatchNorm, as it was loaded: pictures -> a tuple of maps.
    """
    low = low / 255
    true = (true / 255 - MEAN) / STD
    fake = torch.tanh(net(low))
    pixels = F.mse_loss(fake, true)
    content = sum(F.mse_loss(f, t) for f, t in zip(features(fake), features(true)))
    adversarial = F.softplus(-D(fake)).mean()
    return pixels + 0.006 * content + 0.001 * adversarial


def generator_step(net, D, features, opt_g, low, true):
    loss = g_loss(net, D, features, low, true)
    opt_g.zero_grad()
    loss.backward()
    opt_g.step()
    return loss.item()
'''

_B, _LOW, _TRUE = 2, (4, 5), (16, 20)


class _Scene:
    """Three networks and a batch, half of it in bright light: no two ranges have the same errors."""

    def __init__(self) -> None:
        self.net = Watched(nn.Sequential(nn.Conv2d(3, 48, 3, 1, 1), nn.PixelShuffle(4)))
        self.D = Watched(
            nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(252, 1), nn.Flatten(0))
        )
        self.features = Features(norm=True).train()
        with torch.no_grad():
            for p in self.net.parameters():
                p.mul_(2)
            for norm in self.features.modules():
                if isinstance(norm, nn.BatchNorm2d):
                    norm.running_mean.normal_(0, 0.3)  # type: ignore[union-attr, operator]
                    norm.running_var.uniform_(0.3, 1)  # type: ignore[union-attr, operator]
        self.low = torch.randint(256, (_B, 3, *_LOW), dtype=torch.uint8)
        self.true = torch.randint(256, (_B, 3, *_TRUE), dtype=torch.uint8)
        self.true[0] = self.true[0] // 4 + 192
        self.raw: Tensor = self.net.net(self.low / 255)
        self.fake = self.raw.tanh()
        self.truth = self.true / 127.5 - 1

    def paid(self, features: Features) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels, content and adversarial term as they should be."""
        maps = features(normalised(self.fake))
        with torch.no_grad():
            theirs = features(normalised(self.truth))
        content = torch.stack([F.mse_loss(f, t) for f, t in zip(maps, theirs, strict=True)]).sum()
        pixels = F.mse_loss(self.fake, self.truth)
        return pixels, content, F.softplus(-self.D.net(self.fake)).mean()


def check_bug_hunt(call: StudentFunction) -> str:
    """The check of `lesson10.bug_hunt`: g_loss(net, D, features, low, true), repaired."""
    scene = _Scene()
    given = scene.low.clone(), scene.true.clone()
    value = one_number(call(scene.net, scene.D, scene.features, *given))
    if any(p.grad is not None for net in (scene.net, scene.D, scene.features) for p in net.parameters()):
        raise Wrong("It calls `backward`: return the loss, `generator_step` does the rest.")
    _judge_net(scene)
    _judge_d(scene)
    pieces = _pieces(scene)
    found = [*_target_bug(value, scene, pieces), *_feature_bugs(pieces)]
    if value.requires_grad and scene.features.hangs_on(value, pieces["truth"].shown):
        found.append(
            "- The truth's features keep a graph, as large as the fake's, which nobody needs: compute them under "
            "`torch.no_grad()`."
        )
    if found:
        n = f"{len(found)} of 4 bugs are" if len(found) > 1 else "1 of 4 bugs is"
        raise Wrong("\n".join([f"{n} still there.", *found]))
    clean = _clean(scene)
    pixels, content, adversarial = scene.paid(clean)
    right = pixels + 0.006 * content + 0.001 * adversarial
    judge_value(value, right, _weight_mistakes(pixels, content, adversarial), "hidden pictures")
    if not value.requires_grad:
        raise Wrong("The value is right, but has no gradient: what G makes is not to be detached.")
    weights = list(scene.net.parameters())
    pairs = zip(gradients(value, *weights), gradients(right, *weights), strict=True)
    if not all(close(a, b, rtol=1e-3, atol=1e-6) for a, b in pairs):
        raise Wrong("The value is right, its gradient for G is not: are the fake's features, or the fake, detached?")
    ends = normalised(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1))
    return (
        f"ImageNet's range goes from {float(ends.min()):.2f} to {float(ends.max()):.2f}, and a tanh from -1 to 1: that "
        "G painted dark greys black and light ones white, and nothing stopped. (PyTorch-GAN has this, and its issue 54 "
        "asks where the brightness comes from.) Each network has a range of its own; between them pictures lie in "
        "[-1, 1]."
    )


def _clean(scene: _Scene) -> Features:
    """The scene's features in eval mode, with notes of its own: running averages may have moved in a wrong answer."""
    clean = Features(norm=True)
    clean.load_state_dict(scene.features.state_dict())
    return clean.eval()


def _judge_net(scene: _Scene) -> None:
    """`Wrong` unless G was given its low pictures in [0, 1], and nothing else."""
    low = scene.low / 255
    if not scene.net.seen:
        raise Wrong("G was never asked: the fake is tanh(net(low)).")
    for x in scene.net.seen:
        if close(x, low):
            continue
        if close(x, low * 2 - 1):
            raise Wrong("G is given its small pictures in [-1, 1]: [0, 1] was right, as in the paper (section 3.2).")
        if close(x, normalised(low * 2 - 1)):
            raise Wrong("G is given its small pictures in ImageNet's range: it takes them in [0, 1], as they were.")
        if close(x, scene.low.float()):
            raise Wrong("G is given levels 0 to 255: `low / 255` was right.")
        raise Wrong(f"G was given {describe((x,))} that is not low / 255: that line was right.")


def _judge_d(scene: _Scene) -> None:
    """`Wrong` unless D was shown the fakes in [-1, 1], as it knows pictures."""
    fake, raw = scene.fake.detach(), scene.raw.detach()
    if not scene.D.seen:
        raise Wrong("D was never asked: softplus(-D(fake)) was right.")
    for x in scene.D.seen:
        if close(x, fake, atol=1e-5):
            continue
        if close(x, raw, atol=1e-5):
            raise Wrong(
                "The tanh has gone: G ends in it, and so its fakes lie in [-1, 1]. It is the target that moves."
            )
        if any(close(x, other, atol=1e-5) for other in (normalised(fake), (fake - MEAN) / STD, normalised(raw))):
            raise Wrong(
                "D is shown fakes in ImageNet's range: it knows pictures in [-1, 1]. Change what `features` sees."
            )
        if close(x, (fake + 1) / 2, atol=1e-5) or close(x, raw.sigmoid(), atol=1e-5):
            raise Wrong("D is shown fakes in [0, 1]: they end in a tanh, in [-1, 1], and D knows them so.")
        if any(close(x, t, atol=1e-5) for t in (scene.truth, normalised(scene.truth), scene.true / 255)):
            raise Wrong("D is shown the true pictures: in G's step it judges the fake alone.")
        raise Wrong("D is shown something that is not G's fake, tanh(net(low)): that line was right.")


# --- what the features were shown ------------------------------------------------------------------------------------


@dataclass
class _Piece:
    """Fakes or true pictures that `features` was given: what, in which range (as words), its maps, the mode."""

    shown: Tensor
    range: str
    maps: list[Tensor]
    training: bool


def _pieces(scene: _Scene) -> dict[str, _Piece]:
    """The "fake" and the "truth" that the features were given last; `Wrong` where one is missing or another picture."""
    known = {"fake": ranges(scene.fake.detach()), "truth": ranges(scene.truth)}
    known["fake"]["without its tanh"] = normalised(scene.raw.detach())
    found: dict[str, _Piece] = {}
    for call in scene.features.calls:
        if call.shown.shape[1:] != scene.true.shape[1:] or len(call.shown) % _B:
            raise Wrong(f"`features` is given {describe((call.shown,))}: the fakes and the true pictures are expected.")
        for at in range(0, len(call.shown), _B):
            shown = call.shown[at : at + _B]
            names = [
                (who, words)
                for who, ranges in known.items()
                for words, pictures in ranges.items()
                if close(shown, pictures, atol=1e-4)
            ]
            if not names:
                raise Wrong(
                    "`features` is given pictures that are neither the fake nor the truth, in no range that we know: "
                    "what lies in [-1, 1] goes to [0, 1], then less ImageNet's mean, then by its deviation."
                )
            maps = [m[at : at + _B] for m in call.maps]
            found[names[0][0]] = _Piece(shown, names[0][1], maps, call.training)
    for who in known:
        if who not in found:
            raise Wrong(f"`features` never sees the {who}: the content compares the fake's features with the truth's.")
    return found


def _feature_bugs(pieces: dict[str, _Piece]) -> list[str]:
    fake, truth = pieces["fake"], pieces["truth"]
    found = []
    if fake.range or truth.range:
        if fake.range == truth.range:
            told = f"pictures {fake.range}"
        else:
            own = [piece.range or "in ImageNet's range" for piece in (fake, truth)]
            told = f"the fake {own[0]} and the truth {own[1]}, so that even equal pictures would differ"
        found.append(f"- `features` sees {told}: it knows ImageNet's range, (picture in [0, 1] - mean) / deviation.")
    if fake.training or truth.training:
        found.append(
            "- `features` runs in train mode: its BatchNorm takes the statistics of this batch, and moves its own with "
            "every step. It is a ruler, and belongs in eval mode."
        )
    return found


# --- what is minimised -----------------------------------------------------------------------------------------------


def _target_bug(value: Tensor, scene: _Scene, pieces: dict[str, _Piece]) -> list[str]:
    """What is wrong with the pixels, told from the value less the other terms, as they were computed."""
    pairs = zip(pieces["fake"].maps, pieces["truth"].maps, strict=True)
    content = sum(float(F.mse_loss(f, t)) for f, t in pairs)
    adversarial = float(F.softplus(-scene.D.net(scene.fake)).mean())
    rest = value.detach() - 0.006 * content - 0.001 * adversarial
    fake, truth = scene.fake.detach(), scene.truth
    beyond = "It is the target's range that a tanh has to reach: bring `true` to [-1, 1]."
    for target, told in (
        (normalised(truth), "have ImageNet's range, -2.1 to 2.6: a tanh reaches the middle of it only"),
        ((truth - MEAN) / STD, "are taken from [-1, 1] into a range that nothing has"),
        (truth / 2 + 0.5, "lie in [0, 1], and the fakes in [-1, 1]"),
        ((truth + 1) * 127.5, "are levels 0 to 255, and the fakes lie in [-1, 1]"),
    ):
        if close(rest, F.mse_loss(fake, target), rtol=1e-3):
            return [f"- The targets of the pixels {told}. {beyond}"]
    for both, told in (
        ((normalised(fake), normalised(truth)), "ImageNet's range, where squares are about five times as large"),
        (((fake + 1) / 2, truth / 2 + 0.5), "[0, 1], where squares are a quarter"),
    ):
        if close(rest, F.mse_loss(*both), rtol=1e-3):
            return [
                f"- The pixels are compared in {told}: the ranges fit, and the other terms' weights do not. "
                "Leave the fake in [-1, 1], and bring `true` there."
            ]
    return []


def _weight_mistakes(pixels: Tensor, content: Tensor, adversarial: Tensor) -> list[Mistake]:
    return [
        (pixels + content + 0.001 * adversarial, "The ranges are right, and the .006 of the content has gone."),
        (pixels + 0.006 * content + adversarial, "The ranges are right, and the .001 of D's term has gone."),
        (pixels + content + adversarial, "The ranges are right, and the weights have gone."),
        (0.006 * content + 0.001 * adversarial, "The ranges are right, and the pixels have gone."),
        (pixels + 0.001 * adversarial, "The ranges are right, and the content has gone."),
        (pixels + 0.006 * content, "The ranges are right, and D's term has gone."),
        (pixels + 0.006 * content - 0.001 * adversarial, "The ranges are right, and D's term has the wrong sign."),
    ]
