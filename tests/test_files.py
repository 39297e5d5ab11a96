"""Files are written whole or not at all; the cache is where the environment says."""

import hashlib
import lzma
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


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_DATA_HOME", "given/gancourse"),
        ("linux", None, "home/.local/share/gancourse"),
        ("darwin", None, "home/Library/Application Support/gancourse"),
        ("win32", "APPDATA", "given/gancourse"),
        ("win32", None, "home/AppData/Roaming/gancourse"),
    ],
)
def test_what_a_user_made_is_kept_in_the_folder_of_each_platform_and_not_in_the_cache(
    monkeypatch, tmp_path, platform, variable, expected
):
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA", "GANCOURSE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "given"))
    monkeypatch.setattr(files.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert files.data_folder() == tmp_path / expected != files.cache_folder()


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


def test_what_is_packed_is_unpacked_up_to_the_limit_and_only_whole(tmp_path):
    raw = bytes(range(256)) * 500
    packed = files.packed(raw)
    assert len(packed) < len(raw) / 10 and files.unpacked(packed, len(raw)) == raw == lzma.decompress(packed)
    assert files.unpacked(files.packed(b""), 0) == b""
    with pytest.raises(ValueError, match="holds more than 127,999 bytes"):
        files.unpacked(packed, len(raw) - 1)
    for damaged, said in (
        (packed[:-1], "it was cut short"),
        (packed + b"x", "it goes on after its end"),
        (raw, "not supported"),
        (packed[:40] + b"?" + packed[41:], "no whole xz file"),
    ):
        with pytest.raises(ValueError, match=said):
            files.unpacked(damaged, len(raw))
    much = lzma.compress(b"a", filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 29}])
    with pytest.raises(ValueError, match=r"[Mm]emory"):  # 512 MB, for one letter
        files.unpacked(much, 1)
    (tmp_path / "a.xz").write_bytes(packed)
    sha256 = hashlib.sha256(raw).hexdigest()
    assert files.read_verified(tmp_path / "a.xz", sha256, len(raw)) == raw
    with pytest.raises(ValueError, match=r"a\.xz is damaged: its SHA-256 is"):
        files.read_verified(tmp_path / "a.xz", sha256[::-1], len(raw))


def test_weights_are_packed_by_their_name_and_their_card_is_beside_them(tmp_path):
    raw = bytes(1000)
    for name in ("a.safetensors", "a.safetensors.xz"):
        path = tmp_path / name
        files.write_unpacked(path, raw)
        assert files.read_unpacked(path, len(raw)) == raw
        assert (path.read_bytes() == raw) == (not name.endswith(".xz"))
        assert files.card_of(path) == tmp_path / "a.json"
