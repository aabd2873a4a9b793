"""Refusals of the Bot API stand-in, worded as the real server words them.

The HTTP status equals ``error_code``. TDLib's own sentences begin with a capital letter; the Bot API server
lower-cases the first letter behind its prefix, unless the second one is upper case or an underscore, so that
``BUTTON_DATA_INVALID`` stays (source: tdlib/telegram-bot-api, Client.cpp, fail_query_with_error).
"""

_PREFIXES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class ApiError(Exception):
    """A refused call: HTTP status, whole description, and for 429 the seconds to wait."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


def refusal(code: int, sentence: str) -> ApiError:
    """An error with its prefix, the first letter of the sentence lowered as the real server lowers it."""
    keeps_case = len(sentence) >= 2 and (sentence[1] == "_" or "A" <= sentence[1] <= "Z")
    shown = sentence if keeps_case else sentence[:1].lower() + sentence[1:]
    return ApiError(code, f"{_PREFIXES[code]}: {shown}")


def bad_request(sentence: str) -> ApiError:
    return refusal(400, sentence)


def unsupported(what: str) -> ApiError:
    """Real Telegram could do it, this sandbox cannot: said aloud, never answered with a false success."""
    return ApiError(400, f"Bad Request: {what} is not supported by the sandbox")


def flood_wait(seconds: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
