"""The rounds that a trainer can run; `base` says what an algorithm is.

`minimax` is Algorithm 1 with its recipe, `wasserstein` a critic and its generator; `two_networks` is what they share.
`conditional` is Algorithm 1 with a class; `pix2pix` and `cyclegan` translate pictures, and share `translating`; `srgan`
enlarges them, with a content loss beside its discriminator. `stylegan` has styles and lazy penalties, `biggan` classes
told to every layer.
"""
