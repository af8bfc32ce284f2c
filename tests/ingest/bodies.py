"""One small, true body per kind of source: what its parser is fed, and what the fuzzer bends."""

from __future__ import annotations

from typing import Any

import orjson

from tests.ingest.making import atom, entry

MODEL = {
    "id": "acme/Foo-7B",
    "likes": 12,
    "downloads": 34,
    "trendingScore": 5,
    "tags": ["transformers", "license:mit", "arxiv:2611.00001", "base_model:finetune:acme/Base", "chat"],
    "pipeline_tag": "text-generation",
    "createdAt": "2026-11-18T10:00:00.000Z",
}
SPACE = {
    "id": "acme/foo-demo",
    "likes": 3,
    "tags": ["gradio"],
    "createdAt": "2026-11-18T10:00:00.000Z",
    "subdomain": "acme-foo-demo",
    "cardData": {
        "title": "Foo Demo",
        "short_description": "Try Foo",
        "license": "apache-2.0",
        "models": ["acme/Foo-7B"],
    },
}
PAPER = {
    "paper": {
        "id": "2611.00001",
        "title": "Foo: Doing Bar\n  with Agents",
        "summary": "We do bar.",
        "authors": [{"name": "A. Author"}, {"name": "B. Author"}],
        "publishedAt": "2026-11-10T00:00:00.000Z",
        "submittedOnDailyAt": "2026-11-18T00:00:00.000Z",
        "upvotes": 0,
        "githubRepo": "https://github.com/acme/foo",
        "githubStars": 7,
        "projectPage": "https://foo.dev/",
        "ai_keywords": ["agents"],
    },
    "publishedAt": "2026-11-09T20:00:00.000Z",
    "numComments": 2,
}
STORY = {
    "objectID": "42",
    "title": "Show HN: Foo – does bar",
    "story_text": 'Hi! See <a href="https:&#x2F;&#x2F;foo.dev&#x2F;">foo</a> and <a href="https://github.com/acme/dep">dep</a>. Free tier.',
    "author": "someone",
    "points": 9,
    "num_comments": 4,
    "created_at_i": 1795082400,
}
REPOSITORY = {
    "id": 77,
    "name": "foo",
    "full_name": "Acme/foo",
    "owner": {"login": "Acme"},
    "description": "An agent",
    "homepage": "https://foo.dev",
    "created_at": "2026-11-01T10:00:00Z",
    "stargazers_count": 120,
    "forks_count": 3,
    "language": "Python",
    "topics": ["llm"],
    "license": {"spdx_id": "MIT"},
}
POST = {
    "id": "976652",
    "name": "Foo",
    "tagline": "Does bar",
    "description": "Foo does bar, with a free plan.",
    "url": "https://www.producthunt.com/posts/foo?utm_campaign=x",
    "website": "https://www.producthunt.com/r/ABC",
    "votesCount": 100,
    "createdAt": "2026-11-18T08:01:00Z",
    "featuredAt": "2026-11-18T08:01:00Z",
    "topics": {"nodes": [{"slug": "developer-tools"}]},
    "makers": [{"name": "[REDACTED]"}, {"name": "Maker"}],
}
LOBSTER = {
    "short_id": "abcdef",
    "title": "Foo: does bar",
    "url": "https://foo.dev/",
    "score": 10,
    "flags": 0,
    "comment_count": 2,
    "description": "",
    "submitter_user": "someone",
    "user_is_author": True,
    "tags": ["ai"],
    "created_at": "2026-11-18T09:44:53.153-05:00",
}
ROUTED = {
    "id": "acme/foo",
    "name": "Acme: Foo",
    "created": 1795082400,
    "description": "Foo answers. It is fast.",
    "hugging_face_id": "acme/Foo-7B",
    "context_length": 131072,
    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    "pricing": {"prompt": "0.000003", "completion": "0.000015"},
}
LAUNCH = {
    "id": 5,
    "title": "Foo - does bar",
    "tagline": "Bar, done",
    "slug": "abc-foo",
    "created_at": "2026-11-18T09:00:00Z",
    "total_vote_count": 31,
    "company": {"name": "Foo Inc", "url": "https://foo.dev", "batch": "F26", "tags": ["AI"]},
}
TRENDING_ROW = """<article class="Box-row"><a href="/sponsors/acme">Sponsor</a><h2><a href="/acme/foo">acme / foo</a></h2>
<p>An agent, open source</p><span itemprop="programmingLanguage">Python</span><a href="/acme/foo/stargazers">1,139</a>
<a href="/acme/foo/forks">20</a><span class="d-inline-block float-sm-right">39 stars today</span></article>"""
PRODUCT = entry(
    1,
    id="<id>tag:www.producthunt.com,2005:Post/123</id>",
    title="<title>Foo &amp;amp; Bar</title>",
    link='<link rel="alternate" href="https://www.producthunt.com/products/foo-bar"/>',
    content='<content type="html">&lt;p&gt; Data &amp;amp; AI &lt;/p&gt;&lt;p&gt;&lt;a href="https://www.producthunt.com/r/p/123"&gt;Link&lt;/a&gt;&lt;/p&gt;</content>',
)
RELEASE = entry(
    1,
    id="<id>tag:github.com,2008:Repository/77/v1.2.0</id>",
    title="<title>v1.2.0</title>",
    link='<link href="https://github.com/Acme/foo/releases/tag/v1.2.0"/>',
)
PREPRINT = entry(
    1,
    id="<id>oai:arXiv.org:2611.00001v2</id>",
    title="<title>Foo: Doing Bar</title>",
    link='<link href="https://arxiv.org/abs/2611.00001"/>',
    summary="<summary>arXiv:2611.00001v2 Announce Type: new \nAbstract: We do bar.</summary>",
    kind='<arxiv:announce_type xmlns:arxiv="http://arxiv.org/schemas/atom">new</arxiv:announce_type>',
    comment='<arxiv:comment xmlns:arxiv="http://arxiv.org/schemas/atom">Code: https://github.com/acme/foo</arxiv:comment>',
)
REDDIT = entry(
    1,
    id="<id>t3_1abcd</id>",
    title="<title>I built Foo: a bar machine</title>",
    link='<link href="https://www.reddit.com/r/LocalLLaMA/comments/1abcd/foo/"/>',
    content='<content type="html">&lt;div class="md"&gt;&lt;p&gt;Hello&lt;/p&gt;&lt;/div&gt; &lt;a href="https://github.com/acme/foo"&gt;[link]&lt;/a&gt;</content>',
)


