import json
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.literal import MAX_BYTES
from bot.domain.params import BY_NAME, Curve, CurveChoice, StrategyParams
from bot.domain.strategy_file import ENVIRONMENTS, KEYS, StrategyFile, dump, load, pair_name, strategy_name
from bot.domain.validation import problems
from bot.errors import InvalidInput
from bot.ports import Environment

D = Decimal

WRITTEN = """\
module.exports = {
  nome: "minha \\"estratégia\\" 🚀",
  ambiente: "bybit-demo",
  par: "ETHUSDT",
  qty_inicial: 300.5,
  multiplicador_qty: 1.02,
  qty_minima: 50,
  qty_maxima: 600,
  lucro_alvo_inicial: 0.035,
  multiplicador_lucro: 0.95,
  lucro_alvo_minimo: 0.005,
  lucro_alvo_maximo: 0.05,
  recompra_queda_inicial: 0.01,
  multiplicador_recompra: 1,
  recompra_queda_minimo: 0.0000001,
  recompra_queda_maximo: 0.03,
  limite_recompras: 20,
  taxa: 0.001,
  saldo_limite: 5000,
  lucro_reaplicar: "n",
  curva_qty: "potencia",
  curva_qty_fim: 500,
  curva_recompra: "spline",
  curva_recompra_pontos: [[1, 0.01], [7, 0.0125], [20, 0.03]],
};
"""
STRATEGY = StrategyFile(
    nome='minha "estratégia" 🚀',
    ambiente="bybit-demo",
    par="ETHUSDT",
    params=StrategyParams(
        qty_inicial=D("300.5"),
        recompra_queda_minimo=D("1e-7"),
        lucro_reaplicar=False,
        curva_qty=CurveChoice(Curve.POWER, end=D(500)),
        curva_recompra=CurveChoice(Curve.SPLINE, points=((1, D("0.01")), (7, D("0.0125")), (20, D("0.03")))),
    ),
)


def refused(text):
    with pytest.raises(InvalidInput) as caught:
        load(text)
    return caught.value


def place(found):
    return int(found.values["line"]), int(found.values["column"])


def test_a_strategy_is_written_with_exact_numbers():
    assert dump(STRATEGY) == WRITTEN


def test_what_was_written_is_read():
    assert load(WRITTEN) == STRATEGY
    assert load(WRITTEN.encode()) == STRATEGY


def test_a_file_may_be_empty_of_names_and_tells_what_it_did_not_give():
    strategy = load("module.exports = {}")
    assert strategy == replace(StrategyFile(), missing=("nome", "ambiente", "par", *BY_NAME))
    assert load("{taxa: 0}").missing == tuple(n for n in ("nome", "ambiente", "par", *BY_NAME) if n != "taxa")


def test_a_file_without_environment_never_means_real_money():
    assert not Environment(load("{}").ambiente).real_money


def test_the_environments_are_those_of_the_exchanges():
    assert tuple(Environment) == ENVIRONMENTS


@pytest.mark.parametrize(
    "text",
    [
        "module.exports = {taxa: 0.002}",
        "module.exports={'taxa':0.002};",
        'export default {"taxa": 0.002};',
        '{"taxa": 0.002}',
        '{"taxa": "0.002"}',
        '{"taxa": "0,002"}',
        '{"taxa": "0,2%"}',
        "{taxa: .002,}",
        "{taxa: +0.002}",
        "{taxa: 2e-3}",
        "{taxa: 0.00_2}",
        "const x = {taxa: 0.002}; module.exports = x;",
        "const estrategia = {taxa: 0.002};",
        "let minha_1 = {taxa: 0.002}\nexport default minha_1",
        '"use strict";\nmodule.exports = {taxa: 0.002};',
        "\ufeffmodule.exports = {taxa: 0.002}",
        "// a\r\nmodule.exports = {\r\n  /* b\r\n */ taxa: 0.002, // c\r\n};\r\n",
        "module . exports\r=\r{taxa:0.002}",
        '{"\\u0074axa": 0.002}',
    ],
)
def test_the_freedoms_of_a_hand(text):
    assert load(text).params == StrategyParams(taxa=D("0.002"))


def test_a_bom_in_the_bytes_is_taken():
    assert load(b"\xef\xbb\xbf{taxa: 0.002}").params.taxa == D("0.002")


