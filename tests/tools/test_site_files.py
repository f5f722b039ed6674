"""The files that the site serves itself: whole, or made again."""

import shutil
from pathlib import Path

import pytest
import site_files


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    site_files.write_all(folder)
    return folder


@pytest.fixture
def made(once, tmp_path):
    """A folder with all the files, whole."""
    return shutil.copytree(once, tmp_path / "static")


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def untouched(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_whole_files_are_left_alone(made):
    before = untouched(made)
    site_files.write_all(made)
    assert untouched(made) == before


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(path):
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.parametrize("damage", [truncate, overwrite, Path.unlink])
def test_damaged_file_is_made_again(made, damage):
    whole = contents(made)
    damage(made / "vega-bundle.js")
    site_files.write_all(made)
    assert contents(made) == whole


def test_bundle_cut_off_behind_its_first_line_is_made_again(made):
    bundle = made / "vega-bundle.js"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[: whole.index(b"\n") + 1])
    site_files.write_all(made)
    assert bundle.read_bytes() == whole


def test_bundle_of_another_version_is_made_again(made, monkeypatch):
    monkeypatch.setattr(site_files.vl_convert, "__version__", "0.1")
    before = (made / "vega-bundle.js").read_bytes()
    site_files.write_all(made)
    assert (made / "vega-bundle.js").read_bytes() != before


def test_full_disk_leaves_the_bundle_as_it_was(made, monkeypatch):
    bundle = made / "vega-bundle.js"
    truncate(bundle)
    before = contents(made)

    def full(path, data):
        with path.open("wb") as file:
            file.write(data[:1000])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="no space left"):
            site_files.write_all(made)
    assert contents(made) == before
    site_files.write_all(made)


def test_what_a_killed_build_left_is_removed(made):
    left = made / ".vega-bundle-a.js"
    left.write_text("half")
    site_files.write_all(made)
    assert not left.exists()
