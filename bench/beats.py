"""Beats against annotated music: ours and other programs', with bars that must be reached.

    python bench/beats.py CLIPS [--takes 2,3] [--whole FOLDER] [--sung FOLDER] [--without-beat N] [--with NAMES]
    python bench/beats.py --clicks

CLIPS is a folder of *.flac with a *.beats beside each (seconds, position in the bar; 1 is a downbeat). Clips whose
number ends in 0 or 1 were used for choosing; 2 and 3 are the default here. --whole: songs with a *.beats each. --sung:
songs of known tempo. --without-beat N: N clips of speech, noise, drones and rooms, made here, in which no beat may be
heard. --with librosa: librosa's beats in the same run. Exit status 1 when a bar is missed; needs
mir_eval.
--clicks: ten minutes of clicks at four tempi and five sample rates; the largest error of any beat.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import repository  # noqa: F401

import numpy as np

BARS = {"beats": 0.91, "downbeats": 0.62, "whole": 0.90, "false": 1 / 40}
# The tempi that the songs of --sung are known to have.
SUNG_BPM = {"flickr": 80.0, "not_about_you": 150.0, "big_bad_world_one": 150.0}
TEMPO_TOLERANCE = 0.04
# A clip whose beats are this right counts as heard right in the diagram of reliability.
_RIGHT = 0.8


def f_measure(reference: np.ndarray, estimate: np.ndarray) -> float:
    """F-measure with a window of 70 ms over all beats."""
    import mir_eval

    return float(mir_eval.beat.f_measure(reference, estimate)) if len(estimate) else 0.0


def signed_errors(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Seconds by which the matching estimates are late."""
    differences = estimate[:, None] - reference[None, :]
    return differences[np.abs(differences) < 0.07]


def tempo_of(beats: np.ndarray) -> float:
    """BPM by the median interval, 0 for fewer than two beats."""
    return float(60 / np.median(np.diff(beats))) if len(beats) > 1 else 0.0


def same_tempo(one: float, other: float) -> bool:
    return abs(one / other - 1) <= TEMPO_TOLERANCE


def clicks() -> None:
    """Whether beats drift: their largest error over ten minutes."""
    from songreel.nodes.song.audio.analysis import analyze

    for rate in (8_000, 22_050, 44_100, 48_000, 96_000):
        for bpm in (63, 97.3, 128, 171):
            times = np.round(np.arange(0.3, 599.9, 60 / bpm) * rate) / rate
            local = np.arange(int(0.03 * rate)) / rate
            click = (np.sin(2 * np.pi * 1000 * local) * np.exp(-150 * local)).astype(np.float32)
            samples = np.zeros(600 * rate, np.float32)
            for start in np.round(times * rate).astype(int):
                samples[start : start + len(click)] += click
            beats = analyze(samples, rate, fps=24).beats
            nearest = np.abs(beats[:, None] - times[None]).min(axis=1)
            print(f"{rate:6d} Hz {bpm:5.1f} BPM: {len(beats)} of {len(times)} beats, largest error "
                  f"{1000 * nearest.max():.1f} ms")  # fmt: skip


def _librosa(waveform: np.ndarray, rate: int) -> np.ndarray:
    import librosa

    return librosa.beat.beat_track(y=waveform.mean(axis=0), sr=rate, units="time")[1]


OTHERS = {"librosa": _librosa}


def judged(path: Path, others: list[str], errors: list[np.ndarray]) -> dict[str, float]:
    """Scores of one annotated song: ours, and the beats of others."""
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.song.audio.analysis import analyze

    annotation = np.loadtxt(path.with_suffix(".beats"), ndmin=2)
    beats = annotation[:, 0]
    waveform, rate = read_audio(path)
    begin = time.perf_counter()
    song = analyze(waveform, rate, fps=24)
    seconds = time.perf_counter() - begin
    errors.append(signed_errors(beats, song.beats))
    row = {
        "beats": f_measure(beats, song.beats), "downbeats": np.nan, "tempo": song.tempo, "annotated": tempo_of(beats),
        "confidence": song.beat_confidence, "seconds": seconds, "none": float(not len(song.beats)),
    }  # fmt: skip
    if annotation.shape[1] > 1 and (annotation[:, 1] == 1).any():
        row["downbeats"] = f_measure(beats[annotation[:, 1] == 1], song.downbeats)
    for name in others:
        row[name] = f_measure(beats, np.asarray(OTHERS[name](waveform, rate)))
    return row


def line(title: str, rows: list[dict[str, float]], others: list[str]) -> str:
    """Means over songs."""
    mean = {name: np.mean([row[name] for row in rows]) for name in ("beats", "confidence", *others)}
    down = [row["downbeats"] for row in rows if np.isfinite(row["downbeats"])]
    right = np.mean([same_tempo(row["tempo"], row["annotated"]) for row in rows])
    beside = "".join(f"  {name} {mean[name]:.3f}" for name in others)
    bars = f"{np.mean(down):.3f}" if down else "  -  "
    return (f"{title:18s} beats {mean['beats']:.3f}  downbeats {bars}  tempo right {right:.2f}  "
            f"confidence {mean['confidence']:.2f}{beside}")  # fmt: skip


