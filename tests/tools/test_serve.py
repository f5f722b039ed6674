"""The tool that shows the built site."""

import sys

import pytest
import serve


def test_server_without_a_site_says_how_to_build_it(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "SITE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["serve.py"])
    with pytest.raises(SystemExit, match="make book"):
        serve.main()
