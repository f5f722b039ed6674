"""Where data sets are looked for, and the folders in which they are put there."""

import os
import threading
import time

import pytest
from small_datasets import keras_cache, write_file

from bnteach import datasets
from bnteach.datasets import store
from bnteach.datasets.catalogue import SPECS


def test_places_are_tried_in_order(tmp_path, monkeypatch):
    folders = [tmp_path / n for n in ("keras/datasets", "cache", "env", "argument")]
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path / "env"))
    (tmp_path / "env").mkdir()
    for folder in folders[:3]:
        path = write_file(folder, "mnist")
        assert datasets.load("mnist").source == str(path)
    path = write_file(folders[3], "mnist")
    assert datasets.load("mnist", directory=folders[3]).source == str(path)


def test_folder_that_is_not_there_is_an_error_not_a_download(tmp_path, monkeypatch):
    with pytest.raises(datasets.DataFolderError, match=r"directory. Received: .*stick"):
        datasets.load("mnist", directory=tmp_path / "stick")
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path / "usb"))
    with pytest.raises(datasets.DataFolderError, match=r"DATA_DIR. Received: .*usb"):
        datasets.load("mnist")


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_older_folder_of_keras_is_found(tmp_path, name):
    folder = keras_cache(tmp_path, name, folder=1)
    assert datasets.load(name).source == str(folder)


def test_incomplete_folder_of_keras_counts_as_missing(tmp_path):
    folder = keras_cache(tmp_path, "fashion_mnist")
    (folder / SPECS["fashion_mnist"].files[3]).unlink()
    with pytest.raises(datasets.DownloadError, match="fashion_mnist could not"):
        datasets.load("fashion_mnist")


VARIABLES = ("BNTEACH_DATA_DIR", "BNTEACH_CACHE_DIR", "KERAS_HOME")


@pytest.mark.parametrize("variable", VARIABLES)
def test_home_of_nobody_is_named_with_its_variable(monkeypatch, variable):
    monkeypatch.setenv(variable, "~nosuchuser/x")
    for call in (datasets.load, datasets.fetch):
        if (call, variable) == (datasets.fetch, "KERAS_HOME"):
            continue  # nothing is fetched to there
        with pytest.raises(datasets.DataFolderError, match=f"{variable}.*nosuchuser"):
            call("mnist")
    rows = {row["name"]: row for row in datasets.describe()}
    assert variable in rows["mnist"]["note"]
    assert rows["mnist5k"]["verified"]
    assert len(datasets.load("mnist5k").x_test) == 500


def test_home_of_nobody_as_an_argument(tmp_path):
    for call in (
        lambda: datasets.load("mnist", directory="~nosuchuser/x"),
        lambda: datasets.fetch("mnist", "~nosuchuser/x"),
        lambda: datasets.export("~nosuchuser/x"),
    ):
        with pytest.raises(datasets.DataFolderError, match="~nosuchuser/x"):
            call()
    assert datasets.describe("~nosuchuser/x")[2]["command"] == ""


def test_a_home_folder_that_is_not_known_does_no_harm(monkeypatch):
    def unknown(*args):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setattr(store.Path, "home", unknown)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(datasets.DownloadError, match="mnist could not be fetched"):
        datasets.load("mnist")


def test_work_of_a_running_process_outlives_a_jump_of_the_clock(tmp_path, monkeypatch):
    ready, leave = threading.Event(), threading.Event()

    def work():
        with store.work_folder(tmp_path) as folder:
            (folder / "half").write_bytes(b"half a file")
            ready.set()
            leave.wait(60)
            kept.append((folder / "half").exists())

    kept, thread = [], threading.Thread(target=work)
    thread.start()
    assert ready.wait(60)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * 3600)
    with store.work_folder(tmp_path):
        pass
    leave.set()
    thread.join()
    assert kept == [True]
    assert os.listdir(tmp_path) == []


def test_a_file_with_the_name_of_a_work_folder_does_no_harm(tmp_path):
    (tmp_path / ".bnteach-x.part").write_text("mine")
    with store.work_folder(tmp_path) as folder:
        assert folder.is_dir()
    assert os.listdir(tmp_path) == [".bnteach-x.part"]


def test_a_place_that_may_not_be_looked_at_is_told(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(store.Path, "exists", refuse)
    with pytest.raises(datasets.DataFolderError, match=r"may not be looked at.*denied"):
        datasets.load("mnist")
