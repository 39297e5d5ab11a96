"""`python -m gancourse lab`: Jupyter's server sends each message at once."""

import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("jupyter_server")

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

from gancourse.__main__ import main
from gancourse.publishing import lab


def test_the_server_takes_the_setting():
    app = ServerApp()
    app.parse_command_line(lab.SETTINGS)
    assert app.kernel_websocket_connection_class is lab.PromptConnection


def test_a_connection_switches_the_delay_off_and_then_connects_as_jupyters_does(monkeypatch):
    said: list[object] = []

    def connect(self):
        said.append("connected")
        return "future"

    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", connect)
    handler = object.__new__(KernelWebsocketHandler)
    monkeypatch.setattr(handler, "set_nodelay", lambda value: said.append(("no delay", value)))
    assert lab.PromptConnection(websocket_handler=handler).connect() == "future"
    assert said == [("no delay", True), "connected"]


def test_the_command_is_jupyter_lab_with_one_setting_more(monkeypatch):
    given: list[list[str]] = []
    app = type("LabApp", (), {"launch_instance": classmethod(lambda cls, words: given.append(words))})
    for name in ("jupyterlab", "jupyterlab.labapp"):  # itself it takes seconds to import
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(LabApp=app))
    assert main(["lab", "notebooks", "--no-browser"]) == 0
    assert given == [[*lab.SETTINGS, "notebooks", "--no-browser"]]
