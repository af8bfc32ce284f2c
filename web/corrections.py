"""Corrections: the public log, and the form that readers report with."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import correcting, limiting
from app.wiring import Product
from core.errors import Refused
from web.callers import caller
from web.forms import Form, show_and_act
from web.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionPages:
    """Handlers."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their addresses."""
        report = show_and_act(show=self.show, act=self.act, base_url=self.pages.base_url)
        return [
            Route("/corrections", self.log),
            Route("/corrections/report", report, methods=["GET", "POST"]),
        ]

    def log(self, request: Request) -> Response:
        """What was wrong and what was changed, in the editors' words."""
        below = request.query_params.get("below")
        if below is not None and not (below.isascii() and below.isdigit() and len(below) < 10):  # noqa: PLR2004 - digits of a row's number
            raise HTTPException(404)
        found = correcting.log(self.product, before=None if below is None else int(below))
        return self.pages.published(request, "corrections.html", log=found, modified=found.modified)

    def show(self, request: Request) -> Response:
        """The form for one page. 404 when that page is not public."""
        subject = correcting.subject(self.product, request.query_params.get("about", ""))
        return self.pages.private("report.html", subject=subject, done=False, claim="", given="", problem="")

    def act(self, request: Request, form: Form) -> Response:
        """Keep a report; the form comes back with what was written when something is missing."""
        about, claim, source = (form.get(name, "") for name in ("about", "claim", "source"))
        subject = correcting.subject(self.product, about)
        limiting.use(self.product, "correction", caller(request))
        try:
            correcting.report(self.product, about, claim=claim, source_url=source)
        except Refused as refusal:
            words = {"claim": claim, "given": source, "problem": refusal.on_page}
            return self.pages.private("report.html", status=400, subject=subject, done=False, **words)
        return self.pages.private("report.html", subject=subject, done=True)
