import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.guard import guarded_negative
from songreel.nodes.story import timed_prompts
from support.songs import song


def starts(text, **options):
    return [shot.start for shot in timed_prompts.parse_timeline(text, song(), **options).shots]


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("0:04 x", 4.0),
        ("0:04.25 x", 4.25),
        ("0:00:04: x", 4.0),
        ("4.5s x", 4.5),
        ("4 sec: x", 4.0),
        ("beat 6 x", 3.0),
        ("downbeat 2: x", 4.0),
        ("bar 1, x", None),
        ("frame 60: x", 5.0),
        ("60: x", 5.0),
        ("0:04 - x", 4.0),
        ("0:04 -> x", 4.0),
    ],
)
def test_time_forms(line, seconds):
    if seconds is None:
        with pytest.raises(InputError, match="line 2: 'bar 1' can be counted from 0 or from 1; write downbeat 0"):
            starts(f"0:00 first\n{line}")
        return
    story = timed_prompts.parse_timeline(f"0:00 first\n{line}", song())
    assert [shot.start for shot in story.shots] == [0.0, seconds]
    assert story.shots[1].prompt == "x"
    assert story.shots[-1].end == 10.0


def test_first_shot_starts_at_zero_and_negative_reaches_every_shot():
    story = timed_prompts.parse_timeline("0:02 a\n0:05 b", song(), negative="blur")
    assert [(shot.start, shot.end, shot.negative) for shot in story.shots] == [
        (0.0, 5.0, guarded_negative("blur")),
        (5.0, 10.0, guarded_negative("blur")),
    ]


def test_comments_and_empty_lines_are_passed_over():
    assert starts("# my video\n\n0:00 a\n  \n0:05 b") == [0.0, 5.0]


def test_lines_without_times_share_the_song_on_beats():
    assert starts("a harbour\na city\n35mm photo of the sea") == [0.0, 3.5, 6.5]


def test_a_prompt_that_begins_with_a_number_is_a_prompt():
    story = timed_prompts.parse_timeline("2 dogs running", song())
    assert story.shots[0].prompt == "2 dogs running"


def test_snap_moves_to_the_nearest_beat_within_the_limit():
    text = "0:00 a\n0:02.1 b\n0:05.24 c"
    assert starts(text, snap="beat", max_move=0.2) == [0.0, 2.0, 5.24]
    assert starts(text, snap="beat", max_move=0.25) == [0.0, 2.0, 5.0]
    assert starts(text, snap="downbeat", max_move=1.0) == [0.0, 2.0, 6.0]
    assert starts(text) == [0.0, 2.1, 5.24]


def test_snap_never_puts_two_shots_on_one_frame():
    assert starts("0:00 a\n0:02.1 b\n0:02.2 c", snap="beat", max_move=0.25) == [0.0, 2.0, 2.2]


def test_long_shots_are_split_on_beats():
    shots = timed_prompts.parse_timeline("a harbour", song(), split_beats=8).shots
    assert [shot.start for shot in shots] == [0.0, 4.0, 8.0]
    assert {shot.prompt for shot in shots} == {"a harbour"}
    assert shots[-1].end == 10.0


def test_split_works_without_beats():
    quiet = song(beats=np.array([]), onset=np.zeros(120, np.float32))
    assert [shot.start for shot in timed_prompts.parse_timeline("a", quiet, split_beats=8).shots] == [0.0, 4.0, 8.0]


def test_frames_text_reads_back_to_the_same_frames():
    story = timed_prompts.parse_timeline("0:00 a\n0:02.04 b\nbeat 9 c", song())
    text = timed_prompts.timeline_text(story, song().fps)
    assert text == "frame 0: a\nframe 24: b\nframe 54: c"
    assert starts(text) == [0.0, 2.0, 4.5]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["text is empty"]),
        ("# only a comment", ["text is empty"]),
        ("0:00", ["line 1: there is no prompt after the time '0:00'"]),
        ("0:00 a\nb", ["line 2: there is no time before 'b'"]),
        ("0:00 a\n0:75 b", ["line 2: '0:75' has 75 seconds in a minute"]),
        ("0:00 a\nbeat 99 b", ["line 2: 'beat 99' is not in the song, in which 20 beats, 0 to 19, were heard"]),
        ("0:00 a\nbeat -1 b", ["line 2: 'beat -1' must be counted in whole numbers from 0"]),
        ("0:00 a\nbeat 1.5 b", ["line 2: 'beat 1.5' must be counted"]),
        ("0:00 a\n0:30 b", ["line 2: 0:30.000 is at or after the end of the song, 0:10.000"]),
        ("0:00 a\n0:05 b\n0:05 c", ["line 3: 0:05.000 does not come after line 2"]),
        ("0:00 a\n0:05 b\n0:03 c", ["line 3: 0:03.000 does not come after line 2, 0:05.000"]),
        ("0:00 a\n0:05 b\n0:05.01 c", ["line 3: 0:05.010 falls on the same frame as line 2 at 12 fps"]),
        ("0:00 a\n0:75 b\nbeat 99 c\nd", ["3 problems", "line 2:", "line 3:", "line 4:"]),
    ],
)
def test_errors_are_reported_together_each_with_its_line(text, parts):
    with pytest.raises(InputError) as caught:
        timed_prompts.parse_timeline(text, song())
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


def test_unknown_snap_mode():
    with pytest.raises(InputError, match="snap must be one of off, beat, downbeat, onset, got 'bar'"):
        starts("a", snap="bar")