def posts(*nodes: Any, more: bool = False, cursor: str = "MjA") -> dict[str, Any]:
    return {"data": {"posts": {"nodes": list(nodes), "pageInfo": {"hasNextPage": more, "endCursor": cursor}}}}


TRUE: dict[str, bytes] = {
    "huggingface-models": orjson.dumps([MODEL]),
    "huggingface-spaces": orjson.dumps([SPACE]),
    "huggingface-datasets": orjson.dumps([{**MODEL, "id": "acme/foo-set", "description": "Rows"}]),
    "huggingface-trending": orjson.dumps({"recentlyTrending": [{"repoType": "model", "repoData": MODEL}]}),
    "huggingface-papers": orjson.dumps([PAPER]),
    "hackernews": orjson.dumps({"hits": [STORY], "nbHits": 1, "page": 0, "nbPages": 1}),
    "github-search": orjson.dumps({"total_count": 1, "incomplete_results": False, "items": [REPOSITORY]}),
    "github-trending": f"<!DOCTYPE html><html><body>{TRENDING_ROW}</body></html>".encode(),
    "github-releases": atom(RELEASE).encode(),
    "producthunt-feed": atom(PRODUCT).encode(),
    "producthunt-graphql": orjson.dumps(posts(POST)),
    "arxiv": atom(PREPRINT).encode(),
    "reddit": atom(REDDIT).encode(),
    "lobsters": orjson.dumps([LOBSTER]),
    "openrouter": orjson.dumps({"data": [ROUTED]}),
    "yc-launches": orjson.dumps({"hits": [LAUNCH]}),
    "feed": atom(entry(1)).encode(),
}
