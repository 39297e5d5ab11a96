"""Photographs in: LSUN's churches, or a folder of your own, cropped once into a file that training reads from.

sources   LSUN's LMDB or a folder of pictures; open_pictures(path) takes either, or a made map
maps      MappedImages: images that stay on the disk
mapmaker  makes a map: every picture decoded, by all cores, once
decode    one encoded picture to pixels; the program that mapmaker's workers run
one_picture  any one picture in as it is, and one out
own_pairs pairs of your own: two folders, or two pictures in each file
fetch     LSUN's churches from the network
download  a large file that arrives whole or not at all
"""

from gancourse.data.photographs.maps import MappedImages
from gancourse.data.photographs.own_pairs import paired_folders, side_by_side_pairs
from gancourse.data.photographs.sources import image_folder, lsun_churches, open_pictures

__all__ = ["MappedImages", "image_folder", "lsun_churches", "open_pictures", "paired_folders", "side_by_side_pairs"]
