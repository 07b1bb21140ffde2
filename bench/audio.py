"""What hearing a song costs: whole processes from start to JSON, first run, warm run, memory; beside librosa.

    python bench/audio.py [--song FILE] [--runs 3] [--long MINUTES] [--no-librosa]

Without --song, four minutes of stereo at 44.1 kHz are made from the demo song. The librosa side computes mel
spectrogram, beats, onset strength, RMS, chroma and centroid at 22.05 kHz, the usual recipe for video; it has neither a
percussive part nor sections, ours has both. "First run" means without any compiled cache: no .pyc files, no numba
cache. --long also analyses that many minutes of mono at 22.05 kHz and prints its peak memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from repository import ROOT

OURS = """
import sys, time
sys.path.insert(0, sys.argv[1])
import headless
from pathlib import Path
from songreel.nodes.base.media.audio import read_audio
from songreel.nodes.song.audio.analysis import analyze
song = read_audio(Path(sys.argv[2]))
text = analyze(*song, fps=24).to_text()
heavy = sorted({"torch", "numba", "librosa"} & set(sys.modules))
assert not heavy, heavy
"""
LIBROSA = """
import sys, time
import librosa, numpy as np
y, sr = librosa.load(sys.argv[2], sr=22050)
def analyze(y, sr):
    librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, n_mels=128, hop_length=512), ref=np.max)
    librosa.beat.beat_track(y=y, sr=sr, hop_length=512)
    librosa.onset.onset_strength(y=y, sr=sr, hop_length=512)
    librosa.feature.rms(y=y, hop_length=512)
    librosa.feature.chroma_stft(y=y, sr=sr, hop_length=512)
    librosa.feature.spectral_centroid(y=y, sr=sr, hop_length=512)
song = y, sr
analyze(*song)
"""
WARM = """
import resource
begin = time.perf_counter(); {call}; took = time.perf_counter() - begin
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
CALLS = {"ours": (OURS, "analyze(*song, fps=24)"), "librosa": (LIBROSA, "analyze(*song)")}


def run(code: str, song: Path, **environment: str) -> tuple[float, list[float]]:
    """Seconds of the whole process and the numbers that it prints."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(song)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    took = time.perf_counter() - begin
    if done.returncode:
        sys.exit(done.stderr)
    return took, [float(word) for word in done.stdout.split()]


def make_song(path: Path, *, minutes: float, rate: int, channels: int) -> Path:
    """The demo song, over and over."""
    import numpy as np
    import soundfile
    import soxr

    from headless.demo.song import SAMPLE_RATE, make_demo_song

    wave = np.atleast_2d(make_demo_song()[0])
    wave = wave.T if wave.shape[0] < wave.shape[1] else wave
    wave = soxr.resample(wave, SAMPLE_RATE, rate) if rate != SAMPLE_RATE else wave
    wave = wave[:, :1] if channels == 1 else np.repeat(wave, 2, axis=1)[:, :2]
    with soundfile.SoundFile(path, "w", rate, channels, format="WAV") as file:
        left = int(minutes * 60 * rate)
        while left > 0:
            file.write(wave[:left])
            left -= len(wave)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--song", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--long", type=float, metavar="MINUTES")
    parser.add_argument("--no-librosa", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        song = args.song or make_song(Path(folder) / "four.wav", minutes=4, rate=44_100, channels=2)
        names = ["ours"] if args.no_librosa else ["ours", "librosa"]
        cold: dict[str, list[float]] = {name: [] for name in names}
        warm: dict[str, list[float]] = {name: [] for name in names}
        memory, first = {}, {}
        for name in names:
            empty = tempfile.mkdtemp(dir=folder)
            first[name], _ = run(CALLS[name][0], song, PYTHONPYCACHEPREFIX=empty, NUMBA_CACHE_DIR=empty)
        # Turn about, so that the machine's noise meets both.
        for _ in range(args.runs):
            for name in names:
                code, call = CALLS[name]
                cold[name].append(run(code, song)[0])
                took, peak = run(code + WARM.format(call=call), song)[1]
                warm[name].append(took)
                memory[name] = peak
        print(f"{'':8s} {'first run':>10s} {'cold':>8s} {'warm':>8s} {'memory':>9s}")
        for name in names:
            numbers = statistics.median(cold[name]), statistics.median(warm[name])
            print(f"{name:8s} {first[name]:8.2f} s {numbers[0]:6.2f} s {numbers[1]:6.2f} s {memory[name]:6.0f} MB")
        if args.long:
            mix = make_song(Path(folder) / "long.wav", minutes=args.long, rate=22_050, channels=1)
            took, (_, peak) = run(OURS + WARM.format(call="None"), mix)
            print(f"{args.long:g} minutes of mono at 22.05 kHz: {took:.1f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