@pytest.mark.parametrize("text", ["lucro_alvo_máximo", "lucro_alvo_ma\u0301ximo", '"lucro_alvo_máximo"'])
def test_the_accented_spelling_is_read(text):
    assert load(f"{{{text}: 0.04}}").params.lucro_alvo_maximo == D("0.04")
    other = text.replace("lucro_alvo", "recompra_queda")
    assert load(f"{{{other}: 0.04}}").params.recompra_queda_maximo == D("0.04")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("'s'", True),
        ('"não"', False),
        ("s", True),
        ("n", False),
        ('"Sim"', True),
    ],
)
def test_yes_and_no_are_read_in_every_spelling(text, value):
    assert load(f"{{lucro_reaplicar: {text}}}").params.lucro_reaplicar is value


def test_a_pair_and_an_environment_are_read_as_people_write_them():
    assert load("{par: 'eth/usdt', ambiente: 'Bybit'}").par == "ETHUSDT"
    assert pair_name("btc-usdt") == "BTCUSDT"
    assert strategy_name("  minha ") == "minha"


def test_numbers_in_quotes_are_exact_and_a_count_may_be_one():
    params = load(
        '{"multiplicador_qty": "1.025", "limite_recompras": "7", "qty_minima": "1.234,50", qty_maxima: 2000}'
    ).params
    assert (params.multiplicador_qty, params.limite_recompras, params.qty_minima) == (
        D("1.025"),
        7,
        D("1234.5"),
    )


def test_escapes_in_a_text():
    assert load(r"""{nome: 'a\'b\\c\u00e9\x41\q'}""").nome == "a'b\\céAq"


