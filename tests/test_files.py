"""Files are written whole or not at all; the cache is where the environment says."""

import os
import threading
from pathlib import Path

import pytest

from gancourse import files


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "own"))
    assert files.cache_folder() == tmp_path / "own"
    assert not (tmp_path / "own").exists()  # asking for it makes nothing


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "given/gancourse"),
        ("linux", None, "home/.cache/gancourse"),
        ("darwin", None, "home/Library/Caches/gancourse"),
        ("win32", "LOCALAPPDATA", "given/gancourse"),
        ("win32", None, "home/AppData/Local/gancourse"),
    ],
)
def test_the_cache_folder_of_each_platform(monkeypatch, tmp_path, platform, variable, expected):
    for name in ("GANCOURSE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "given"))
    monkeypatch.setattr(files.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert files.cache_folder() == tmp_path / expected


def test_write_atomically_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b" / "file.bin"
    files.write_atomically(path, b"first")
    files.write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(path.parent) == ["file.bin"]  # no temporary file is left


@pytest.mark.parametrize("fails_in", ["replace", "fsync"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(monkeypatch, tmp_path, fails_in):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, fails_in, disk_full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.bin"]


def test_two_writers_never_mix(tmp_path):
    path = tmp_path / "file.bin"
    contents = [bytes([i]) * 100_000 for i in range(4)]
    writers = [threading.Thread(target=files.write_atomically, args=(path, c)) for c in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["file.bin"]
