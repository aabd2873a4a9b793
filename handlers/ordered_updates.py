"""Updates in the order of their numbers, whatever order an answer has them in.

core.telegram.org/bots/api, "Update": update_id allows "to restore the correct update sequence, should they get out
of order". PTB would handle them as they lie there, and confirm up to the last one instead of the highest.
"""

from typing import Any

from telegram.request import HTTPXRequest


class OrderedUpdates(HTTPXRequest):
    """For getUpdates only."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer, its updates sorted."""
        found = HTTPXRequest.parse_json_payload(payload)
        if isinstance(found.get("result"), list):
            found["result"].sort(key=lambda update: update["update_id"])
        return found
