"""What should D measure? One generator of digits, seven ways to train it, equal images: P1's claims of WGAN, asked.

P1 claims of WGAN, against the GAN of its own lessons, a more meaningful and smoother loss metric, more stable training
and less mode collapse. So every arm logs its loss beside the classifier's distance along the run, and is scored at its
end. Two arms are controls: P1's own game, and P1's loss with the critics' network, without BatchNorm, so that a
difference can be told from one of networks. `stability` asks for stability on a grid of settings.

Equal images means real images that D is shown. A recipe with five steps of D for one of G gives G a fifth of the steps,
and pays less for an image, which `critic_speed` measures.
"""

from __future__ import annotations

import contextlib
import copy
import math
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import dcgan
from gancourse.course.verdicts import UNDECIDED, decide
from gancourse.data import sheets
from gancourse.data.images import Images, unscale
from gancourse.data.mnist_digits import mnist
from gancourse.data.pairs import Batch
from gancourse.evaluation import EvaluationError, classifier_features, classifier_fid, evaluate, summarise
from gancourse.evaluation.image_batches import samples
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.wasserstein import CriticGAN
from gancourse.training.config import Config
from gancourse.training.critic import CriticRecipe, network_options
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.trainer import Trainer, TrainingDiverged

SEEDS = (0, 1, 2)
WIDTH = 64  # half of P1's
IMAGES, EPOCHS = 60_000, 5
EVERY, N_EVERY = 12_000, 2048  # images between two points of the curve, and samples of its distance
SAMPLES = 10_000
P1, PLAIN = "P1's DCGAN", "the same loss, critic's network"
WASSERSTEIN = ("WGAN, clipping", "WGAN-GP")
P1_RATES = {"lr": 2e-4, "betas": [0.5, 0.999], "batch_size": 64}

#: name -> D's network ("p1" has BatchNorm), settings of the recipe and of the run; batches of 64 in all of them
ARMS: dict[str, dict[str, Any]] = {
    P1: {"D": "p1", "recipe": {"loss": "non_saturating"}, "config": P1_RATES},
    PLAIN: {"D": "critic", "recipe": {"loss": "non_saturating"}, "config": P1_RATES},
    "WGAN, clipping": {
        "D": "critic",
        "recipe": {"loss": "wasserstein", "constraint": "clip", "clip": 0.01, "optimiser": "rmsprop"},
        "config": {"lr": 5e-5, "betas": [0.5, 0.999], "batch_size": 64, "k": 5},
    },
    "WGAN-GP": {
        "D": "critic",
        "recipe": {"loss": "wasserstein", "gradient_penalty": 10.0},
        "config": {"lr": 1e-4, "betas": [0.5, 0.9], "batch_size": 64, "k": 5},
    },
    "SN, hinge": {
        "D": "critic",
        "recipe": {"loss": "hinge", "constraint": "spectral"},
        "config": {"lr": 2e-4, "betas": [0.0, 0.9], "batch_size": 64, "k": 5},
    },
    "LSGAN": {"D": "critic", "recipe": {"loss": "least_squares"}, "config": P1_RATES},
    "R3GAN's loss": {
        "D": "critic",
        "recipe": {"loss": "relativistic", "r1": 1.0, "r2": 1.0},
        "config": {"lr": 2e-4, "betas": [0.0, 0.99], "batch_size": 64},
    },
}
CURVE = ("images", "loss_d", "loss_g", "score_real", "score_fake", "slope", "fid")  # slope: where it is penalised


def jobs(quick: bool) -> list[Job]:
    """Every arm with every seed, seed by seed, so that a study that is cut short still compares."""
    size = {
        "width": WIDTH,
        "images": IMAGES,
        "epochs": EPOCHS,
        "every": EVERY,
        "n_every": N_EVERY,
        "samples": SAMPLES,
    }
    tiny = {"width": 4, "images": 960, "epochs": 2, "every": 320, "n_every": 300, "samples": 300}
    return [
        {"key": f"{i}-{seed}", "arm": name, "seed": seed} | (tiny if quick else size) | settings
        for seed in SEEDS[: 2 if quick else None]
        for i, (name, settings) in enumerate(ARMS.items())
    ]


