"""Where something is now that is asked for in another order or case, or by a slug that it once had."""

from __future__ import annotations

from starlette.responses import RedirectResponse

from app import publishing
from app.wiring import Product
from core.comparison import split_comparison_slug
from core.errors import NotFound, UsageError


def tool(product: Product, slug: str, *, to: str) -> RedirectResponse:
    """For good to the address of a tool on show; `to` holds its slug as `{}`. Raises NotFound for any other."""
    found = publishing.find_tool(product, slug.lower())
    if found == slug:
        raise NotFound(f"There is no tool {slug!r}.")
    return RedirectResponse(to.format(found), status_code=301)


def comparison(product: Product, slug: str, *, to: str) -> RedirectResponse:
    """For good to the address of a public comparison; `to` holds its slug as `{}`. Raises NotFound for any other."""
    try:
        one, other = split_comparison_slug(slug.lower())
    except UsageError:
        raise NotFound(f"There is no comparison {slug!r}.") from None
    address = publishing.comparison_address(product, one, other)
    # Only what is published may be pointed at: a redirect would tell that the pair exists. This also ends
    # every loop, since what is found at an address is shown there, whatever slug it was approved under.
    publishing.comparison(product, address)
    return RedirectResponse(to.format(address), status_code=301)
