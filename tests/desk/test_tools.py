"""The catalogue at the desk: lists, one tool, words, facts and prices by hand, joining and parting, many at once."""

from __future__ import annotations

import pytest

from app import curating, editing
from app.curating import Bulk
from core.fact import PricingModel
from core.tool import ToolStatus
from store import audit
from tests.app.making import approve, bring, hold, review, shelve, sighting
from tests.desk.conftest import EDITOR
from tests.desk.editors import HOSTILE, fields, said, undo
from tests.web.test_load import counted

ADA = "/desk/tools/ada"


def form(client, path: str = ADA, action: str = ADA) -> dict[str, str]:
    return fields(client.get(path).text, action)


def known(product, slug: str = "ada"):
    return editing.show_tool(product, slug).dossier


# ------------------------------------------------------------ lists


def test_lists_are_filtered_by_status_category_source_and_beginning(signed_in, product):
    shelve(product, "Ada", "Bea")
    bring(product, sighting("Adage", source="other", external_id="x", category="data"))
    editing.edit_tool(product, "bea", {"category": "robotics-and-3d"}, actor="test")
    editing.reject_tool(product, "ada", actor="test")
    client = signed_in(EDITOR)

    def names(query: str) -> set[str]:
        page = client.get(f"/desk/tools?{query}").text
        return {each for each in ("Ada", "Adage", "Bea") if f"<bdi>{each}</bdi>" in page}

    assert names("") == {"Ada", "Adage", "Bea"}
    assert names("q=ada") == {"Ada", "Adage"}
    assert names("q=ADA+") == {"Ada", "Adage"}
    assert names("q=adag") == {"Adage"}
    assert names("q=GE") == {"Adage"}
    assert names("q=ag+da") == {"Adage"}
    assert names("q=%25") == set()
    assert names("status=rejected") == {"Ada"}
    assert names("q=ada&status=queued") == {"Adage"}
    assert names("category=robotics-and-3d") == {"Bea"}
    assert names("category=robotics-and-3d&status=queued") == {"Bea"}
    assert names("source=other") == {"Adage"}
    assert names("source=shelf&status=queued") == {"Bea"}
    assert "No tool fits" in client.get("/desk/tools?q=zzz").text


@pytest.mark.parametrize("query", ["", "q=t", "source=shelf", "status=queued", "category=agents"])
def test_every_list_is_paged_to_its_end_without_a_tool_twice(signed_in, product, monkeypatch, query):
    monkeypatch.setattr(curating, "A_PAGE", 3)
    shelve(product, *(f"T{number}" for number in range(8)))
    query = query.replace("agents", known(product, "t0").tool.category)
    client, seen, at = signed_in(EDITOR), [], f"/desk/tools?{query}"
    for _ in range(5):
        page = client.get(at).text
        seen += [name for name in (f"T{number}" for number in range(8)) if f"<bdi>{name}</bdi>" in page]
        if 'rel="next"' not in page:
            break
        at = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert sorted(seen) == sorted({f"T{number}" for number in range(8)})


@pytest.mark.parametrize("query", ["after=evil", "source=shelf&after=x", "status=nonsense", "category=none", "q=%00"])
def test_no_query_breaks_a_list(signed_in, product, query):
    shelve(product, "Ada")
    assert signed_in(EDITOR).get(f"/desk/tools?{query}").status_code in (200, 404)


def test_names_are_suggested_while_typing(signed_in, product):
    shelve(product, "Ada", "Adage", "Bea")
    client = signed_in(EDITOR)
    assert client.get("/desk/suggest/tools?q=Ada").json() == [["ada", "Ada"], ["adage", "Adage"]]
    assert client.get("/desk/suggest/tools?q=dag").json() == [["adage", "Adage"]]
    assert client.get("/desk/suggest/tools?q=%25").json() == []


def test_a_tool_is_found_by_a_word_of_its_new_name_and_by_its_old_address(signed_in, product, monkeypatch):
    monkeypatch.setattr(curating, "A_PAGE", 1)
    shelve(product, "Ada", "Bea")
    editing.edit_tool(product, "ada", {"name": "Countess Lovelace", "slug": "lovelace"}, actor="test")
    editing.edit_tool(product, "ada", {"name": "Countess Lovelace"}, actor="test")
    client = signed_in(EDITOR)
    for found in ("love", "ess+love", "ada", "lovelace"):
        assert "Countess Lovelace" in client.get(f"/desk/tools?q={found}").text
    assert "Countess" not in client.get("/desk/tools?q=bea").text


