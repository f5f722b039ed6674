"""The tool that shows the built site."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import serve

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs links, pipes and signals")


@pytest.fixture
def site(tmp_path):
    """A site of two pages and a folder without one, and a secret beside it."""
    folder = tmp_path / "html"
    (folder / "part").mkdir(parents=True)
    (folder / "_static" / "deep").mkdir(parents=True)
    (folder / "index.html").write_text("the first page")
    (folder / "part" / "index.html").write_text("a part")
    (folder / "_static" / "a b.css").write_text("style")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "index.html").write_text("secret")
    return folder


@pytest.fixture
def get(site):
    """Return a function that asks a server of the site for a path."""
    handler = partial(serve.Handler, directory=str(site))
    server = serve.Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def get(path, method="GET"):
        connection = http.client.HTTPConnection(*server.server_address, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    get.address = server.server_address
    yield get
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/", "the first page"),
        ("/index.html?x=1", "the first page"),
        ("/part/", "a part"),
        ("/_static/a%20b.css", "style"),
    ],
)
def test_pages_are_sent(get, path, content):
    assert get(path) == (200, content)
    assert get(path, "HEAD") == (200, "")


def test_a_folder_with_a_page_leads_to_it(get):
    assert get("/part")[0] == 301


@pytest.mark.parametrize(
    "path",
    [
        "/_static/",
        "/_static",
        "/_static/deep/",
        "/none",
        "/index.html/",
        "/../secret/index.html",
        "/%2e%2e/secret/index.html",
        "/..%2fsecret/",
        "//secret/",
        "/%00",
        "/index.html%00",
        "/%ff%fe",
        "/" + "x" * 5000,
        "/" + "x/" * 5000,
    ],
)
def test_what_is_no_page_is_not_found(get, capfd, path):
    for method in ("GET", "HEAD"):
        status, text = get(path, method)
        assert status == 404
        assert "secret" not in text.replace("secret/index.html", "")
        assert "deep" not in text
    assert "Traceback" not in capfd.readouterr().err


@POSIX
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("file.html", "../secret/index.html"),
        ("folder", "../secret"),
        ("part2/index.html", "../../secret/index.html"),
        ("root", "/"),
        ("itself", "itself"),
        ("nowhere", "none"),
        ("zero", "/dev/zero"),
    ],
)
def test_links_are_not_followed_out_of_the_site(site, get, capfd, name, target):
    (site / name).parent.mkdir(exist_ok=True)
    (site / name).symlink_to(target)
    folder = name.removesuffix("index.html")
    for path in (f"/{name}", f"/{folder}", f"/{name}/", f"/{name}/index.html"):
        status, text = get(path)
        assert status == 404
        assert "secret" not in text
    assert "Traceback" not in capfd.readouterr().err


@POSIX
def test_links_within_the_site_are_followed(site, get):
    (site / "other").symlink_to("part")
    assert get("/other/") == (200, "a part")


@POSIX
def test_a_pipe_is_not_waited_for(site, get):
    os.mkfifo(site / "pipe.html")
    (site / "new").mkdir()
    os.mkfifo(site / "new" / "index.html")
    assert get("/pipe.html")[0] == get("/new/")[0] == 404


def test_a_browser_that_leaves_is_no_error(site, get, capfd):
    (site / "large").write_bytes(bytes(20_000_000))
    for _ in range(3):
        with socket.create_connection(get.address) as leaving:
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + bytes(7))
            leaving.sendall(b"GET /large HTTP/1.0\r\n\r\n")
            leaving.recv(10)
    assert get("/")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "port", ["abc", "-1", "65536", "1e3", "", "٣", "9" * 5000, "80 80"]
)
def test_a_port_that_is_none_is_told(port, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["serve.py", "--", port])
    with pytest.raises(SystemExit) as stopped:
        serve.main()
    assert stopped.value.code == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "expected a number from 0 to 65535" in told
    assert len(told) < 250


def test_a_port_that_is_taken_is_told(site, monkeypatch):
    monkeypatch.setattr(serve, "SITE", site)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["serve.py", str(port)])
        with pytest.raises(SystemExit, match=f"Port {port}: .*Try: .* [0-9]+$"):
            serve.main()


@POSIX
def test_the_port_that_was_found_is_printed(site):
    code = "import serve, sys, pathlib; serve.SITE = pathlib.Path(sys.argv.pop())\n"
    code += "serve.main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "0", str(site)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(serve.__file__).parent)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        port = int(re.search(r"http://127.0.0.1:(\d+)/", process.stdout.readline())[1])
        assert port > 0
        with socket.create_connection(("127.0.0.1", port)) as asking:
            asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"200 OK" in asking.recv(100)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_server_without_a_site_says_how_to_build_it(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "SITE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["serve.py"])
    with pytest.raises(SystemExit, match="make book"):
        serve.main()
