"""A setting is declared once: its field gives the node's input, the command line's option, and the check."""

import argparse
import ast
import math
from dataclasses import MISSING, dataclass, fields, is_dataclass

import pytest

from headless.cli.setting_options import add_settings, help_of
from headless.comfy_api import io
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import codecs
from songreel.nodes.base.node_inputs import inputs_of
from songreel.nodes.base.settings import Settings, check, declared, from_inputs, given_values, like, setting
from songreel.nodes.film.metrics import settings as metrics_settings
from songreel.nodes.film.output import settings as output_settings
from songreel.nodes.person.identity import settings as identity_settings
from songreel.nodes.render import settings as render_settings
from songreel.nodes.render.sampler import settings as sampler_settings
from songreel.nodes.schedule.exchange import settings as exchange_settings
from songreel.nodes.schedule.modulate import settings as modulate_settings
from songreel.nodes.schedule.plan import settings as plan_settings
from songreel.nodes.song.audio import settings as audio_settings
from songreel.nodes.song.curves import settings as curves_settings
from songreel.nodes.song.emotion import settings as emotion_settings
from songreel.nodes.song.lyrics import settings as lyrics_settings
from songreel.nodes.story import settings as story_settings
from support.paths import ROOT

FILES = sorted(path for path in (ROOT / "nodes").rglob("settings.py") if path != ROOT / "nodes/base/settings.py")
FILES += [ROOT / "nodes/base/media/codecs.py"]
MODULES = (
    metrics_settings,
    output_settings,
    identity_settings,
    render_settings,
    sampler_settings,
    exchange_settings,
    modulate_settings,
    plan_settings,
    audio_settings,
    curves_settings,
    emotion_settings,
    lyrics_settings,
    story_settings,
    codecs,
)


def classes():
    for module in MODULES:
        for name, cls in vars(module).items():
            own = isinstance(cls, type) and is_dataclass(cls) and cls.__module__ == module.__name__
            if own and issubclass(cls, Settings):
                yield pytest.param(cls, id=f"{module.__name__.split('.')[-2]}.{name}")


def test_no_file_of_settings_is_left_out():
    assert {module.__name__ for module in MODULES} == {
        ".".join(["songreel", *path.relative_to(ROOT).with_suffix("").parts]) for path in FILES
    }


CLASSES = list(classes())
FIELDS = [
    pytest.param(param.values[0], name, id=f"{param.id}.{name}")
    for param in CLASSES
    for name in declared(param.values[0])
]


def beyond(known):
    """Values that a setting must refuse: out of range, of another type, not a number."""
    if known.choices is not None:
        return ["none of them", None, 3]
    if known.kind is bool:
        return [2, "yes", None]
    if known.kind is str:
        return [None, 3.5]
    wrong = ["many", None, True, math.nan, math.inf]
    wrong += [] if known.low is None else [known.low - 1]
    wrong += [] if known.high is None else [known.high + 1]
    return wrong + ([known.low + 0.5] if known.kind is int else []) + ([known.low + 1] if known.multiple else [])


def test_there_are_settings_in_every_wing():
    assert {path.relative_to(ROOT / "nodes").parts[0] for path in FILES} == {
        "base", "film", "person", "render", "schedule", "song", "story"
    }  # fmt: skip
    assert len(CLASSES) >= 25 and len(FIELDS) >= 120


