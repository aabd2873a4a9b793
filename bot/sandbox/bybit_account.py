"""Account endpoints of Bybit V5: wallet balance, account info, fee rate, settings, the key itself."""

from bot.sandbox.bybit_call import Call, Result
from bot.sandbox.bybit_errors import parameter
from bot.sandbox.bybit_rows import plain, wallet_row
from bot.sandbox.orders import ZERO

WALLET = frozenset({"accountType", "coin"})
FEE_RATE = frozenset({"category", "symbol"})


def wallet_balance(call: Call) -> Result:
    """The UNIFIED wallet; coins with nothing in them are left out unless they are named."""
    if call.get("accountType") != "UNIFIED":
        raise parameter(f"accountType is {call.get('accountType')!r}, UNIFIED is wanted")
    named = [coin.strip() for coin in call.get("coin").split(",") if coin.strip()]
    known = {
        coin for book in call.venue.core.books.values() for coin in (book.filters.base, book.filters.quote)
    }
    unknown = [coin for coin in named if coin not in known | set(call.account.balances)]
    if unknown:
        raise parameter(f"coin {', '.join(unknown)} is not known here")
    held = [coin for coin, balance in call.account.balances.items() if balance.total != ZERO]
    return {"list": [wallet_row(call.account, call.venue.core, named or held)]}


def account_info(call: Call) -> Result:
    del call
    return {
        "marginMode": "REGULAR_MARGIN",
        "updatedTime": "1697078946000",
        "unifiedMarginStatus": 6,
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def fee_rate(call: Call) -> Result:
    call.only_spot()
    symbol = call.get("symbol")
    symbols = [call.filters(symbol).symbol] if symbol else list(call.venue.core.books)
    rate = plain(call.venue.core.rules.fee_rate)
    return {"list": [{"symbol": one, "takerFeeRate": rate, "makerFeeRate": rate} for one in symbols]}


def setting_config(call: Call) -> Result:
    """Orders beyond a price limit are not turned into others, fees are not paid in MNT."""
    del call
    return {"lpaSpot": False, "lpaPerp": False, "smsef": False, "fmsef": False}


def query_api(call: Call) -> Result:
    """What the key may do."""
    key = call.account
    return {
        "id": str(key.uid),
        "note": key.name,
        "apiKey": key.api_key,
        "readOnly": 1 if key.read_only else 0,
        "secret": "",
        "permissions": {
            "ContractTrade": [],
            "Spot": [] if key.read_only else ["SpotTrade"],
            "Wallet": list(key.wallet_permissions),
            **{
                name: []
                for name in (
                    "Options", "Derivatives", "CopyTrading", "BlockTrade", "Exchange", "NFT", "Affiliate", "Earn",
                    "FiatP2P", "FiatConvertBroker", "FiatGlobalPay", "FiatBitPay", "BitCard", "ByXPost",
                )
            },
        },
        "ips": ["*"],
        "type": 1,
        "deadlineDay": 90,
        "expiredAt": "2099-12-31T00:00:00Z",
        "createdAt": "2025-10-13T03:20:45Z",
        "unified": 0,
        "uta": 1,
        "userID": key.uid,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_1",
        "kycRegion": "BRA",
        "userIDInt64": str(key.uid),
        "inviterIDInt64": "0",
        "affiliateIDInt64": "0",
    }  # fmt: skip