def annotated(clips: list[Path], others: list[str], *, each: bool) -> list[str]:
    """Judge the clips by genre; the bars that are missed."""
    genres, errors = defaultdict(list), []
    for path in clips:
        row = judged(path, others, errors)
        genres[path.stem.split(".")[0]].append(row)
        if each:
            tempi = f"  tempo {row['tempo']:.1f}, annotated {row['annotated']:.1f}"
            print(line(path.stem, [row], others) + tempi, flush=True)
    for genre, rows in genres.items():
        print(line(genre, rows, others))
    rows = [row for rows in genres.values() for row in rows]
    print(line(f"{len(rows)} clips", rows, others), f" mean error {1000 * np.mean(np.concatenate(errors)):+.1f} ms")
    print(reliability(rows))
    missed = []
    for name in ("beats", "downbeats"):
        mean = float(np.nanmean([row[name] for row in rows]))
        if mean < BARS[name]:
            missed.append(f"{name} {mean:.3f}, wanted {BARS[name]}")
    silent = sum(row["none"] for row in rows)
    return missed + ([f"{silent:.0f} clips called beatless"] if silent else [])


def reliability(rows: list[dict[str, float]]) -> str:
    """Confidence against how often the beats were right."""
    parts = []
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.01)):
        inside = [row for row in rows if low <= row["confidence"] < high]
        if inside:
            share = np.mean([row["beats"] >= _RIGHT for row in inside])
            parts.append(f"{low:.2f}-{min(high, 1):.2f}: {len(inside)} clips, {share:.0%} right")
    return "confidence " + "; ".join(parts)


def whole(folder: Path, others: list[str]) -> list[str]:
    """Judge whole songs, each on its own; the bars that are missed."""
    missed = []
    for path in sorted(path for path in folder.iterdir() if path.with_suffix(".beats").exists()):
        if path.suffix == ".beats":
            continue
        row = judged(path, others, [])
        print(line(path.stem, [row], others) + f"  tempo {row['tempo']:.1f}, annotated {row['annotated']:.1f}")
        if row["beats"] < BARS["whole"]:
            missed.append(f"{path.stem} {row['beats']:.3f}, wanted {BARS['whole']}")
    return missed


def sung(folder: Path) -> list[str]:
    """The tempo of songs where it is known; those that are missed."""
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.song.audio.analysis import analyze

    missed = []
    for name, bpm in SUNG_BPM.items():
        found = [path for path in folder.glob(f"{name}.*") if path.suffix in (".mp3", ".ogg", ".flac", ".wav")]
        tempo = analyze(*read_audio(found[0]), fps=24).tempo
        print(f"{name:18s} tempo {tempo:.1f}, known {bpm:.0f}")
        if not same_tempo(tempo, bpm):
            missed.append(f"{name}: tempo {tempo:.1f}, wanted {bpm:.0f}")
    return missed


def without_beat(count: int) -> list[str]:
    """Clips in which there is no beat; the bar when beats are heard in too many."""
    from headless.ear_training.negatives import KINDS, make_negative
    from songreel.nodes.song.audio.analysis import analyze

    # Not a seed that training uses.
    rng, heard = np.random.default_rng([2026, 40]), []
    kinds = sorted(set(KINDS))
    for index in range(count):
        sound, kind = make_negative(rng, 22_050, kinds[index % len(kinds)])
        song = analyze(sound, 22_050, fps=24)
        if len(song.beats):
            heard.append(f"{kind} ({len(song.beats)} beats, confidence {song.beat_confidence:.2f})")
    print(f"{len(heard)} of {count} without a beat were given beats: {', '.join(heard) or 'none'}")
    return [f"{len(heard)} of {count} beats where there are none"] if len(heard) > BARS["false"] * count else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--clicks", action="store_true")
    parser.add_argument("--takes", default="2,3", help="last digits of the clip numbers (default 2,3)")
    parser.add_argument("--whole", type=Path, metavar="FOLDER")
    parser.add_argument("--sung", type=Path, metavar="FOLDER")
    parser.add_argument("--without-beat", type=int, default=0, metavar="N")
    parser.add_argument(
        "--with", dest="others", default="", metavar="NAMES", help="other programs beside ours: librosa"
    )
    parser.add_argument("--each", action="store_true", help="one line per clip")
    args = parser.parse_args()
    if args.clicks:
        clicks()
        return 0
    others = [name for name in args.others.split(",") if name]
    if unknown := [name for name in others if name not in OTHERS]:
        parser.error(f"--with knows {', '.join(OTHERS)}, not {', '.join(unknown)}")
    if args.clips is None:
        parser.error("give the folder of annotated clips, or --clicks")
    takes = tuple(args.takes.split(","))
    clips = [path for path in sorted(args.clips.glob("*.flac")) if path.stem.endswith(takes)]
    missed = annotated(clips, others, each=args.each) if clips else []
    missed += whole(args.whole, others) if args.whole else []
    missed += sung(args.sung) if args.sung else []
    missed += without_beat(args.without_beat) if args.without_beat else []
    for text in missed:
        print(f"MISSED: {text}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
