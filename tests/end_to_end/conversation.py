"""A person's words and presses, in Portuguese, as far as several tests share them."""

from tests.end_to_end.processes import PASSWORD, Chat


async def open_account(chat: Chat) -> None:
    """A password and the sandbox's key, through /keys."""
    await chat.say("/start")
    await chat.sees("Trader Automata")
    await chat.say("/keys")
    await chat.sees("Chaves")
    await chat.press("chave do sandbox")
    await chat.sees("12 caracteres")
    await chat.say(PASSWORD)
    await chat.sees("Mais uma vez")
    await chat.say(PASSWORD)
    await chat.sees("pode negociar")


async def save_by_defaults(chat: Chat) -> None:
    """/start, and /newstrategy with every default, saved."""
    await chat.say("/start")
    await chat.sees("Trader Automata")
    await _saved(chat)


async def run_by_defaults(chat: Chat) -> None:
    """/newstrategy with every default, saved and run."""
    await _saved(chat)
    await chat.press("9 Executar")
    await chat.sees("vale por 60 segundos")
    await chat.press("em simulação")
    await chat.sees("está rodando")


async def _saved(chat: Chat) -> None:
    await chat.say("/newstrategy")
    await chat.sees("Nova estratégia")
    await chat.press("sandbox-bybit")
    await chat.sees("Qual par")
    await chat.press("BTCUSDT")
    await chat.sees("qty_inicial")
    await chat.press("Padrões no resto")
    await chat.sees("Revisão")
    await chat.press("8 Salvar")
    await chat.sees("salvar_estrategia")
    await chat.press("Usar")
    await chat.sees("executar_estrategia")


async def unlock(chat: Chat) -> None:
    await chat.say("/unlock")
    await chat.sees("senha")
    await chat.say(PASSWORD)
