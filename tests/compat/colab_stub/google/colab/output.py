"""What a page of Colab must allow before widgets that are not ipywidgets' own appear in it; anywidget asks for it."""

import os
from pathlib import Path


def enable_custom_widget_manager() -> None:
    Path(os.environ["STAND_IN_DRIVE"]).parent.joinpath("asked-for-custom-widgets").touch()
