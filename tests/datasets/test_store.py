"""Where data sets are looked for, and the folders in which they are put there."""

import pytest
from small_datasets import keras_cache, write_file

from bnteach import datasets
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
