"""Headers of every answer, failure pages, and what handlers of other people's trouble do."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from app.wiring import Product, open_product
from tests.web.conftest import settings
from tests.web.samples import VIEW
from web.application import create_app
from web.protection import CONTENT_SECURITY_POLICY, security_headers

EVERYWHERE = [
    "/",
    f"/compare/{VIEW.slug}",
    "/editions",
    "/healthz",
    "/robots.txt",
    "/nothing",
    "/static/verdicts.css",
    "/confirm/x",
]


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_carries_the_security_headers(site, path):
    headers = site.get(path).headers
    for name, value in security_headers("https://verdicts.example").items():
        assert headers[name] == value


def test_nothing_may_be_loaded_but_styles_and_images_of_this_site():
    rules = dict(rule.split(" ", 1) for rule in CONTENT_SECURITY_POLICY.split("; "))
    assert rules == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


def test_strict_transport_is_asked_for_only_where_the_address_is_https():
    assert "Strict-Transport-Security" in security_headers("https://verdicts.example")
    assert "Strict-Transport-Security" not in security_headers("http://127.0.0.1:8000")


def test_pages_set_no_cookie(site):
    assert [path for path in EVERYWHERE if "set-cookie" in site.get(path).headers] == []


@pytest.mark.parametrize("path", ["/", f"/compare/{VIEW.slug}", "/nothing", "/confirm/x"])
def test_pages_hold_no_script_and_no_inline_style(site, path):
    text = site.get(path).text
    assert text.count("<script") == text.count('<script type="application/ld+json">')
    assert " style=" not in text
    assert "<style" not in text


def test_another_method_is_answered_with_those_that_work(site):
    response = site.delete("/")
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert site.put("/subscribe").status_code == 405
    assert site.post("/editions").status_code == 405


def test_pages_are_compressed_for_who_can_read_it(site):
    packed = site.get("/", headers={"Accept-Encoding": "gzip"})
    plain = site.get("/", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < len(plain.content) / 2


def test_a_failure_inside_gives_a_page_without_a_word_about_the_inside(server, tmp_path):
    with open_product(settings(tmp_path), require_current=False) as unready:
        server.stage.app = create_app(unready)
        # One connection each: the server closes the one on which something failed.
        response, ready, alive = (httpx.get(server.address + path, timeout=30) for path in ("/", "/readyz", "/healthz"))
    assert response.status_code == 500
    assert "Our fault" in response.text
    for word in ("Traceback", "sqlite", "no such table", "SELECT", str(tmp_path)):
        assert word not in response.text
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert ready.status_code == 503
    assert "verdicts db upgrade" in ready.text
    assert alive.status_code == 200


def test_the_last_page_needs_no_template(server, product: Product, tmp_path, monkeypatch):
    monkeypatch.setattr("web.pages.FOLDER", tmp_path)
    server.stage.app = create_app(product)
    response = httpx.get(server.address, timeout=30)
    assert (response.status_code, response.text) == (500, "Something broke on our side.\n")
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


# ------------------------------------------------------------ the process


def test_the_web_never_loads_prefect():
    script = "import sys, web.application; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_port_that_somebody_has_is_said_in_a_sentence(fresh):
    environment = {**os.environ, "VERDICTS_VAR": str(fresh.settings.var)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "web", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"Port {port} cannot be opened: Address already in use. Use another with --port.\n"


def test_the_server_serves_until_it_is_told_to_stop(fresh):
    environment = {**os.environ, "VERDICTS_VAR": str(fresh.settings.var)}
    command = [sys.executable, "-m", "web", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            for line in process.stderr:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
            response = httpx.get(found[0] + "/readyz", timeout=30)
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
    assert (response.status_code, response.text) == (200, "ready\n")
    assert "server" not in response.headers


def test_the_server_does_not_start_on_a_database_that_is_not_there(tmp_path):
    environment = {**os.environ, "VERDICTS_VAR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "web", "--port", "0"], capture_output=True, text=True, check=False, env=environment
    )
    assert ended.returncode == 2
    assert "verdicts db upgrade" in ended.stderr
    assert "Traceback" not in ended.stderr
