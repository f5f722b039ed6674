"""Files that ask for more memory or time than there is: refused, in no time."""

import gzip
import io
import os
import pickle
import socket
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_datasets import TEST, TRAIN, as_loaded, keras_cache, make_arrays, write_file

from bnteach import datasets

HUGE = 10**15
NEEDS_POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes here")


@pytest.fixture(autouse=True)
def little_memory():
    """Leave this process too little memory for a bomb, on systems that can do it."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = Path("/proc/self/statm").read_text().split()[0]
    used = int(pages) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 120_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def header(shape, descr="|u1"):
    head = io.BytesIO()
    fields = {"shape": shape, "fortran_order": False, "descr": descr}
    np.lib.format.write_array_header_1_0(head, fields)
    return head.getvalue()


def zipped(folder, members, how=zipfile.ZIP_DEFLATED):
    """Write mnist.npz with good arrays but for some members, given as blocks."""
    good = make_arrays("mnist")._asdict()
    with zipfile.ZipFile(folder / "mnist.npz", "w", how, compresslevel=1) as archive:
        for key in {*good, *members}:
            with archive.open(f"{key}.npy", "w", force_zip64=True) as stream:
                if key not in members:
                    np.lib.format.write_array(stream, good[key])
                for block in members.get(key, ()):
                    stream.write(block)


def bomb():
    return [bytes(1 << 20)] * 150  # more than the memory that is left


def refused(folder, match, name="mnist"):
    with pytest.raises(datasets.DamagedFileError, match=match) as caught:
        datasets.load(name, directory=folder)
    assert "bnteach data fetch" in str(caught.value)
    assert "pickle=" not in str(caught.value)
    # the cure meets the same file, and goes on to the download
    with pytest.raises(datasets.DownloadError, match="no answer"):
        datasets.fetch(name, folder, address="http://127.0.0.1:9/")


@pytest.mark.parametrize("key", ["x_train", "y_test"])
@pytest.mark.parametrize("shape", [(HUGE,), (HUGE, 0), (10**400, 28, 28), (-1,), ()])
def test_header_that_claims_too_much(tmp_path, key, shape):
    zipped(tmp_path, {key: [header(shape)]})
    refused(tmp_path, f"expected {key} with shape.*Received: {key}.shape=")


def test_header_with_items_that_are_too_large(tmp_path):
    zipped(tmp_path, {"y_train": [header((TRAIN,), f"|V{2**31 - 1}")]})
    refused(tmp_path, "y_train with shape")


def test_file_that_is_one_array_of_any_size(tmp_path):
    (tmp_path / "mnist.npz").write_bytes(header((HUGE,)))
    refused(tmp_path, r"expected an \.npz file")


def test_header_that_is_too_long_itself(tmp_path):
    head = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1)
    zipped(tmp_path, {"y_train": [head, *bomb()]})
    refused(tmp_path, r"format 1.0. Received: \(2, 0\)")


def test_zip_bomb_behind_a_good_header_is_not_unpacked(tmp_path):
    good = make_arrays("mnist").y_train
    buffer = io.BytesIO()
    np.save(buffer, good)
    zipped(tmp_path, {"y_train": [buffer.getvalue(), *bomb()]})
    data = datasets.load("mnist", directory=tmp_path)
    assert data.note == ""


def test_zip_bomb_in_another_member_is_not_unpacked(tmp_path):
    zipped(tmp_path, {"comment": bomb()})
    assert datasets.load("mnist", directory=tmp_path).note == ""
    zipped(tmp_path, {"original_sha256": [header((), "<U500000000"), *bomb()]})
    refused(tmp_path, "original_sha256 with shape")


def test_member_with_and_without_its_suffix(tmp_path):
    zipped(tmp_path, {})
    with (
        zipfile.ZipFile(tmp_path / "mnist.npz", "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x_train", "w", force_zip64=True) as stream,
    ):
        for block in bomb():
            stream.write(block)
    assert datasets.load("mnist", directory=tmp_path).note == ""


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, how):
    zipped(tmp_path, {}, how)
    refused(tmp_path, "as NumPy compresses it")


def test_gzip_bomb(tmp_path):
    folder = keras_cache(tmp_path, "fashion_mnist")
    for name, head in (
        ("train-images-idx3-ubyte.gz", struct.pack(">4I", 2051, TRAIN, 28, 28)),
        ("t10k-labels-idx1-ubyte.gz", struct.pack(">2I", 2049, TEST)),
    ):
        path = folder / name
        good = path.read_bytes()
        with gzip.open(path, "wb", compresslevel=1) as stream:
            stream.write(head)
            for block in bomb():
                stream.write(block)
        with pytest.raises(datasets.DamagedFileError, match=f"{name}.*more"):
            datasets.load("fashion_mnist")
        path.write_bytes(good)


def test_idx_head_that_claims_another_shape(tmp_path):
    folder = keras_cache(tmp_path, "fashion_mnist")
    head = struct.pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 28)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head))
    with pytest.raises(datasets.DamagedFileError, match="4294967295"):
        datasets.load("fashion_mnist")


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def shared(kind):
    """A value that holds itself 2**60 times over, in some hundred bytes."""
    value = kind([1, 1])
    for _ in range(60):
        value = kind([value, value])
    return value


TERABYTE = struct.pack("<Q", 10**12)
RECONSTRUCT = (
    b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
)
SET_SHAPE = (
    b"(K\x01\x8a\x06" + (10**12).to_bytes(6, "little") + b"\x85"
    b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x01ztb"
)
PICKLES = {
    "bytes": b"\x80\x04\x8e" + TERABYTE + b"x.",
    "text": b"\x80\x04\x8d" + TERABYTE + b"x.",
    "bytearray": b"\x80\x05\x96" + TERABYTE + b"x.",
    "frame": b"\x80\x04\x95" + TERABYTE + b"x.",
    "number": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
    "place to keep": b"\x80\x02}r" + struct.pack("<I", 2**30) + b".",
    "array": pickle.dumps({b"data": Call(np.ndarray, (10**12,))}, 2),
    "shape of an array": b"\x80\x02}U\x04data" + RECONSTRUCT + SET_SHAPE + b"s.",
    "dtype": pickle.dumps({b"data": Call(np.dtype, "V2000000000")}, 2),
    "lists in lists": pickle.dumps({"data": shared(list), "labels": [1]}, 2),
    "tuples as a key": pickle.dumps({"data": [(shared(tuple), 1)]}, 2)[:-3]
    + b"2N\x75.",
    "dict of tuples": b"\x80\x02})" + b"2\x86" * 60 + b"Ns.",
    "not a dict": pickle.dumps([1, 2], 2),
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickle_that_asks_for_anything(tmp_path, name):
    folder = keras_cache(tmp_path, "cifar10")
    (folder / "data_batch_3").write_bytes(PICKLES[name])
    with pytest.raises(datasets.DamagedFileError, match="no usable cifar10 file"):
        datasets.load("cifar10")


def test_pickle_of_today_is_read(tmp_path):
    folder, arrays = keras_cache(tmp_path, "cifar10"), make_arrays("cifar10")
    batch = {b"data": arrays.x_test.transpose(0, 3, 1, 2).reshape(TEST, -1)}
    batch[b"labels"] = arrays.y_test
    for protocol in (3, 4):
        (folder / "test_batch").write_bytes(pickle.dumps(batch, protocol))
        data = datasets.load("cifar10")
        assert data.sha256 == datasets.files.array_hash(as_loaded("cifar10"))


def test_batch_that_never_ends(tmp_path):
    folder = keras_cache(tmp_path, "cifar10")
    os.truncate(folder / "data_batch_1", 10**12)  # takes no room on the disk
    with pytest.raises(datasets.DamagedFileError, match="at most"):
        datasets.load("cifar10")


@NEEDS_POSIX
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
def test_what_is_no_file_is_not_waited_for(tmp_path, kind):
    path = tmp_path / "mnist.npz"
    make = {
        "pipe": os.mkfifo,
        "device": lambda path: os.symlink("/dev/zero", path),
        "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
        "folder": os.mkdir,
    }
    make[kind](path)
    refused(tmp_path, f"expected a file. Received: a {kind}")
    rows = {row["name"]: row for row in datasets.describe(tmp_path)}
    assert f"Received: a {kind}" in rows["mnist"]["note"]


@NEEDS_POSIX
@pytest.mark.parametrize("name", ["fashion_mnist", "cifar100"])
def test_pipe_among_the_files_of_keras_is_not_waited_for(tmp_path, name):
    folder = keras_cache(tmp_path, name)
    path = sorted(folder.iterdir())[0]
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(datasets.DamagedFileError, match="Received: a pipe"):
        datasets.load(name)


@NEEDS_POSIX
def test_pipe_in_the_way_of_an_export_is_left(tmp_path):
    write_file(tmp_path / "cache", "mnist")
    os.mkfifo(tmp_path / "mnist.npz")
    with pytest.raises(datasets.DataFolderError, match="other content"):
        datasets.export(tmp_path, ["mnist"])
    assert (tmp_path / "mnist.npz").is_fifo()
