"""Fetching data sets from good and broken servers, and exporting them."""

import gzip
import hashlib
import os
import subprocess
import sys
import tarfile
import time
from dataclasses import replace

import numpy as np
import pytest
from data_server import Server
from small_datasets import (
    NOBODY,
    REAL,
    TEST,
    as_loaded,
    idx_files,
    keras_cache,
    make_arrays,
    write_file,
)

from bnteach import datasets
from bnteach.datasets import downloads
from bnteach.datasets import store as data_store
from bnteach.datasets.catalogue import SPECS
from bnteach.datasets.files import Arrays, array_hash


@pytest.mark.parametrize("name", REAL)
def test_fetch_writes_one_checked_file(tmp_path, serve, name):
    server, seen = serve(name), []
    path = datasets.fetch(
        name, progress=lambda *step: seen.append(step), address=server.address
    )
    assert path == tmp_path / "cache" / f"{name}.npz"
    assert os.listdir(path.parent) == [path.name]
    data = datasets.load(name)
    assert data.sha256 == array_hash(as_loaded(name))
    assert (data.source, data.note) == (str(path), "")
    for file, content in server.files.items():
        assert (file, len(content), len(content)) in seen
    count = len(server.requests)
    assert datasets.fetch(name, address=server.address) == path
    assert len(server.requests) == count  # a good file is not fetched again


def assert_download_fails(folder, message, **arguments):
    with pytest.raises(datasets.DownloadError, match=message) as caught:
        datasets.fetch("mnist", folder, **arguments)
    assert f'data fetch mnist --directory "{folder}"' in str(caught.value)
    assert "bnteach data export DIR" in str(caught.value)
    assert "BNTEACH_DATA_DIR" in str(caught.value)


@pytest.mark.parametrize(
    ("manner", "message"),
    [
        ("truncated", r"expected \d+ bytes of http.*mnist.npz. Received: \d+"),
        ("silent", "mnist.npz: .*timed out"),
        ("stalled", "mnist.npz: .*timed out"),
        ("slow", r"mnist.npz: timed out, with \d+ bytes in 0.3 s"),
        ("slow to begin", "mnist.npz: timed out, with 0 bytes in 0.3 s"),
        ("endless", r"expected at most \d+ bytes"),
        ("announces too much", r"expected at most \d+ bytes"),
        ("missing", "HTTP Error 404"),
        ("changed", "with SHA-256 [0-9a-f]{64}. Received: [0-9a-f]{64}"),
    ],
)
def test_broken_servers_cost_nothing_but_an_error(tmp_path, serve, manner, message):
    server = serve("mnist")
    server.manner = manner
    if manner == "missing":
        server.files.clear()
    elif manner == "changed":
        server.files["mnist.npz"] = server.files["mnist.npz"] + b"!"
    folder = tmp_path / "out"
    start = time.monotonic()
    assert_download_fails(folder, message, address=server.address, timeout=0.3)
    assert time.monotonic() - start < 5
    assert os.listdir(folder) == []


def test_a_server_that_begins_late_but_then_is_fast_enough_is_waited_for(
    tmp_path, serve, monkeypatch
):
    server, answer = serve("mnist"), Server.answer

    def late(self, handler):
        time.sleep(0.5)
        answer(self, handler)

    monkeypatch.setattr(Server, "answer", late)
    assert datasets.fetch("mnist", tmp_path, address=server.address, timeout=0.8)


def test_no_network_is_a_typed_error(tmp_path):
    assert_download_fails(tmp_path / "out", "could not be fetched", address=NOBODY)
    with pytest.raises(datasets.DownloadError, match=r"Try again: .*fetch mnist\. "):
        datasets.load("mnist")


def test_wrong_arrays_behind_unhashed_downloads_are_refused(tmp_path, serve):
    server = serve("fashion_mnist")
    server.files |= idx_files(make_arrays("fashion_mnist", seed=1))
    with pytest.raises(datasets.DownloadError, match="Fashion-MNIST arrays with SHA"):
        datasets.fetch("fashion_mnist", address=server.address)
    server.files[SPECS["fashion_mnist"].files[0]] = b"<html>please log in</html>"
    with pytest.raises(datasets.DownloadError, match="files are not Fashion-MNIST"):
        datasets.fetch("fashion_mnist", address=server.address)
    assert os.listdir(tmp_path / "cache") == []


