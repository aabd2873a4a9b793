"""Bybit's refusals: retCodes and texts as its error page has them (docs/v5/error, "UTA" and "Spot Trade")."""

from collections.abc import Mapping

from bot.sandbox.orders import Reason, Refusal

PARAMETER = 10001
OUTSIDE_WINDOW = 10002
BAD_KEY = 10003
BAD_SIGNATURE = 10004
NO_PERMISSION = 10005
TOO_MANY_VISITS = 10006

_BY_REASON: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (170121, "Invalid symbol."),
    Reason.BAD_PRICE: (170130, "Data sent for paramter 'price' is not valid."),
    Reason.BAD_QTY: (170130, "Data sent for paramter 'qty' is not valid."),
    Reason.PRICE_DECIMALS: (170134, "Order price decimal too long."),
    Reason.QTY_DECIMALS: (170137, "Order volume decimal too long"),
    Reason.AMOUNT_DECIMALS: (170148, "Market order amount decimal too long"),
    Reason.VALUE_TOO_LOW: (170140, "Order value exceeded lower limit"),
    Reason.LIMIT_QTY_TOO_LARGE: (170381, "Order quantity too large."),
    Reason.MARKET_QTY_TOO_LARGE: (170382, "Order quantity too large."),
    Reason.INSUFFICIENT: (170131, "Balance insufficient"),
    Reason.DUPLICATE_LINK: (170141, "Duplicate clientOrderId"),
    Reason.TOO_MANY_ORDERS: (170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."),
    Reason.NOT_FOUND: (170213, "Order does not exist."),
    Reason.ALREADY_FILLED: (170139, "Order has been filled."),
    Reason.ALREADY_CANCELLED: (170142, "Order has been cancelled"),
    Reason.CANCEL_IN_PROCESS: (170212, "Cancel order request processing"),
    Reason.NOT_AMENDABLE: (170312, "The current order does not support modification"),
    Reason.BELOW_FILLED: (
        170313,
        "The modified contract quantity cannot be less than to the filled quantity",
    ),
}


class ApiError(Exception):
    """An answer with a retCode other than 0; HTTP status stays 200."""

    def __init__(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.headers = headers


def from_refusal(refusal: Refusal) -> ApiError:
    """The core's refusal in Bybit's words."""
    return ApiError(*_BY_REASON[refusal.reason])


def empty(name: str) -> ApiError:
    return ApiError(170105, f"Parameter '{name}' was empty.")


def invalid(name: str) -> ApiError:
    return ApiError(170130, f"Data sent for paramter '{name}' is not valid.")


def parameter(text: str) -> ApiError:
    """A parameter error in our own words: the real texts differ from case to case."""
    return ApiError(PARAMETER, f"Request parameter error: {text}")
