"""The private stream of the Bybit V5 stand-in, `/v5/private`: auth, ping, order, execution and wallet.

As on the real one there is no snapshot on subscribing, messages that nobody was connected for are lost, and the pushed
topic is the one that was subscribed (`order` or `order.spot`).
"""

import re
from typing import Any

from aiohttp import web

from bot.sandbox.account import Account
from bot.sandbox.bybit_auth import sign
from bot.sandbox.bybit_rows import execution_message, order_message, wallet_row
from bot.sandbox.bybit_sockets import Command, RefusedCommand, Session, refuse_operation
from bot.sandbox.orders import Batch
from bot.sandbox.venue import Venue

ALL_IN_ONE = frozenset({"order", "execution"})
CATEGORISED = frozenset({"order.spot", "execution.spot"})
TOPICS = ALL_IN_ONE | CATEGORISED | {"wallet"}
_ACTIVE_TIME = re.compile(r"(\d+)([sm])")
_DEFAULT_IDLE_S = 600.0

Message = dict[str, Any]


class PrivateStream:
    """All private connections; `publish` is a listener of the matching core."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._sessions: dict[Session, Account | None] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from the handshake to its end."""
        faults = self._venue.faults.stream
        if faults.refuse > 0:
            faults.refuse -= 1
            return web.Response(status=503, text="refused as ordered\n")
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        session = Session(request, socket)
        self._sessions[session] = None
        try:
            async for command in session.commands(_idle_seconds(request)):
                if not self._obey(session, command):
                    await session.flush()
                    break
        finally:
            del self._sessions[session]
            await session.stop_writing()
        await socket.close()
        return socket

    def connections(self, account: str) -> int:
        """How many authenticated connections the account has."""
        return sum(owner is not None and owner.name == account for owner in self._sessions.values())

    def drop(self) -> int:
        """Cut every connection as a network failure does; how many there were."""
        for session in list(self._sessions):
            session.abort()
        return len(self._sessions)

    async def close(self) -> None:
        for session in list(self._sessions):
            await session.close()

    def publish(self, batch: Batch) -> None:
        """Tell the account's connections what one operation changed."""
        listeners = [one for one, owner in self._sessions.items() if owner and owner.name == batch.account]
        if not listeners:
            return
        faults = self._venue.faults.stream
        messages = self._messages(batch)
        if faults.execution_first:
            messages.sort(key=lambda message: message[0] != "execution")
        for kind, message in messages:
            wanted = [
                (session, topic)
                for session in listeners
                for topic in session.topics
                if topic.partition(".")[0] == kind
            ]
            for session, topic in wanted * self._times(bool(wanted)):
                session.send({**message, "topic": topic}, delay_s=faults.delay_ms / 1000)

    def _times(self, wanted: bool) -> int:
        """How often the next message goes out; the faults in force count it where somebody waits for it."""
        faults = self._venue.faults.stream
        if faults.silent or not wanted:
            return 0
        if faults.lose > 0:
            faults.lose -= 1
            return 0
        if faults.duplicate > 0:
            faults.duplicate -= 1
            return 2
        return 1

    def _messages(self, batch: Batch) -> list[tuple[str, Message]]:
        """Order and execution rows share id and creationTime, the wallet comes a millisecond later, as captured."""
        core, account = self._venue.core, self._venue.core.accounts[batch.account]
        head = {"id": f"{account.uid}-20000-{batch.seq}", "creationTime": batch.at_ms}
        orders = [order_message(one, core.books[one.symbol].filters) for one in batch.orders]
        orders += [
            order_message(one, core.books[one.symbol].filters, cancel_lost=True) for one in batch.echoes
        ]
        fills = [execution_message(one, core.books[one.symbol].filters) for one in batch.executions]
        found: list[tuple[str, Message]] = []
        if orders:
            found.append(("order", {"topic": "order", **head, "data": orders}))
        if fills:
            found.append(("execution", {"topic": "execution", **head, "data": fills}))
        if batch.coins:
            wallet = {"id": f"{account.uid}-{batch.seq}", "topic": "wallet", "creationTime": batch.at_ms + 1}
            found.append(("wallet", {**wallet, "data": [wallet_row(account, core, batch.coins)]}))
        return found

    def _obey(self, session: Session, command: Command) -> bool:
        """Answer one command; False closes the connection."""
        operation = command.get("op")
        try:
            match operation:
                case "auth":
                    self._sessions[session] = self._authenticate(command)
                    session.send({"success": True, "ret_msg": "", "op": "auth", "conn_id": session.conn_id})
                case "ping":
                    self._pong(session, command)
                case "subscribe" | "unsubscribe" if self._sessions[session] is None:
                    session.reply(command, "Request not authorized", success=False)
                    return False
                case "subscribe":
                    session.subscribe(command, _check_topics, "")
                case "unsubscribe":
                    session.unsubscribe(command, "")
                case _:
                    refuse_operation(operation)
        except RefusedCommand as exc:
            session.reply(command, str(exc), success=False)
            return operation != "auth"
        return True

    def _authenticate(self, command: Command) -> Account:
        """`args`: key, expiry in ms (still to come), HMAC-SHA256 of "GET/realtime" and the expiry."""
        args = command.get("args")
        if not (isinstance(args, list) and len(args) == 3):
            raise RefusedCommand("Params Error")
        key, expires, signature = (str(one) for one in args)
        account = next((one for one in self._venue.core.accounts.values() if one.api_key == key), None)
        if account is None:
            raise RefusedCommand("Invalid apikey")
        if not expires.isdecimal() or int(expires) <= self._venue.clock():
            raise RefusedCommand("Params Error: expires is not in the future")
        if signature != sign(account.api_secret, f"GET/realtime{expires}"):
            raise RefusedCommand("Params Error: signature is not valid")
        return account

    def _pong(self, session: Session, command: Command) -> None:
        answer = {"op": "pong", "args": [str(self._venue.clock())], "conn_id": session.conn_id}
        if "req_id" in command:
            answer["req_id"] = command["req_id"]
        session.send(answer)


def _check_topics(topics: list[str]) -> None:
    unknown = [topic for topic in topics if topic not in TOPICS]
    if unknown:
        raise RefusedCommand(f"Invalid topic: {', '.join(unknown)}")
    if ALL_IN_ONE & set(topics) and CATEGORISED & set(topics):
        raise RefusedCommand("Params Error: all-in-one and categorised topics in one request")


def _idle_seconds(request: web.Request) -> float:
    """After how long without a word the client is cut: 10 minutes, or ?max_active_time=30s to 10m."""
    found = _ACTIVE_TIME.fullmatch(request.query.get("max_active_time", ""))
    if found is None:
        return _DEFAULT_IDLE_S
    return min(_DEFAULT_IDLE_S, max(30.0, float(found[1]) * (60 if found[2] == "m" else 1)))
