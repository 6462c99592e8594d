"""The modules and styles of the pages, as files.

SPDX-License-Identifier: Apache-2.0
"""

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class PageFiles(StaticFiles):
    """Files that a browser may keep, but asks about each time: after an update none is old.

    They hold nothing of patients, so that the room's `no-store` need not hold for them; without
    this every page would fetch some forty of them whole.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, or that it has not changed."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
