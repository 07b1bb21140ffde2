"""What CLIP does not read of a prompt is named."""

import pytest

from songreel.nodes.base.types import Shot, Story
from songreel.nodes.story.limit import beyond_limit, shortened_note


def words(text):
    return len(text.replace(",", " ").split())


def story(*prompts):
    return Story(tuple(Shot(float(k), k + 1.0, prompt) for k, prompt in enumerate(prompts)))


LONG = ", ".join(f"word{k}" for k in range(80))


@pytest.mark.parametrize(
    ("prompts", "notes"),
    [
        (["a harbour"], []),
        ([", ".join(["x"] * 75)], []),
        (
            ["a", LONG],
            [
                "CLIP reads 75 of the 80 tokens of shot 2's prompt; not seen: 'word79', 'word78', 'word77', 'word76', 'word75'."  # noqa: E501
            ],
        ),
        ([LONG, LONG], ["shot 1's", "shot 2's"]),
        ([LONG] * 9, ["shot 1's"] + ["shot"] * 4 + ["4 more prompts are longer than CLIP reads."]),
        ([" ".join(["y"] * 76)], ["not seen: 'y'."]),
    ],
)
def test_prompts_beyond_the_limit(prompts, notes):
    found = beyond_limit(story(*prompts), words)
    assert len(found) == len(notes) and all(part in note for part, note in zip(notes, found, strict=True))


def test_one_shot_alone():
    assert beyond_limit(story(*[LONG] * 9), words, only=8)[0].startswith("CLIP reads 75 of the 80 tokens of shot 8's")
    assert beyond_limit(story(LONG, "a"), words, only=2) == []


def test_shortened_prompts_are_named():
    assert shortened_note([(2, ("ornate",)), (4, ("a", "b"))], 9) == (
        "2 of 9 prompts were shortened to what CLIP reads, details first: shot 2 without 'ornate'; shot 4 without 'a', 'b'."  # noqa: E501
    )
    assert shortened_note([(k, ("x",)) for k in range(1, 9)], 9).endswith("shot 5 without 'x'; and 3 more.")
