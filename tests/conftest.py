"""What every test shares."""

import matplotlib

matplotlib.use("agg")  # in this process only: kernels that notebooks run in keep their inline figures
