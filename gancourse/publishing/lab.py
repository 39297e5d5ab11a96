"""JupyterLab whose widgets answer at once: `python -m gancourse.publishing.lab notebooks`, as `make lab` runs it.

It is JupyterLab as installed, with every option of `jupyter lab`, and one setting more. Jupyter's server (2.21) leaves
Nagle's algorithm on, which holds a small message back until the one before has been acknowledged. While a slider moves,
Linux waits 40 ms with that, in the hope of an answer to send along. So the new picture waits behind the message that
the kernel is busy. With the algorithm off, a slider and a tiny picture take half the time from key to screen
(tests/browser measures the course's own widgets). Everything works without it too.
"""

from __future__ import annotations

import sys
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

SETTING = "--ServerApp.kernel_websocket_connection_class=gancourse.publishing.lab.PromptConnection"


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection between a kernel and a page, whose messages leave as soon as they are written."""

    def connect(self) -> Any:
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def main(arguments: list[str] | None = None) -> None:
    """Run JupyterLab with these arguments (default: the command line's) until it is stopped."""
    from jupyterlab.labapp import main as jupyter_lab

    jupyter_lab([SETTING, *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    main()
