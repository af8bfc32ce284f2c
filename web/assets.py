"""Static files: read once, addressed by their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from core.errors import NotFound

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"}
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file. `version` is the beginning of its SHA-256."""

    name: str
    body: bytes
    media_type: str
    version: str

    @property
    def address(self) -> str:
        """The address that pages use; it changes with the content."""
        return f"/static/{self.name}?v={self.version}"


def read_assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """Every file of the folder that has a known type, by name."""
    return {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in _TYPES}


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    version = hashlib.sha256(body).hexdigest()[:16]
    return Asset(name=path.name, body=body, media_type=_TYPES[path.suffix], version=version)


@dataclass(frozen=True, slots=True)
class AssetPages:
    """Answers `/static/{name}` from memory: no name from outside ever reaches the file system."""

    assets: Mapping[str, Asset]

    def serve(self, request: Request) -> Response:
        """The file. Asked for by its present version it may be kept for good; a page from before an upgrade
        asks for an older version, gets today's file and may not keep it."""
        asset = self.assets.get(request.path_params["name"])
        if asset is None:
            raise NotFound("No such file.")
        current = request.query_params.get("v") == asset.version
        headers = {"Cache-Control": _FOR_GOOD if current else "no-cache", "ETag": f'W/"{asset.version}"'}
        return Response(asset.body, media_type=asset.media_type, headers=headers)
