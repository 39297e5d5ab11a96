"""The bug hunt of lesson 08: Pix2Pix in 29 lines, three of them wrong, and the check of the diagnoses.

The listing runs as it stands; `tests/exercises/test_listing08.py` runs it and shows what each of the three does.
"""

from __future__ import annotations

from typing import Any

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import Wrong
from gancourse.exercises.checking.judging import plain

HEAD = "import torch\nfrom torch import nn\nfrom torch.nn.functional import softplus\n"

CODE = '''
def discriminator():
    """A condition and a picture, (B, 6, 256, 256) -> logits, one for each patch of 70 x 70 pixels."""
    layers = []
    for c_in, c_out in ((6, 64), (64, 128), (128, 256), (256, 512)):
        layers += [nn.Conv2d(c_in, c_out, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))

def train(G, D, pairs, epochs, show):
    """pairs: batches x, y, (B, 3, 256, 256) in [-1, 1]. G: a U-Net with BatchNorm, dropout and a tanh at its end."""
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    G.train()
    for epoch in range(epochs):
        for x, y in pairs:
            fake = G(x)
            real_pair = torch.cat([x, y], 1)
            fake_pair = torch.cat([y, fake], 1)
            real_logits, fake_logits = D(real_pair), D(fake_pair.detach())
            loss_d = (softplus(-real_logits).mean() + softplus(fake_logits).mean()) / 2
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
            loss_g = softplus(-D(fake_pair)).mean() + 100 * (fake - y).abs().mean()
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
        G.eval()
        with torch.no_grad():
            show(G(x), epoch)
'''.strip()
LINES = CODE.splitlines()

CHOICES = (
    "the patches are too large",
    "the condition is not shown",
    "G stays in eval mode",
    "the fakes are not detached",
    "the fakes are stale",
    "the targets are exchanged",
    "D's loss is halved",
    "L1 outweighs D",
    "old gradients are left",
)


def _line(code: str) -> int:
    """The number of the only line that has this in it."""
    found = [i for i, line in enumerate(LINES, 1) if code in line]
    assert len(found) == 1, code
    return found[0]


# A diagnosis -> the line that is wrong, the lines that may be named for it, and what to look at
BUGS = {
    "the patches are too large": (
        _line("for c_in, c_out"),
        {_line("for c_in, c_out"), _line("nn.Conv2d(c_in"), _line("nn.Sequential(*layers")},
        "count the pixels that one logit sees, from the last layer down, and compare with the docstring",
    ),
    "the condition is not shown": (
        _line("fake_pair = "),
        {_line("fake_pair = ")},
        "write down what the channels of both pairs are: by what could D tell them apart without a look at the fake?",
    ),
    "G stays in eval mode": (
        _line("G.eval()"),
        {_line("G.eval()"), _line("G.train()")},
        "in which mode does G run in the first epoch, and in which in the second?",
    ),
}
CAUSES = {
    "the patches are too large": "four layers of stride 2 make patches of 94 x 94; Pix2Pix has three, then 256 to 512 "
    "with stride 1 (PyTorch-GAN has four)",
    "the condition is not shown": "fakes come with the true picture in the place of x, so that D has only to look "
    "whether there is a map in front (LeeDoYup/DeblurGAN-tf #15)",
    "G stays in eval mode": "`G.eval()` for the picture, and no `G.train()` after it: from the second epoch on there "
    "is no dropout, and BatchNorm's statistics stand still (why another collection calls `train()` in every epoch: "
    "znxlwm/pytorch-generative-model-collections #9)",
}
_RIGHT = {
    _line("fake = G(x)"): "D's step and G's share one fake of the same x, as in Pix2Pix's own code: it is not stale",
    _line("real_logits, fake_logits"): "`fake_pair.detach()` keeps D's step away from G, and real pairs have no graph",
    _line("loss_d = "): "real pairs have the target 1 and fakes 0, and Pix2Pix does halve D's loss",
    _line("loss_g = "): "100 is the paper's weight, and D's verdict on a fake has the target 1 here",
    _line("opt_d.zero_grad()"): "it also clears what G's last step has left in D",
    _line("opt_g.zero_grad()"): "D's step leaves nothing in G, whose fakes are detached there",
    _line("torch.no_grad()"): "a picture to look at needs no graph",
}


def listing() -> str:
    """The code of the exercise `lesson08.bug_hunt`, with its line numbers."""
    return "\n".join(f"{i:2d}  {line}".rstrip() for i, line in enumerate(LINES, 1))


def check_bug_hunt(answer: Any) -> str:
    """The check of `lesson08.bug_hunt`: line number -> diagnosis, for three lines."""
    if not isinstance(answer, dict):
        raise Wrong(f"The answer is {describe((answer,))}: a dict is expected, line -> diagnosis.")
    names = {plain(option): option for option in CHOICES}
    found: dict[str, int] = {}
    for key, word in answer.items():
        line = _number(key)
        if word is None or word is ...:
            raise Wrong(f"Line {line} has no diagnosis yet.")
        if plain(word) not in names:
            raise Wrong(f"Line {line}: the diagnoses to choose from are {', '.join(CHOICES)}.")
        name = names[plain(word)]
        _judge_line(line, name)
        found[name] = line
    if left := [name for name in BUGS if name not in found]:
        n = len(BUGS) - len(left)
        raise Wrong(f"{n} of {len(BUGS)} {'is' if n == 1 else 'are'} found. A hint for the next: {BUGS[left[0]][2]}.")
    return "What is wrong in them:\n" + "\n".join(f"{BUGS[name][0]}: {cause}." for name, cause in CAUSES.items())


def _number(key: Any) -> int:
    text = plain(int(key) if isinstance(key, float) and key.is_integer() else key).removeprefix("line").strip(" .:")
    if not text.isdecimal() or not 1 <= int(text) <= len(LINES):
        raise Wrong(f"{key!r} is no line of the listing: its lines are 1 to {len(LINES)}.")
    return int(text)


def _judge_line(line: int, name: str) -> None:
    """`Wrong` unless this diagnosis is right for this line."""
    if name in BUGS and line in BUGS[name][1]:
        return
    own = [bug for bug, (_, lines, _) in BUGS.items() if line in lines]
    if own:
        raise Wrong(f"Something is wrong at line {line}, but not that `{name}`: {BUGS[own[0]][2]}.")
    if line in _RIGHT:
        raise Wrong(f"Line {line} is right: {_RIGHT[line]}.")
    if name in BUGS:
        raise Wrong(f"`{name}` is one of them, but not at line {line}: {BUGS[name][2]}.")
    raise Wrong(f"Line {line} is right as it stands.")
