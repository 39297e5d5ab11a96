"""Training: Algorithm 1 as printed (step), what years added to it (recipe), all of it over epochs (trainer).

The settings of other games are in critic, translation (Pix2Pix, CycleGAN), superresolution (SRGAN, and its content
loss), style (StyleGAN, and its path length) and biggan (BigGAN, and its penalty); the games themselves in algorithms.
"""

from gancourse.training.algorithms.biggan import BigGAN
from gancourse.training.algorithms.conditional import ConditionalGAN
from gancourse.training.algorithms.cyclegan import CycleGAN
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.algorithms.pix2pix import Pix2Pix
from gancourse.training.algorithms.srgan import SRGAN
from gancourse.training.algorithms.stylegan import StyleGAN
from gancourse.training.algorithms.wasserstein import CriticGAN
from gancourse.training.biggan import BigGANRecipe
from gancourse.training.comparing import need_all, note_stops
from gancourse.training.config import Config, pick_device
from gancourse.training.critic import CriticRecipe
from gancourse.training.recipe import Recipe
from gancourse.training.step import STATISTICS, draw_z, train_step
from gancourse.training.style import StyleRecipe
from gancourse.training.superresolution import SRRecipe, content_loss
from gancourse.training.trainer import Trainer, TrainingDiverged, TrainingStopped
from gancourse.training.translation import CycleRecipe, Pix2PixRecipe

__all__ = [
    "SRGAN",
    "STATISTICS",
    "BigGAN",
    "BigGANRecipe",
    "ConditionalGAN",
    "Config",
    "CriticGAN",
    "CriticRecipe",
    "CycleGAN",
    "CycleRecipe",
    "Minimax",
    "Pix2Pix",
    "Pix2PixRecipe",
    "Recipe",
    "SRRecipe",
    "StyleGAN",
    "StyleRecipe",
    "Trainer",
    "TrainingDiverged",
    "TrainingStopped",
    "content_loss",
    "draw_z",
    "need_all",
    "note_stops",
    "pick_device",
    "train_step",
]
