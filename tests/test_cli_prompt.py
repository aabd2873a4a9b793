"""What the five commands of backtests have in common at the prompt: language, width, refusals, files to write."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from string import Formatter

import pytest
from click.testing import CliRunner, Result

from bot.backtest.crashes import CRASHES
from bot.backtest.words_en import TEXTS as REPORT
from bot.backtest.words_prompt_en import TEXTS as EN
from bot.backtest.words_prompt_pt import TEXTS as PT
from bot.cli import main
from bot.cli.language import spoken_here

HEAD = "open_time_ms,open,high,low,close\n"
START = 1_700_000_040_000
ROOT = Path(__file__).resolve().parents[1]
PORTUGUESE = {"LC_ALL": "pt_BR.UTF-8"}
STUDY = ("--engine", "exact", "--workers", "1")
COMMANDS = {
    "backtest": ("backtest", "one.js"),
    "compare": ("compare", "one.js", "two.js"),
    "survival": ("survival", "one.js", *STUDY),
    "sweep": ("sweep", "one.js", "--vary", "lucro_alvo_inicial=0.01,0.02,0.03", "--walk", "2", *STUDY),
}


def rows(minutes: Iterable[int]) -> str:
    """Candles that go down and up again by 4 % every ten minutes."""
    lines = []
    for minute in minutes:
        price = 100 - abs(minute % 10 - 5)
        lines.append(f"{START + 60_000 * minute},{price},{price + 1},{price - 1},{price}\n")
    return HEAD + "".join(lines)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRADER_AUTOMATA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "one.js").write_text("module.exports = { nome: 'minha', par: 'BTCUSDT' };")
    (tmp_path / "two.js").write_text("module.exports = { nome: 'outra', par: 'BTCUSDT', qty_inicial: 100 };")
    (tmp_path / "good.csv").write_text(rows(range(120)))
    return tmp_path


def call(*args: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, args, env=env)


def refused(*args: str, env: dict[str, str] | None = None) -> str:
    """The one line that is said of what cannot be done."""
    answer = call(*args, env=env)
    assert answer.exit_code == 2, answer.output
    assert answer.stdout == ""
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
    *others, line = answer.stderr.splitlines()
    assert all(other.startswith("! ") for other in others), answer.stderr
    assert line.startswith("trader-automata: ")
    return line


# --- languages ----------------------------------------------------------------------------------------


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_say_the_same_things() -> None:
    assert EN.keys() == PT.keys()
    assert not EN.keys() & REPORT.keys()
    for key, text in EN.items():
        assert placeholders(text) == placeholders(PT[key]), key
        assert text.strip()
        assert PT[key].strip()


def test_no_text_is_there_without_a_use() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "bot/cli").glob("*.py")).replace("'", '"')
    put_together = {"sweep.col.", "walk.col.", "starts.", "kept."}
    crashes = {f"crash.{crash.key}" for crash in CRASHES}
    for key in EN:
        key = key.removesuffix(".one")  # noqa: PLW2901 - of one; counted in survival_words
        begins, _, ends = key.rpartition(".")
        used = f'"{key}"' in sources or (f"{begins}." in put_together and f'"{ends.rstrip("s")}' in sources)
        assert used or key in crashes, key
    assert crashes <= EN.keys()
    assert {f"crash.{crash.key}": crash.title for crash in CRASHES}.items() <= EN.items()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt_BR"),
        ({"LANG": "pt_PT"}, "pt_BR"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "pt_BR.UTF-8"}, "pt_BR"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": ""}, "pt_BR"),
    ],
)
def test_a_command_speaks_the_terminals_language(environment: dict[str, str], language: str) -> None:
    assert spoken_here(environment) == language


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_speaks_both_languages_within_80_columns(command: str) -> None:
    args = (*COMMANDS[command], "--candles", "good.csv")
    english, portuguese = call(*args), call(*args, env=PORTUGUESE)
    assert (english.exit_code, portuguese.exit_code) == (0, 0), english.output + portuguese.output
    told = call(*args, "--language", "pt_BR").stdout.splitlines()
    assert told[-1] == portuguese.stdout.splitlines()[-1] != english.stdout.splitlines()[-1]
    for answer in (english, portuguese):
        assert [line for line in answer.stdout.splitlines() if len(line) > 80] == []
    alike = {line.strip() for line in english.stdout.splitlines()} & {
        line.strip() for line in portuguese.stdout.splitlines()
    }
    assert [line for line in alike if len(re.findall(r"[^\W\d]{2,}", line)) > 3] == []


def test_kept_candles_are_told_in_both_languages() -> None:
    assert "nothing yet in" in call("history", "list").stdout
    assert "nada ainda em" in call("history", "list", env=PORTUGUESE).stdout
    assert "nada ainda em" in call("history", "list", "--language", "pt_BR").stdout


def test_json_is_the_same_in_every_language() -> None:
    for command in COMMANDS.values():
        args = (*command, "--candles", "good.csv", "--balance", "10", "--json")
        if command[0] == "survival":
            args = (*args[:-3], "--json")
        answers = [json.loads(call(*args, env=env).stdout) for env in (None, PORTUGUESE)]
        for answer in answers:
            for told in [answer, *answer.get("runs", [])]:
                told.pop("seconds", None)
        assert answers[0] == answers[1]


def test_warnings_are_said_in_the_terminals_language() -> None:
    asked = ("backtest", "one.js", "--candles", "good.csv", "--json")
    poor = call(*asked, "--balance", "10.5", env=PORTUGUESE).stderr
    assert poor == "! nada foi comprado: a primeira compra pede 300 e o saldo é 10,5\n"
    Path("small.js").write_text("module.exports = { multiplicador_qty: 0.01, qty_minima: 4 };")
    small = call("backtest", "small.js", *asked[2:], env=PORTUGUESE).stderr
    assert (
        "uma estratégia assim é recusada ao ser configurada: qty_minima: a recompra 13 de 4 fica abaixo"
        in small
    )
    lots = call(*asked, "--step", "4", env=PORTUGUESE).stderr
    assert "rodou o motor exato, e não o rápido: uma primeira compra não chega a um lote" in lots


def test_a_strategy_that_may_not_run_is_refused_in_the_terminals_language_with_its_file() -> None:
    Path("bad.js").write_text("module.exports = { qty_minima: 700,\n qty_maxima: 600 };")
    Path("no.js").write_text("hello")
    asked = ("compare", "one.js", "bad.js", "--candles", "good.csv")
    assert refused(*asked, env=PORTUGUESE).startswith(
        "trader-automata: bad.js: qty_minima: linha 1, coluna 32: aceita no máximo 600"
    )
    assert refused(*asked).startswith(
        "trader-automata: bad.js: qty_minima: line 1, column 32: item 1.1a: takes"
    )
    assert refused("survival", "no.js", "--candles", "good.csv").startswith(
        "trader-automata: no.js: line 1, column 1:"
    )


def test_sets_that_are_no_strategy_are_told_with_an_example_and_what_would_do() -> None:
    asked = ("sweep", "one.js", "--candles", "good.csv", *STUDY, "--vary", "lucro_alvo_inicial=0.001,0.03")
    english, portuguese = (" ".join(call(*asked, env=env).stdout.split()) for env in (None, PORTUGUESE))
    assert (
        "1 left out, which are no strategy: lucro_alvo_inicial (such as: item 2: the target 0.001" in english
    )
    assert "takes at least 0.002004, not 0.001)" in english
    assert "lucro_alvo_inicial (por exemplo: o alvo 0,1% na recompra 0 é comido pelas taxas" in portuguese
    orders = ("sweep", "one.js", "--candles", "good.csv", *STUDY, "--vary", "qty_inicial=4,300")
    told = " ".join(call(*orders).stdout.split())
    assert "an order under the exchange's least (such as: takes orders of 5 or more, not 4)" in told


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("nosuch",), "No such command 'nosuch'."),
        (("sweep",), "Missing argument 'FILE'."),
        (("backtest", "one.js", "--nosuch"), "--nosuch"),
        (("survival", "nowhere.js", "--candles", "good.csv"), "'nowhere.js' does not exist"),
        (("history", "get", "--symbol", "BTCUSDT", "--interval", "7m"), "'7m' is not one of"),
        (("backtest", "one.js", "--candles", "good.csv", "--step", "1e30"), "step: takes a number above 0"),
        (("backtest", "one.js", "--candles", "good.csv", "--tick", "1e-19"), "tick: takes a number above 0"),
        (
            ("backtest", "one.js", "--candles", "good.csv", "--balance", "1e16"),
            "balance: takes a number from 0",
        ),
        (("backtest", "one.js", "--candles", "good.csv", "--min-notional", "1e-20"), "min-notional: takes"),
        (
            ("survival", "one.js", "--candles", "good.csv", "--balance", "9", *STUDY),
            "balance: pays for no first",
        ),
        (("survival", "one.js", "--candles", "good.csv", "--step", "9", *STUDY), "a lot of 9"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(args: tuple[str, ...], words: str) -> None:
    assert words in refused(*args)


def test_the_largest_and_smallest_rules_are_told_without_a_fault() -> None:
    for rule in (("--step", "1e15"), ("--tick", "1e15"), ("--tick", "1e-18"), ("--balance", "1e15")):
        answer = call("backtest", "one.js", "--candles", "good.csv", *rule)
        assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("sweep", "--csv"),
        ("sweep", "--picture"),
        ("survival", "--csv"),
        ("survival", "--picture"),
        ("backtest", "--report"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_candle_is_read(command: str, option: str) -> None:
    (Path("folder") / "sub").mkdir(parents=True)
    Path("empty.csv").touch()
    asked = (*COMMANDS[command], "--candles", "empty.csv", option)
    assert "good.csv is no folder" in refused(*asked, "good.csv/x")
    if option != "--report":
        assert "nowhere is not there: make that folder first" in refused(*asked, "nowhere/x")
        assert "folder is a folder: a file's name is wanted" in refused(*asked, "folder")
    assert "empty.csv: is empty" in refused(*asked, "folder/x")


def test_a_disk_that_does_not_take_a_file_after_all_is_told() -> None:
    answer = call("survival", "one.js", "--candles", "good.csv", *STUDY, "--csv", "/proc/nothing.csv")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("trader-automata: /proc/nothing.csv: cannot be written")


# --- candles that are not quite right -----------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_candles_are_told_with_the_row_before_them(command: str) -> None:
    Path("gap.csv").write_text(rows([*range(60), *range(65, 120)]))
    answer = call(*COMMANDS[command], "--candles", "gap.csv", "--json")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)
    said = "! candles missing after row 61 (2023-11-14 23:13): 5; the gap is left as it is"
    assert said in answer.stderr.splitlines()


def test_the_row_is_the_files_though_the_run_begins_later() -> None:
    Path("gaps.csv").write_text(rows([*range(60), *range(65, 80), *range(81, 120)]))
    asked = ("backtest", "one.js", "--json", "--candles", "gaps.csv")
    assert "candles missing: 6 in 2 gaps, the first after row 61 (2023-11-14 23:13)" in call(*asked).stderr
    later = call(*asked, "--from", str(START + 60_000 * 70)).stderr
    assert "candles missing after row 76 (2023-11-14 23:33): 1" in later
    assert call(*asked, "--from", str(START + 60_000 * 100)).stderr == ""


def test_a_row_that_empty_lines_have_moved_is_not_told_wrongly() -> None:
    text = rows([*range(60), *range(65, 120)])
    Path("gap.csv").write_text(text.replace("\n", "\n\n", 3))
    said = call("backtest", "one.js", "--json", "--candles", "gap.csv").stderr
    assert said == "! candles missing after 2023-11-14 23:13: 5; the gap is left as it is\n"


def test_a_file_that_is_another_pairs_by_its_name_is_told() -> None:
    Path("binance_ETHUSDT_1m.csv").write_text(rows(range(60)))
    asked = ("backtest", "one.js", "--json", "--candles", "binance_ETHUSDT_1m.csv")
    assert "is of ETHUSDT, and the strategy runs on BTCUSDT: --symbol ETHUSDT" in call(*asked).stderr
    assert call(*asked, "--symbol", "ETHUSDT").stderr == ""


# --- candles of an exchange ---------------------------------------------------------------------------


def test_what_goes_wrong_on_the_way_to_an_exchange_is_told_beside_the_answer() -> None:
    """A question that is asked again is logged; standard output is for the answer alone."""
    probe = (
        "import structlog\n"
        "from bot.cli import main\n"
        "try:\n"
        "    main(['backtest', 'one.js', '--exchange', 'binance', '--rest', 'nonsense', '--json'])\n"
        "except SystemExit:\n"
        "    structlog.get_logger().warning('asked again')\n"
    )
    env = {"PYTHONPATH": str(ROOT), "TRADER_AUTOMATA_CACHE": "cache", "DATA_DIR": "data"}
    done = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "'nonsense' is no address such as https://" in done.stderr
    assert "asked again" in done.stderr


def test_a_pair_is_understood_as_people_type_it() -> None:
    asked = ("history", "get", "--rest", "nonsense", "--symbol")
    assert "'nonsense' is no address" in refused(*asked, "btc/usdt")
    assert "takes a pair such as BTCUSDT" in refused(*asked, "!")
    assert "aceita um par como BTCUSDT" in refused(*asked, "!", env=PORTUGUESE)


def test_a_group_without_a_command_lists_its_commands() -> None:
    answer = call("history")
    assert answer.exit_code == 2
    assert "verify" in answer.output
    assert "trader-automata:" not in answer.output
