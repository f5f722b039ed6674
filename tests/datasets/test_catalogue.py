"""The entries of the catalogue."""

import pytest

from bnteach import datasets
from bnteach.datasets.catalogue import SPECS


def test_unknown_name_gets_close_matches():
    with pytest.raises(datasets.UnknownDatasetError, match=r"'fashionmnist'.*Did you"):
        datasets.load("fashionmnist")
    with pytest.raises(ValueError, match=r"mnist5k, mnist_m.*'imagenet'") as caught:
        datasets.load("imagenet")
    assert "Did you mean" not in str(caught.value)


def test_catalogue_keeps_to_the_published_sizes():
    assert len(set(SPECS["cifar100"].class_names)) == 100
    assert list(SPECS["cifar100"].class_names) == sorted(SPECS["cifar100"].class_names)
    for spec in SPECS.values():
        assert len(spec.class_names) in (10, 100)