@pytest.mark.parametrize("cls", CLASSES)
def test_the_defaults_are_settings(cls):
    made = cls()
    assert made.to_json() == {name: known.default for name, known in declared(cls).items()}
    assert from_inputs(cls, {}) == made and from_inputs(cls, {"an input of another class": 1}) == made
    assert all(part.default is not MISSING for part in fields(cls))


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_field_gives_its_input(cls, name):
    known = declared(cls)[name]
    (made,) = inputs_of(io, cls, name)
    shown = {key: value for key, value in made.as_dict().items() if value is not None}
    assert known.tooltip and made.id == known.input
    assert shown.pop("tooltip").startswith(known.tooltip.rstrip("."))
    assert shown.pop("optional") is not known.required
    assert shown.pop("default") == (known.default if known.unset is None else known.unset)
    if known.choices is not None:
        assert [option for option in shown.pop("options") if option != known.unset] == list(known.choices)
        assert shown.pop("multiselect") is False
    elif known.kind in (int, float):
        least = known.low if known.unset is None else known.unset
        assert (shown.pop("min"), shown.pop("max"), shown.pop("step", None)) == (least, known.high, known.step)
        assert shown.pop("round", None) == (False if known.exact else None)
        assert shown.pop("control_after_generate", None) == known.control
    elif known.kind is str:
        assert shown.pop("multiline") == known.multiline
    kinds = {bool: io.Boolean, int: io.Int, float: io.Float, str: io.String if known.choices is None else io.Combo}
    assert isinstance(made, kinds[known.kind].Input) and not shown


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_field_gives_its_option(cls, name):
    known = declared(cls)[name]
    parser = argparse.ArgumentParser()
    add_settings(parser, cls, name)
    assert getattr(parser.parse_args([]), name) == known.default
    assert known.tooltip[:12].lower() in parser.format_help().lower().replace("\n", " ") or len(known.tooltip) < 12
    option = "--" + name.replace("_", "-")
    if known.kind is bool:
        assert getattr(parser.parse_args([option]), name) is True
        return
    value = known.choices[-1] if known.choices else known.high if known.kind in (int, float) else "a text"
    assert getattr(parser.parse_args([option, str(value)]), name) == value
    if known.choices:
        with pytest.raises(SystemExit):
            parser.parse_args([option, "none of them"])
    parser = argparse.ArgumentParser()
    add_settings(parser, cls, name, without_default=True)
    assert getattr(parser.parse_args([]), name) is None


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_a_field_is_checked(cls, name):
    known = declared(cls)[name]
    check(cls, **{name: known.default})
    for end in (known.low, known.high):
        if end is not None:
            check(cls, **{name: end})
    for value in beyond(known):
        for refuse in (lambda value=value: check(cls, **{name: value}), lambda value=value: cls(**{name: value})):
            with pytest.raises(InputError) as caught:
                refuse()
            text = str(caught.value)
            assert text.startswith(f"{known.input} must be ") and text.endswith(f", got {value!r}.")
            assert text.count(". ") == 0


@dataclass(frozen=True)
class Tuned(Settings):
    """One of each kind."""

    steps: int = setting(20, low=1, high=100, unset=0, tooltip="Steps")
    side: int = setting(64, low=64, high=4096, step=8, multiple=True, tooltip="Side.")
    cfg: float = setting(7.0, low=0.0, high=1e6, step=0.1, input="guidance", tooltip="How closely.")
    share: float = setting(0.5, low=0.05, high=0.99, tooltip="Share.")
    free: float = setting(0.0, tooltip="Any number.")
    mode: str = setting("a", choices=("a", "b, and c"), tooltip="Mode.")
    on: bool = setting(False, tooltip="On.")
    words: str = setting("", tooltip="Words.")
    hidden: int = setting(3, low=0, high=9, internal=True, tooltip="Not shown.")
    note: str = "no setting"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 100, got 0."),
        ({"steps": 2.0}, "steps must be a whole number from 1 to 100, got 2.0."),
        ({"steps": True}, "steps must be a whole number from 1 to 100, got True."),
        ({"side": 68}, "side must be a multiple of 8 from 64 to 4096, got 68."),
        ({"cfg": -0.1}, "guidance must be from 0 to 1000000, got -0.1."),
        ({"cfg": math.nan}, "guidance must be from 0 to 1000000, got nan."),
        ({"share": 1}, "share must be from 0.05 to 0.99, got 1."),
        ({"free": math.inf}, "free must be a finite number, got inf."),
        ({"free": "1"}, "free must be a finite number, got '1'."),
        ({"mode": "c"}, "mode must be one of a; b, and c, got 'c'."),
        ({"on": 1}, "on must be true or false, got 1."),
        ({"words": None}, "words must be a text, got None."),
    ],
)
def test_a_refusal_is_one_sentence_with_name_range_and_value(values, message):
    with pytest.raises(InputError) as caught:
        Tuned(**values)
    assert str(caught.value) == message


