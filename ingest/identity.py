"""Identity: the canonical key of an address, and the identifiers that addresses and structured fields hold.

The rules are versioned by `KEY_VERSION`. Changing one means new keys beside the old, never keys rewritten in place.
Law: `url_key(url_key(u)) == url_key(u)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

from core.identifier import Identifier, Scheme
from ingest.hosts import host_key
from ingest.shared_hosts import BIG_DOMAINS, CONTENT_HOSTS, HOSTING_SUFFIXES
from ingest.wording import words

KEY_VERSION = 1

_LONGEST = 2_000
_MOST_MENTIONED = 20
_REMEMBERED = 2_000
"""Addresses whose reading is kept: one entry asks for the same few several times over."""

_TRACKERS = words(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid ttclid igshid igsh mc_cid mc_eid _ga _gl _hsenc _hsmi "
    "mkt_tok vero_id vero_conv oly_anon_id oly_enc_id s_cid rb_clickid wickedid li_fat_id epik srsltid ref_src ref_url "
    "__twitter_impression guccounter"
)
_TRACKER_PREFIXES = ("utm_", "mtm_", "pk_", "hsa_", "itm_")
# These three carry meaning on many sites (`?ref=main` is a branch): they go only when the value names a referrer.
_REFERRER_NAMES = frozenset({"ref", "source", "via"})
_REFERRERS = words(
    "producthunt product-hunt product_hunt ph hackernews hacker-news hn ycombinator yc reddit twitter x linkedin facebook "
    "github huggingface hf newsletter email rss feed lobsters betalist indiehackers devhunt"
)
_INDEX = re.compile(r"/(?:index\.(?:html?|php|aspx?|jsp|shtml)|default\.aspx?)$", re.IGNORECASE)
_SCHEME = re.compile(r"^([a-z][a-z0-9+.\-]*):(?!\d)", re.IGNORECASE)
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_LONE_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")
_VIDEO = re.compile(r"/[A-Za-z0-9_\-]{5,20}")
# An address that differs from its key by its scheme, a leading `www.` and a trailing slash at most.
_SIMPLE = re.compile(r"https?://((?:[a-z0-9][a-z0-9-]{0,62}\.)+[a-z]{2,24})(/[\w~!$&'()*+,;=:@/-]*)?", re.ASCII)
_SHORT = 250
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SUB_DELIMITERS = frozenset("!$&'()*+,;=:@/")


@lru_cache(maxsize=_REMEMBERED)
def url_key(url: str) -> str | None:
    """The key under which an address is compared: host, path, query and hash route, without scheme.

    http and https are one; userinfo, a leading `www.`, ports 80 and 443, a trailing dot or slash, index files and
    trackers go; the host is lower-case IDNA; unreserved escapes are decoded and `%2F` is kept; dot segments are
    resolved; the rest of the query is sorted; a fragment stays only as a route (`#/`, `#!`); the path keeps its case.
    Returns None for what is no web address or longer than 2,000 characters.
    """
    text = url.strip()
    simple = _SIMPLE.fullmatch(text) if len(text) < _SHORT else None
    if simple and simple[1] != "youtu.be" and (host := host_key(simple[1])):
        return host + (simple[2] or "").rstrip("/")
    return _careful_key(text)


def _careful_key(text: str) -> str | None:
    scheme = _SCHEME.match(text)
    if len(text) > _LONGEST or (scheme and scheme[1].lower() not in ("http", "https")):
        return None
    try:
        parts = urlsplit(text if scheme else f"http://{text}")
        if not scheme and "@" in parts.netloc:
            return None
        port = parts.port
    except ValueError:
        return None
    host = host_key(parts.hostname or "")
    if host is None:
        return None
    place = host if port in (None, 80, 443) else f"{host}:{port}"
    return _assembled(place, path=parts.path, query=parts.query, fragment=parts.fragment)


def _assembled(place: str, *, path: str, query: str, fragment: str) -> str | None:
    path, query = _path(path), _query(query)
    if place == "youtu.be" and _VIDEO.fullmatch(path):
        place, path, query = "youtube.com", "/watch", f"v={path[1:]}"
    key = place + path + (f"?{query}" if query else "") + _route(fragment)
    return key if len(key) <= _LONGEST else None


def _path(path: str) -> str:
    path = _without_dots(_normal(path))
    while True:
        shorter = _INDEX.sub("", path.rstrip("/"))
        if shorter == path:
            return path
        path = shorter


def _without_dots(path: str) -> str:
    """Dot segments resolved (RFC 3986, 5.2.4); they never climb above the root."""
    if "." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[max(1, len(kept) - 1) :] = []
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _normal(text: str) -> str:
    """Escapes in one spelling: unreserved ones decoded, the others in upper case, everything else that a URL
    cannot hold encoded as UTF-8."""
    decoded = _ESCAPE.sub(_unescaped, _LONE_PERCENT.sub("%25", text))
    return "".join(character if _may_stand(character) else _escaped(character) for character in decoded)


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _may_stand(character: str) -> bool:
    return character in _UNRESERVED or character in _SUB_DELIMITERS or character == "%"


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    kept = [(_normal(_spaced(name)), mark, _normal(_spaced(value))) for name, mark, value in pairs]
    return "&".join(sorted("".join(pair) for pair in kept if not _tracks(pair[0], pair[2])))


def _spaced(text: str) -> str:
    return text.replace("+", "%20")


def _tracks(name: str, value: str) -> bool:
    name = name.lower()
    if name in _REFERRER_NAMES:
        return value.lower() in _REFERRERS or _is_host(value)
    return name in _TRACKERS or name.startswith(_TRACKER_PREFIXES)


def _is_host(value: str) -> bool:
    return bool(
        re.fullmatch(r"(?:https?(?:://|:%2F%2F|%3A%2F%2F))?(?:[a-z0-9\-]+\.)+[a-z]{2,}/?", value, re.IGNORECASE)
    )


def _route(fragment: str) -> str:
    if not fragment.startswith(("/", "!")) or fragment in ("/", "!", "!/"):
        return ""
    return "#" + _normal(fragment)


def identifiers_of_url(url: str) -> frozenset[Identifier]:
    """What an address names: the strong identifier of a known site, else the page itself; empty when it names
    nothing for good (a profile, a video, a search, the root of a big domain).

    A place *inside* a repository or model (an issue, a package's folder) names only a part: see `part_of_url`.
    """
    return _names_of(url)[0]


def part_of_url(url: str) -> frozenset[Identifier]:
    """The repository, model, dataset or space that an address lies in: evidence, not identity."""
    return _names_of(url)[1]


_NOTHING: frozenset[Identifier] = frozenset()
_WITH_PARTS = frozenset({"github.com", "raw.githubusercontent.com", "huggingface.co"})


@lru_cache(maxsize=_REMEMBERED)
def _names_of(url: str) -> tuple[frozenset[Identifier], frozenset[Identifier]]:
    """What an address names, and what it lies in."""
    key = url_key(url)
    if key is None:
        return _NOTHING, _NOTHING
    place = _place(key)
    if place not in _PARTICULAR:  # nearly always
        return frozenset((Identifier(Scheme.URL, key),)), _NOTHING
    return _whole(place, key), _part(key) if place in _WITH_PARTS else _NOTHING


def _place(key: str) -> str:
    """Host and port of a key."""
    return key.partition("/")[0].partition("?")[0].partition("#")[0]


def _whole(place: str, key: str) -> frozenset[Identifier]:
    site = _SITES.get(place)
    if site is not None:
        return frozenset(site(*_places(key)[1:]))
    if place in CONTENT_HOSTS or (place in BIG_DOMAINS and _is_root(key)):
        return _NOTHING
    return frozenset({Identifier(Scheme.URL, key)})


def _is_root(key: str) -> bool:
    _, path, query = _places(key)
    return not path and not query and "#" not in key


def _part(key: str) -> frozenset[Identifier]:
    place, path, _ = _places(key)
    if place != "huggingface.co":
        return frozenset(_repository(path[:2]))
    depth = 3 if path[:1] in (["datasets"], ["spaces"]) else 2
    return frozenset(_huggingface(path[:depth], {}))


def identify(urls: Iterable[str | None]) -> frozenset[Identifier]:
    """The identifiers of several addresses of one thing; None is skipped."""
    return frozenset(identifier for url in urls if url for identifier in identifiers_of_url(url))


def mentioned(urls: Iterable[str], *, besides: frozenset[Identifier] = frozenset()) -> frozenset[Identifier]:
    """What several addresses speak of, parts included, except what is in `besides`; at most 20."""
    found: set[Identifier] = set().union(*(names for url in urls for names in _names_of(url))) - besides
    return frozenset(found if len(found) <= _MOST_MENTIONED else sorted(found)[:_MOST_MENTIONED])


def homepage_identity(url: str | None) -> frozenset[Identifier]:
    """The identifiers of a homepage field.

    None on shared hosting (copies and forks carry their model's homepage along), where it is evidence only:
    pass such an address to `mentioned`.
    """
    return frozenset() if url is None or on_shared_hosting(url) else identifiers_of_url(url)


def own_page(url: str | None) -> str | None:
    """The address when it is a page that a product can call its own, None for an invitation, a profile, a video or the
    root of a big domain."""
    return url if url and (identifiers_of_url(url) or on_shared_hosting(url)) else None


def on_shared_hosting(url: str) -> bool:
    """Whether an address lies on a host that gives each user a name of its own (vercel.app, github.io ...)."""
    key = url_key(url)
    if key is None:
        return False
    host = _place(key).partition(":")[0]
    return any(host == suffix or host.endswith("." + suffix) for suffix in HOSTING_SUFFIXES)


def domain_of(url: str) -> str | None:
    """The host of an address as its key writes it, without port."""
    key = url_key(url)
    return _place(key).partition(":")[0] if key else None


def _places(key: str) -> tuple[str, list[str], dict[str, str]]:
    """A key as host, path segments and query."""
    address, _, query = key.partition("#")[0].partition("?")
    place, _, path = address.partition("/")
    segments = [segment for segment in path.split("/") if segment]
    return place, segments, dict(parse_qsl(query)) if query else {}


# --- what the known sites' addresses name -----------------------------------------------------------------

_OWNER = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,38})", re.IGNORECASE)
_REPOSITORY = re.compile(r"[a-z0-9._\-]{1,100}", re.IGNORECASE)
_GITHUB_RESERVED = words(
    "about account apps advisories blog business careers codespaces collections contact customer-stories dashboard "
    "discussions education enterprise enterprises events explore features gist gists github-copilot home issues join "
    "login logout marketplace mobile models new newsroom nonprofit notifications orgs organizations partners personal "
    "premium-support pricing pulls readme resources search security sessions settings showcases site sitemap solutions "
    "sponsors stars startups stories team teams topics trending users watching why-github wiki"
)
_HF_RESERVED = words(
    "api blog chat collections datasets docs enterprise huggingface inference join learn login logout models "
    "new notifications organizations papers posts pricing search settings spaces storage support tasks "
    "terms-of-service privacy brand"
)
_ARXIV_ID = re.compile(r"(\d{4}\.\d{4,5}|[a-z\-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?", re.IGNORECASE)


def arxiv_id(text: str) -> str | None:
    """`2502.01234` from `2502.01234v2`, `arXiv:2502.01234` or `2502.01234.pdf`; None for anything else."""
    found = _ARXIV_ID.fullmatch(re.sub(r"^arxiv:\s*", "", text.strip(), flags=re.IGNORECASE))
    return found[1] if found else None


def github_repository(text: str) -> Identifier | None:
    """The identifier of `owner/name`; None for what cannot be one."""
    return next(iter(_repository(text.strip().split("/"))), None)


def _repository(path: list[str]) -> list[Identifier]:
    """A repository's own addresses: its page, `.git`, its default tree or README, its releases."""
    if len(path) < 2 or path[0].lower() in _GITHUB_RESERVED or not _is_whole(path[2:]):  # noqa: PLR2004 - owner, name
        return []
    owner, name = path[0], path[1].removesuffix(".git")
    if not _OWNER.fullmatch(owner) or not _REPOSITORY.fullmatch(name) or name in (".", ".."):
        return []
    return [Identifier(Scheme.GITHUB, f"{owner}/{name}".lower())]


def _is_whole(rest: list[str]) -> bool:
    """Whether what follows owner and name still means the whole: nothing, a branch, its README, a release."""
    if not rest or rest[0] == "releases":
        return True
    if rest[0] not in ("tree", "blob"):
        return False
    return len(rest) == 2 or (len(rest) == 3 and rest[2].lower().startswith("readme"))  # noqa: PLR2004 - tree, branch, file


def _github(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    return _repository(path)


def _huggingface(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    if path[:1] == ["papers"] and len(path) == 2:  # noqa: PLR2004 - papers, id
        return _arxiv(["abs", path[1]], {})
    schemes = {"datasets": Scheme.HF_DATASET, "spaces": Scheme.HF_SPACE}
    scheme = schemes.get(path[0], Scheme.HF) if path else Scheme.HF
    rest = path[1:] if scheme is not Scheme.HF else path
    named = hugging_face(scheme, "/".join(rest[:2]))
    return [named] if named and _is_whole(rest[2:]) else []


def hugging_face(scheme: Scheme, text: str) -> Identifier | None:
    """The identifier of `owner/name` on Hugging Face, case kept; None for what cannot be one."""
    owner, _, name = text.strip().partition("/")
    if owner.lower() in _HF_RESERVED or not _REPOSITORY.fullmatch(owner) or not _REPOSITORY.fullmatch(name):
        return None
    return Identifier(scheme, f"{owner}/{name}")


def _arxiv(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    if len(path) < 2 or path[0] not in ("abs", "pdf", "html", "ps", "format", "e-print"):  # noqa: PLR2004 - kind, id
        return []
    named = arxiv_id("/".join(path[1:]))
    return [Identifier(Scheme.ARXIV, named)] if named else []


def _doi(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    doi = unquote("/".join(path)).lower()
    if doi.startswith("10.48550/arxiv."):
        named = arxiv_id(doi.removeprefix("10.48550/arxiv."))
        return [Identifier(Scheme.ARXIV, named)] if named else []
    return [Identifier(Scheme.DOI, doi)] if re.fullmatch(r"10\.\d{4,9}/\S{1,200}", doi) else []


def _product_hunt(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    return [Identifier(Scheme.PRODUCTHUNT, path[1])] if path[:1] == ["products"] and path[1:2] else []


def _hacker_news(path: list[str], query: dict[str, str]) -> list[Identifier]:
    number = query.get("id", "")
    return [Identifier(Scheme.HN, number)] if path == ["item"] and number.isdecimal() and number.isascii() else []


def _reddit(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    post = path[path.index("comments") + 1 :][:1] if "comments" in path else []
    return [Identifier(Scheme.REDDIT, one.lower()) for one in post if one.isalnum()]


def _reddit_short(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    return [Identifier(Scheme.REDDIT, one.lower()) for one in path[:1] if one.isalnum()]


def _lobsters(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    return [Identifier(Scheme.LOBSTERS, path[1])] if path[:1] == ["s"] and path[1:2] else []


def _openrouter(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    if len(path) != 2 or path[0] in ("docs", "api", "settings", "models", "rankings", "apps"):  # noqa: PLR2004 - maker, model
        return []
    return [openrouter_model("/".join(path))]


def openrouter_model(text: str) -> Identifier:
    """The identifier of a model at OpenRouter; variants such as `:free` are the same model."""
    return Identifier(Scheme.OPENROUTER, text.partition(":")[0].lower())


def _y_combinator(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    """A launch; the page of a company names the maker."""
    return [Identifier(Scheme.YC, path[1])] if path[:1] == ["launches"] and len(path) == 2 else []  # noqa: PLR2004 - launches, slug


def _app_store(path: list[str], _query: dict[str, str]) -> list[Identifier]:
    return [Identifier(Scheme.APP_STORE, one[2:]) for one in path[-1:] if re.fullmatch(r"id\d{5,15}", one)]


def _play_store(path: list[str], query: dict[str, str]) -> list[Identifier]:
    named = path[-1:] == ["details"] and query.get("id")
    return [Identifier(Scheme.PLAY_STORE, named)] if named else []


_SITES = {
    "github.com": _github,
    "huggingface.co": _huggingface,
    "arxiv.org": _arxiv,
    "alphaxiv.org": _arxiv,
    "ar5iv.org": _arxiv,
    "doi.org": _doi,
    "dx.doi.org": _doi,
    "producthunt.com": _product_hunt,
    "news.ycombinator.com": _hacker_news,
    "reddit.com": _reddit,
    "redd.it": _reddit_short,
    "lobste.rs": _lobsters,
    "openrouter.ai": _openrouter,
    "ycombinator.com": _y_combinator,
    "apps.apple.com": _app_store,
    "itunes.apple.com": _app_store,
    "play.google.com": _play_store,
}
"""Host -> what one of its addresses names. An address of these hosts that the function cannot place names nothing."""

_PARTICULAR = frozenset(_SITES) | CONTENT_HOSTS | BIG_DOMAINS | _WITH_PARTS
"""Hosts of which an address does not simply name its page."""
