"""Fetching LSUN from servers that misbehave, from zips that lie, from the hub; nothing here leaves this machine."""

import hashlib
import http.server
import io
import re
import threading
import zipfile
from collections import namedtuple
from dataclasses import replace

import pytest
from made_pictures import records, write_lmdb

from gancourse import __main__ as cli
from gancourse.data import DataError, photographs
from gancourse.data.photographs import download as downloading
from gancourse.data.photographs import fetch as fetching
from gancourse.data.photographs.download import DownloadFailed, download
from gancourse.data.photographs.fetch import Release, fetch

N = 24
FOLDER = "church_outdoor_train_lmdb"


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by path. `behave`: what to do wrong, in the order of requests; the last one stays."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.behave: list[str] = ["well"]
        self.asked: list[tuple[str, str | None]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def url(self, path: str = "/zip") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        self.close_connection = True
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/zip")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        how = server.behave.pop(0) if len(server.behave) > 1 else server.behave[0]
        if how.isdecimal() or self.path not in server.files:
            return self.send_error(int(how) if how.isdecimal() else 404)
        whole = server.files[self.path]
        start = 0 if not wanted or how == "ignores ranges" else int(re.findall(r"bytes=(\d+)-", wanted)[0])
        if start >= len(whole):
            return self.send_error(416)
        if how == "shifts ranges" and start:
            start -= 7
        body = whole[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        sizes = {"says less": len(body) - 9, "says more": len(body) + 9}
        if how == "says nothing":
            body += b"and more"
        elif how != "says nothing of its length":
            self.send_header("Content-Length", str(sizes.get(how, len(body))))
        self.end_headers()
        if how in ("drops", "stalls"):
            body = body[: max(1, len(body) // 3)]
        if how == "drops at once":
            body = b""
        if how == "spoils":
            body = bytes(b ^ 1 for b in body)
        self.wfile.write(body)
        if how == "stalls":
            threading.Event().wait(0.5)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloading, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return (write_lmdb(tmp_path_factory.mktemp("lsun"), records(N)) / FOLDER / "data.mdb").read_bytes()


def zipped(members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


@pytest.fixture(scope="module")
def archive(database):
    return zipped([(f"{FOLDER}/data.mdb", database), (f"{FOLDER}/lock.mdb", b"\0" * 8192)])


@pytest.fixture
def release(server, archive, monkeypatch):
    server.files["/zip"] = archive
    monkeypatch.setenv("HF_ENDPOINT", server.url("/hub"))
    sha256 = hashlib.sha256(archive).hexdigest()
    hub_files = ("data/a.parquet", "data/b.parquet")
    return Release(FOLDER, N, server.url(), len(archive), sha256, "some/churches", hub_files, 1_000)


# -------------------------------------------------------------------------------- downloads

DATA = bytes(range(256)) * 40_000  # 10 MB, so that a third of it is several blocks
SHA256 = hashlib.sha256(DATA).hexdigest()


def got(server, tmp_path, path="/zip"):
    server.files["/zip"] = DATA
    download(server.url(path), tmp_path / "file", len(DATA), SHA256)
    assert (tmp_path / "file").read_bytes() == DATA
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_server_that_behaves_is_asked_once(server, tmp_path):
    got(server, tmp_path)
    got(server, tmp_path)
    assert server.asked == [("/zip", None)]


@pytest.mark.parametrize("how", ["ignores ranges", "says nothing of its length", "shifts ranges"])
def test_oddities_that_do_no_harm(server, tmp_path, how):
    server.behave = ["drops", how]
    got(server, tmp_path)


def test_a_connection_that_drops_is_taken_up_where_it_broke(server, tmp_path):
    server.behave = ["drops"] * 12 + ["well"]
    got(server, tmp_path)
    starts = [int(wanted[6:-1]) for _, wanted in server.asked[1:]]
    assert len(starts) == 12 and starts == sorted(set(starts)) and starts[0] == len(DATA) // 3


def test_a_part_from_an_earlier_day(server, tmp_path):
    (tmp_path / "file.part").write_bytes(DATA[:4_000_001])
    got(server, tmp_path)
    assert server.asked == [("/zip", "bytes=4000001-")]
    (tmp_path / "file").rename(tmp_path / "file.part")  # all was there, but for the last check
    got(server, tmp_path)
    assert len(server.asked) == 1


def test_a_part_that_is_too_long_is_begun_anew(server, tmp_path):
    (tmp_path / "file.part").write_bytes(DATA + b"more")
    got(server, tmp_path)
    (tmp_path / "file").unlink()
    (tmp_path / "file.part").write_bytes(DATA + b"more")
    server.files["/zip"] = DATA
    download(server.url(), tmp_path / "file")  # of a size that only the server knows: it answers 416
    assert (tmp_path / "file").read_bytes() == DATA


def test_redirects_and_busy_servers(server, tmp_path):
    server.behave = ["drops", "503", "429", "well"]
    got(server, tmp_path, path="/moved")
    assert server.asked[-1] == ("/zip", f"bytes={len(DATA) // 3}-")


def test_a_server_that_stalls(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "TIMEOUT", 0.2)
    server.behave = ["stalls", "well"]
    got(server, tmp_path)
    assert server.asked[-1] == ("/zip", f"bytes={len(DATA) // 3}-")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("404", "the server answers 404 Not Found"),
        ("403", "the server answers 403"),
        ("500", "the server answers 500"),
        ("says less", "the server offers 10,239,991 bytes, expected 10,240,000: it is another file"),
        ("says more", "the server offers 10,240,009 bytes, expected 10,240,000"),
        ("says nothing", "gives more than the 10,240,000 bytes expected"),
        ("drops at once", r"the connection breaks off \(0 bytes of it are here\)"),
        ("spoils", "has not the SHA-256 .*, and was deleted"),
    ],
)
def test_servers_that_fail(server, tmp_path, how, message):
    server.behave = [how]
    with pytest.raises(DownloadFailed, match=message):
        got(server, tmp_path)
    assert not (tmp_path / "file").exists()
    assert len(server.asked) <= 4


def test_no_server(tmp_path, server):
    url = server.url()
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadFailed, match=r"[Rr]efused"):
        download(url, tmp_path / "file")


def test_a_full_disk_is_not_taken_for_a_bad_connection(server, tmp_path):
    server.files["/zip"] = DATA
    (tmp_path / "file.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        download(server.url(), tmp_path / "file")
    assert len(server.asked) == 1


# -------------------------------------------------------------------------------- the release


def test_fetch(server, release, tmp_path, database):
    server.behave = ["drops", "drops", "well"]
    root = fetch(tmp_path / "lsun", release=release)
    assert (root / FOLDER / "data.mdb").read_bytes() == database
    assert sorted(p.name for p in root.iterdir()) == [".lock", FOLDER]
    asked = len(server.asked)
    assert fetch(root, release=release) == root
    assert len(server.asked) == asked
    assert len(photographs.lsun_churches(root, 16, tmp_path / "map")) == N


def test_from_a_file(tmp_path, release, server, archive):
    (tmp_path / "mine.zip").write_bytes(archive)
    root = fetch(tmp_path / "lsun", tmp_path / "mine.zip", release=release)
    assert len(photographs.sources.records(root / FOLDER)) == N
    assert (tmp_path / "mine.zip").exists() and server.asked == []
    with pytest.raises(DataError, match=r"none\.zip was not found"):
        fetch(tmp_path / "other", tmp_path / "none.zip", release=release)


def test_another_place_of_the_same_zip(tmp_path, release, server, archive):
    server.files["/elsewhere"], server.files["/zip"] = archive, b"gone"
    assert fetch(tmp_path / "lsun", url=server.url("/elsewhere"), release=release)
    assert {path for path, _ in server.asked} == {"/elsewhere"}


def test_when_everything_is_down_it_says_what_to_do(tmp_path, release, server):
    server.behave = ["404"]
    with pytest.raises(DataError) as caught:
        fetch(tmp_path / "lsun", release=release)
    message = str(caught.value)
    assert f"{release.url}: the server answers 404" in message
    assert f"{server.url('/hub')}/datasets/some/churches: " in message
    for remedy in ("--from FILE", "--url URL", "--data FOLDER", "--data procedural", release.sha256):
        assert remedy in message


def escapes(database):
    good = (f"{FOLDER}/data.mdb", database)
    link = zipfile.ZipInfo(f"{FOLDER}/lock.mdb")
    link.external_attr = 0o120777 << 16
    return {
        "up": [good, ("../evil", b"")],
        "up in the folder": [good, (f"{FOLDER}/../../evil", b"")],
        "absolute": [good, ("/tmp/evil", b"")],
        "drive": [good, ("C:\\evil", b"")],
        "backslash": [good, (f"{FOLDER}\\..\\evil", b"")],
        "link": [good, (link, b"/etc/passwd")],
        "another file": [good, (f"{FOLDER}/readme.txt", b"")],
        "another folder": [("bedroom_train_lmdb/data.mdb", database)],
        "twice": [good, good],
        "nothing": [],
        "no pictures": [(f"{FOLDER}/lock.mdb", b"")],
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", escapes(b""))
def test_zips_that_hold_something_else_are_refused(tmp_path, release, database, case):
    (tmp_path / "evil.zip").write_bytes(zipped(escapes(database)[case]))
    with pytest.raises(DataError, match=r"which is (not expected there|a link)|does not hold .* once"):
        fetch(tmp_path / "in" / "lsun", tmp_path / "evil.zip", release=release)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".lock", "evil.zip", "in", "lsun"]


def test_zips_that_are_damaged(tmp_path, release, archive, database):
    file = tmp_path / "a.zip"
    spoilt = bytearray(archive)
    spoilt[len(spoilt) // 3] ^= 1
    for data in (archive[: len(archive) // 2], b"", b"text", bytes(spoilt)):
        file.write_bytes(data)
        with pytest.raises(DataError, match=rf"a\.zip is no whole zip .* found {len(data):,}; SHA-256"):
            fetch(tmp_path / "lsun", file, release=release)
    file.write_bytes(archive)
    with pytest.raises(DataError, match="holds 24 records, expected 25"):
        fetch(tmp_path / "lsun", file, release=replace(release, records=25))
    assert [p.name for p in (tmp_path / "lsun").iterdir()] == [".lock"]


def test_a_small_disk_is_refused_early(tmp_path, release, server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: usage(0, 0, 3_000_000_000))
    big = replace(release, size=fetching.LSUN_CHURCH.size)
    with pytest.raises(DataError, match=r"has 3\.0 GB free, but 5\.2 GB are needed.*--to FOLDER"):
        fetch(tmp_path / "lsun", release=big)
    assert server.asked == []


def test_the_release_is_the_one_that_the_course_counts_on():
    r = fetching.LSUN_CHURCH
    assert (r.records, r.size, len(r.sha256)) == (126_227, 2_448_463_466, 64)
    assert (r.url, r.folder) == (f"http://dl.yf.io/lsun/scenes/{FOLDER}.zip", FOLDER)


# -------------------------------------------------------------------------------- the hub


@pytest.fixture
def hub(server, release):
    """The pictures as the hub has them: two Parquet files with a column of {bytes, path}."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    server.files["/zip"] = b"gone"
    total = 0
    for name, part in (("a", slice(0, 20)), ("b", slice(20, None))):
        rows = [{"image": {"bytes": data, "path": None}, "label": 3} for data in records(N)[part]]
        file = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(rows), file, row_group_size=7)
        server.files[f"/hub/datasets/some/churches/resolve/main/data/{name}.parquet"] = file.getvalue()
        total += len(file.getvalue())
    return replace(release, hub_size=total)


def test_the_hub_is_the_second_source(server, hub, tmp_path):
    root = fetch(tmp_path / "lsun", release=hub)
    names = photographs.sources.records(root / FOLDER)
    assert names == [f"{i:040x}" for i in range(N)]
    assert sorted(p.name for p in root.iterdir()) == [".lock", FOLDER]
    images = photographs.lsun_churches(root, 16, tmp_path / "map")
    (tmp_path / "folder").mkdir()
    for i, data in enumerate(records(N)):
        (tmp_path / "folder" / f"{i:02}.png").write_bytes(data)
    assert images.fingerprint == photographs.image_folder(tmp_path / "folder", 16).fingerprint


def test_a_hub_that_has_changed(server, hub, tmp_path):
    with pytest.raises(DataError, match=r"some/churches: its files have [\d,]+ bytes, expected 999"):
        fetch(tmp_path / "lsun", release=replace(hub, hub_size=999))


def test_parquet_that_cannot_be_read(server, hub, tmp_path):
    path = "/hub/datasets/some/churches/resolve/main/data/b.parquet"
    server.files[path] = server.files[path][:-9] + b"_________"
    with pytest.raises(DataError, match=r"could not be read .*, and was deleted"):
        fetch(tmp_path / "lsun", release=hub)
    assert not list((tmp_path / "lsun").glob("*-1.parquet"))


# -------------------------------------------------------------------------------- the command


def test_the_command(tmp_path, release, archive, monkeypatch, capsys):
    (tmp_path / "mine.zip").write_bytes(archive)
    monkeypatch.setattr(fetching, "fetch", lambda to, file, url: fetch(to, file, url, release))
    command = ["fetch", "lsun-church", "--to", str(tmp_path / "lsun"), "--from", str(tmp_path / "mine.zip")]
    assert cli.main(command) == 0
    assert capsys.readouterr().out.strip() == f"LSUN's churches are in {tmp_path / 'lsun'}"
    assert cli.main([*command[:-1], str(tmp_path / "none.zip"), "--to", str(tmp_path / "other")]) == 1
    assert "was not found" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["fetch", "lsun-bedroom"])
