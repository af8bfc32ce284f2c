from __future__ import annotations

import json
import threading
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from app.samples import FOLDER, ROUTES, SampleServer


@pytest.fixture(scope="module")
def server():
    with SampleServer() as running:
        yield running


def ask(server, path, *, method="GET", **headers):
    """Status, headers, body; an answer that urllib calls an error is an answer here too."""
    request = Request(server.base_url + path, method=method, headers=headers)  # noqa: S310 - loopback
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.mark.parametrize("path", ROUTES)
def test_every_path_serves_its_file_with_its_type_and_length(server, path):
    file, content_type = ROUTES[path]
    status, headers, body = ask(server, path)
    assert (status, headers["Content-Type"]) == (200, content_type)
    assert body == (FOLDER / file).read_bytes()
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("path", ROUTES)
def test_an_etag_asked_again_answers_304_without_a_body(server, path):
    etag = ask(server, path)[1]["ETag"]
    for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        status, headers, body = ask(server, path, **{"If-None-Match": asked})
        assert (status, headers["ETag"], body) == (304, etag, b"")
    assert ask(server, path, **{"If-None-Match": '"other"'})[0] == 200


def test_a_query_is_ignored(server):
    query = "?tags=(show_hn,launch_hn)&numericFilters=created_at_i%3E%3D1&hitsPerPage=1000"
    assert ask(server, "/api/v1/search_by_date" + query)[2] == ask(server, "/api/v1/search_by_date")[2]


def test_head_answers_like_get_without_the_body(server):
    status, headers, body = ask(server, "/api/models", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) == (FOLDER / "api/models.json").stat().st_size


@pytest.mark.parametrize(
    "path", ["/", "/robots.txt", "/api/models/", "/api/../panel.toml", "/panel.toml", "/%2e%2e/README.md"]
)
def test_nothing_else_is_served(server, path):
    assert ask(server, path)[0] == 404


def test_many_can_ask_at_once(server):
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(ask(server, "/feed.xml")[0])) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert answers == [200] * 8


def test_requests_are_remembered_in_order():
    with SampleServer() as server:
        etag = ask(server, "/feed.xml")[1]["ETag"]
        ask(server, "/feed.xml?again", **{"If-None-Match": etag})
        ask(server, "/nowhere")
    assert server.requests == [("/feed.xml", 200), ("/feed.xml?again", 304), ("/nowhere", 404)]


def test_closing_frees_the_port_and_leaves_no_thread():
    before = set(threading.enumerate())
    with SampleServer() as server:
        started = set(threading.enumerate()) - before
        address = server.base_url
        assert ask(server, "/feed.xml")[0] == 200
    assert started
    assert not [each for each in started if each.is_alive()]
    with pytest.raises(OSError, match="refused"):
        urlopen(address + "/feed.xml", timeout=5)  # noqa: S310 - loopback


def test_two_servers_run_side_by_side():
    with SampleServer() as one, SampleServer() as other:
        assert one.base_url != other.base_url


def test_another_folder_can_be_served(tmp_path):
    for file, _ in ROUTES.values():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(json.dumps([file]))
    with SampleServer(tmp_path) as server:
        assert json.loads(ask(server, "/api/models")[2]) == ["api/models.json"]


def test_a_folder_without_samples_is_refused_before_a_port_is_taken(tmp_path):
    with pytest.raises(FileNotFoundError):
        SampleServer(tmp_path)
