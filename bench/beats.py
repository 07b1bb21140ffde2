"""Beat tracking against annotated clips: ours and librosa's, F-measure at 70 ms.

    python bench/beats.py CLIPS [--takes 2,3] [--each] [--no-librosa]
    python bench/beats.py --clicks

CLIPS is a folder of *.flac with a *.beats beside each (seconds, position in the bar; 1 is a downbeat).
Clips whose number ends in 0 or 1 were used for tuning; 2 and 3 are the default here. Needs mir_eval.
--clicks: ten minutes of clicks at four tempi and five sample rates; the largest error of any beat.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import repository  # noqa: F401

import numpy as np


def f_measure(reference: np.ndarray, estimate: np.ndarray) -> float:
    """F-measure with a window of 70 ms over all beats."""
    import mir_eval

    return float(mir_eval.beat.f_measure(reference, estimate)) if len(estimate) else 0.0


def signed_errors(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Seconds by which the matching estimates are late."""
    differences = estimate[:, None] - reference[None, :]
    return differences[np.abs(differences) < 0.07]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--clicks", action="store_true")
    parser.add_argument("--takes", default="2,3", help="last digits of the clip numbers (default 2,3)")
    parser.add_argument("--each", action="store_true", help="one line per clip")
    parser.add_argument("--no-librosa", action="store_true")
    args = parser.parse_args()
    if args.clicks:
        return clicks()
    if args.clips is None:
        parser.error("give the folder of annotated clips, or --clicks")
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.song.audio.analysis import analyze

    takes = tuple(args.takes.split(","))
    clips = [path for path in sorted(args.clips.glob("*.flac")) if path.stem.endswith(takes)]
    rows, errors, seconds = [], [], 0.0
    for clip in clips:
        annotation = np.loadtxt(clip.with_suffix(".beats"), ndmin=2)
        waveform, rate = read_audio(clip)
        begin = time.perf_counter()
        song = analyze(waveform, rate, fps=24)
        seconds += time.perf_counter() - begin
        beats = annotation[:, 0]
        row = [f_measure(beats, song.beats), np.nan, np.nan]
        if annotation.shape[1] > 1 and (annotation[:, 1] == 1).any():
            row[1] = f_measure(beats[annotation[:, 1] == 1], song.downbeats)
        if not args.no_librosa:
            import librosa

            row[2] = f_measure(beats, librosa.beat.beat_track(y=waveform.mean(axis=0), sr=rate, units="time")[1])
        rows.append(row)
        errors.append(signed_errors(beats, song.beats))
        if args.each:
            print(f"{clip.stem:18s} beats {row[0]:.3f}  downbeats {row[1]:.3f}  librosa {row[2]:.3f}  "
                  f"tempo {song.tempo:5.1f}, annotated {60 / np.median(np.diff(beats)):5.1f}")  # fmt: skip
    table = np.array(rows)
    mean = [np.nanmean(column) if np.isfinite(column).any() else np.nan for column in table.T]
    print(f"{len(clips)} clips: beats {mean[0]:.3f}, downbeats {mean[1]:.3f}, librosa beats {mean[2]:.3f}; "
          f"mean error {1000 * np.mean(np.concatenate(errors)):+.1f} ms; {seconds:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
