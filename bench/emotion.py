"""The emotion models: fitted to DEAM, judged on songs they have not seen, and held beside openSMILE.

    python bench/emotion.py judge DEAM [--check]     10-fold by song: R2 of the three models
    python bench/emotion.py train DEAM               writes the weights of the two regressors
    python bench/emotion.py columns CLIPS [CLIPS]    our descriptors beside openSMILE's, and both beside DEAM's range
    python bench/emotion.py stable CLIPS [CLIPS]     how far a louder, resampled, mono or MP3 copy moves the result
    python bench/emotion.py speed                    seconds for a 4-minute song

DEAM is a folder with features_song_mean.csv and static_annotations.csv; CLIPS are folders of audio files. `columns`
also reads DEAM when --deam is given. Needs opensmile for what names it. --check ends with
status 1 where a model explains less than it did when its weights were shipped.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path

from repository import judged

import numpy as np

from songreel.nodes.song.emotion import descriptors, hear, regressor

FOLDS, SEED = 10, 0
# R2 of arousal and valence that a model must reach: what was measured, rounded down.
LEAST_R2 = {"opensmile": (0.64, 0.32), "built-in": (0.60, 0.22), "rules": (0.48, 0.12)}
SUFFIXES = (".flac", ".ogg", ".mp3", ".wav")


def read_deam(folder: Path) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Names of the 65 descriptors, their song means (songs, 65), and (arousal, valence) in -1..1 (songs, 2)."""
    with open(folder / "features_song_mean.csv", newline="") as file:
        rows = list(csv.reader(file))
    # The deltas of DEAM's files have another scale than openSMILE's, so that a model with them does not transfer.
    kept = [k for k, name in enumerate(rows[0]) if name.endswith("_amean") and "_de" not in name]
    features = {int(row[0]): [float(row[k]) for k in kept] for row in rows[1:]}
    with open(folder / "static_annotations.csv", newline="") as file:
        told = {
            int(row["song_id"]): [(float(row[f"{name}_mean"]) - 5) / 4 for name in ("arousal", "valence")]
            for row in csv.DictReader(file)
        }
    songs = [song for song in features if song in told]
    names = tuple(rows[0][k].removesuffix("_amean") for k in kept)
    return names, np.array([features[song] for song in songs]), np.array([told[song] for song in songs])


