"""What the tests of the data sets share: small entries in the catalogue, a server."""

import hashlib
from dataclasses import replace

import pytest
from data_server import Server, archive
from small_datasets import (
    NOBODY,
    REAL,
    TEST,
    TRAIN,
    as_loaded,
    make_arrays,
    original_files,
)

from bnteach.datasets.catalogue import SPECS
from bnteach.datasets.files import array_hash


@pytest.fixture(autouse=True)
def sandbox(tmp_path, monkeypatch):
    """Keep caches in tmp_path, and the catalogue away from any other machine."""
    monkeypatch.setenv("BNTEACH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("BNTEACH_DATA_DIR", raising=False)
    for name in REAL:
        small = replace(SPECS[name], train=TRAIN, test=TEST, address=NOBODY)
        if small.sha256:
            small = replace(small, sha256=array_hash(as_loaded(name)))
        monkeypatch.setitem(SPECS, name, small)


@pytest.fixture
def serve(monkeypatch):
    """Return a function that serves the originals of one data set."""
    servers = []

    def start(name):
        files = original_files(name, make_arrays(name))
        if name.startswith("cifar"):
            files = {next(iter(SPECS[name].downloads)): archive(name, files)}
        hashes = {
            file: hashlib.sha256(data).hexdigest() for file, data in files.items()
        }
        if name == "fashion_mnist":  # no hash of these is published with Keras
            hashes = dict.fromkeys(files)
        monkeypatch.setitem(SPECS, name, replace(SPECS[name], downloads=hashes))
        servers.append(Server(files))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
