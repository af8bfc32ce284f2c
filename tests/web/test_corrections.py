"""Corrections: readers report, editors answer, and only the editors' words are public."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup

from app import correcting, limiting
from app.cli import run
from app.limiting import Limit
from core.errors import NotFound, Refused
from store import audit
from tests.web import shelf
from tests.web.samples import HOSTILE, VIEW

EDITOR = "noor@verdicts.example"
ABOUT = f"compare/{VIEW.slug}"


@pytest.fixture
def product(fresh):
    shelf.publish(fresh, VIEW)
    return fresh


@pytest.fixture
def site(product, fresh_site):
    return fresh_site


def send(site, about=ABOUT, claim="The licence is MIT, not Apache.", source="https://skillclaw.example/licence"):
    return site.post("/corrections/report", data={"about": about, "claim": claim, "source": source})


@pytest.mark.parametrize("about", [ABOUT, "tools/skillclaw"])
def test_a_reader_reports_from_the_foot_of_the_page(site, product, about):
    link = BeautifulSoup(site.get(f"/{about}").text, "lxml").select_one("a[href^='/corrections/report']")["href"]
    soup = BeautifulSoup(site.get(link).text, "lxml")
    assert soup.select_one("input[name=about]")["value"] == about
    assert correcting.queue(product) == []
    assert "An editor reads it" in send(site, about).text
    (report,) = correcting.queue(product)
    assert (report.about, report.claim) == (about, "The licence is MIT, not Apache.")


def test_a_report_is_public_only_in_the_editors_words_and_once_accepted(site, product):
    send(site)
    pages = ("/corrections", f"/{ABOUT}", "/feed.atom")
    assert not any("licence is MIT" in site.get(path).text for path in pages)
    (report,) = correcting.queue(product)
    correcting.settle(product, report.id, accept=True, note="The licence was named wrongly.", email=EDITOR)
    for path in ("/corrections", f"/{ABOUT}"):
        assert "The licence was named wrongly." in site.get(path).text
        assert "not Apache" not in site.get(path).text
    assert ">SkillClaw vs SmolVLM2-2B</bdi>" in site.get("/corrections").text
    assert correcting.queue(product) == []


def test_what_is_rejected_stays_inside(site, product):
    send(site)
    (report,) = correcting.queue(product)
    correcting.settle(product, report.id, accept=False, note="It is Apache after all.", email=EDITOR)
    assert "Apache after all" not in site.get("/corrections").text + site.get(f"/{ABOUT}").text


def test_a_decision_is_made_once_by_an_editor_with_words(site, product):
    send(site)
    (report,) = correcting.queue(product)
    for wrong in ({"email": "nobody@verdicts.example", "note": "x"}, {"email": EDITOR, "note": "  "}):
        with pytest.raises((NotFound, Refused)):
            correcting.settle(product, report.id, accept=True, **wrong)
    correcting.settle(product, report.id, accept=True, note="Mended.", email=EDITOR)
    with pytest.raises(Refused, match="accepted already"):
        correcting.settle(product, report.id, accept=False, note="No.", email=EDITOR)
    with pytest.raises(NotFound):
        correcting.settle(product, 99, accept=False, note="No.", email=EDITOR)
    with product.database.read() as connection:
        (entry,) = audit.entries(connection, subject=f"correction:{report.id}")
    assert (entry["actor"], entry["action"]) == (EDITOR, "correction.accept")


@pytest.mark.parametrize("claim", ["", "   ", "\u202e", "\0"])
def test_a_report_without_words_comes_back_with_the_reason(site, product, claim):
    response = send(site, claim=claim)
    assert response.status_code == 400
    field = BeautifulSoup(response.text, "lxml").select_one("textarea")
    assert BeautifulSoup(response.text, "lxml").select_one(f"#{field['aria-describedby']}").get_text(strip=True)
    assert correcting.queue(product) == []


@pytest.mark.parametrize("text", [HOSTILE, "x" * 10_000, "=cmd()", "javascript:alert(1)"])
def test_hostile_words_are_kept_short_and_shown_as_text(site, product, text):
    assert send(site, claim=text, source=text[:4000]).status_code == 200
    (report,) = correcting.queue(product)
    assert len(report.claim) <= correcting.LONGEST_CLAIM
    assert len(report.source_url) <= correcting.LONGEST_SOURCE
    assert "\u202e" not in report.claim
    correcting.settle(product, report.id, accept=True, note=text, email=EDITOR)
    soup = BeautifulSoup(site.get("/corrections").text, "lxml")
    assert soup.select("script, img, a[href^=javascript]") == []


def test_the_log_goes_on_where_a_page_ends(site, product, monkeypatch):
    monkeypatch.setattr(correcting, "LOG_A_PAGE", 2)
    for number in range(5):
        at = correcting.report(product, ABOUT, claim=f"Wrong {number}", source_url="")
        correcting.settle(product, at, accept=True, note=f"Note {number}.", email=EDITOR)
    seen, path = [], "/corrections"
    while path:
        soup = BeautifulSoup(site.get(path).text, "lxml")
        seen += [each.get_text() for each in soup.select(".lines p[dir]")]
        following = soup.select_one("a[rel=next]")
        path = following["href"] if following else ""
    assert seen == [f"Note {number}." for number in (4, 3, 2, 1, 0)]


def test_another_site_cannot_report(site, product):
    form = {"about": ABOUT, "claim": "x"}
    assert site.post("/corrections/report", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert correcting.queue(product) == []


def test_a_flood_is_stopped_and_told_when_to_come_back(site, product, monkeypatch):
    monkeypatch.setitem(limiting.LIMITS, "correction", Limit(per_address=3, per_network=100))
    answers = [send(site) for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["retry-after"].endswith("GMT")
    assert len(correcting.queue(product)) == 3


# ------------------------------------------------------------ the command line


@pytest.fixture
def command(product, monkeypatch, capsys):
    monkeypatch.setenv("VERDICTS_VAR", str(product.settings.var))

    def call(*arguments: str) -> tuple[int, object]:
        code = run(list(arguments), as_json=True, debug=False)
        return code, json.loads(capsys.readouterr().out)

    return call


def test_editors_list_accept_and_reject_on_the_command_line(site, command):
    send(site)
    send(site, about="tools/skillclaw", claim="Its name is spelled otherwise.")
    code, rows = command("corrections", "list")
    assert code == 0
    assert [row["about"] for row in rows] == [ABOUT, "tools/skillclaw"]
    accepted = command("corrections", "accept", str(rows[0]["id"]), "--as", EDITOR, "--note", "Mended.")
    assert accepted == (0, {"id": rows[0]["id"], "about": ABOUT, "state": "accepted"})
    assert command("corrections", "reject", str(rows[1]["id"]), "--as", EDITOR, "--note", "It is not.")[0] == 0
    assert command("corrections", "list") == (0, [])
    assert [row["note"] for row in command("corrections", "list", "--state", "accepted")[1]] == ["Mended."]
    assert command("corrections", "accept", "1", "--as", EDITOR, "--note", "Again.")[0] == 1
    assert "Mended." in site.get("/corrections").text


def test_editors_list_count_and_exclude_votes_on_the_command_line(product, command):
    from app.limiting import Caller  # noqa: PLC0415 - here alone
    from core.week import Week  # noqa: PLC0415
    from tests.web.test_voting import NOW, cast_all  # noqa: PLC0415

    shelf.edition(product, Week(2026, 47), [VIEW.slug], subject="x")
    cast_all(product.at(NOW), [VIEW.a.slug] * 8, networks=["192.0.2.1"])
    assert Caller(address="192.0.2.1").network == "192.0.2.0/24"
    code, rows = command("votes", "list")
    assert (code, len(rows), rows[0]["comparison"]) == (0, 8, VIEW.slug)
    one, two, *rest = (row["reader"] for row in rows)
    done = command("votes", "count", VIEW.slug, str(one), str(two), "--as", EDITOR)
    assert done == (0, {"comparison": VIEW.slug, "counted": [one, two]})
    assert command("votes", "exclude", VIEW.slug, "--as", EDITOR) == (0, {"comparison": VIEW.slug, "excluded": rest})
    assert command("votes", "exclude", VIEW.slug, "--as", EDITOR)[0] == 1
    assert shelf.tallied(product, VIEW.slug) == {VIEW.a.slug: 2}