# ------------------------------------------------------------ words


def test_words_set_by_hand_are_kept_said_logged_and_taken_back(signed_in, product):
    shelve(product, "Ada")
    client = signed_in(EDITOR)
    done = client.post(ADA, data={**form(client), "tagline": "By hand", "tags": "One, two,one"})
    bring(product, sighting("Ada", tagline="By the source", summary="Another summary by the source."))
    assert (known(product).tool.tagline, known(product).tool.tags) == ("By hand", ("one", "two"))
    assert known(product).tool.description == "Another summary by the source."
    with product.database.read() as connection:
        [entry] = audit.entries(connection, subject="tool:ada")
    assert entry["actor"] == EDITOR
    assert entry["before"]["tagline"] == "Ada is an AI agent for code"
    assert set(entry["after"]) == {"tagline", "tags"}
    page = client.get(done.headers["location"]).text
    assert "leaves those words alone" in page


def test_old_words_come_back_by_the_undo(signed_in, product):
    shelve(product, "Ada")
    client = signed_in(EDITOR)
    before = known(product).tool
    done = client.post(ADA, data={**form(client), "tagline": "By hand", "homepage": ""})
    assert undo(client, done).status_code == 303
    now = known(product).tool
    assert (now.tagline, now.homepage) == (before.tagline, before.homepage)


def test_a_stale_form_shows_what_stands_now_beside_what_was_typed_and_overwrites_nothing(signed_in, product):
    shelve(product, "Ada")
    one, other = signed_in(EDITOR), signed_in(EDITOR)
    mine, theirs = form(one), form(other)
    assert other.post(ADA, data={**theirs, "tagline": "Theirs"}).status_code == 303
    answer = one.post(ADA, data={**mine, "tagline": "Mine", "description": "Long words of mine."})
    assert answer.status_code == 409
    assert "Now: <q>Theirs</q>" in answer.text
    typed = fields(answer.text, ADA)
    assert (typed["tagline"], typed["description"]) == ("Mine", "Long words of mine.")
    assert known(product).tool.tagline == "Theirs"
    assert one.post(ADA, data=typed).status_code == 303
    assert known(product).tool.tagline == "Mine"


def test_the_same_form_sent_twice_changes_once(signed_in, product):
    shelve(product, "Ada")
    client = signed_in(EDITOR)
    sent = {**form(client), "tagline": "By hand"}
    assert [client.post(ADA, data=sent).status_code for _ in range(2)] == [303, 409]
    with product.database.read() as connection:
        assert len(audit.entries(connection, subject="tool:ada")) == 1


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"category": "none"}, {"homepage": "javascript:alert(1)"}, {"homepage": "https://a@b/"}]
)
def test_wrong_words_are_refused_and_nothing_typed_is_lost(signed_in, product, wrong):
    shelve(product, "Ada")
    client = signed_in(EDITOR)
    answer = client.post(ADA, data={**form(client), "tagline": "Mine", **wrong})
    assert answer.status_code == 400
    assert fields(answer.text, ADA)["tagline"] == "Mine"


def test_markup_in_every_field_is_text(signed_in, product):
    shelve(product, "Ada")
    client = signed_in(EDITOR)
    words = dict.fromkeys(("name", "tagline", "description", "tags"), HOSTILE)
    assert client.post(ADA, data={**form(client), **words}).status_code == 303
    fact = {"field": HOSTILE, "value": HOSTILE, "source_url": "https://a.example/?<script>", "seen_on": "2026-11-19"}
    version = {"version": str(known(product).tool.version)}
    assert client.post(f"{ADA}/fact", data={**version, **fact}).status_code == 303
    for path in (ADA, "/desk/tools", "/desk/tools?q=" + "%3Cscript%3E"):
        assert "<script>alert" not in client.get(path).text


# ------------------------------------------------------------ facts and prices


def fact(product, **more: str) -> dict[str, str]:
    given = {"field": "licence", "value": "MIT", "source_url": "https://ada.example/licence", "seen_on": "2026-11-19"}
    return {"version": str(known(product).tool.version), **given, **more}


def facts(product) -> dict[tuple[str, str], str]:
    return {(each.field, each.source_url): each.value for each in known(product).facts}


