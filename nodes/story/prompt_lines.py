"""Lines of timed prompts -> times and prompts: `0:12 a harbour`, `[0:00-0:10] a forest`, `beat 16 the sea`, JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ..base.errors import InputError
from ..base.timing import frame_start, snap_fps
from ..base.types import SongAnalysis
from ..song.lyrics.clock import narrowed

FORMS = "a time such as 0:12, 12.5s, beat 16, downbeat 4 or frame 120"
_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_CLOCK = re.compile(rf"(?:(\d+):)?(\d+):({_NUMBER})(,\d+)?(?![\d.;'’]|:\d)(?=[\s:,\-–—|\])>}}→*]|$)")
_LONG = re.compile(
    rf"(?:(\d+)\s*h(?:ours?)?\s*)?(\d+)\s*m(?:in(?:utes?)?)?\s*({_NUMBER})\s*s(?:ec(?:onds?)?)?\b", re.IGNORECASE
)
_SECONDS = re.compile(rf"({_NUMBER}|\d+,\d+)(\s*)(s|sec|seconds?)\b", re.IGNORECASE)
_PERCENT = re.compile(rf"({_NUMBER})\s*%")
_COUNTED = re.compile(r"(beat|downbeat|frame)\s+(-?[\d.]+)", re.IGNORECASE)
_BAR = re.compile(r"(bar|measure)\s+(\d+)\b", re.IGNORECASE)
_FRAME_KEY = re.compile(r"(\d+)\s*:(?=\s|$)")
_MARK = re.compile(
    r"(?:[-*•–]\s+|\d{1,3}[.)]\s+|\|\s*)?(?:\*\*)?(?:(?:shot|scene|part|clip)\s*\d+\s*[:.,–-]?\s*(?=[\[(\d]))?[\[(<{]?\s*",
    re.IGNORECASE,
)
_TO = re.compile(r"\s*(?:-{1,3}>|--?|–|—|→|\bto\b|\buntil\b)\s*", re.IGNORECASE)
_CLOSE = re.compile(r"\s*[\])>}]?(?:\*\*)?")
_SEPARATOR = re.compile(r"\s*(?:[:,|]|[-–—]+(?=\s)|=>|->|→)?\s*")
# What begins like a time and is none of the forms above: two numbers with a clock's sign between, however marked.
_LIKE_A_CLOCK = re.compile(
    r"[-*•\[(<{\s|]*-?\d{1,4}\s?(?:[:;]\s?\d|['’]\s?\d|h\d|\.\d+\s?[:|\])])|[\[(<{]\s*[-+]?\d[\d.,]*\s*[\])>}]"
)
_BARE = re.compile(r"(\d+(?:[.,]\d+)?)\s+\S")
_FIELD = re.compile(r"\s+(negative|seed|lyric|emotion|music)\s*:\s*(.*)", re.IGNORECASE)
_PAIRS = re.compile(r"\s*\{?\s*[\"'“]?\d+[\"'”]?\s*:\s*[\"'“]")


@dataclass(frozen=True)
class TimedPrompt:
    """One line of the text: its number (from 1), its time in seconds (None when it has none) and its prompt.

    end: seconds, where a range gives one. words: the line as words, where its time counts only if all lines agree that
    it is one ("80s neon city"). negative, seed, lyric, emotion: from the lines below, as a story's text has them.
    """

    line: int
    seconds: float | None
    prompt: str
    end: float | None = None
    words: str = ""
    negative: str | None = None
    seed: int | None = None
    lyric: str = ""
    emotion: str = ""

    @property
    def start(self) -> float:
        """Its time in seconds, once it is known that all lines have one."""
        assert self.seconds is not None, "a line without a time is refused before its start is asked for"
        return self.seconds


def read_lines(text: str, song: SongAnalysis) -> tuple[list[TimedPrompt], list[str]]:
    """The prompts of a text, and what is wrong with it, each problem with its line."""
    text = narrowed(text.replace("\ufeff", ""))
    if _PAIRS.match(text) or text.lstrip()[:1] in ("{", "["):
        entries = _from_json(text.strip(), song)
        if entries is not None:
            return entries, []
    entries, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if entries and (match := _FIELD.fullmatch(line.rstrip())):
            problem = _add_field(entries, match[1].lower(), match[2].strip())
            problems += [f"line {number}: {problem}"] if problem else []
            continue
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            entry = _read_line(number, line, song)
        except InputError as error:
            problems.append(f"line {number}: {error}")
            continue
        if entry.prompt:
            entries.append(entry)
        else:
            problems.append(f"line {number}: there is no prompt after the time '{line}'")
    return _settled(entries, problems), problems


def _add_field(entries: list[TimedPrompt], name: str, value: str) -> str:
    """Put a field of a story's text into the last entry; what is wrong with it, or empty."""
    if name == "seed":
        if not re.fullmatch(r"\d{1,19}", value):
            return f"a seed is a whole number, got '{value[:20]}'"
        entries[-1] = replace(entries[-1], seed=int(value))
    elif name != "music":
        changed: dict[str, Any] = {name: value}
        entries[-1] = replace(entries[-1], **changed)
    return ""


