"""Training: Algorithm 1 as printed (step), what years added to it (recipe), and both over epochs (trainer)."""

from gancourse.training.config import Config, pick_device
from gancourse.training.recipe import Recipe, RegularisedTrainer
from gancourse.training.step import STATISTICS, draw_z, train_step
from gancourse.training.trainer import Trainer, TrainingDiverged

__all__ = [
    "STATISTICS",
    "Config",
    "Recipe",
    "RegularisedTrainer",
    "Trainer",
    "TrainingDiverged",
    "draw_z",
    "pick_device",
    "train_step",
]
