"""Answers to the exercises of lesson10: right ones, and wrong ones with a part of their message."""

import copy
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from gancourse.exercises import lesson10

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

# --- decibels --------------------------------------------------------------------------------------------------------


def mse(x, y):
    return (x - y).pow(2).mean((1, 2, 3))


def psnr(peak=2.0, error=mse, factor=10, log=torch.log10):
    return lambda x, y: factor * log(peak**2 / error(x, y))


def psnr_by_loops(x, y):
    found = []
    for a, b in zip(x, y, strict=True):
        root = math.sqrt(F.mse_loss((a + 1) / 2, (b + 1) / 2).item())
        found.append(20 * math.log10(1 / root))
    return found


def psnr_in_numpy(x, y):
    a, b = ((p.double().numpy() + 1) * 127.5 for p in (x, y))
    return 20 * np.log10(255) - 10 * np.log10(((a - b) ** 2).mean(axis=(1, 2, 3)))


def psnr_in_place(x, y):
    x.sub_(y)
    return 10 * torch.log10(4 / x.square().mean((1, 2, 3)))


def psnr_y(
    weights=(65.481, 128.553, 24.966), unit=lambda p: (p + 1) / 2, peak=255.0, offset=lambda which: 16.0, over=(1, 2)
):
    def luma(pictures, which):
        r, g, b = unit(pictures).unbind(1)
        return offset(which) + weights[0] * r + weights[1] * g + weights[2] * b

    return lambda x, y: 10 * torch.log10(peak**2 / (luma(x, 0) - luma(y, 1)).square().mean(over))


def psnr_y_as_full_swing_shrunk(x, y):
    weights = torch.tensor([0.299, 0.587, 0.114])
    gap = torch.einsum("nchw,c->nhw", x - y, weights) / 2 * 219 / 255
    return [float(-10 * g.square().mean().log10()) for g in gap]


# --- PixelShuffle ----------------------------------------------------------------------------------------------------


def shuffle(order=(0, 1, 4, 2, 5, 3), split=lambda b, c, r: (b, c, r, r)):
    def answer(x, r):
        b, channels, h, w = x.shape
        c = channels // r**2
        return x.reshape(*split(b, c, r), h, w).permute(order).reshape(b, c, h * r, w * r)

    return answer


