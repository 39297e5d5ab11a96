"""Every network of the course, one class each, exactly as its paper prints it.

base                 what a generator and a discriminator are; DCGAN's initialisation
mlp dcgan residual   the pairs of lessons 02 to 05
critics spectral     networks of lesson 07: scores without a Sigmoid, spectral normalisation
unet cyclegan        networks of lessons 08 and 09, which make a picture from a picture
srgan                networks of lesson 10, which enlarge pictures
stylegan             the generator of lesson 11; style_discriminator, its discriminator; equalised, their layers
growing              the two at twice their size
factors              P4's generator and a discriminator that are told a church's factors
biggan               the two of lesson 12, which are told a class
projected            a discriminator that looks through borrowed features
tiles                a picture of any size through a network that enlarges it
clusters             a latent space torn into clusters, and a discriminator that is told of them
efficientnet         EfficientNet-Lite0, whose features are borrowed
features             the same frozen: trained, or with random weights as a control
feature_weights      where its trained weights come from
pointwise            a 1x1 convolution with a stride, without the kernel that crashes
catalogue            networks(name): a fresh pair
fast fast_enlarger   the same mathematics, arranged for the hardware
standing_statistics  BatchNorm's statistics of an averaged generator, made anew
"""

from gancourse.models.base import Z_SIZE, Discriminator, Generator, ShapeError, count_parameters, init_dcgan
from gancourse.models.biggan import BigGANDiscriminator, BigGANGenerator
from gancourse.models.catalogue import enlargers, networks, translators
from gancourse.models.clusters import (
    CLUSTERS,
    Cluster128Discriminator,
    Cluster128Generator,
    ClusterDiscriminator,
    ClusterGenerator,
    ToldDiscriminator,
    TornGenerator,
)
from gancourse.models.critics import Critic, DCGANVariant, init_critic
from gancourse.models.cyclegan import Pool, ResNetTranslator
from gancourse.models.dcgan import (
    DCGAN64Discriminator,
    DCGAN64Generator,
    DCGAN128Discriminator,
    DCGAN128Generator,
    DCGANDiscriminator,
    DCGANGenerator,
    StrongDiscriminator,
)
from gancourse.models.mlp import MLPDiscriminator, MLPGenerator, SchulzDiscriminator, SchulzGenerator
from gancourse.models.residual import ResidualBlock, ResidualDiscriminator, ResidualGenerator
from gancourse.models.srgan import SRDiscriminator, SRResNet, checkerboard, icnr_
from gancourse.models.style_discriminator import StyleDiscriminator
from gancourse.models.stylegan import StyleGenerator
from gancourse.models.unet import PatchDiscriminator, UNet, painting, receptive_field

__all__ = [
    "CLUSTERS",
    "Z_SIZE",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "Cluster128Discriminator",
    "Cluster128Generator",
    "ClusterDiscriminator",
    "ClusterGenerator",
    "Critic",
    "DCGAN64Discriminator",
    "DCGAN64Generator",
    "DCGAN128Discriminator",
    "DCGAN128Generator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DCGANVariant",
    "Discriminator",
    "Generator",
    "MLPDiscriminator",
    "MLPGenerator",
    "PatchDiscriminator",
    "Pool",
    "ResNetTranslator",
    "ResidualBlock",
    "ResidualDiscriminator",
    "ResidualGenerator",
    "SRDiscriminator",
    "SRResNet",
    "SchulzDiscriminator",
    "SchulzGenerator",
    "ShapeError",
    "StrongDiscriminator",
    "StyleDiscriminator",
    "StyleGenerator",
    "ToldDiscriminator",
    "TornGenerator",
    "UNet",
    "checkerboard",
    "count_parameters",
    "enlargers",
    "icnr_",
    "init_critic",
    "init_dcgan",
    "networks",
    "painting",
    "receptive_field",
    "translators",
]
