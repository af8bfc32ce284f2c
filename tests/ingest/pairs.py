"""Pairs of sightings and the truth about each: one product, two, or two versions of one.

All of them are made up, after cases that occur. A pair is written as sources see things (names, addresses, makers),
and goes through the same identity rules as an adapter's entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

from core.identifier import Identifier
from core.sighting import Sighting, Thing
from ingest.identity import homepage_identity, identify, mentioned


class Truth(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    VERSION = "new version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    kind: str
    one: Sighting
    other: Sighting
    truth: Truth

    @property
    def share_an_identifier(self) -> bool:
        """Whether anything that the one names or speaks of is named or spoken of by the other."""
        ours, theirs = (each.identifiers | each.mentions for each in (self.one, self.other))
        return bool(ours & theirs)


_NUMBERS = count(1)


def saw(name: str, *urls: str, ids: str = "", speaks_of: tuple[str, ...] = (), **more: Any) -> Sighting:
    """An entry called `name` at these addresses, with further ids, speaking of other addresses."""
    number = next(_NUMBERS)
    named = identify(urls) | homepage_identity(more.get("homepage")) | frozenset(map(Identifier.parse, ids.split()))
    return Sighting(
        **{
            "source": "one" if number % 2 else "other",
            "external_id": str(number),
            "url": f"https://listing.example/{number}",
            "name": name,
            "thing": Thing.LAUNCH,
            "identifiers": named,
            "mentions": mentioned(speaks_of, besides=named),
            **more,
        }
    )


def pairs() -> tuple[Pair, ...]:
    """All of them, always in the same order."""
    return tuple(
        Pair(kind=rule.__name__.replace("_", " "), one=one, other=other, truth=truth)
        for rule, truth in RULES
        for one, other in rule()
    )


Both = Iterator[tuple[Sighting, Sighting]]
MAKERS = ("acme", "borealis", "cinder", "dunelm", "ember", "fjordlab", "gantry", "hollow")
NAMES = ("Quillon", "Marrow", "Tindr-o", "Vesper", "Okapi", "Lumenary", "Brindle", "Sorrel", "Kestrel", "Pumice")

# ------------------------------------------------------------ one product


def spellings_of_a_page() -> Both:
    for place in ("quillon.example", "marrow.example/tool", "brindle.example/app/v2"):
        for other in (
            f"http://{place}",
            f"https://www.{place}",
            f"https://{place}/",
            f"https://{place}?utm_source=hn&utm_medium=post",
            f"https://{place}?ref=producthunt",
            f"https://{place}/index.html",
            f"https://{place}#top",
            f"HTTPS://{place.replace('example', 'EXAMPLE', 1)}",
            f"https://{place.replace('.example', '.example:443', 1)}",
            f"https://{place.replace('.example', '.example.', 1)}",
            f"https://{place}?fbclid=abc",
        ):
            yield saw("A thing that reads", f"https://{place}"), saw("Look what we made", other)
    yield saw("Umlauts", "https://bücher.example/"), saw("Letters", "https://xn--bcher-kva.example")
    yield saw("Tilde", "https://kestrel.example/%7Eann"), saw("Path", "https://kestrel.example/~ann")


def spellings_of_a_repository() -> Both:
    for maker, name in (("acme", "quillon"), ("borealis", "marrow"), ("Cinder", "Vesper")):
        place = f"https://github.com/{maker}/{name}"
        for other in (
            f"{place}.git",
            f"{place}/",
            f"{place}/tree/main",
            f"{place}/releases/tag/v1.2",
            f"{place}/blob/main/README.md",
            place.lower(),
            place.replace("https://", "http://www."),
            f"{place}?tab=readme-ov-file",
        ):
            yield saw("A repository", place), saw("What somebody found", other)


def spellings_at_hugging_face() -> Both:
    for number, place in enumerate(
        ("acme/Quillon-7B", "borealis/marrow", "cinder/Vesper_v2", "datasets/acme/rows", "spaces/acme/demo")
    ):
        yield saw("Model card", f"https://huggingface.co/{place}"), saw(f"Seen {number}", f"https://hf.co/{place}")
        yield (
            saw("Model card", f"https://huggingface.co/{place}"),
            saw("Files", f"https://huggingface.co/{place}/tree/main"),
        )


def spellings_of_a_paper() -> Both:
    for number in ("2502.01234", "2503.04567", "2511.00011"):
        abstract = f"https://arxiv.org/abs/{number}"
        for other in (
            f"https://arxiv.org/pdf/{number}v2",
            f"https://arxiv.org/pdf/{number}.pdf",
            f"https://arxiv.org/abs/{number}v3",
            f"https://huggingface.co/papers/{number}",
            f"https://doi.org/10.48550/arXiv.{number}",
            f"https://export.arxiv.org/abs/{number}",
        ):
            yield saw("A long title", abstract, thing=Thing.PAPER), saw("[pdf] Interesting", other, thing=Thing.ARTICLE)


def spellings_of_a_post() -> Both:
    yield (
        saw("Post", "https://old.reddit.com/r/AI/comments/1abcde/x/"),
        saw("P", "https://www.reddit.com/r/AI/comments/1abcde/"),
    )
    yield saw("Post", "https://redd.it/1abcdf"), saw("P", "https://reddit.com/r/AI/comments/1abcdf/title_here")
    yield saw("Post", "https://news.ycombinator.com/item?id=41"), saw("P", "http://news.ycombinator.com/item?id=41#41")
    yield saw("Post", "https://lobste.rs/s/abc123/title"), saw("P", "https://lobste.rs/s/abc123")


def headlines_with_a_year_or_a_format() -> Both:
    for number, name in enumerate(NAMES):
        page = f"https://{name.lower()}.example/paper{number}"
        tail = ("(2024)", "[pdf]", "(2023) [pdf]", "– a review")[number % 4]
        yield saw(name, page), saw(f"{name}: how it was built {tail}", page, thing=Thing.ARTICLE)


def renamed_repositories() -> Both:
    for number, maker in enumerate(MAKERS):
        yield (
            saw(NAMES[number], f"https://github.com/{maker}/old{number}", ids=f"github-id:{number + 100}"),
            saw("Renamed", f"https://github.com/{maker}-labs/new{number}", ids=f"github-id:{number + 100}"),
        )


def papers_and_their_code() -> Both:
    for number, name in enumerate(NAMES):
        code = f"https://github.com/{MAKERS[number % 8]}/{name.lower()}"
        paper = saw(f"{name}: learning to wait", f"https://arxiv.org/abs/2504.1{number:04}", code, thing=Thing.PAPER)
        yield paper, saw(name.lower(), code, thing=Thing.REPOSITORY, ids=f"github-id:{number + 200}")


def papers_and_the_models_that_cite_them_by_name() -> Both:
    for number, name in enumerate(NAMES):
        paper = f"https://arxiv.org/abs/2505.1{number:04}"
        yield (
            saw(f"{name}: small and sure", paper, thing=Thing.PAPER, author="Ann Author"),
            saw(name, f"https://huggingface.co/{MAKERS[number % 8]}/{name}", speaks_of=(paper,), thing=Thing.MODEL),
        )


def launches_and_their_website() -> Both:
    for name in NAMES:
        page = f"https://{name.lower()}.example"
        yield (
            saw(name, page, ids=f"producthunt:{name.lower()}"),
            saw(f"{name} wants to help you think", f"{page}/?ref=producthunt"),
        )


def posts_that_link_to_the_code() -> Both:
    for number, name in enumerate(NAMES):
        code = f"https://github.com/{MAKERS[number % 8]}/{name.lower()}"
        yield (
            saw(f"Show HN: {name} – agents that wait", f"https://{name.lower()}.example/", speaks_of=(code,)),
            saw(name, code, thing=Thing.REPOSITORY),
        )


def one_name_and_one_maker_on_two_sites() -> Both:
    spellings = ("{}", "{} AI", "{}.ai", "Show HN: {} – agents", "{} | the waiting room", "{}: patience as a service")
    for number, name in enumerate(NAMES):
        maker = MAKERS[number % 8]
        known_as = (maker, maker.title(), f"{maker}-ai", f"/u/{maker}", f"{maker.title()} (W24)", f"{maker} HQ")[
            number % 6
        ]
        yield (
            saw(name, f"https://github.com/{maker}/{name.lower()}", author=maker),
            saw(spellings[number % 6].format(name), f"https://{name.lower()}.example/", author=known_as),
        )


def one_name_and_one_homepage_domain() -> Both:
    for number, name in enumerate(NAMES):
        home = f"https://{name.lower()}-tools.example"
        yield (
            saw(name, f"https://github.com/{MAKERS[number % 8]}/{name.lower()}", homepage=f"{home}/docs"),
            saw(f"{name} AI", f"https://store.example/{name}", homepage=f"{home}/start?utm_source=x"),
        )


def models_listed_by_two_shops() -> Both:
    for number, name in enumerate(NAMES):
        maker = MAKERS[number % 8]
        yield (
            saw(f"{name}-8B", f"https://huggingface.co/{maker}/{name}-8B", author=maker, thing=Thing.MODEL),
            saw(f"{name} 8B", ids=f"openrouter:{maker}/{name.lower()}-8b", author=maker, thing=Thing.MODEL),
        )


def mirrors() -> Both:
    for number, name in enumerate(NAMES):
        maker = MAKERS[number % 8]
        yield (
            saw(name, f"https://github.com/{maker}/{name.lower()}", author=maker, thing=Thing.REPOSITORY),
            saw(name.lower(), f"https://codeberg.example/{maker}/{name}", author=maker, thing=Thing.REPOSITORY),
        )


def two_names_and_nothing_in_common() -> Both:
    for number, name in enumerate(NAMES[:8]):
        yield saw(name, f"https://{name.lower()}.example"), saw(f"Project {number} by us", f"https://p{number}.example")


# ------------------------------------------------------------ two products


def forks() -> Both:
    for number, name in enumerate(NAMES):
        original = f"https://github.com/{MAKERS[number % 8]}/{name.lower()}"
        fork = saw(
            name.lower(),
            f"https://github.com/someone{number}/{name.lower()}",
            speaks_of=(original,),
            thing=Thing.REPOSITORY,
        )
        yield saw(name.lower(), original, thing=Thing.REPOSITORY), fork


def ids_that_differ_in_case() -> Both:
    for name in NAMES[:6]:
        yield saw(name, f"https://huggingface.co/Acme/{name}"), saw(name, f"https://huggingface.co/acme/{name.lower()}")


def repositories_that_share_an_organisations_root() -> Both:
    for number, name in enumerate(NAMES):
        root, maker = f"https://{MAKERS[number % 8]}.example", MAKERS[number % 8]
        yield (
            saw(name, f"https://github.com/{maker}/{name.lower()}", homepage=root, author=maker),
            saw(f"{name} Studio", f"https://github.com/{maker}/{name.lower()}-studio", homepage=root, author=maker),
        )


def packages_of_one_repository() -> Both:
    for number, name in enumerate(NAMES):
        tree = f"https://github.com/{MAKERS[number % 8]}/{name.lower()}/tree/main/packages"
        yield saw(f"{name} core", f"{tree}/core"), saw(f"{name} shell", f"{tree}/shell")


def copies_in_fewer_bits() -> Both:
    for number, name in enumerate(NAMES):
        base = f"https://huggingface.co/{MAKERS[number % 8]}/{name}"
        copy = (f"{name}-GGUF", f"{name}-AWQ", name, f"{name}-4bit")[number % 4]
        yield (
            saw(name, base, author=MAKERS[number % 8], thing=Thing.MODEL),
            saw(
                copy,
                f"https://huggingface.co/quantiser/{copy}",
                speaks_of=(base,),
                author="quantiser",
                thing=Thing.MODEL,
            ),
        )


def models_that_cite_one_paper() -> Both:
    for number, name in enumerate(NAMES):
        paper = (f"https://arxiv.org/abs/2506.1{number:04}",)
        yield (
            saw(name, f"https://huggingface.co/acme/{name}", speaks_of=paper, author="acme", thing=Thing.MODEL),
            saw(
                f"{name}-tuned",
                f"https://huggingface.co/bob{number}/{name}-tuned",
                speaks_of=paper,
                author=f"bob{number}",
            ),
        )


def neighbours_on_shared_hosting() -> Both:
    for number, host in enumerate(("vercel.app", "github.io", "hf.space", "netlify.app", "notion.site", "web.app")):
        yield (
            saw(NAMES[number], f"https://one.{host}", homepage=f"https://one.{host}"),
            saw(NAMES[number], f"https://two.{host}", homepage=f"https://two.{host}"),
        )
        yield saw(f"{NAMES[number]} one", f"https://one.{host}/a"), saw(f"{NAMES[number]} two", f"https://one.{host}/b")


def pages_told_apart_by_their_query() -> Both:
    for query in ("id", "p", "model", "v", "page_id"):
        yield saw("First", f"https://shop.example/app?{query}=1"), saw("Second", f"https://shop.example/app?{query}=2")
    for source in ("ref=main", "source=a1", "via=route66"):
        yield saw("First", f"https://shop.example/app?{source}"), saw("Second", "https://shop.example/app?ref=other")


def pages_told_apart_by_their_route() -> Both:
    for place in ("#/", "#!/", "#/tools/", "#!"):
        yield saw("First", f"https://spa.example/{place}one"), saw("Second", f"https://spa.example/{place}two")


def tools_of_one_popular_name() -> Both:
    for number in range(20):
        yield (
            saw(
                "Atlas",
                f"https://atlas{number}.example",
                author=f"maker{number}",
                homepage=f"https://atlas{number}.example",
            ),
            saw(
                ("Atlas", "Atlas AI", "ATLAS", "atlas.io")[number % 4],
                f"https://getatlas{number}.example",
                author=f"other{number}",
            ),
        )


def names_registered_again_by_someone_else() -> Both:
    for number, name in enumerate(NAMES[:6]):
        page = f"https://github.com/{MAKERS[number]}/{name.lower()}"
        yield saw(name, page, ids=f"github-id:{number + 300}"), saw(name, page, ids=f"github-id:{number + 400}")


def lapsed_homepages() -> Both:
    for number, name in enumerate(NAMES[:6]):
        home = f"https://{name.lower()}.example"
        yield (
            saw(name, f"https://github.com/{MAKERS[number]}/{name.lower()}", homepage=home),
            saw("Best bonus codes", "https://github.com/casino/bonus", homepage=home),
        )


def confusable_letters() -> Both:
    for one, other in (("Cursor", "Сursor"), ("Ollama", "Оllama"), ("Perplexity", "Рerplexity"), ("Cohere", "Соhere")):
        yield (
            saw(one, f"https://{one.lower()}.example", author=one),
            saw(other, f"https://{other.lower()}.example", author=other),
        )
        yield (
            saw(one, f"https://{one.lower()}.example"),
            saw(one.replace("o", "0").replace("l", "1"), "https://fake.example"),
        )


def products_at_a_big_makers_root() -> Both:
    for domain in ("openai.com", "google.com", "microsoft.com", "nvidia.com", "meta.com", "mistral.ai"):
        root = f"https://{domain}"
        yield saw("Canvas", root, homepage=root), saw("Operator", f"{root}/", homepage=root)
        yield saw("Canvas", homepage=root, author="ann"), saw("Canvas", homepage=root, author="bob")


def apps_of_one_store() -> Both:
    for number, name in enumerate(NAMES[:6]):
        store = f"https://apps.apple.com/us/app/{name.lower()}"
        yield (
            saw(name, f"{store}/id10000{number}1", author="acme"),
            saw(name, f"{store}/id10000{number}2", author="acme"),
        )


def data_and_model_of_one_name() -> Both:
    for number, name in enumerate(NAMES[:8]):
        place = f"{MAKERS[number]}/{name}"
        yield (
            saw(name, f"https://huggingface.co/{place}", author=MAKERS[number], thing=Thing.MODEL),
            saw(name, f"https://huggingface.co/datasets/{place}", author=MAKERS[number], thing=Thing.DATASET),
        )


def strangers_demonstrations() -> Both:
    for number, name in enumerate(NAMES):
        model = f"https://huggingface.co/{MAKERS[number % 8]}/{name}"
        yield (
            saw(name, model, thing=Thing.MODEL),
            saw(name, f"https://huggingface.co/spaces/fan{number}/{name}", speaks_of=(model,), thing=Thing.SPACE),
        )


def wrappers() -> Both:
    for number, name in enumerate(NAMES):
        code = f"https://github.com/{MAKERS[number % 8]}/{name.lower()}"
        wrapper = saw(
            (f"{name}-python", f"{name} for Vim", name)[number % 3],
            f"https://huggingface.co/fan/{name}",
            speaks_of=(code,),
        )
        yield saw(name, code), wrapper


def articles_of_one_writer() -> Both:
    for number, title in enumerate(("Links of the week", "Release notes", "What I use", "Field notes", "Newsletter")):
        yield tuple(  # type: ignore[misc]
            saw(
                title,
                f"https://blog.example/{number}/{part}",
                author="Ann Writer",
                thing=Thing.ARTICLE,
            )
            for part in (1, 2)
        )


def names_that_anybody_gives() -> Both:
    for name in ("Demo", "Playground", "Test", "Chatbot", "Agents", "Untitled"):
        yield (
            saw(name, f"https://huggingface.co/spaces/acme/{name}", author="acme"),
            saw(name, f"https://github.com/acme/{name}-{len(name)}", author="acme"),
        )


# ------------------------------------------------------------ two versions of one product


def versions() -> Both:
    for number, name in enumerate(NAMES):
        maker = MAKERS[number % 8]
        one, other = (("5.0", "6.0"), ("v1", "v2"), ("2", "2.5"), ("1", "1.5-preview"))[number % 4]
        yield (
            saw(
                f"{name} {one}",
                f"https://{name.lower()}.example/{one}",
                author=maker,
                homepage=f"https://{name.lower()}.example/{one}",
            ),
            saw(f"{name} {other}", f"https://{name.lower()}.example/{other}", author=maker),
        )


def sizes() -> Both:
    for number, name in enumerate(NAMES):
        maker = MAKERS[number % 8]
        one, other = (("2B", "7B"), ("8B-Instruct", "70B"), ("mini", "large"), ("7B", "8x7B"))[number % 4]
        yield (
            saw(f"{name}-{one}", f"https://huggingface.co/{maker}/{name}-{one}", author=maker, thing=Thing.MODEL),
            saw(f"{name}-{other}", f"https://huggingface.co/{maker}/{name}-{other}", author=maker, thing=Thing.MODEL),
        )


def second_launches_under_a_new_slug() -> Both:
    for number, name in enumerate(NAMES):
        maker = MAKERS[number % 8]
        yield (
            saw(name, ids=f"producthunt:{name.lower()}", author=maker),
            saw((f"{name} 2.0", name)[number % 2], ids=f"producthunt:{name.lower()}-2", author=maker),
        )


RULES = (
    *(
        (rule, Truth.SAME)
        for rule in (
            spellings_of_a_page,
            spellings_of_a_repository,
            spellings_at_hugging_face,
            spellings_of_a_paper,
            spellings_of_a_post,
            headlines_with_a_year_or_a_format,
            renamed_repositories,
            papers_and_their_code,
            papers_and_the_models_that_cite_them_by_name,
            launches_and_their_website,
            posts_that_link_to_the_code,
            one_name_and_one_maker_on_two_sites,
            one_name_and_one_homepage_domain,
            models_listed_by_two_shops,
            mirrors,
            two_names_and_nothing_in_common,
        )
    ),
    *(
        (rule, Truth.DIFFERENT)
        for rule in (
            forks,
            ids_that_differ_in_case,
            repositories_that_share_an_organisations_root,
            packages_of_one_repository,
            copies_in_fewer_bits,
            models_that_cite_one_paper,
            neighbours_on_shared_hosting,
            pages_told_apart_by_their_query,
            pages_told_apart_by_their_route,
            tools_of_one_popular_name,
            names_registered_again_by_someone_else,
            lapsed_homepages,
            confusable_letters,
            products_at_a_big_makers_root,
            apps_of_one_store,
            data_and_model_of_one_name,
            strangers_demonstrations,
            wrappers,
            articles_of_one_writer,
            names_that_anybody_gives,
        )
    ),
    *((rule, Truth.VERSION) for rule in (versions, sizes, second_launches_under_a_new_slug)),
)
