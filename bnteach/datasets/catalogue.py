"""The data sets by name: what each must hold and where its files come from."""

import difflib
from dataclasses import dataclass, field

_DIGITS = tuple("0123456789")
_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
    "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
    "truck",
)  # fmt: skip
_CIFAR100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy
    bridge bus butterfly camel can castle caterpillar cattle chair chimpanzee clock
    cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest
    fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
    man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter
    palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit
    raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
    spider squirrel streetcar sunflower sweet_pepper table tank telephone television
    tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman
    worm
"""


class DatasetError(Exception):
    """Something about a data set; the message names the command that mends it."""


class UnknownDatasetError(DatasetError, ValueError):
    """There is no data set with this name."""


class DataFolderError(DatasetError):
    """A folder or file for data is missing, or may not be read or written."""


class DamagedFileError(DatasetError):
    """A file is truncated, of another kind, or holds other arrays than it should."""


class DatasetNotFoundError(DatasetError):
    """A data set is not on this machine."""


class DownloadError(DatasetError):
    """A data set could not be fetched, or something else came than was expected."""


@dataclass(frozen=True)
class Spec:
    """What the arrays of one data set must look like, and where its files are.

    The fields from `layout` on are empty for embedded data, which has no files.
    """

    name: str
    title: str
    train: int  # number of training images
    test: int
    image_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    canonical: bool = False  # put into the canonical order on reading
    sha256: str | None = None  # array_hash of the original; None: not on record
    variants: dict[str, str] = field(
        default_factory=dict
    )  # array_hash of a known copy -> its name
    layout: str = ""  # of the original files: "npz", "idx" or "cifar"
    files: tuple[str, ...] = ()  # original files, named as in the archive
    keras_folders: tuple[str, ...] = ()  # where Keras keeps them, below its home
    address: str = ""  # folder on the server
    downloads: dict[str, str | None] = field(
        default_factory=dict
    )  # file on the server -> sha256 if published

    @property
    def embedded(self) -> bool:
        """Whether the data comes with the installed packages."""
        return not self.files


_STORAGE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_IDX = tuple(
    f"{split}-{kind}-ubyte.gz"
    for split in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
)

# Addresses and archive hashes are those that keras.datasets uses (Keras 3.15). The
# array hashes were computed from the original images and labels in original order, or
# in the canonical one where `canonical` says so.
_ALL = (
    Spec(
        "mnist5k", "MNIST (5,000 digits)", 4_500, 500, (28, 28), _DIGITS,
        sha256="ae9e8be7094257715ed608704bf29bdc4b440d8edb972546d672cd7b7b92593e",
    ),
    Spec("mnist_m", "MNIST-M (5,000 digits)", 4_500, 500, (32, 32, 3), _DIGITS),
    Spec(
        "mnist", "MNIST", 60_000, 10_000, (28, 28), _DIGITS,
        sha256="e52dae1ce28568f057bf695dd7e4a4e4b79a24c0bb242b70fe1c8782eefb317e",
        layout="npz",
        files=("mnist.npz",),
        keras_folders=("datasets",),
        address=_STORAGE,
        downloads={
            "mnist.npz":
            "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
        },
    ),
    Spec(
        "fashion_mnist", "Fashion-MNIST", 60_000, 10_000, (28, 28), _FASHION,
        sha256="7fa432141942d886d8c5e97112e4860b883080bf8ce95b1df041627a8eea77ed",
        layout="idx",
        files=_IDX,
        keras_folders=("datasets/fashion-mnist",),
        address=_STORAGE,
        downloads=dict.fromkeys(_IDX),
    ),
    Spec(
        "cifar10", "CIFAR-10", 50_000, 10_000, (32, 32, 3), _CIFAR10,
        canonical=True,
        variants={
            "cc4d9a87a407af2658d5be8594a0197d1bc8c582b9d29f926a3fa6672dc23a84":
            "CIFAR-10 (JPEG copy)",  # in the order of its files: recorded runs have it
            "00f50d363a49c2263e13d0d71aea9e9a06768b0c35b60ca4dab881780c99a392":
            "CIFAR-10 (JPEG copy)",
        },
        layout="cifar",
        files=(*(f"data_batch_{batch}" for batch in range(1, 6)), "test_batch"),
        keras_folders=(
            "datasets/cifar-10-batches-py-target/cifar-10-batches-py",
            "datasets/cifar-10-batches-py",
        ),
        address=_TORONTO,
        downloads={
            "cifar-10-python.tar.gz":
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
        },
    ),
    Spec(
        "cifar100", "CIFAR-100", 50_000, 10_000, (32, 32, 3),
        tuple(_CIFAR100.split()),
        canonical=True,
        sha256="20479b212da5ec613f4313d4ac9c75ec53a9ca98f9c947649c898231895588d2",
        layout="cifar",
        files=("train", "test"),
        keras_folders=(
            "datasets/cifar-100-python-target/cifar-100-python",
            "datasets/cifar-100-python",
        ),
        address=_TORONTO,
        downloads={
            "cifar-100-python.tar.gz":
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
        },
    ),
)  # fmt: skip
SPECS = {spec.name: spec for spec in _ALL}


def spec_of(name: str) -> Spec:
    """Return the entry of a data set.

    Raises:
        UnknownDatasetError: no data set has this name.
    """
    if name in SPECS:
        return SPECS[name]
    close = difflib.get_close_matches(str(name).lower().replace("-", "_"), SPECS, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise UnknownDatasetError(
        f"expected one of {', '.join(SPECS)}. Received: name={name!r}.{hint}"
    )