def test_fetch_mends_a_damaged_file_and_loses_nothing(tmp_path, serve):
    server = serve("mnist")
    path = tmp_path / "mnist.npz"
    path.write_bytes(b"half a file")
    server.manner = "truncated"
    assert_download_fails(tmp_path, "bytes of", address=server.address)
    assert path.read_bytes() == b"half a file"
    server.manner = "good"
    assert datasets.fetch("mnist", tmp_path, address=server.address) == path
    assert datasets.load("mnist", directory=tmp_path).note == ""
    (aside,) = tmp_path.glob("mnist-set-aside-*/mnist.npz")
    assert aside.read_bytes() == b"half a file"


def test_fetch_keeps_other_arrays_of_the_right_shape(tmp_path):
    images = 255 - make_arrays("mnist").x_train
    path = write_file(tmp_path, "mnist", x_train=images)
    before = path.read_bytes()
    assert datasets.fetch("mnist", tmp_path, address=NOBODY) == path
    assert path.read_bytes() == before


def test_fetch_goes_to_the_folder_that_load_looks_into_first(
    tmp_path, serve, monkeypatch
):
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path / "env"))
    server = serve("mnist")
    path = datasets.fetch("mnist", address=server.address)
    assert path == tmp_path / "env" / "mnist.npz"
    assert datasets.load("mnist").source == str(path)


def test_embedded_sets_are_not_fetched():
    with pytest.raises(datasets.DatasetError, match="mnist5k is embedded"):
        datasets.fetch("mnist5k")