class Watched(CriticGAN):
    """The same algorithm, which writes down where it is after every so many real images.

    .curve: a list a name of CURVE: images, the means of the statistics since the point before, and the classifier's
    distance of G; no point where G's images are nothing that can be scored.
    """

    def __init__(self, G: nn.Module, D: nn.Module, recipe: CriticRecipe, every: int, n: int) -> None:
        super().__init__(G, D, recipe)
        self.every, self.n = every, n
        self.curve: dict[str, list[float]] = {name: [] for name in CURVE if name in ("images", "fid", *self.statistics)}
        self._seen, self._since = 0, list[Tensor]()

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """As CriticGAN's."""
        found = super().round(batches, rng)
        before = self._seen
        self._seen += sum(len(x) for x in batches)
        self._since.append(found.detach())
        if self._seen // self.every > before // self.every:
            self._write()
        return found

    def _write(self) -> None:
        means = dict(zip(self.statistics, torch.stack(self._since).mean(0).tolist(), strict=True))
        G = copy.deepcopy(self.networks["G"])
        alone = torch.autocast(self.setting.device.type, enabled=False)  # a round may be computed in bfloat16
        with alone, contextlib.suppress(EvaluationError):  # the same grey everywhere, at worst
            row = means | {"images": self._seen, "fid": classifier_fid(G, self.n, allow_few=True)}
            for name, values in self.curve.items():
                values.append(float(f"{row[name]:.5g}"))
        self._since = []


def made(job: Job, **options: Any) -> Watched:
    """The networks of a job, initialised by its seed, and the algorithm around them; options: of the generator."""
    recipe = CriticRecipe(**job["recipe"])
    torch.manual_seed(job["seed"])
    G, D = networks("critic", width=job["width"], **network_options(recipe), **options)
    if job["D"] == "p1":
        D = dcgan(job["width"] / 128)[1]
    return Watched(G, D, recipe, job["every"], job["n_every"])


def config_of(job: Job) -> Config:
    """The run's config of a job of this lesson's studies."""
    settings = dict(job["config"])
    return Config("critic", job["epochs"], seed=job["seed"], betas=tuple(settings.pop("betas")), **settings)