def r2(targets: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Share of the variance that is explained, for each column."""
    return (1 - np.square(targets - predicted).sum(0) / np.square(targets - targets.mean(0)).sum(0)).tolist()


def held_out(means: np.ndarray, targets: np.ndarray, columns: tuple[str, ...]) -> np.ndarray:
    """Predictions of every song by a model that has not seen it."""
    fold = np.random.default_rng(SEED).permutation(len(means)) % FOLDS
    predicted = np.zeros_like(targets)
    for k in range(FOLDS):
        model = regressor.fit(means[fold != k], targets[fold != k], columns)
        predicted[fold == k] = model.predict(means[fold == k])
    return predicted


def ours_of(names: tuple[str, ...]) -> list[int]:
    return [names.index(name) for name in descriptors.COLUMNS]


def judge(args: argparse.Namespace) -> None:
    from songreel.nodes.song.emotion.rules import rule_values

    names, means, targets = read_deam(args.deam)
    subset = ours_of(names)
    results = {
        f"opensmile ({len(names)} descriptors)": held_out(means, targets, names),
        f"built-in ({len(subset)} descriptors)": held_out(means[:, subset], targets, descriptors.COLUMNS),
        "rules (without tempo and mode)": rule_values(means[:, subset]),
    }
    print(f"{len(means)} songs, {FOLDS}-fold by song; R2 and r of arousal, then of valence")
    for name, predicted in results.items():
        r = [float(np.corrcoef(targets[:, k], predicted[:, k])[0, 1]) for k in (0, 1)]
        arousal, valence = r2(targets, predicted)
        print(f"  {name:32s} {arousal:6.3f} {r[0]:6.3f}   {valence:6.3f} {r[1]:6.3f}")
    if args.check:
        judged(
            [
                (f"R2 of {what}, {name}", value, ">=", bar)
                for name, predicted in results.items()
                for what, value, bar in zip(
                    ("arousal", "valence"), r2(targets, predicted), LEAST_R2[name.split()[0]], strict=True
                )
            ]
        )


def train(args: argparse.Namespace) -> None:
    names, means, targets = read_deam(args.deam)
    subset = ours_of(names)
    for name, columns, rows in (("opensmile", names, means), ("built-in", descriptors.COLUMNS, means[:, subset])):
        path = regressor.WEIGHTS / f"{name}.json"
        path.write_text(json.dumps(regressor.fit(rows, targets, columns).to_json()) + "\n", "utf-8")
        print(f"{path.name}: {len(columns)} descriptors, {path.stat().st_size} bytes")


def clips(folders: list[Path]) -> list[Path]:
    return sorted(path for folder in folders for path in folder.iterdir() if path.suffix in SUFFIXES)


def signal_of(path: Path, seconds: float = 60.0) -> np.ndarray:
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.song.audio import signal

    waveform, rate = read_audio(path)
    mono = signal.mono(waveform[:, : int(seconds * rate)])
    return hear._at_rate(mono, rate)


def columns(args: argparse.Namespace) -> None:
    names = regressor.load("opensmile").columns
    from songreel.nodes.song.emotion import smile

    theirs, ours = [], []
    for path in clips(args.clips):
        signal = signal_of(path)
        theirs.append(np.nanmean(smile.smile_descriptors(signal, names), axis=0))
        ours.append(descriptors.descriptors(signal).mean(axis=0))
    theirs, ours = np.array(theirs), np.array(ours)
    low = high = None
    if args.deam:
        deam = read_deam(args.deam)[1]
        low, high = deam.min(axis=0), deam.max(axis=0)
    print(f"{len(theirs)} clips; r and median ratio of ours to openSMILE's; clips of openSMILE's outside DEAM's range")
    for k, name in enumerate(names):
        line = f"  {name:42s}"
        if name in descriptors.COLUMNS:
            own = ours[:, descriptors.COLUMNS.index(name)]
            line += f" r {np.corrcoef(own, theirs[:, k])[0, 1]:.4f} ratio {np.median(own / theirs[:, k]):7.4f}"
        else:
            line += " " * 25
        if low is not None:
            line += f"  outside {int(((theirs[:, k] < low[k]) | (theirs[:, k] > high[k])).sum())}"
        print(line)


def stable(args: argparse.Namespace) -> None:
    from songreel.nodes.base.media import audio as media
    from songreel.nodes.song.emotion.smile import available

    models = ["built-in", "rules"] + (["opensmile"] if available() else [])
    worst: dict[tuple[str, str], list[float]] = {}
    for path in clips(args.clips):
        waveform, rate = media.read_audio(path)
        waveform = waveform[:, : 60 * rate]
        for name, (changed, changed_rate) in _copies(waveform, rate).items():
            for model in models:
                before = hear.hear_emotion(waveform, rate, hear.EmotionSettings(model=model))
                after = hear.hear_emotion(changed, changed_rate, hear.EmotionSettings(model=model))
                n = min(len(before.arousal), len(after.arousal))
                moves = [
                    np.abs(getattr(before, kind)[:n] - getattr(after, kind)[:n]) for kind in ("arousal", "valence")
                ]
                worst.setdefault((model, name), []).append([float(move.mean()) for move in moves])
    print("model, copy: mean over clips and largest clip of the mean |change| of arousal; of valence")
    for (model, name), moves in worst.items():
        moves = np.array(moves)
        print(f"  {model:10s} {name:16s} {moves[:, 0].mean():.3f} {moves[:, 0].max():.3f}   "
              f"{moves[:, 1].mean():.3f} {moves[:, 1].max():.3f}")  # fmt: skip


def _copies(waveform: np.ndarray, rate: int) -> dict[str, tuple[np.ndarray, int]]:
    import soxr

    from songreel.nodes.base.media.audio import read_audio

    other = 48_000 if rate == 44_100 else 44_100
    copies = {
        "1 dB louder": (waveform * np.float32(10 ** (1 / 20)), rate),
        f"{other} Hz": (soxr.resample(waveform.T, rate, other).T.astype(np.float32), other),
        "mono or stereo": (np.stack([waveform.mean(axis=0)] * (1 if len(waveform) > 1 else 2)), rate),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp3"
        _write_mp3(path, waveform, rate)
        copies["MP3 128 kb/s"] = read_audio(path)
    return copies


def _write_mp3(path: Path, waveform: np.ndarray, rate: int) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono" if len(waveform) == 1 else "stereo")
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waveform), "fltp", stream.layout.name)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def speed(args: argparse.Namespace) -> None:
    from songreel.nodes.song.emotion.smile import available

    rng = np.random.default_rng(SEED)
    song = (0.1 * rng.standard_normal((2, 240 * 44_100))).astype(np.float32)
    song *= 1 + np.sin(np.linspace(0, 3000, song.shape[1], dtype=np.float32))
    models = ["built-in", "rules"] + (["opensmile"] if available() else [])
    for model in models:
        hear.hear_emotion(song[:, : 44_100 * 10], 44_100, hear.EmotionSettings(model=model))
        begin, used = time.perf_counter(), time.process_time()
        hear.hear_emotion(song, 44_100, hear.EmotionSettings(model=model))
        print(f"  {model:10s} {time.perf_counter() - begin:5.2f} s, {time.process_time() - used:5.2f} s of processor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("judge", judge), ("train", train)):
        command = commands.add_parser(name)
        command.add_argument("deam", type=Path)
        if name == "judge":
            command.add_argument("--check", action="store_true", help="end with status 1 below the bars")
        command.set_defaults(run=run)
    for name, run in (("columns", columns), ("stable", stable)):
        command = commands.add_parser(name)
        command.add_argument("clips", type=Path, nargs="+")
        command.add_argument("--deam", type=Path)
        command.set_defaults(run=run)
    commands.add_parser("speed").set_defaults(run=speed)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
