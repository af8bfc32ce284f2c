"""Every route of the desk, as every role and as nobody."""

from __future__ import annotations

import re
from itertools import product as every

import pytest
from starlette.routing import Route

from core.panel import Role
from tests.desk.conftest import BUILDER, EDITOR, OPERATOR, session_of
from web.application import create_app
from web.desk.room import DeskRoute

OPEN = {"/desk/sign-in", "/desk/sign-in/{token}", "/desk/sign-in/passkey", "/desk/sign-in/passkey/ask"}
WHO = {Role.REVIEWER: BUILDER, Role.EDITOR: EDITOR, Role.OPERATOR: OPERATOR}


def routes(product) -> list[Route]:
    return [each for each in create_app(product).routes if isinstance(each, Route) and each.path.startswith("/desk")]


def filled(path: str, value: str) -> str:
    return re.sub(r"\{[^}]+\}", value, path)


def test_every_route_declares_who_may_use_it(product):
    found = routes(product)
    assert len(found) > 10
    undeclared = {each.path for each in found if not isinstance(each, DeskRoute) or each.roles is None}
    assert undeclared == OPEN
    assert all(each.roles for each in found if each.path not in OPEN)


def test_nobody_gets_in_and_everybody_only_where_they_may(product, signed_in, stranger):
    """Where somebody may, nothing breaks either: whatever a route makes of an address and a form that hold nothing."""
    clients = {role: signed_in(email) for role, email in WHO.items()}
    wrong = []
    for route, method, value in every(routes(product), ("GET", "POST"), ("1", "nothing")):
        if method not in route.methods or route.path in OPEN:
            continue
        path = filled(route.path, value)
        refused = stranger.request(method, path, data={} if method == "POST" else None)
        if refused.status_code != (303 if method == "GET" else 401):
            wrong.append((method, path, "nobody", refused.status_code))
        for role, client in clients.items():
            if {"sign-out", "end-all"} & set(path.split("/")):
                client.cookies.set("desk", session_of(product, WHO[role]))
            status = client.request(method, path, data={} if method == "POST" else None).status_code
            if (status == 403) is (role in route.roles) or status >= 500:
                wrong.append((method, path, role, status))
            if {"sign-out", "end-all"} & set(path.split("/")):
                client.cookies.clear()
                client.cookies.set("desk", session_of(product, WHO[role]))
    assert not wrong


@pytest.mark.parametrize("path", ["/desk", "/desk/me", "/desk/sign-in", "/desk/sign-in/forged"])
def test_nobody_keeps_lists_or_frames_the_desk(path, signed_in):
    headers = signed_in(BUILDER).get(path).headers
    policy = headers.get("content-security-policy", "")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "no-store" in headers.get("cache-control", "no-store")
    assert headers["x-content-type-options"] == "nosniff"


def test_what_is_refused_is_logged_with_who_tried_and_what_is_done_is_not(signed_in, caplog):
    client = signed_in(BUILDER)
    client.get("/desk/log")
    assert client.post("/desk/me/zone", data={"zone": "UTC"}).status_code == 303
    assert caplog.messages == []
    for path, more, status, who in (
        ("/desk/seats/1/submit", {}, 404, BUILDER),
        ("/desk/tools/ada", {}, 403, BUILDER),
        ("/desk/me/zone", {"data": {"zone": "x" * 1_000_000}}, 413, "somebody"),
        ("/desk/me/zone", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "somebody"),
    ):
        caplog.clear()
        assert client.post(path, **more).status_code == status
        assert caplog.messages == [f"refused with {status}: '{path}' by {who}"]


def test_a_script_that_lost_its_session_hears_it(stranger):
    answer = stranger.post("/desk/me/passkeys/ask", headers={"Accept": "application/json"})
    assert answer.status_code == 401


def test_a_body_beyond_the_limit_is_refused_and_a_full_quote_is_not(signed_in):
    client = signed_in(BUILDER)
    assert client.post("/desk/me/zone", data={"zone": "x" * 1_000_000}).status_code == 413
    assert client.post("/desk/me/zone", data={"zone": "é" * 4000}).status_code == 400
