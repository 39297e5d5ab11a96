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
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import dcgan
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