def test_inputs_and_what_they_mean():
    assert [made.id for made in inputs_of(io, Tuned)] == [
        "steps", "side", "guidance", "share", "free", "mode", "on", "words"
    ]  # fmt: skip
    assert [made.id for made in inputs_of(io, Tuned, "on", "hidden")] == ["on", "hidden"]
    steps = inputs_of(io, Tuned, "steps")[0]
    assert (steps.min, steps.default, steps.tooltip) == (0, 0, "Steps; 0 takes the preset's.")
    # Nought leaves the steps to the preset; the field has the value of an input of another name.
    assert given_values(Tuned, {"steps": 0, "guidance": 2.0, "else": 1}) == {"cfg": 2.0}
    assert from_inputs(Tuned, {"steps": 5, "guidance": 2}) == Tuned(steps=5, cfg=2)
    assert Tuned().to_json() == {
        "steps": 20, "side": 64, "cfg": 7.0, "share": 0.5, "free": 0.0, "mode": "a", "on": False, "words": "",
        "hidden": 3,
    }  # fmt: skip


def test_a_like_field_differs_in_what_is_said():
    @dataclass(frozen=True)
    class Other(Settings):
        strength: float = like(Tuned, "cfg", tooltip="Strength.", default=1.0)

    known = declared(Other)["strength"]
    assert (known.default, known.low, known.high, known.step, known.tooltip) == (1.0, 0.0, 1e6, 0.1, "Strength.")
    with pytest.raises(InputError, match="strength must be from 0 to 1000000, got -1"):
        Other(strength=-1)


def test_help_tells_choices_whole_and_the_rest_in_a_sentence():
    told = setting("x", choices=("x", "y"), tooltip="x: this. y: that.").metadata["songreel"]
    assert help_of(told, "x") == "x: this. y: that (x)"
    assert help_of(setting(0, tooltip="A number. More of it.").metadata["songreel"], 0) == "a number (0)"
    assert help_of(setting(False, tooltip="63 % of it.").metadata["songreel"], False) == "63 %% of it"


# Faces ---------------------------------------------------------------------------------------------

FACES = sorted((ROOT / "nodes").rglob("node.py"))


@pytest.mark.parametrize("path", FACES, ids=lambda path: str(path.parent.relative_to(ROOT / "nodes")))
def test_no_range_and_no_default_of_a_setting_stands_in_a_face(path):
    tree = ast.parse(path.read_text("utf-8"))
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level, node.module) == (1, "settings")
        for alias in node.names
    ]
    by_folder = {module.__name__.split(".")[-2]: module for module in MODULES}
    found = {name: getattr(by_folder[path.parent.name], name) for name in names}
    assert found or path.parent.name in ("caption", "charcha")
    for face in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        used = [found[node.id] for node in ast.walk(face) if isinstance(node, ast.Name) and node.id in found]
        # What is imported beside classes is a constant or a function.
        ids = {known.input for cls in used if isinstance(cls, type) for known in declared(cls).values()}
        assert_nothing_stands_twice(face, ids)


def assert_nothing_stands_twice(face, ids):
    for node in ast.walk(face):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".Input"):
            keywords = {keyword.arg for keyword in node.keywords}
            assert not keywords & {"min", "max", "step"}, f"line {node.lineno}: a range belongs into settings.py"
            name = ast.literal_eval(node.args[0]) if node.args else None
            assert "default" not in keywords or name not in ids, f"line {node.lineno}: '{name}' is a setting"
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.posonlyargs, *node.args.args]
            named = {arg.arg for arg in given[len(given) - len(node.args.defaults) :]}
            named |= {arg.arg for arg, at in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if at}
            assert not named & ids, f"line {node.lineno}: the default of {named & ids} stands in its setting"