BAD = [
    # text, field, key, line, column
    ("", "file", "file_syntax", 1, 1),
    ("olá", "file", "file_syntax", 1, 1),
    ("{", "file", "file_syntax", 1, 2),
    ("{taxa", "file", "file_syntax", 1, 6),
    ("{taxa:", "file", "file_syntax", 1, 7),
    ("{taxa: 0.001", "file", "file_syntax", 1, 13),
    ("{taxa: 0.001} {}", "file", "file_syntax", 1, 15),
    ("{taxa: 0.001\n qty_minima: 5}", "file", "file_syntax", 2, 2),
    ("{,}", "file", "file_syntax", 1, 2),
    ("{7: 1}", "file", "file_syntax", 1, 2),
    ("[1]", "file", "file_syntax", 1, 1),
    ("module.export = {}", "file", "file_syntax", 1, 8),
    ("const = {}", "file", "file_syntax", 1, 7),
    ("const x = {}; y", "file", "file_syntax", 1, 15),
    ("const x = {}; module.exports = y", "file", "file_syntax", 1, 32),
    ("{nome: 'a\nb'}", "file", "file_syntax", 1, 8),
    ("{taxa: 0x10}", "file", "file_syntax", 1, 8),
    ("{taxa: 1.2.3}", "file", "file_syntax", 1, 8),
    ("{taxa: NaN}", "file", "file_syntax", 1, 8),
    ("{taxa: -Infinity}", "file", "file_syntax", 1, 8),
    ("{taxa: 1e999999999999999999999}", "file", "file_syntax", 1, 8),
    ("{taxa: 1e9999}", "file", "file_syntax", 1, 8),
    (f"{{taxa: 0.{'1' * 70}}}", "file", "file_syntax", 1, 8),
    ("{qty_inicial: 300 * 2}", "file", "file_syntax", 1, 19),
    ("/* {}", "file", "file_syntax", 1, 1),
    ("{curva_qty_pontos: [1 2]}", "file", "file_syntax", 1, 23),
    ("{taxa: 0,001}", "taxa", "file_decimal_comma", 1, 8),
    ("{nome: `a`}", "file", "file_code", 1, 8),
    ("{nome: require('fs')}", "file", "file_code", 1, 8),
    ("{taxa: (1)}", "file", "file_code", 1, 8),
    ("{...x}", "file", "file_code", 1, 2),
    ("{taxa: function () {}}", "file", "file_code", 1, 8),
    ("require('child_process').exec('x')", "file", "file_code", 1, 1),
    ("module.exports = () => ({})", "file", "file_code", 1, 18),
    ("{taxa: 0.001,\n  'taxa': 0.002}", "taxa", "file_duplicate_key", 2, 3),
    ("{lucro_alvo_maximo: 1,\nlucro_alvo_máximo: 1}", "lucro_alvo_máximo", "file_duplicate_key", 2, 1),
    ("{\n  qty_inical: 1}", "qty_inical", "file_unknown_key", 2, 3),
    ("{__proto__: 1}", "__proto__", "file_unknown_key", 1, 2),
    ("{taxa: null}", "taxa", "file_wrong_value", 1, 8),
    ("{taxa: true}", "taxa", "file_wrong_value", 1, 8),
    ("{taxa: false}", "taxa", "file_wrong_value", 1, 8),
    ("{taxa: [1]}", "taxa", "file_wrong_value", 1, 8),
    ("{taxa: {}}", "taxa", "file_wrong_value", 1, 8),
    ("{nome: 7}", "nome", "file_wrong_value", 1, 8),
    ("{curva_qty: 7}", "curva_qty", "file_wrong_value", 1, 13),
    ("{lucro_reaplicar: 1}", "lucro_reaplicar", "file_wrong_value", 1, 19),
    ("{lucro_reaplicar: 'x'}", "lucro_reaplicar", "not_yes_no", 1, 19),
    ("{nome: ''}", "nome", "bad_name", 1, 8),
    ("{nome: 'a\\nb'}", "nome", "bad_name", 1, 8),
    (f"{{nome: '{'a' * 65}'}}", "nome", "bad_name", 1, 8),
    ("{ambiente: 'kraken'}", "ambiente", "unknown_environment", 1, 12),
    ("{par: 'BTC USDT!'}", "par", "bad_pair", 1, 7),
    ("{qty_minima: '1.000'}", "qty_minima", "ambiguous_number", 1, 14),
    ("{multiplicador_qty: '1,025'}", "multiplicador_qty", "ambiguous_number", 1, 21),
    ("{qty_minima: 'abc'}", "qty_minima", "not_a_number", 1, 14),
    ("{limite_recompras: 2.5}", "limite_recompras", "whole_number", 1, 20),
    ("{limite_recompras: 201}", "limite_recompras", "out_of_range", 1, 20),
    ("{taxa:\n0.06}", "taxa", "out_of_range", 2, 1),
    ("{recompra_queda_inicial: 3.5}", "recompra_queda_inicial", "out_of_range", 1, 26),
    ("{lucro_alvo_inicial: 0.001}", "lucro_alvo_inicial", "target_can_only_lose", 1, 22),
    ("{qty_minima: 700}", "qty_minima", "above_its_ceiling", 1, 14),
    ("{curva_qty: 'reta'}", "curva_qty", "unknown_curve", 1, 13),
    ("{curva_qty_fim: 5}", "curva_qty_fim", "curve_takes_no_end", 1, 17),
    ("{curva_qty: 'linear', curva_qty_fim: 'x'}", "curva_qty_fim", "not_a_number", 1, 38),
    ("{curva_qty: 'spline', curva_qty_pontos: 'x'}", "curva_qty_pontos", "file_wrong_value", 1, 41),
    ("{curva_qty: 'spline', curva_qty_pontos: 5}", "curva_qty_pontos", "file_wrong_value", 1, 41),
    ("{curva_qty: 'spline', curva_qty_pontos: [[1]]}", "curva_qty_pontos", "file_wrong_value", 1, 41),
    ("{curva_qty: 'spline', curva_qty_pontos: [[1.5, 2]]}", "curva_qty_pontos", "whole_number", 1, 41),
    (
        "{curva_qty: 'spline', curva_qty_pontos: [[0, 300], [20, 500]]}",
        "curva_qty_pontos",
        "spline_needs_points",
        1,
        41,
    ),
    ("{taxa: " + "[" * 20, "file", "file_too_deep", 1, 15),
    ("{a:" * 20, "file", "file_too_deep", 1, 25),
]


@pytest.mark.parametrize(("text", "field", "key", "line", "column"), BAD, ids=[row[0][:24] for row in BAD])
def test_a_faulty_file_is_refused_at_its_first_fault(text, field, key, line, column):
    found = refused(text)
    assert (found.field, found.key, place(found)) == (field, key, (line, column))
    assert f"line {line}, column {column}: " in str(found)