def test_folder_that_cannot_be_written_is_a_typed_error(tmp_path, monkeypatch, serve):
    server = serve("mnist")
    blocker = tmp_path / "file"
    blocker.write_text("a file, not a folder")
    with pytest.raises(datasets.DataFolderError, match=r"written. Received: .*below"):
        datasets.fetch("mnist", blocker / "below", address=server.address)

    def refuse(*args, **kwargs):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(data_store.tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(datasets.DataFolderError, match=r"Read-only.*--directory DIR"):
        datasets.fetch("mnist", address=server.address)
    assert server.requests == []


FETCH = """
import sys
from dataclasses import replace
from bnteach import datasets
from bnteach.datasets.catalogue import SPECS
address, folder, arrays, file = sys.argv[1:]
SPECS["mnist"] = replace(
    SPECS["mnist"], train=50, test=20, sha256=arrays, downloads={"mnist.npz": file}
)
print(datasets.fetch("mnist", folder, address=address))
"""


def fetch_in_another_process(server, folder):
    spec = SPECS["mnist"]
    arguments = (server.address, folder, spec.sha256, spec.downloads["mnist.npz"])
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("damaged", [False, True])
def test_two_processes_may_fetch_at_once(tmp_path, serve, damaged):
    server, folder = serve("mnist"), tmp_path / "out"
    folder.mkdir()
    if damaged:
        (folder / "mnist.npz").write_bytes(b"half a file")
    server.manner = "together"  # no answer before both have asked
    processes = [fetch_in_another_process(server, folder) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.strip() == str(folder / "mnist.npz")
    assert len(server.requests) == 2
    assert datasets.load("mnist", directory=folder).note == ""
    asides = [path.read_bytes() for path in folder.glob("mnist-set-aside-*/*")]
    assert asides.count(b"half a file") == damaged
    assert not list(folder.glob(".bnteach-*"))


def test_good_file_that_came_meanwhile_is_kept(tmp_path, serve, monkeypatch):
    server, unpack = serve("mnist"), downloads._unpack

    def unpack_late(spec, work):
        path = write_file(tmp_path, "mnist", comment=np.array("the other process"))
        before.append((path, path.read_bytes()))
        return unpack(spec, work)

    before = []
    monkeypatch.setattr(downloads, "_unpack", unpack_late)
    datasets.fetch("mnist", tmp_path, address=server.address)
    ((path, content),) = before
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["mnist.npz"]


def test_killed_download_leaves_nothing_under_the_final_name(tmp_path, serve):
    server, folder = serve("mnist"), tmp_path / "out"
    server.manner = "stalled"
    process = fetch_in_another_process(server, folder)
    assert server.half_sent.wait(60)
    process.kill()
    process.communicate()
    (left,) = folder.iterdir()
    assert left.name.startswith(".bnteach-")
    server.manner = "good"
    path = datasets.fetch("mnist", folder, address=server.address)
    assert left.exists()  # it might be the work of a running process
    path.unlink()
    for old in (left, *left.iterdir()):
        os.utime(old, (0, 0))
    datasets.fetch("mnist", folder, address=server.address)
    assert os.listdir(folder) == ["mnist.npz"]


def test_export_writes_all_that_is_here_for_another_machine(tmp_path):
    keras_cache(tmp_path, "cifar10")
    write_file(tmp_path / "cache", "mnist")
    paths = datasets.export(tmp_path / "stick")
    assert [path.stem for path in paths] == ["mnist5k", "mnist_m", "mnist", "cifar10"]
    assert sorted(os.listdir(tmp_path / "stick")) == sorted(p.name for p in paths)
    with np.load(paths[0]) as file:
        exported = Arrays(**{key: file[key] for key in Arrays._fields})
    assert array_hash(exported) == datasets.load("mnist5k").sha256
    data = datasets.load("cifar10", directory=tmp_path / "stick")
    assert data.sha256 == array_hash(as_loaded("cifar10"))
    assert "no hash" in data.note  # it was not verified before, nor is it now


def test_export_keeps_equal_files_and_never_replaces_others(tmp_path):
    write_file(tmp_path / "cache", "mnist")
    (path,) = datasets.export(tmp_path / "stick", ["mnist"])
    os.utime(path, (0, 0))
    datasets.export(tmp_path / "stick", ["mnist"])
    assert path.stat().st_mtime == 0
    for content in (b"thesis", write_file(tmp_path, "mnist", y_test=[1] * TEST)):
        path.write_bytes(
            content if isinstance(content, bytes) else content.read_bytes()
        )
        before = path.read_bytes()
        with pytest.raises(datasets.DataFolderError, match="other content") as caught:
            datasets.export(tmp_path / "stick", ["mnist"])
        assert str(path) in str(caught.value)
        assert path.read_bytes() == before


def test_export_of_what_is_not_here_says_how_to_get_it(tmp_path):
    with pytest.raises(datasets.DatasetNotFoundError, match=r"data fetch cifar10\."):
        datasets.export(tmp_path, ["cifar10"])


def link(info):
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "../../secret", 0


def huge(info):
    info.size = 10**15


def folder(info):
    info.type, info.size = tarfile.DIRTYPE, 0


def sparse(info):
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1"}
    info.pax_headers |= {"GNU.sparse.size": str(10**15), "GNU.sparse.map": "0,1"}


@pytest.mark.parametrize("change", [link, huge, folder, sparse, None])
def test_archives_with_something_else_are_refused(tmp_path, serve, monkeypatch, change):
    server = serve("cifar10")
    file = next(iter(server.files))
    info = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    info.size = 3
    if change:
        change(info)
    content = info.tobuf(tarfile.PAX_FORMAT) + b"abc".ljust(512, b"\0") + bytes(1024)
    content = gzip.compress(content)[: None if change else -20]
    server.files[file] = content
    hashes = {file: hashlib.sha256(content).hexdigest()}
    spec = replace(SPECS["cifar10"], downloads=hashes)
    monkeypatch.setitem(SPECS, "cifar10", spec)
    with pytest.raises(datasets.DownloadError, match="files are not CIFAR-10"):
        datasets.fetch("cifar10", tmp_path, address=server.address)
    assert os.listdir(tmp_path) == []
