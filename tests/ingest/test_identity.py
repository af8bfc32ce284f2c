"""Keys of addresses and the identifiers they hold."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.identity import (
    _careful_key,
    arxiv_id,
    homepage_identity,
    identifiers_of_url,
    mentioned,
    own_page,
    part_of_url,
    url_key,
)

SAME = [
    ("http://example.com/a", "https://example.com/a"),
    ("https://www.example.com/a", "https://example.com/a"),
    ("https://example.com/a/", "https://example.com/a"),
    ("https://example.com:443/a", "https://example.com/a"),
    ("http://example.com:80/a", "https://example.com/a"),
    ("https://user:secret@example.com/a", "https://example.com/a"),
    ("https://example.com./a", "https://example.com/a"),
    ("https://EXAMPLE.com/a", "https://example.com/a"),
    ("https://example.com/a/index.html", "https://example.com/a"),
    ("https://example.com/index.php", "https://example.com"),
    ("https://example.com/%7Ea", "https://example.com/~a"),
    ("https://example.com/a%2fb", "https://example.com/a%2Fb"),
    ("https://example.com/x/../a", "https://example.com/a"),
    ("https://example.com/./a", "https://example.com/a"),
    ("https://example.com/../../a", "https://example.com/a"),
    ("https://example.com/a?utm_source=x&utm_medium=y", "https://example.com/a"),
    ("https://example.com/a?fbclid=1&b=2", "https://example.com/a?b=2"),
    ("https://example.com/a?mtm_campaign=1", "https://example.com/a"),
    ("https://example.com/a?ref=producthunt", "https://example.com/a"),
    ("https://example.com/a?source=news.ycombinator.com", "https://example.com/a"),
    ("https://example.com/a?b=1&a=2", "https://example.com/a?a=2&b=1"),
    ("https://example.com/a?q=x+y", "https://example.com/a?q=x%20y"),
    ("https://example.com/a?", "https://example.com/a"),
    ("https://example.com/a#part", "https://example.com/a"),
    ("https://example.com/#/", "https://example.com"),
    ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ("https://old.reddit.com/r/a/comments/1", "https://www.reddit.com/r/a/comments/1"),
    ("https://youtu.be/dQw4w9WgXcQ?t=1", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"),
    ("https://hf.co/a/b", "https://huggingface.co/a/b"),
]

DIFFERENT = [
    ("https://example.com/A", "https://example.com/a"),
    ("https://example.com/a%2Fb", "https://example.com/a/b"),
    ("https://example.com/?id=1", "https://example.com/?id=2"),
    ("https://example.com/?p=1", "https://example.com/"),
    ("https://example.com/?model=a", "https://example.com/?model=b"),
    ("https://example.com/#/one", "https://example.com/#/two"),
    ("https://example.com/#!one", "https://example.com/"),
    ("https://example.com/a?ref=main", "https://example.com/a"),
    ("https://example.com:8080/a", "https://example.com/a"),
    ("https://one.vercel.app", "https://two.vercel.app"),
    ("https://app.example.com", "https://example.com"),
    ("https://exаmple.com", "https://example.com"),  # a Cyrillic letter
    ("https://example.com/a//b", "https://example.com/a/b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert url_key(one) == url_key(other) is not None


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_addresses_have_different_keys(one: str, other: str) -> None:
    assert url_key(one) != url_key(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "mailto:a@b.example",
        "javascript:alert(1)",
        "ftp://example.com",
        "http://",
        "https:///x",
        "http://[::1",
        "http://a b",
        "https://example.com:99999/",
        "data:text/html,x",
        "a@example.com",
        "http://exa<mple.com",
        "https://e.com/" + "a" * 2000,
    ],
)
def test_what_is_no_web_address_has_no_key(text: str) -> None:
    assert url_key(text) is None


_PIECES = st.sampled_from(
    [
        "/",
        "//",
        ".",
        "..",
        "%",
        "%2",
        "%2F",
        "%41",
        "%%34%31",
        "?",
        "&",
        "=",
        "#",
        "#/",
        "#!",
        ":",
        "@",
        "[",
        "]",
        "www.",
        "a",
        "É",
        "ß",
        "+",
        " ",
        "index.html",
        "utm_source=x",
        "ref=hn",
        "ref=example.com",
        ":80",
        ":8080",
        "youtu.be/abcdef",
        "hf.co",
        "\\",
        "\t",
        "。",
        "％",
        "�",
    ],
)


@given(st.lists(_PIECES | st.text(max_size=3), max_size=12).map("".join))
@example("youtu.be/abcde&b=c")
@example("example.com/%%34%31")
@example("www.www.example.com")
def test_the_key_of_a_key_is_the_key(tail: str) -> None:
    for text in (tail, f"https://example.com/{tail}", f"http://{tail}", f"https://example.com/?{tail}"):
        key = url_key(text)
        assert key is None or url_key(key) == key


NAMED = [
    ("https://github.com/Foo/Bar", "github:foo/bar"),
    ("https://github.com/foo/bar.git", "github:foo/bar"),
    ("https://github.com/foo/bar/tree/main", "github:foo/bar"),
    ("https://github.com/foo/bar/blob/main/README.md", "github:foo/bar"),
    ("https://github.com/foo/bar/releases/tag/v1", "github:foo/bar"),
    ("https://github.com/foo/bar?tab=readme-ov-file#install", "github:foo/bar"),
    ("https://huggingface.co/Qwen/Qwen3-8B", "hf:Qwen/Qwen3-8B"),
    ("https://huggingface.co/Qwen/Qwen3-8B/tree/main", "hf:Qwen/Qwen3-8B"),
    ("https://hf.co/datasets/a/B", "hf-dataset:a/B"),
    ("https://huggingface.co/spaces/a/B", "hf-space:a/B"),
    ("https://huggingface.co/papers/2502.01234", "arxiv:2502.01234"),
    ("https://arxiv.org/abs/2502.01234v3", "arxiv:2502.01234"),
    ("http://www.arxiv.org/pdf/2502.01234v1.pdf", "arxiv:2502.01234"),
    ("https://export.arxiv.org/abs/cs/0112017", "arxiv:cs/0112017"),
    ("https://doi.org/10.48550/arXiv.2502.01234", "arxiv:2502.01234"),
    ("https://doi.org/10.1145/3292500.3330701", "doi:10.1145/3292500.3330701"),
    ("https://www.producthunt.com/products/cursor?utm_source=x", "producthunt:cursor"),
    ("https://news.ycombinator.com/item?id=42", "hn:42"),
    ("https://old.reddit.com/r/x/comments/1AbC/title/", "reddit:1abc"),
    ("https://redd.it/1abc", "reddit:1abc"),
    ("https://lobste.rs/s/abcdef/title", "lobsters:abcdef"),
    ("https://openrouter.ai/qwen/qwen3-8b:free", "openrouter:qwen/qwen3-8b"),
    ("https://www.ycombinator.com/launches/abc-foo", "yc:abc-foo"),
    ("https://apps.apple.com/us/app/foo/id1234567890", "app-store:1234567890"),
    ("https://play.google.com/store/apps/details?id=com.foo.bar&hl=en", "play-store:com.foo.bar"),
    ("packages.example/project/Foo_Bar/", "url:packages.example/project/Foo_Bar"),
    ("https://cursor.com/", "url:cursor.com"),
    ("https://foo.vercel.app/x", "url:foo.vercel.app/x"),
]


@pytest.mark.parametrize(("url", "name"), NAMED)
def test_an_address_names_what_it_leads_to(url: str, name: str) -> None:
    assert [str(one) for one in identifiers_of_url(url)] == [name]


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/ClawGym",
        "https://github.com/sponsors/foo",
        "https://github.com/foo/bar/issues/1",
        "https://github.com/foo/bar/tree/main/packages/sub",
        "https://huggingface.co/google",
        "https://huggingface.co/collections/a/b",
        "https://huggingface.co/docs/hub",
        "https://openai.com/",
        "https://discord.gg/abc",
        "https://x.com/foo/status/1",
        "https://www.youtube.com/watch?v=abc",
        "https://apps.apple.com/us/developer/foo",
        "https://www.ycombinator.com/companies/foo",
        "https://arxiv.org/list/cs.AI/recent",
    ],
)
def test_an_address_that_names_nothing_for_good_has_no_identifier(url: str) -> None:
    assert identifiers_of_url(url) == frozenset()


def test_case_tells_models_apart_but_not_repositories() -> None:
    assert identifiers_of_url("https://hf.co/a/Foo") != identifiers_of_url("https://hf.co/a/foo")
    assert identifiers_of_url("https://github.com/a/Foo") == identifiers_of_url("https://github.com/a/foo")


def test_a_place_inside_a_repository_is_evidence_of_it() -> None:
    assert [str(one) for one in part_of_url("https://github.com/foo/bar/issues/1")] == ["github:foo/bar"]
    assert [str(one) for one in mentioned(["https://hf.co/datasets/a/b/blob/main/x.csv"])] == ["hf-dataset:a/b"]


def test_a_homepage_on_shared_hosting_is_no_identity_but_a_homepage() -> None:
    assert homepage_identity("https://foo.github.io/bar") == frozenset()
    assert own_page("https://foo.github.io/bar") == "https://foo.github.io/bar"
    assert own_page("https://discord.gg/abc") is None


@pytest.mark.parametrize("text", ["", "abc", "2502", "2502.1", "25020.12345", "../2502.01234"])
def test_what_is_no_arxiv_id_is_refused(text: str) -> None:
    assert arxiv_id(text) is None


@given(st.text(max_size=80))
def test_any_text_at_all_may_be_asked_for_its_identifiers(text: str) -> None:
    for url in (
        text,
        f"https://github.com/{text}",
        f"https://huggingface.co/{text}",
        f"https://doi.org/{text}",
        f"https://play.google.com/{text}",
    ):
        for one in identifiers_of_url(url) | part_of_url(url):
            assert one.value


@given(
    st.sampled_from(["http", "https"]),
    st.sampled_from(
        ["www.example.com", "example.com", "www.www.x.io", "old.reddit.com", "youtu.be", "hf.co", "a.example"]
    ),
    st.text(st.sampled_from("ab/.-_~%2;,=&?#@:'()+AB"), max_size=20),
)
def test_a_simple_address_has_the_key_that_the_careful_way_gives(scheme: str, host: str, path: str) -> None:
    url = f"{scheme}://{host}{'/' if path else ''}{path}"
    assert url_key(url) == _careful_key(url)
