"""The retCode table: every listed code lands in a leaf, whatever was being done."""

import json
import os
from pathlib import Path

import pytest

from bot.errors import (
    AccessDenied,
    DuplicateOrderId,
    ExchangeError,
    InsufficientBalance,
    OrderGone,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RuleViolation,
    Unavailable,
)
from bot.exchanges.bybit_errors import BY_CODE, Doing, Failed, NoAnswer, Refused, error_for

KEY = [10003, 10004, 10005, 10007, 10008, 10009, 10010, 10024, 10027, 10028, 33004, -2015]
CLOCK = [10002, -1]
RATE = [10006, 429, 170222, 170005]
UNKNOWN = [10000, 10016, 170001, 170007, 170032, 170146, 170147, 170234]
FUNDS = [170131, 170033]
RULE = [
    170140,
    170136,
    170124,
    170381,
    170382,
    170341,
    170134,
    170137,
    170148,
    170132,
    170133,
    170192,
    170193,
]
RULE += [170194, 170371, 170372, 170121, 170151, 170157]
REFUSED = [170159, 170209, 170217, 170218, 170213, 170810, 10001]
GONE = [170139, 170142, 170213]
IN_PROCESS = [170212, 170190, 170191]

PLACE = {
    **dict.fromkeys(KEY, AccessDenied),
    **dict.fromkeys(CLOCK, OrderRejected),
    **dict.fromkeys(RATE, RateLimited),
    **dict.fromkeys(UNKNOWN, OutcomeUnknown),
    **dict.fromkeys(FUNDS, InsufficientBalance),
    **dict.fromkeys(RULE, RuleViolation),
    **dict.fromkeys([170141, 110072], DuplicateOrderId),
    **dict.fromkeys(REFUSED, OrderRejected),
}
CANCEL = {
    **dict.fromkeys(KEY, AccessDenied),
    **dict.fromkeys(CLOCK, OutcomeUnknown),
    **dict.fromkeys(RATE, RateLimited),
    **dict.fromkeys(UNKNOWN, OutcomeUnknown),
    **dict.fromkeys(GONE, OrderGone),
    **dict.fromkeys(IN_PROCESS, OutcomeUnknown),
}
READ = {
    **dict.fromkeys(KEY, AccessDenied),
    **dict.fromkeys(CLOCK, Unavailable),
    **dict.fromkeys(RATE, RateLimited),
    **dict.fromkeys([*UNKNOWN, *FUNDS, *RULE, *REFUSED], Unavailable),
}
CASES = [
    (doing, code, kind)
    for doing, table in ((Doing.PLACE, PLACE), (Doing.CANCEL, CANCEL), (Doing.READ, READ))
    for code, kind in table.items()
]
FOLDER = Path(os.environ.get("TRADER_AUTOMATA_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))


@pytest.mark.parametrize(("doing", "code", "kind"), CASES)
def test_every_listed_code_lands_in_its_leaf(doing, code, kind):
    error = error_for(Refused(code, "as documented"), doing, order_id="ta-t-1-e0-1")
    assert type(error) is kind
    assert error.code == code
    assert "as documented" in str(error)


def test_every_code_of_bybits_own_table_means_something_safe():
    path = FOLDER / "bybit" / "errors.json"
    if not path.exists():
        pytest.skip("no samples beside the checkout")
    table = json.loads(path.read_text())["samples"][0]["payload"]
    codes = {
        row["code"]
        for row in table
        if row["section"] in {"UTA", "Spot Trade"} and row["code"] != 0 and not row["struck_out"]
    }
    assert len(codes) > 120
    listed = set(PLACE) | set(CANCEL) | set(READ)
    assert listed - {10028, 110072} <= codes | {429} | {10028, 110072}
    for code in codes:
        for doing in Doing:
            error = error_for(Refused(code, ""), doing, order_id="ta-t-1-e0-1")
            assert isinstance(error, ExchangeError)
            # what the table does not know is never taken for a refusal
            if code not in BY_CODE:
                assert type(error) is (Unavailable if doing is Doing.READ else OutcomeUnknown)
            # a timeout between Bybit's own parts is never an answer
            if "timeout" in next(row["text"] for row in table if row["code"] == code).lower():
                assert not isinstance(error, OrderRejected | OrderGone)


@pytest.mark.parametrize("status", [403, 429, 401, 400, 404, 500, 502, 503, 504])
@pytest.mark.parametrize("doing", Doing)
def test_http_statuses(status, doing):
    error = error_for(Failed(status), doing, order_id="ta-t-1-e0-1")
    unsure = Unavailable if doing is Doing.READ else OutcomeUnknown
    assert type(error) is {403: RateLimited, 429: RateLimited, 401: AccessDenied}.get(status, unsure)
    if status == 403:
        assert error.retry_after == 600


def test_no_answer_is_never_a_no():
    assert type(error_for(NoAnswer("ReadTimeout"), Doing.READ)) is Unavailable
    for doing in (Doing.PLACE, Doing.CANCEL):
        error = error_for(NoAnswer("ReadTimeout"), doing, order_id="ta-t-1-e0-1")
        assert type(error) is OutcomeUnknown
        assert error.order_id == "ta-t-1-e0-1"


def test_no_code_is_listed_under_two_meanings():
    from bot.exchanges import bybit_errors as table

    names = ("_KEY", "_CLOCK", "_RATE", "_UNKNOWN", "_FUNDS", "_RULE", "_DUPLICATE", "_REFUSED", "_GONE")
    assert sum(len(getattr(table, name)) for name in names) == len(BY_CODE)
