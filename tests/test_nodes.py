"""Every node of the pack as its user meets it: in which order, explained by a help page and tooltips."""

import json
import re
import subprocess
import sys

from support.paths import ROOT


def named_in(page, name):
    """Whether a help page names an input or output: bold, as code, or in the first cell of a table's row.

    A word that only contains the name does not count.
    """
    if re.search(rf"(\*\*|`){re.escape(name)}\1", page):
        return True
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("|")]
    return any(name in re.split(r"[,\s]+", cell) for cell in cells)


def test_a_name_is_found_as_a_name_only():
    assert (
        named_in("| **t** | how far |", "t") and named_in("the curve `t`", "t") and named_in("| s, t | how far |", "t")
    )
    assert not named_in("| **beat** | t is the song |", "t") and not named_in("`t_end` and t", "t")


def test_every_node_has_a_help_page_and_every_input_a_tooltip():
    done = subprocess.run(
        [sys.executable, "-m", "headless", "nodes", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = [node for node in json.loads(done.stdout) if node["category"].startswith("songreel/")]
    assert [node["name"] for node in ours] == [
        "AudioBeatEnvelope",
        "CorrectBeats",
        "EnvelopeCurve",
        "CurveToRange",
        "BeatsToText",
        "LoadLyrics",
        "TranscribeLyrics",
        "MusicEmotion",
        "MusicCaption",
        "LyricsToStoryPrompts",
        "StoryShot",
        "PromptTimeline",
        "CharchaCapture",
        "CharchaIdentity",
        "TrainIdentityLoRA",
        "ApplyIdentityLoRA",
        "OnsetSlerpScheduler",
        "EventPlan",
        "ModulateSchedule",
        "ScheduleCurve",
        "ScheduleThemes",
        "ScheduleToText",
        "TextToSchedule",
        "StoryAnimatic",
        "RenderMusicVideo",
        "ScheduleToSampler",
        "UpscaleMusicVideo",
        "SaveMusicVideo",
        "SaveFrames",
        "IdentityMetrics",
    ]
    for node in ours:
        page = (ROOT / "web" / "docs" / f"{node['name']}.md").read_text("utf-8")
        assert node["description"]
        for group in ("required", "optional"):
            for name, (_, options) in node["input"].get(group, {}).items():
                assert options.get("tooltip"), (node["name"], name)
                assert named_in(page, name), (node["name"], name)
        for name, tooltip in zip(node["output_name"], node["output_tooltips"], strict=True):
            assert tooltip and named_in(page, name), (node["name"], name)