def _settled(entries: list[TimedPrompt], problems: list[str]) -> list[TimedPrompt]:
    """Entries whose doubtful times are times only where the lines ascend from 0; else they are words again."""
    if any(entry.words for entry in entries):
        times = [entry.seconds for entry in entries if entry.seconds is not None]
        ascending = all(a < b for a, b in zip(times, times[1:], strict=False))
        agree = len(times) == len(entries) and times[0] == 0 and ascending
        if not agree:
            entries = [
                replace(entry, seconds=None, end=None, prompt=entry.words) if entry.words else entry
                for entry in entries
            ]
    bare = [_BARE.match(entry.prompt) for entry in entries]
    if len(entries) > 1 and all(bare) and all(entry.seconds is None for entry in entries):
        numbers = [float(match[1].replace(",", ".")) for match in bare if match]
        if numbers[0] == 0 and numbers == sorted(set(numbers)):
            problems.append(f"the lines begin with numbers without a unit; write {FORMS}")
    return entries


def _read_line(number: int, line: str, song: SongAnalysis) -> TimedPrompt:
    mark = _MARK.match(line)
    assert mark is not None
    found = _time(line, mark.end(), song) if mark.end() else _time(line, 0, song)
    if found is None and mark.end():
        mark_end, found = 0, _time(line, 0, song)
    else:
        mark_end = mark.end()
    if found is None:
        if _LIKE_A_CLOCK.match(line):
            raise InputError(f"it begins like a time, '{line[:20]}', which is not understood; write {FORMS}")
        return TimedPrompt(number, None, line)
    seconds, at, doubtful = found
    last = None
    if to := _TO.match(line, at):
        until = _end_of_count(line, mark_end, to.end(), song) or _time(line, to.end(), song)
        if until is not None:
            last, at = until[0], until[1]
            if last <= seconds:
                raise InputError(f"'{line[mark_end:at]}' ends before it begins")
            doubtful = False
    at = _close(line, mark_end, at)
    separator = _SEPARATOR.match(line, at)
    prompt = line[separator.end() if separator else at :].strip().removesuffix("|").strip()
    columns = separator is not None and re.search(r"[,|\t]", separator[0]) is not None
    if columns and _LIKE_A_CLOCK.match(prompt) and not prompt.startswith(("(", "[", "<")):
        raise InputError(f"'{line[:30]}' has a second time that is not understood; write {FORMS}")
    return TimedPrompt(number, seconds, prompt, last, line if doubtful else "")


def _close(line: str, mark_end: int, at: int) -> int:
    """Where the brackets end that the time stands in."""
    opened = re.search(r"[\[(<{]\s*$", line[:mark_end]) is not None or "**" in line[:mark_end]
    match = _CLOSE.match(line, at) if opened else None
    return match.end() if match else at


def _end_of_count(line: str, begin: int, at: int, song: SongAnalysis) -> tuple[float, int, bool] | None:
    """The end of "beat 0-16" or "0-10s", whose unit is said once."""
    unit = re.match(r"(beat|downbeat|frame)\s", line[begin:], re.IGNORECASE)
    number = re.match(r"\d+(?=[\s:,|\])>}]|$)", line[at:])
    if unit and number:
        return _counted_time(unit[1].lower(), number[0], song), at + number.end(), False
    return None


def _time(line: str, at: int, song: SongAnalysis) -> tuple[float, int, bool] | None:
    """(seconds, where the time ends, whether it may be words) of a time at that place; None where there is none."""
    if match := _CLOCK.match(line, at):
        return _clock_seconds(match), match.end(), False
    if match := _LONG.match(line, at):
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds), match.end(), False
    if match := _SECONDS.match(line, at):
        number = match[1].replace(",", ".")
        # "80s neon city" are words, unless all lines agree.
        doubtful = not match[2] and "." not in number and match[3].lower() == "s"
        return float(number), match.end(), doubtful
    if match := _COUNTED.match(line, at):
        return _counted_time(match[1].lower(), match[2], song), match.end(), False
    if match := _BAR.match(line, at):
        raise InputError(
            f"'{match[0]}' can be counted from 0 or from 1; write downbeat {max(int(match[2]) - 1, 0)} for the "
            f"{match[1]} that is counted as {match[2]} from 1"
        )
    if match := _PERCENT.match(line, at):
        return float(match[1]) / 100 * song.duration, match.end(), True
    if match := _FRAME_KEY.match(line, at):
        return frame_start(int(match[1]), song.fps), match.end(), False
    return None


