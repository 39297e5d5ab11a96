"""Images in, uint8 until they are a batch.

images       Images: a data set as one uint8 tensor; scale and unscale between pixels and [-1, 1]
mnist_digits MNIST, embedded in the package or from a folder
stacked      stacked MNIST: three digits in three channels, 1,000 modes
sheets       many images on one sheet, and back
degraded     pictures made smaller, enlarged bicubically, and crops small and large: what SRGAN is trained on
pairs        images with labels, aligned pairs, sets without partners: what a trainer takes beside Images
churches     the renderer: procedural churches, with their factors and label maps, and in aligned pairs
photographs  LSUN's churches, a folder of pictures, or pairs from folders
"""

from gancourse.data.images import DataError, Images, scale, unscale
from gancourse.data.mnist_digits import mnist
from gancourse.data.sheets import tile, untile
from gancourse.data.stacked import stacked_mnist

__all__ = ["DataError", "Images", "mnist", "scale", "stacked_mnist", "tile", "unscale", "untile"]