def shuffle_by_steps(x, r):
    b, channels, h, w = x.shape
    out = x.new_zeros(b, channels // r**2, h * r, w * r)
    for i in range(r):
        for j in range(r):
            out[:, :, i::r, j::r] = x[:, i * r + j :: r * r]
    return out


def shuffle_by_stack(x, r):
    b, channels, h, w = x.shape
    parts = x.view(b, channels // r**2, r * r, h, w).unbind(2)
    rows = [torch.stack(parts[i * r : i * r + r], -1).flatten(-2) for i in range(r)]
    return torch.stack(rows, -2).flatten(-3, -2)


# --- ImageNet --------------------------------------------------------------------------------------------------------


def for_imagenet(unit=lambda x: (x + 1) / 2, mean=MEAN, std=STD):
    return lambda x: (unit(x) - mean) / std


def for_imagenet_by_channels(x):
    numbers = zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)
    return torch.stack([(x[:, i] / 2 + 0.5 - m) / s for i, (m, s) in enumerate(numbers)], 1)


def for_imagenet_last(x):
    return ((x.permute(0, 2, 3, 1) * 0.5 + 0.5 - MEAN.flatten()) / STD.flatten()).permute(0, 3, 1, 2)


def for_imagenet_in_place(x):
    return x.add_(1).div_(2).sub_(MEAN).div_(STD)


# --- losses ----------------------------------------------------------------------------------------------------------


def content(distance=F.mse_loss, total=sum, cut_fake=lambda m: m, cut_real=lambda m: m.detach(), real_in=lambda x: x):
    def answer(features, fake, real):
        pairs = zip(features(fake), features(real_in(real)), strict=True)
        return total([distance(cut_fake(f), cut_real(t)) for f, t in pairs])

    return answer


def content_in_one_batch(features, fake, real):
    loss = torch.zeros(())
    for maps in features(torch.cat([fake, real.detach()])):
        f, t = maps.chunk(2)
        loss = loss + torch.mean((f - t.detach()) ** 2)
    return loss


def content_frozen(features, fake, real):
    features.requires_grad_(False)
    return content()(features, fake, real)


def content_without_grad(features, fake, real):
    with torch.no_grad():
        return content()(features, fake, real)


def content_and_backward(features, fake, real):
    loss = content()(features, fake, real)
    loss.backward(retain_graph=True)
    return loss


def content_of_all_numbers(features, fake, real):
    f, t = (torch.cat([m.flatten() for m in features(x)]) for x in (fake, real))
    return F.mse_loss(f, t.detach())


def generator(adversarial=lambda s: F.softplus(-s).mean(), total=lambda c, a, w: c + w * a):
    return lambda c, logits, w: total(c, adversarial(logits), w)


# --- tiles -----------------------------------------------------------------------------------------------------------


def tiles_by_while(length, tile, overlap):
    starts = [0]
    while starts[-1] + tile < length:
        starts.append(min(starts[-1] + tile - overlap, length - tile))
    return starts


def tiles_spread(length, tile, overlap):
    n = 1 + math.ceil(max(0, length - tile) / (tile - overlap))
    return [i * max(0, length - tile) // max(1, n - 1) for i in range(n)]


def tiles_in_numpy(length, tile, overlap):
    return np.minimum(np.arange(0, max(1, length - overlap), tile - overlap), max(0, length - tile))


def tiles_moved_twice(length, tile, overlap):
    return [min(s, max(0, length - tile)) for s in range(0, length, tile - overlap)]


def tiles_with_last_apart(length, tile, overlap):
    return [*range(0, max(1, length - tile - overlap), tile - overlap), length - tile] if length > tile else [0]


# --- the hunt --------------------------------------------------------------------------------------------------------


def published():
    found: dict = {}
    exec(lesson10.published_srgan(), found)
    return found["g_loss"]


def hunt(
    target=lambda t: t / 127.5 - 1,
    seen=None,
    seen_true=None,
    mode=lambda features: features.eval(),
    of_true=torch.no_grad,
    paid=lambda p, c, a: p + 0.006 * c + 0.001 * a,
    low_in=lambda low: low / 255,
    last=torch.tanh,
    shown=lambda fake: fake,
    of_pixels=lambda fake: fake,
):
    seen = seen or for_imagenet()

    def answer(net, D, features, low, true):
        fake = last(net(low_in(low)))
        mode(features)
        with of_true():
            theirs = features((seen_true or seen)(true / 127.5 - 1))
        maps = zip(features(seen(fake)), theirs, strict=True)
        terms = F.mse_loss(of_pixels(fake), target(true)), sum(F.mse_loss(f, t) for f, t in maps)
        return paid(*terms, F.softplus(-D(shown(fake))).mean())

    return answer


def hunt_in_one_batch(net, D, features, low, true):
    features = copy.deepcopy(features).eval()
    fake, true = net(low / 255).tanh(), true / 127.5 - 1
    content = 0
    for m in features(for_imagenet_by_channels(torch.cat([fake, true]))):
        f, t = m.chunk(2)
        content += (f - t.detach()).square().mean()
    return (fake - true).square().mean() + 6e-3 * content - 1e-3 * torch.log(torch.sigmoid(D(fake))).mean()


def hunt_and_back(net, D, features, low, true):
    was = features.training
    features.eval().requires_grad_(False)
    loss = hunt()(net, D, features, low, true)
    features.train(was).requires_grad_(True)
    return loss


def hunt_and_backward(*given):
    loss = hunt()(*given)
    loss.backward(retain_graph=True)
    return loss


def hunt_without_d(net, D, features, low, true):
    return hunt()(net, lambda x: x.mean((1, 2, 3)), features, low, true)


def hunt_with_d_on_the_truth(net, D, features, low, true):
    return hunt()(net, lambda fake: D(true / 127.5 - 1), features, low, true)


def hunt_without_truth(net, D, features, low, true):
    fake = net(low / 255).tanh()
    maps = features.eval()(for_imagenet()(fake))
    return F.mse_loss(fake, true / 127.5 - 1) + sum(m.square().mean() for m in maps) + F.softplus(-D(fake)).mean()


def skipped(x):
    return (x - MEAN) / STD


IMAGENET = for_imagenet(lambda true: true / 255)

RIGHT: dict[str, list[Any]] = {
    "psnr": [psnr(), psnr_by_loops, psnr_in_numpy],
    "psnr_y": [psnr_y(), psnr_y_as_full_swing_shrunk, psnr_y(offset=lambda which: 0.0)],
    "pixel_shuffle": [shuffle(), shuffle_by_steps, shuffle_by_stack],
    "for_imagenet": [for_imagenet(), for_imagenet_by_channels, for_imagenet_last],
    "content_loss": [content(), content_in_one_batch, content_frozen, content(lambda f, t: (t - f).pow(2).mean())],
    "generator_loss": [
        generator(),
        generator(lambda s: F.binary_cross_entropy_with_logits(s, torch.ones_like(s))),
        lambda c, s, w: c - w * F.logsigmoid(s).mean(),
    ],
    "tiles": [tiles_by_while, tiles_spread, tiles_in_numpy, lambda *given: tuple(tiles_by_while(*given))],
    "bug_hunt": [hunt(), hunt_in_one_batch, hunt_and_back],
}

WRONG: dict[str, dict[str, tuple[Any, str]]] = {
    "psnr": {
        "peak 1": (psnr(1.0), "6.02 dB too few"),
        "peak not squared": (psnr(2**0.5), "3.01 dB too few"),
        "peak squared twice": (psnr(4.0), "squared twice"),
        "peak 255": (psnr(255.0), "both in the same units"),
        "peak 3": (psnr(3.0), "dB away from what is right"),
        "root": (lambda x, y: 10 * torch.log10(2 / mse(x, y).sqrt()), "logarithm is that of the root"),
        "20": (psnr(factor=20), "20 log10 takes the root"),
        "natural": (psnr(log=torch.log), "natural one"),
        "base 2": (psnr(log=torch.log2), "to the base 2"),
        "bels": (psnr(factor=1), "in bels"),
        "sign": (psnr(factor=-10), "sign is turned"),
        "no logarithm": (psnr(factor=1, log=lambda x: x), "logarithm is missing"),
        "error": (mse, "mean square error itself"),
        "error in dB": (lambda x, y: 10 * mse(x, y).log10(), "upside down"),
        "batch": (lambda x, y: 10 * torch.log10(4 / F.mse_loss(x, y)), "One number for the batch, from the mean"),
        "batch of numbers": (lambda x, y: psnr()(x, y).mean(), "the mean of all decibels"),
        "batch repeated": (
            lambda x, y: (10 * torch.log10(4 / F.mse_loss(x, y))).repeat(len(x)),
            "All pictures get the same number",
        ),
        "L1": (psnr(error=lambda x, y: (x - y).abs().mean((1, 2, 3)).square()), "absolute differences"),
        "mean first": (psnr(error=lambda x, y: (x - y).mean((1, 2, 3)).square()), "mean comes before the square"),
        "sum": (psnr(error=lambda x, y: (x - y).square().sum((1, 2, 3))), "You sum over the pixels"),
        "two axes": (psnr(error=lambda x, y: (x - y).square().mean((1, 2))), "columns are an axis too"),
        "pixels": (psnr(error=lambda x, y: (x - y).square().mean(1)), "A number for each pixel"),
        "channels": (psnr(error=lambda x, y: (x - y).square().mean((2, 3))), "A number for each channel"),
        "mean of channels": (
            lambda x, y: psnr(error=lambda p, q: (p - q).square().mean((2, 3)))(x, y).mean(1),
            "each channel's decibels",
        ),
        "brightest": (lambda x, y: psnr(float(y.max()))(x, y), "brightest pixel"),
        "own range": (lambda x, y: psnr(float(y.max() - y.min()))(x, y), "range of this picture"),
        "luma": (psnr_y(peak=219.0), "luma alone"),
        "luma of a byte": (psnr_y(), "luma alone"),
        "column": (lambda x, y: psnr()(x, y)[:, None], "a number for each picture"),
        "eps": (psnr(error=lambda x, y: mse(x, y) + 0.01), "The first picture gets"),
        "in place": (psnr_in_place, "in place"),
        "cut off": (lambda x, y: psnr()(x, y).clamp(min=1), "White against black"),
    },
    "psnr_y": {
        "range": (psnr_y(unit=lambda p: p), "6.02 dB too few"),
        "range and swing": (psnr_y((76.245, 149.685, 29.07), lambda p: p), "And the range is one from 16"),
        "full swing": (psnr_y((76.245, 149.685, 29.07)), "1.32 dB less"),
        "peak 219": (psnr_y(peak=219.0), "1.32 dB less"),
        "peak 235": (psnr_y(peak=235.0), "The peak is 235"),
        "RGB": (psnr(), "all three channels"),
        "BGR": (psnr_y((24.966, 128.553, 65.481)), "blue, green, red"),
        "BT.709": (psnr_y((54.213, 182.376, 18.411)), "BT.709's coefficients, in full"),
        "grey": (psnr_y((85.0, 85.0, 85.0)), "count alike"),
        "levels": (psnr_y(unit=lambda p: (p + 1) * 127.5), "are levels already"),
        "peak 2": (psnr_y(peak=2.0), "The peak is 2"),
        "peak 1": (psnr_y(peak=1.0), "either the peak is 1"),
        "one offset": (psnr_y(offset=lambda which: 16.0 * (1 - which)), "16 is added to one"),
        "batch": (psnr_y(over=(0, 1, 2)), "One number for the batch"),
        "root": (lambda x, y: psnr_y()(x, y) / 2, "logarithm is that of the root"),
        "sign": (lambda x, y: -psnr_y()(x, y), "sign is turned"),
    },
    "pixel_shuffle": {
        "depth_to_space": (shuffle((0, 3, 4, 1, 5, 2), lambda b, c, r: (b, r, r, c)), "depth_to_space"),
        "both": (shuffle((0, 3, 4, 2, 5, 1), lambda b, c, r: (b, r, r, c)), "place first and channel last, and i and"),
        "i and j": (shuffle((0, 1, 4, 3, 5, 2)), "i and j are exchanged"),
        "reshape": (shuffle((0, 1, 2, 3, 4, 5)), "a reshape alone"),
        "side by side": (shuffle((0, 1, 2, 4, 3, 5)), "side by side"),
        "h, w, i, j": (shuffle((0, 1, 4, 5, 2, 3)), "The axes are h, w, i, j"),
        "h and w": (lambda x, r: shuffle_by_steps(x, r).transpose(2, 3), "Height and width are exchanged"),
        "repeated": (
            lambda x, r: F.interpolate(x[:, :: r * r], scale_factor=r, mode="nearest"),
            "One channel is repeated",
        ),
        "torch's": (lambda x, r: torch.nn.PixelShuffle(r)(x), "PyTorch's own `pixel_shuffle`"),
        "nothing": (lambda x, r: x, "Nothing has changed"),
        "flipped": (lambda x, r: shuffle_by_steps(x, r).flip(3), "these are not the numbers of nn.PixelShuffle"),
        "always 2": (lambda x, r: shuffle_by_steps(x, 2), "Your function stopped"),
    },
    "for_imagenet": {
        "[-1, 1]": (for_imagenet(lambda x: x), "still in [-1, 1]"),
        "unchanged": (lambda x: x * 1, "as they were"),
        "[0, 1] alone": (lambda x: (x + 1) / 2, "in [0, 1] now"),
        "exchanged": (for_imagenet(mean=STD, std=MEAN), "Mean and deviation are exchanged."),
        "exchanged, too": (for_imagenet(lambda x: x, STD, MEAN), "exchanged, and the pictures are still"),
        "multiplied": (for_imagenet(std=1 / STD), "You multiply by the deviation"),
        "BGR": (for_imagenet(mean=MEAN.flip(1), std=STD.flip(1)), "The channels are exchanged"),
        "mean alone": (for_imagenet(std=1), "The deviation is missing"),
        "deviation alone": (for_imagenet(mean=0), "The mean is missing"),
        "variance": (for_imagenet(std=STD**2), "divide by the variance"),
        "way back": (lambda x: (x + 1) / 2 * STD + MEAN, "This is the way back"),
        "last axis": (for_imagenet(mean=MEAN.flatten(), std=STD.flatten()), "along axis 3"),
        "rows": (for_imagenet(mean=MEAN.view(3, 1), std=STD.view(3, 1)), "along axis 2"),
        "batch axis": (for_imagenet(mean=MEAN.view(3, 1, 1, 1), std=STD.view(3, 1, 1, 1)), "along axis 0"),
        "half": (for_imagenet(lambda x: x / 2), "x / 2 lies in"),
        "not halved": (for_imagenet(lambda x: x + 1), "halve it"),
        "levels": (for_imagenet(lambda x: (x + 1) * 127.5), "yours lie in [0, 255]"),
        "the batch's": (
            lambda x: ((u := (x + 1) / 2) - u.mean((0, 2, 3), keepdim=True)) / u.std((0, 2, 3), keepdim=True),
            "the batch's own",
        ),
        "detached": (lambda x: for_imagenet()(x.detach()), "no gradient passes"),
        "half detached": (lambda x: for_imagenet()((x + x.detach()) / 2), "their gradient is not"),
        "in place": (for_imagenet_in_place, "in place"),
        "an array": (lambda x: for_imagenet()(x).detach().numpy(), "a tensor of shape"),
    },
    "content_loss": {
        "no_grad around both": (content_without_grad, "`no_grad` or `detach` is around both"),
        "exchanged": (content(cut_fake=torch.Tensor.detach, cut_real=lambda m: m), "the two are exchanged"),
        "truth with graph": (content(cut_real=lambda m: m), "goes on into the truth"),
        "picture alone": (
            content(cut_real=lambda m: m, real_in=lambda x: x.detach()),
            "picture is detached, and its features are not",
        ),
        "a map detached": (
            content(total=lambda each: each[0] + each[1].detach() + each[2]),
            "are some of its maps detached",
        ),
        "summed": (content(lambda f, t: F.mse_loss(f, t, reduction="sum")), "You sum over each map"),
        "summed a picture": (content(lambda f, t: (f - t).square().sum((1, 2, 3)).mean()), "each picture's numbers"),
        "summed channels": (content(lambda f, t: (f - t).square().sum(1).mean()), "sum over the channels"),
        "L1": (content(F.l1_loss), "L1"),
        "root": (content(lambda f, t: F.mse_loss(f, t).sqrt()), "The root is too much"),
        "mean of maps": (content(total=lambda each: sum(each) / 3), "mean over the maps"),
        "all numbers": (content_of_all_numbers, "One mean over the numbers of all maps"),
        "last": (content(total=lambda each: each[-1]), "Only the last map"),
        "first": (content(total=lambda each: each[0]), "Only the first map"),
        "pixels": (lambda features, fake, real: F.mse_loss(fake, real), "compares pixels"),
        "mean first": (content(lambda f, t: (f - t).mean() ** 2), "mean comes before the square"),
        "scaled": (content(total=lambda each: 0.006 * sum(each)), "scale of .006"),
        "halved": (content(total=lambda each: sum(each) / 2), "This is half of it"),
        "the first left out": (content(total=lambda each: sum(each[1:])), "The first map is left out"),
        "with itself": (
            lambda features, fake, real: content()(features, fake, fake),
            "is the fake compared with itself",
        ),
        "sign": (content(total=lambda each: -sum(each)), "sign is turned"),
        "a number": (lambda *given: content()(*given).item(), "a tensor is expected"),
        "a list": (content(total=list), "a tensor is expected"),
        "backward": (content_and_backward, "It calls `backward`"),
    },
    "generator_loss": {
        "log of logits": (
            lambda content, logits, weight: content - weight * logits.log().mean(),
            "a logit can be negative",
        ),
        "saturating": (generator(lambda s: torch.log(1 - s.sigmoid()).mean()), "the saturating loss"),
        "target 0": (generator(lambda s: F.softplus(s).mean()), "have the target 0"),
        "weight on the content": (generator(total=lambda c, a, w: w * c + a), "before the content"),
        "weight on both": (generator(total=lambda c, a, w: w * (c + a)), "multiplies both"),
        "no weight": (generator(total=lambda c, a, w: c + a), "weight is missing"),
        "0.001": (generator(total=lambda c, a, w: c + 1e-3 * a), "always .001"),
        "sum": (generator(lambda s: F.softplus(-s).sum()), "You sum over the batch"),
        "sign": (generator(lambda s: F.logsigmoid(s).mean()), "sign is turned"),
        "content alone": (lambda c, s, w: c, "D's term is missing"),
        "content turned": (generator(total=lambda c, a, w: w * a - c), "The content has the wrong sign"),
        "all turned": (generator(total=lambda c, a, w: -(c + w * a)), "The sign is turned: G minimises"),
        "base 10": (generator(lambda s: -s.sigmoid().log10().mean()), "to the base 10"),
        "log of the mean": (generator(lambda s: -s.sigmoid().mean().log()), "comes before the logarithm"),
        "scaled": (generator(total=lambda c, a, w: 0.006 * c + w * a), "has its scale already"),
        "sigmoid twice": (generator(lambda s: F.softplus(-s.sigmoid()).mean()), "sigmoid was taken twice"),
        "no logarithm": (generator(lambda s: -s.sigmoid().mean()), "logarithm is missing"),
        "mean first": (generator(lambda s: F.softplus(-s.mean())), "mean comes before the loss"),
        "squares": (generator(lambda s: (s - 1).square().mean()), "least squares"),
        "WGAN": (generator(lambda s: -s.mean()), "WGAN's"),
        "overflow": (generator(lambda s: -s.sigmoid().log().mean()), "The loss is infinite"),
        "clamped": (
            generator(lambda s: F.binary_cross_entropy(s.sigmoid(), torch.ones_like(s))),
            "cuts off at -100",
        ),
        "eps": (generator(lambda s: -(s.sigmoid() + 1e-8).log().mean()), "the eps in the logarithm"),
        "content detached": (generator(total=lambda c, a, w: c.detach() + w * a), "no gradient goes to the content"),
        "logits detached": (generator(total=lambda c, a, w: c + w * a.detach()), "no gradient goes to the logits"),
        "no graph": (lambda *given: generator()(*given).detach(), "has no gradient"),
        "slope": (
            generator(lambda s: F.softplus(-s).mean().detach() + s.sum() - s.sum().detach()),
            "its gradient for the logits is not",
        ),
        "a batch": (generator(lambda s: F.softplus(-s)), "one number is expected"),
    },
    "tiles": {
        "sticks out": (lambda n, t, o: list(range(0, n, t - o)), "moved back"),
        "no overlap": (lambda n, t, o: [*range(0, n - t, t), n - t] if n > t else [0], "share"),
        "gap": (lambda n, t, o: [*range(0, n - t, t + o), n - t] if n > t else [0], "a gap of"),
        "no end": (lambda n, t, o: [0, *range(t - o, n - t + 1, t - o)], "are in no tile. The last one"),
        "twice": (lambda n, t, o: [*range(0, n - t + 1, t - o), n - t] if n > t else [0], "stands there twice"),
        "moved twice": (tiles_moved_twice, "twice, too many"),
        "too many": (lambda n, t, o: list(range(max(1, n - t + 1))), "More of them share more"),
        "negative": (lambda n, t, o: [*range(0, n - t, t - o), n - t], "fits into one tile"),
        "none": (lambda n, t, o: list(range(0, n - t, t - o)), "are in no tile"),
        "empty": (lambda n, t, o: [], "no tile at all"),
        "at the end": (tiles_with_last_apart, "pixels at the end, and"),
        "backwards": (lambda *given: tiles_by_while(*given)[::-1], "in order, from left"),
        "not from 0": (lambda n, t, o: [s + 1 for s in tiles_by_while(n, t, o)], "first one begins at 0"),
        "before 0": (lambda n, t, o: [-1, *tiles_by_while(n, t, o)] if n > t else [0], "before the picture does"),
        "pairs": (lambda n, t, o: [(s, s + t) for s in tiles_by_while(n, t, o)], "the starts alone"),
        "halves": (lambda n, t, o: [s * 0.99 for s in tiles_by_while(n, t, o)], "whole pixels"),
        "a number": (lambda n, t, o: 3, "a list of starts"),
    },
    "bug_hunt": {
        "as published": (published(), "4 of 4 bugs are still there"),
        "renamed": (
            hunt(IMAGENET, lambda x: x, for_imagenet(), lambda f: f, torch.enable_grad),
            "4 of 4 bugs are still there",
        ),
        "target": (hunt(IMAGENET), "1 of 4 bugs is still there.\n- The targets of the pixels have ImageNet's range"),
        "target [0, 1]": (hunt(lambda t: t / 255), "lie in [0, 1], and the fakes in [-1, 1]"),
        "target levels": (hunt(lambda t: t.float()), "are levels 0 to 255"),
        "target without [0, 1]": (hunt(lambda t: skipped(t / 127.5 - 1)), "a range that nothing has"),
        "both in ImageNet's": (hunt(IMAGENET, of_pixels=for_imagenet()), "the ranges fit, and the other terms'"),
        "both in [0, 1]": (hunt(lambda t: t / 255, of_pixels=lambda f: (f + 1) / 2), "squares are a quarter"),
        "features raw": (hunt(seen=lambda x: x), "1 of 4 bugs is still there.\n- `features` sees pictures in [-1, 1]:"),
        "fake raw": (hunt(seen=lambda x: x, seen_true=for_imagenet()), "sees the fake in [-1, 1] and the truth in Im"),
        "features in [0, 1]": (hunt(seen=lambda x: (x + 1) / 2), "sees pictures in [0, 1]"),
        "features skipped": (hunt(seen=skipped), "without having been in [0, 1]"),
        "truth twice": (hunt(seen_true=lambda x: skipped(for_imagenet()(x))), "normalised twice"),
        "features else": (hunt(seen=lambda x: x * 3 + 1), "in no range that we know"),
        "train mode": (hunt(mode=lambda features: features), "1 of 4 bugs is still there.\n- `features` runs in train"),
        "graph": (hunt(of_true=torch.enable_grad), "1 of 4 bugs is still there.\n- The truth's features keep a graph"),
        "two left": (hunt(mode=lambda f: f, of_true=torch.enable_grad), "2 of 4 bugs are"),
        "no truth": (hunt(seen_true=lambda x: for_imagenet()(x * 0)), "in no range that we know"),
        "no tanh": (hunt(last=lambda x: x), "The tanh has gone"),
        "sigmoid": (hunt(last=torch.sigmoid), "D is shown fakes in [0, 1]"),
        "D in ImageNet's": (hunt(shown=for_imagenet()), "D is shown fakes in ImageNet's range"),
        "low in [-1, 1]": (hunt(low_in=lambda low: low / 127.5 - 1), "[0, 1] was right"),
        "low as levels": (hunt(low_in=lambda low: low.float()), "`low / 255` was right"),
        "low in ImageNet's": (hunt(low_in=IMAGENET), "G is given its small pictures in ImageNet's range"),
        "no .006": (hunt(paid=lambda p, c, a: p + c + 0.001 * a), "the .006 of the content has gone"),
        "no .001": (hunt(paid=lambda p, c, a: p + 0.006 * c + a), "the .001 of D's term has gone"),
        "no pixels": (hunt(paid=lambda p, c, a: 0.006 * c + 0.001 * a), "the pixels have gone"),
        "no content": (hunt(paid=lambda p, c, a: p + 0.001 * a), "the content has gone"),
        "no D's term": (hunt(paid=lambda p, c, a: p + 0.006 * c), "D's term has gone"),
        "D's sign": (hunt(paid=lambda p, c, a: p + 0.006 * c - 0.001 * a), "D's term has the wrong sign"),
        "no weights": (hunt(paid=lambda p, c, a: p + c + a), "the weights have gone"),
        "half": (hunt(paid=lambda p, c, a: (p + 0.006 * c + 0.001 * a) / 2), "is right"),
        "no graph": (hunt(paid=lambda p, c, a: (p + 0.006 * c + 0.001 * a).detach()), "has no gradient"),
        "content detached": (
            hunt(paid=lambda p, c, a: p + 0.006 * c.detach() + 0.001 * a),
            "its gradient for G is not",
        ),
        "a number": (lambda *given: hunt()(*given).item(), "a tensor is expected"),
        "backward": (hunt_and_backward, "It calls `backward`"),
        "no G": (lambda net, D, features, low, true: D(true / 127.5 - 1).mean(), "G was never asked"),
        "low halved": (hunt(low_in=lambda low: low / 510), "that is not low / 255"),
        "no D": (hunt_without_d, "D was never asked"),
        "D sees the truth": (hunt_with_d_on_the_truth, "D is shown the true pictures"),
        "D sees half": (hunt(shown=lambda fake: fake / 2), "D is shown something that is not"),
        "features halved": (
            hunt(seen=lambda x: for_imagenet()(x)[..., ::2, ::2]),
            "`features` is given a float32 tensor",
        ),
        "no truth at all": (hunt_without_truth, "never sees the truth"),
    },
}


# --- mistakes that can be told from the numbers that they give -------------------------------------------------------


def decibels(change):
    return lambda x, y: change((x - y).square().mean((1, 2, 3)) / 4)


WRONG["psnr"] |= {
    "the sign": (decibels(lambda error: 10 * error.log10()), "sign"),
    "negative": (lambda x, y: -10 * ((x - y).mean((1, 2, 3)) / 4).log10(), "are the differences squared"),
}