def test_a_fact_set_by_hand_stays_whatever_its_source_says_later(signed_in, product):
    shelve(product, "Ada", licence="apache-2.0")
    [(field, source)] = [key for key in facts(product) if key[0] == "licence"]
    client = signed_in(EDITOR)
    done = client.post(f"{ADA}/fact", data=fact(product, field=field, source_url=source, value="bsl-1.1"))
    bring(product, sighting("Ada", licence="agpl-3.0"))
    assert facts(product)[field, source] == "bsl-1.1"
    assert undo(client, done).status_code in (303, 409)
    if facts(product)[field, source] == "bsl-1.1":
        client.post(f"{ADA}/fact/release", data=fact(product, field=field, source_url=source))
    assert facts(product)[field, source] == "agpl-3.0"


def test_a_denied_fact_is_shown_no_more_and_comes_back_when_it_is_released(signed_in, product):
    shelve(product, "Ada", licence="apache-2.0")
    [(field, source)] = [key for key in facts(product) if key[0] == "licence"]
    client = signed_in(EDITOR)
    done = client.post(f"{ADA}/fact/deny", data=fact(product, field=field, source_url=source))
    bring(product, sighting("Ada", licence="agpl-3.0"))
    assert (field, source) not in facts(product)
    assert "Denied: Licence" in client.get(ADA).text
    assert done.status_code == 303
    assert client.post(f"{ADA}/fact/release", data=fact(product, field=field, source_url=source)).status_code == 303
    assert facts(product)[field, source] == "agpl-3.0"


@pytest.mark.parametrize(
    "wrong", [{"value": ""}, {"source_url": "nowhere"}, {"seen_on": "2027-01-01"}, {"seen_on": "yesterday"}]
)
def test_a_fact_without_value_source_or_day_is_refused_with_what_was_typed(signed_in, product, wrong):
    shelve(product, "Ada")
    client = signed_in(EDITOR)
    answer = client.post(f"{ADA}/fact", data=fact(product, field="size", **wrong))
    assert answer.status_code == 400
    assert fields(answer.text, f"{ADA}/fact")["field"] == "size"


def test_a_price_set_by_hand_has_its_evidence_and_stays(signed_in, product):
    shelve(product, "Ada")
    client = signed_in(EDITOR)
    price = {
        "model": "paid",
        "amount": "19,90",
        "currency": "eur",
        "per": "month",
        "source_url": "https://ada.example/pricing",
        "quote": "Pro: 19.90 EUR",
        "seen_on": "2026-11-19",
        "flag:trial": "1",
    }
    assert client.post(f"{ADA}/price", data={**form(client, action=f"{ADA}/price"), **price}).status_code == 303
    bring(product, sighting("Ada", licence="mit"))
    read = known(product).pricing
    assert (read.model, str(read.entry_price), read.flags) == (PricingModel.PAID, "19.90 EUR per month", ("trial",))
    again = {**form(client, action=f"{ADA}/price"), **price}
    for wrong in ({"amount": "much"}, {"currency": ""}, {"per": "life"}, {"source_url": ""}, {"model": "cheap"}):
        answer = client.post(f"{ADA}/price", data={**again, **wrong})
        assert answer.status_code == 400
        assert "Pro: 19.90 EUR" in answer.text


# ------------------------------------------------------------ joining, parting, standing


def test_two_are_joined_and_parted_again(signed_in, product):
    shelve(product, "Ada", "Bea")
    client = signed_in(EDITOR)
    done = client.post(f"{ADA}/merge", data={"version": "1", "other": "https://x.example/tools/bea", "stays": "this"})
    assert "bea is part of ada" in said(client, done)
    assert client.get("/desk/tools/bea").status_code == 200
    assert "Took in" in client.get(ADA).text
    assert client.post("/desk/tools/bea/unmerge").status_code == 303
    assert known(product, "bea").tool.slug == "bea"
    hold(product)


@pytest.mark.parametrize(("other", "status"), [("ada", 400), ("nobody", 400), ("", 400)])
def test_what_cannot_be_joined_is_refused_on_the_same_page(signed_in, product, other, status):
    shelve(product, "Ada")
    answer = signed_in(EDITOR).post(f"{ADA}/merge", data={"version": "1", "other": other})
    assert answer.status_code == status
    assert "The same as another?" in answer.text


def test_sightings_are_split_off_and_joined_again(signed_in, product):
    shelve(product, "Ada", "Bea")
    editing.merge_tools(product, "ada", "bea", actor="test")
    client = signed_in(EDITOR)
    split = form(client, action=f"{ADA}/split")
    assert client.post(f"{ADA}/split", data=split).status_code == 400
    done = client.post(f"{ADA}/split", data={**split, "sighting:shelf/bea": "1"})
    assert known(product, "bea").tool.slug == "bea"
    assert undo(client, done).status_code == 303
    assert known(product, "bea").tool.slug == "ada"