def _clock_seconds(match: re.Match) -> float:
    hours, minutes, seconds, comma = match.groups()
    if comma is not None:
        # 0:10,500 is subtitles' way; 0:10,3 can as well be a table's "0:10" and "3 dogs".
        if len(comma) != 4 or "." in seconds:
            raise InputError(
                f"'{match[0]}' is not clear; write {match[0].replace(',', '.')}, or a blank after the comma"
            )
        seconds += f".{comma[1:]}"
    if float(seconds) >= 60:
        raise InputError(f"'{match[0]}' has {seconds} seconds in a minute; write 0 to 59")
    if hours is not None and int(minutes) >= 60:
        raise InputError(f"'{match[0]}' has {minutes} minutes in an hour; write 0 to 59")
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def _counted_time(unit: str, text: str, song: SongAnalysis) -> float:
    if not re.fullmatch(r"\d{1,9}", text):
        raise InputError(f"'{unit} {text}' must be counted in whole numbers from 0")
    index = int(text)
    if unit == "frame":
        return frame_start(index, song.fps)
    times = song.beats if unit == "beat" else song.downbeats
    if index >= len(times):
        heard = f"{len(times)} {unit}s, 0 to {len(times) - 1}," if len(times) else f"no {unit}s"
        raise InputError(f"'{unit} {index}' is not in the song, in which {heard} were heard")
    return float(times[index])


# JSON -----------------------------------------------------------------------------------------------


def _from_json(text: str, song: SongAnalysis) -> list[TimedPrompt] | None:
    """Prompts of Deforum's or FizzNodes' `"FRAME": "PROMPT"`, or of a list of objects; None where it is no JSON.

    Raises InputError for JSON of another kind, and for such pairs that cannot be read.
    """
    pairs = _PAIRS.match(text) is not None
    body = text.translate(str.maketrans("“”", '""')).rstrip().rstrip(",")
    body = body if text.startswith(("{", "[")) else "{" + body + "}"
    if pairs:
        body = re.sub(r"(^\{|,)(\s*)(\d+)(\s*:)", r'\1\2"\3"\4', body)
    try:
        data = json.loads(re.sub(r",(\s*[}\]])", r"\1", body), strict=False)
    except (ValueError, RecursionError):
        if not pairs:
            return None
        raise InputError(
            'The prompt text looks like JSON and cannot be read; write "FRAME": "PROMPT" in double quotes with a comma '
            "between two, or one line a shot: 0:00 a misty harbour."
        ) from None
    fps = song.fps
    if isinstance(data, dict) and isinstance(data.get("prompts"), dict):
        fps = fps if data.get("fps") is None else snap_fps(data["fps"])
        data = data["prompts"]
    if isinstance(data, dict) and data and all(str(key).strip().isdigit() for key in data):
        items = sorted((int(key), value) for key, value in data.items())
        return [_paired(number, frame_start(key, fps), value, key) for number, (key, value) in enumerate(items, 1)]
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        return [_listed(number, item, fps, song) for number, item in enumerate(data, 1)]
    raise InputError(
        'The prompt text is JSON of an unknown kind; give {"0": "a harbour", "120": "a forest"}, or a list of objects '
        'with "time" and "prompt". Text To Schedule reads settings of Deforum and Parseq.'
    )


def _paired(number: int, seconds: float, value: Any, key: int) -> TimedPrompt:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"The prompt text has no text at frame {key}; write a prompt there.")
    prompt, _, negative = value.partition("--neg")
    return TimedPrompt(number, seconds, prompt.strip(), negative=negative.strip() or None)


def _listed(number: int, item: dict, fps: Fraction, song: SongAnalysis) -> TimedPrompt:
    prompt = next((item[name] for name in ("prompt", "text", "positive") if isinstance(item.get(name), str)), "")
    time = next((item[name] for name in ("time", "start", "seconds", "from") if name in item), None)
    seconds = None
    if isinstance(time, str):
        found = _time(time.strip(), 0, song)
        seconds = found[0] if found and found[1] == len(time.strip()) else None
    elif isinstance(time, (int, float)) and not isinstance(time, bool) and 0 <= time < 1e6:
        seconds = float(time)
    elif isinstance(item.get("frame"), int) and not isinstance(item["frame"], bool) and 0 <= item["frame"] < 10**9:
        seconds = frame_start(item["frame"], fps)
    if seconds is None or not prompt.strip():
        raise InputError(f'The prompt text: entry {number} has no "prompt", or no "time" in seconds or m:ss.')
    negative = item.get("negative")
    return TimedPrompt(number, seconds, prompt.strip(), negative=negative if isinstance(negative, str) else None)
