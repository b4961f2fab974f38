import pytest

from tests.guards.build import guards


def finds(term, text):
    return bool(guards(forbidden_vocabulary=(term,)).doctrine({"notes": [text]}, "quant_signals"))


@pytest.mark.parametrize(
    "text",
    [
        "kpi",
        "a kpi-driven week",
        "the kpi's meaning",
        "bucket:kpi:high",
        "KPI",
        "KpI.",
        "kpié",
        "漢kpi",
        "kpí kpi",
        "\U0001f600kpi\U0001f600",
        "\N{KELVIN SIGN}PI",
        "kp\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}",
        "kpi\n",
        "tab\tkpi",
        'said "kpi" twice',
        "back\\kpi",
        "nul\0kpi",
        "half a pair \ud83d kpi",
        "e\u0301kpi",
    ],
)
def test_a_word_is_found_between_ascii_boundaries(text):
    assert finds("kpi", text)


@pytest.mark.parametrize(
    "text",
    [
        "kpi_x",
        "kpi2",
        "kpix",
        "xkpi",
        "skpi",
        "kp i",
        "k.p.i",
        "kp\u0131",
        "\uff2b\uff30\uff29",
        "kp\u200bi",
        "kp\u00adi",
    ],
)
def test_a_word_is_not_found_inside_another(text):
    assert not finds("kpi", text)


def test_long_s_and_sharp_s_are_not_folded():
    assert not finds("scorecard", "\N{LATIN SMALL LETTER LONG S}corecard")
    assert not finds("boss", "boß")


@pytest.mark.parametrize("text", ["check daily", "recheck dailyness", "Check Daily!", "x\ncheck daily\ny"])
def test_a_phrase_is_found_as_it_stands(text):
    assert finds("check daily", text)


@pytest.mark.parametrize(
    "text", ["check  daily", "check\u00a0daily", "check\ndaily", "check-daily", "check\tdaily", "checkdaily"]
)
def test_a_phrase_has_exactly_one_space(text):
    assert not finds("check daily", text)


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("  KPI \n", "our kpi", True),
        ("c++", "c++ and more", False),  # a word boundary after + asks for a letter
        ("c++", "c++x", True),
        ("e-mail", "by e-mail only", True),
        ("e-mail", "by e mail only", False),
        ("größe", "die Größe zählt", True),
        ("größe", "die grosse", False),
        ("x\u2c65pi", "x\u023aPI", True),  # lower case takes a byte more
        ("漢字", "x漢字y", True),
        ("漢字", "x漢y", False),
        ('the "best"', 'not the "best" plan', True),
        ("web3", "web3 and web4", True),
        ("web3", "web4", False),
        ("a_b", "x a_b y", True),
        ("back\\slash word", "a back\\slash word", True),
    ],
)
def test_any_policy_term_is_matched_by_the_same_rules(term, text, found):
    assert finds(term, text) is found


def test_blank_terms_are_skipped_and_repeated_ones_count_once():
    strict = guards(forbidden_vocabulary=("", "  ", "kpi", "KPI", "kpi "))

    assert len(strict.doctrine("kpi and kpi", "quant_signals")) == 1
    assert not strict.doctrine("   ", "quant_signals")


def test_keys_are_not_read():
    assert not guards().doctrine({"dashboard": {"kpi": "fine"}}, "quant_signals")