def train(job: Job, algorithm: Watched, images: Images) -> dict[str, Any]:
    """Train it: images_seen, steps_g, device, the curve; `diverged` where it did."""
    config = config_of(job)
    trainer = Trainer(algorithm, images, config)
    found: dict[str, Any] = {}
    try:
        trainer.fit(progress=False)
    except TrainingDiverged as error:
        found["diverged"] = str(error).split(";")[0]
    a_round = config.batch_size * config.k
    rounds = job["epochs"] * (len(images) // a_round)
    return found | {
        "images_seen": rounds * a_round,
        "steps_g": rounds,
        "device": trainer.setting.device.type,
        "curve": algorithm.curve,
    }


def scored(G: nn.Module, n: int) -> dict[str, Any]:
    """Scores of a generator as it is now, from n samples; `diverged` where they are nothing that can be scored."""
    G = copy.deepcopy(G).cpu()
    try:
        ours = summarise(samples(G, n, 500), classifier_features(), allow_few=True)
    except EvaluationError as error:
        return {"diverged": f"no images: {error}"}
    scores, share = evaluate(ours), ours.counts.double() / ours.counts.sum()
    return {
        "classifier_fid": round(scores.fid, 3),
        "precision": round(scores.precision, 3),
        "recall": round(scores.recall, 3),
        "coverage": round(scores.coverage, 3),
        "kl": round(scores.kl, 4),
        "classes": int((share >= 0.01).sum()),
    }


def run(job: Job) -> dict[str, Any]:
    """Train an arm, and score what it has become; a run that diverged has `diverged` and no scores."""
    algorithm = made(job)
    found = train(job, algorithm, mnist("train").subset(job["images"]))
    if "diverged" in found:
        return found
    shown = unscale(samples(copy.deepcopy(algorithm.networks["G"]).cpu(), 16, 16))
    return found | scored(algorithm.networks["G"], job["samples"]) | {"strip": sheets.pack(shown)}


STUDY = Study(
    f"P1's DCGAN and {len(ARMS) - 1} other ways to train its generator, equal images, 3 seeds: the loss beside the "
    "distance along each run, scores at the end",
    jobs,
    run,
)

# ------------------------------------------------------------------------------------- what the lesson asks of it


def reading(row: dict[str, Any]) -> list[float]:
    """What D's loss says of the distance, point by point: its value where p_g = p, minus what was logged.

    For each of these losses that is, at the best D, a distance or divergence between data and generator up to a
    factor, and from below for any other D: W1 times the slope, the JSD, the total variation, Pearson's chi squared.
    """
    mark = PAIR_LOSSES[row["recipe"]["loss"]].marks["loss_d"][0]
    return [mark - value for value in row["curve"]["loss_d"]]


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value, from 1; equal values share the mean of theirs."""
    order = sorted(values)
    return [(2 * order.index(v) + order.count(v) + 1) / 2 for v in values]


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's: -1 to 1; 0 where one of them does not move."""
    try:
        return statistics.correlation(ranks(a), ranks(b))
    except statistics.StatisticsError:
        return 0.0


def meaning(row: dict[str, Any]) -> tuple[float, float, float]:
    """How far the loss follows the distance along one run: rank correlations of `reading` with it.

    Of levels, over the whole curve: any two curves that both go one way agree there. Of steps, the changes from point
    to point, over the whole curve: two falls that both slow down agree there still. Of steps late in the run, its
    second half, where little of such a trend is left.
    """
    says, is_at = reading(row), row["curve"]["fid"]
    moves = [[b - a for a, b in pairwise(x)] for x in (says, is_at)]
    late = [x[len(x) // 2 :] for x in moves]
    return rank_correlation(says, is_at), rank_correlation(*moves), rank_correlation(*late)


def roughness(values: Sequence[float]) -> float:
    """The way that a curve goes up and down, over its range: 1 for one that only falls or only rises."""
    span = max(values) - min(values)
    return sum(abs(b - a) for a, b in pairwise(values)) / span if span else 1.0


def images_to(row: dict[str, Any], distance: float) -> float:
    """Images that a run was shown until it first was as near as `distance`; infinite where it never was."""
    curve = row["curve"]
    near = (n for n, fid in zip(curve["images"], curve["fid"], strict=True) if fid <= distance)
    return next(near, math.inf)


def by_arm(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Arm -> its rows, one a seed; runs that diverged are among them."""
    return {arm: [row for row in results["rows"] if row["arm"] == arm] for arm in ARMS}


#: what P1 claims, when it holds, a run's figure, and whether more of it is better
CLAIMS: tuple[tuple[str, str, Callable[[dict[str, Any]], float], bool], ...] = (
    (
        "a more meaningful loss",
        "its steps follow the distance's steps more closely than either control's",
        lambda row: meaning(row)[1],
        True,
    ),
    (
        "a more meaningful loss, late in the run",
        "the same in the second half of the run alone",
        lambda row: meaning(row)[2],
        True,
    ),
    (
        "a smoother loss",
        "its curve goes up and down less, over its range, than either control's",
        lambda row: roughness(reading(row)),
        False,
    ),
    ("less mode collapse, by KL", "KL of the ten digits below either control's", lambda row: row["kl"], False),
    ("less mode collapse, by coverage", "coverage above either control's", lambda row: row["coverage"], True),
)


def verdicts(results: dict[str, Any]) -> list[dict[str, str]]:
    """P1's claims that this study can ask, of each of WASSERSTEIN: claim, holds if, arm, measured, verdict.

    Against each control `decide`, by more than both spreads over seeds; the two have to agree, else it is not decided.
    Runs that diverged are left out here, and are counted by `stability`.
    """
    arms = {arm: [row for row in rows if "diverged" not in row] for arm, rows in by_arm(results).items()}
    found = []
    for claim, rule, figure, more in CLAIMS:
        values = {arm: [figure(row) for row in rows] for arm, rows in arms.items()}
        for arm in WASSERSTEIN:
            against = [decide(*(values[p] for p in ((c, arm) if more else (arm, c)))) for c in (P1, PLAIN)]
            measured = "; ".join(f"{name} {_words(values[name])}" for name in (arm, P1, PLAIN))
            verdict = against[0] if len(set(against)) == 1 else UNDECIDED
            found.append({"claim": claim, "holds if": rule, "arm": arm, "measured": measured, "verdict": verdict})
    return found


def _words(values: Sequence[float]) -> str:
    if not values:
        return "none"
    spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    return f"{round(statistics.mean(values), 9):.3g}{spread}"
