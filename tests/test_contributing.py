"""CONTRIBUTING's recipes, followed to the letter on a copy of the project."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT


class Copy:
    """The package, its config and its templates, to be changed."""

    def __init__(self, root):
        self.root = root
        for name in ("ftv4", "config", "templates"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))

    def replace(self, path, old, new):
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new, 1))

    def edit_json(self, path, change):
        document = json.loads((self.root / path).read_text())
        change(document)
        (self.root / path).write_text(json.dumps(document))

    def ftv4(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "ftv4", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path)


GATE = '''"""Does nobody shout?"""

from ftv4.gates.question import Ask, EachRow, Judged


class _Shouting(EachRow):
    def __init__(self, ask):
        self._ask = ask

    def look(self, row: Judged):
        if "!" in str(row.value):
            yield self._ask.finding("shouting", "an exclamation mark", "say it calmly", line=row.line)


def start(ask: Ask):
    return _Shouting(ask)
'''


def test_a_gate_is_a_module_and_a_row_of_the_table(copy):
    (copy.root / "ftv4/gates/shouting.py").write_text(GATE)
    copy.replace(
        "ftv4/gates/__init__.py",
        "from ftv4.gates import ",
        "from ftv4.gates import shouting\nfrom ftv4.gates import ",
    )
    copy.replace(
        "ftv4/gates/__init__.py",
        "GATES: dict[str, Gate] = {",
        'GATES: dict[str, Gate] = {\n    "shouting": shouting,',
    )
    (copy.root / "rows.jsonl").write_text('{"a": 1}\n{"a": "Now!"}\n')

    done = copy.ftv4("gate", "rows.jsonl", "--only", "shouting", "--stage", "blue_ocean")

    assert done.returncode == 4
    assert "rows.jsonl:2: shouting: an exclamation mark" in done.stdout


def test_a_stage_is_a_module_a_row_a_name_a_prompt_and_a_pin(copy):
    module = (copy.root / "ftv4/stages/blue_ocean.py").read_text()
    (copy.root / "ftv4/stages/pricing_lens.py").write_text(module.replace('"blue_ocean"', '"pricing_lens"'))
    copy.replace(
        "ftv4/stages/__init__.py",
        "quant_signals, synthesis_decision\n",
        "pricing_lens, quant_signals, synthesis_decision\n",
    )
    copy.replace("ftv4/stages/__init__.py", "synthesis_decision)", "synthesis_decision, pricing_lens)")
    copy.replace(
        "ftv4/contracts/models.py", '"synthesis_decision"\n]', '"synthesis_decision", "pricing_lens"\n]'
    )
    copy.edit_json(
        "config/intelligence_v4.models.json",
        lambda models: models["stages"].update(pricing_lens=models["stages"]["blue_ocean"]),
    )
    copy.edit_json(
        "config/intelligence_v4.policy.json",
        lambda policy: policy["stage_drift_terms"].update(pricing_lens=["hire"]),
    )
    shutil.copy(
        copy.root / "templates/prompts/blue_ocean.md", copy.root / "templates/prompts/pricing_lens.md"
    )

    schema = copy.ftv4("contracts", "schema", "--stage", "pricing_lens", "--side", "output")
    smoke = copy.ftv4("smoke")
    model = ("--model", "deterministic:core-v1", "--base-model", "none")
    card = copy.ftv4("card", "build", "--stage", "pricing_lens", *model)

    assert schema.returncode == 0, schema.stderr
    assert json.loads(schema.stdout)["properties"]["stage_name"]["const"] == "pricing_lens"
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr
    assert "pricing_lens" in card.stdout, card.stderr


def test_a_stage_that_policy_and_pins_forget_is_an_error(copy):
    copy.replace(
        "ftv4/contracts/models.py", '"synthesis_decision"\n]', '"synthesis_decision", "pricing_lens"\n]'
    )

    done = copy.ftv4("ops", "status")

    assert done.returncode == 3
    assert "stages without an entry: pricing_lens" in done.stderr


def test_a_provider_is_a_row_of_config(copy):
    copy.edit_json(
        "config/providers.json",
        lambda config: config["providers"].update(
            local={"base_url": "http://127.0.0.1:9/v1", "api_key_env": "LOCAL_KEY"}
        ),
    )

    done = copy.ftv4("ops", "ft-doctor", "--provider", "local")

    assert done.returncode == 5
    assert "LOCAL_KEY" in done.stdout