def test_the_fault_that_stands_first_is_named():
    found = refused("{\n saldo_limite: -1,\n qty_inicial: -1,\n}")
    assert (found.field, place(found)) == ("saldo_limite", (2, 16))


def test_a_fault_of_a_default_has_no_place():
    found = refused("{qty_maxima: 40}")
    assert (found.field, found.key) == ("qty_minima", "above_its_ceiling")
    assert "line" not in found.values


def test_an_unknown_name_is_told_the_nearest():
    assert refused("{lucro_alvo: 0.05}").values["nearest"].startswith("lucro_alvo_")
    assert refused("{qty_max: 5}").values["nearest"] == "qty_maxima"


def test_code_is_told_what_would_be_accepted():
    assert "module.exports = { qty_inicial: 300 }" in refused("{nome: `a`}").reason


def test_a_file_of_more_than_64_kb_is_refused_and_one_of_64_kb_is_read():
    padding = " " * (MAX_BYTES - 2)
    assert load("{}" + padding).par == "BTCUSDT"
    assert refused("{} " + padding).key == "file_too_long"
    assert refused("{" + "é" * (MAX_BYTES // 2) + "}").key == "file_too_long"


def test_bytes_that_are_no_text_are_refused():
    assert refused(b"\xff\xfe{\x00}\x00").key == "file_not_text"


@pytest.mark.parametrize("filler", ["/*", '"\\', "'", "{", "[", "/", "a:", "1_", ",", "\n", "\\"])
def test_a_hostile_file_is_refused_quickly(filler):
    began = time.process_time()
    for start in ("", "{taxa: ", '{"'):
        refused(start + filler * ((MAX_BYTES - 8) // len(filler)))
    assert time.process_time() - began < 3


# properties


def amounts(low="0.01", high="1000000"):
    return st.decimals(low, high, places=18)


PARAMS = st.builds(
    StrategyParams,
    qty_inicial=amounts(),
    multiplicador_qty=amounts("1e-18", "1000"),
    qty_minima=amounts(high="50"),
    qty_maxima=amounts(low="51"),
    lucro_alvo_inicial=amounts("0.01", "9"),
    recompra_queda_inicial=amounts("1e-18", "0.9"),
    limite_recompras=st.integers(3, 200),
    taxa=amounts("0", "0.002"),
    saldo_limite=st.just(D(0)) | amounts("1000000", "1e12"),
    lucro_reaplicar=st.booleans(),
    curva_qty=st.builds(CurveChoice, st.just(Curve.POWER), st.none() | amounts()),
    curva_lucro=st.just(CurveChoice()) | st.builds(CurveChoice, st.just(Curve.LINEAR), amounts("0.01", "9")),
)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=64)


@given(NAMES, st.sampled_from(ENVIRONMENTS), PARAMS, amounts(), st.integers(1, 9))
def test_every_strategy_comes_back_from_its_file(nome, ambiente, params, middle, shift):
    last = params.limite_recompras
    drop = params.recompra_queda_inicial
    points = ((1, drop), (2, D(shift) / 10), (last, D("0.5")))
    params = replace(params, curva_recompra=CurveChoice(Curve.SPLINE, points=points))
    strategy = StrategyFile(nome, ambiente, "BTCUSDT", params)
    assert problems(params) == ()
    text = dump(strategy)
    assert load(text) == load(text.encode()) == strategy
    numbers = [line for line in text.splitlines() if not line.startswith("  nome")]
    assert not any("E-" in line or "E+" in line for line in numbers)


def test_a_dump_is_json_once_its_names_are_quoted():
    lines = dump(StrategyFile()).splitlines()
    body = "{" + "".join(f'"{n.strip()}":{v}' for n, v in (line.split(":", 1) for line in lines[1:-1]))
    assert json.loads(body.rstrip(",") + "}")["qty_inicial"] == 300


PIECES = st.sampled_from(
    [*KEYS, *"{}[]:,;=.+-'\"`/\\()", "//", "/*", "*/", "...", "module", "exports", "export default ", "const x",
     "0", "1", "0.035", "1e-3", "true", "null", "s", "\n", " ", "'0,5'", "é", "\ufeff"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200) | st.binary(max_size=200))
def test_any_file_is_a_strategy_or_an_invalid_input(source):
    try:
        strategy = load(source)
    except InvalidInput as found:
        assert found.key
    else:
        assert problems(strategy.params) == ()
