"""An edition's mail made out to its readers: each with links of their own.

The links of one mail are alike but for a few letters. So the frozen mail is rewritten once: where a link's mark stood
stands the link, with marks for the parts that differ from reader to reader. A reader's values are a third as long as
their links, and a request to the provider with them; what arrives is the same to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from app.settings import Settings
from app.tokens import STAMP_LENGTH, Bundle, Purpose
from app.wiring import Product
from core.delivery import Mail, Recipient
from core.edition import Frozen
from digest.compose import day, hello
from digest.headers import edition_headers, unsubscribe_headers
from digest.marks import CONFIRMED_ON, HELLO, PREFERENCES_URL, UNSUBSCRIBE_URL, Mark, value, vote_url
from store.deliveries import Addressee

TITLE = "Weekly Verdicts"
VOTES_OPEN = timedelta(days=28)
"""How long after its edition a vote link works."""

_LASTING = (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)
_HOLDER, _VOTER = Mark.named("holder"), Mark.named("voter")  # the bodies of a reader's tokens
_LEAVES, _CHOOSES = Mark.named("proof", "leaves"), Mark.named("proof", "chooses")


def edition_mail(settings: Settings, frozen: Frozen) -> Mail:
    """An edition's content as a mail, its marks still in it."""
    return Mail(
        sender=settings.sender,
        subject=frozen.subject,
        html=frozen.html,
        text=frozen.text,
        headers=edition_headers(title=TITLE, base_url=settings.base_url),
    )


class Form:
    """A variant of an edition, to be made out to one reader after another. `mail` is what they share."""

    def __init__(self, product: Product, frozen: Frozen) -> None:
        settings = product.settings
        self.sha256 = frozen.sha256
        whole = edition_mail(settings, frozen)
        links = _links(settings.base_url, frozen.comparisons)
        html, text = _parted(whole.html, links, html=True), _parted(whole.text, links, html=False)
        self.mail = Mail(sender=whole.sender, subject=whole.subject, html=html, text=text, headers=whole.headers)
        votes = [str(_proof(place)) for place in range(len(frozen.comparisons))]
        # Plain strings: a subclass is looked up several times as slowly.
        self._keys = [str(_HOLDER), str(_VOTER), str(_LEAVES), str(_CHOOSES), *votes]
        self._bundle = Bundle(product.signer, _LASTING, Purpose.VOTE, frozen.comparisons)
        self._leave = f"{settings.base_url}/{Purpose.UNSUBSCRIBE}/"
        self._mailbox = settings.unsubscribe_mailbox

    def recipients(self, people: Iterable[Addressee], *, now: datetime) -> tuple[Recipient, ...]:
        """Each reader with their values; their votes are open from now on."""
        until = int((now + VOTES_OPEN).timestamp())
        return tuple([self._recipient(each, until) for each in people])

    def _recipient(self, person: Addressee, until: int) -> Recipient:
        parts = self._bundle.parts(person.subscriber, person.key_hash[:STAMP_LENGTH], until=until)
        substitutions = dict(zip(self._keys, parts, strict=True))
        substitutions[_CONFIRMED] = _day(person.confirmed_on)
        substitutions[_HELLO] = hello(person.name)
        return Recipient(
            delivery=person.delivery,
            address=person.address,
            name=person.name,
            substitutions=substitutions,
            headers=unsubscribe_headers(url=f"{self._leave}{parts[0]}.{parts[2]}", mailto=self._mailbox),
        )


_CONFIRMED, _HELLO = str(CONFIRMED_ON), str(HELLO)
_day = lru_cache(maxsize=2_000)(day)


def _proof(place: int) -> Mark:
    return Mark.named("proof", str(place))


def _links(base_url: str, comparisons: Sequence[str]) -> dict[Mark, tuple[str, str]]:
    """The mark of each link: what its address begins with, and the marks of the rest."""
    links = {
        UNSUBSCRIBE_URL: (f"{base_url}/{Purpose.UNSUBSCRIBE}/", f"{_HOLDER}.{_LEAVES}"),
        PREFERENCES_URL: (f"{base_url}/{Purpose.PREFERENCES}/", f"{_HOLDER}.{_CHOOSES}"),
    }
    votes = f"{base_url}/{Purpose.VOTE}/"
    return links | {
        vote_url(slug): (f"{votes}{slug}.", f"{_VOTER}.{_proof(place)}") for place, slug in enumerate(comparisons)
    }


def _parted(text: str, links: dict[Mark, tuple[str, str]], *, html: bool) -> str:
    for mark, (start, rest) in links.items():
        text = text.replace(mark, value(start, html=html) + rest)
    return text
