"""JupyterLab whose widgets answer at once: `python -m gancourse lab notebooks`, as `make lab` runs it.

It is JupyterLab as installed, with every option of `jupyter lab`, and two settings more. Jupyter's server (2.21) leaves
Nagle's algorithm on, which holds a small message back until the one before has been acknowledged. While a slider moves,
Linux waits 40 ms with that, in the hope of an answer to send along. So the new picture waits behind the message that
the kernel is busy. With the algorithm off, a slider and a tiny picture take half the time from key to screen
(tests/browser measures the course's own widgets). Everything works without it too. And language servers written for
Node.js are looked for in the environment only: jupyter-lsp asks npm for its folder in a thread while the server starts,
where a Ctrl-C ends npm too, and its complaint comes after the goodbye.

Ctrl-C ends it at once, with its kernels; Jupyter's own question whether you mean it is left out. An extension that
fails while it is stopped would keep the server running for ever, and one that waits as long as it waits: neither does.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from gancourse import stopping

SETTINGS = [
    "--ServerApp.kernel_websocket_connection_class=gancourse.publishing.lab.PromptConnection",
    f"--LanguageServerManager.node_roots={sys.prefix}",
]


PATIENCE = 8.0  # seconds that stopping in good order may take


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection between a kernel and a page, whose messages leave as soon as they are written."""

    def connect(self) -> Any:
        self.websocket_handler.set_nodelay(True)
        return super().connect()


class Server(ServerApp):
    """Jupyter's server, which a first Ctrl-C stops in good order, without a word, and a second one at once."""

    interrupted = False

    def init_signal(self) -> None:
        super().init_signal()
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._handle_sigint)

    def _handle_sigint(self, sig: Any, frame: Any) -> None:
        if self.interrupted:
            stopping.leave()
        self.interrupted = True
        latest = threading.Timer(2 * PATIENCE, stopping.leave)  # should the loop itself not come to it
        latest.daemon = True
        latest.start()
        logging.disable(logging.CRITICAL)
        stopping.end_children()  # asked to end while it starts, a kernel prints a traceback
        try:
            self.stop(from_signal=True)
        except Exception:  # in the middle of opening its port: Tornado has a socket there that it does not serve yet
            stopping.leave()

    async def _stop(self) -> None:
        try:
            await asyncio.wait_for(self._cleanup(), PATIENCE)
        finally:
            self.io_loop.stop()


def run(arguments: list[str]) -> int:
    """Run JupyterLab with these arguments until it is stopped; Ctrl-C ends this process too (`stopping.leave`)."""
    from jupyterlab.labapp import LabApp

    # its module is LabApp's own: Jupyter looks for an extension in the package of that name
    lab: Any = type("LabApp", (LabApp,), {"serverapp_class": Server, "__module__": LabApp.__module__})
    lab.launch_instance([*SETTINGS, *arguments])
    if Server.initialized() and Server.instance().interrupted:
        stopping.leave()
    return 0