def test_a_rejected_tool_comes_back_as_it_was_with_its_comparisons(signed_in, product):
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    client = signed_in(EDITOR)
    done = client.post(f"{ADA}/reject", data={"version": str(known(product).tool.version)})
    assert [each.state for each in editing.list_comparisons(product)] == ["retired"]
    assert undo(client, done).status_code == 303
    assert known(product).tool.status is ToolStatus.PAIRED
    assert [each.state for each in editing.list_comparisons(product)] == ["approved"]
    hold(product)


def test_what_a_rule_left_out_is_put_into_the_queue(signed_in, product):
    bring(product, sighting("Ada", created_at=None, tagline="A chair", summary="A chair made of wood."))
    client = signed_in(EDITOR)
    if known(product).tool.status is not ToolStatus.KEPT:
        editing.reject_tool(product, "ada", actor="test")
    done = client.post(f"{ADA}/queue", data={"version": str(known(product).tool.version)})
    assert "waits for the panel" in said(client, done)
    assert known(product).tool.status is ToolStatus.QUEUED
    hold(product)


# ------------------------------------------------------------ many at once


def test_many_are_changed_after_a_look_at_exactly_what_will_change(signed_in, product):
    shelve(product, "Ada", "Bea", "Cid", "Dot")
    editing.edit_tool(product, "dot", {"category": "data"}, actor="test")
    client = signed_in(EDITOR)
    ticked = {f"pick:{slug}": "1" for slug in ("ada", "bea", "cid", "dot")}
    shown = client.post("/desk/bulk/tools", data={**ticked, "action": "category", "category": "data"})
    assert "it is already" in shown.text
    assert {known(product, slug).tool.category for slug in ("ada", "bea", "cid")} != {"data"}
    editing.edit_tool(product, "cid", {"tagline": "New"}, actor="test")
    sent = fields(shown.text, "/desk/bulk/tools/do")
    words = said(client, client.post("/desk/bulk/tools/do", data=sent))
    assert "2 moved to data." in words
    assert "cid changed since" in words
    assert [known(product, slug).tool.category for slug in ("ada", "bea")] == ["data", "data"]
    assert known(product, "cid").tool.category != "data"
    assert "0 moved" in said(client, client.post("/desk/bulk/tools/do", data=sent))


@pytest.mark.parametrize(("action", "status"), [(Bulk.REJECT, ToolStatus.REJECTED), (Bulk.QUEUE, ToolStatus.QUEUED)])
def test_many_are_rejected_or_queued(signed_in, product, action, status):
    shelve(product, "Ada", "Bea")
    if action is Bulk.QUEUE:
        for slug in ("ada", "bea"):
            editing.reject_tool(product, slug, actor="test")
    client = signed_in(EDITOR)
    shown = client.post("/desk/bulk/tools", data={"pick:ada": "1", "pick:bea": "1", "action": action})
    client.post("/desk/bulk/tools/do", data=fields(shown.text, "/desk/bulk/tools/do"))
    assert {known(product, slug).tool.status for slug in ("ada", "bea")} == {status}
    hold(product)


@pytest.mark.parametrize("data", [{}, {"action": "explode", "pick:ada": "1"}, {"action": "reject"}])
def test_nothing_ticked_or_chosen_is_refused(signed_in, product, data):
    shelve(product, "Ada")
    for path in ("/desk/bulk/tools", "/desk/bulk/tools/do"):
        assert signed_in(EDITOR).post(path, data=data).status_code in (303, 400)
    assert known(product).tool.status is ToolStatus.QUEUED


# ------------------------------------------------------------ however much there is


def test_the_pages_take_a_fixed_number_of_statements(signed_in, product):
    client = signed_in(EDITOR)
    paths = ("/desk/tools", "/desk/tools?q=a", "/desk/tools?source=shelf&status=queued", ADA, "/desk/suggest/tools?q=a")

    def statements() -> list[int]:
        found = []
        for path in paths:
            with counted(product) as sent:
                assert client.get(path).status_code == 200
            found.append(len(sent))
        return found

    shelve(product, "Ada", "Bea")
    editing.merge_tools(product, "ada", "bea", actor="test")
    before = statements()
    names = [f"A{number}" for number in range(30)]
    shelve(product, *names)
    for name in names[:10]:
        editing.merge_tools(product, "ada", name.lower(), actor="test")
    assert statements() == before
    assert max(before) <= 24
