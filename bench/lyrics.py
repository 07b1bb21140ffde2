"""How well words are heard over music: word error rate and word-start error, free and with the words known.

    python bench/lyrics.py MODEL [--backend faster-whisper]

MODEL is a folder or file of a Whisper model. espeak-ng speaks six lines over the demo song, the voice as loud as the
music (and 6 dB louder, and alone); each word is spoken by itself, so that its start is known.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import repository  # noqa: F401

import numpy as np

from headless.host import HeadlessHost
from support.spoken import LINES, spoken_song


def word_errors(truth: list[str], heard: list[str]) -> int:
    """Least number of words to put in, take out or change (Levenshtein)."""
    row = np.arange(len(heard) + 1)
    for word in truth:
        before = row
        row = np.empty_like(before)
        row[0] = before[0] + 1
        for j, other in enumerate(heard, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (word != other))
    return int(row[-1])


def start_errors(truth: list[tuple[float, str]], words: list) -> np.ndarray:
    """Seconds from the start of each true word to that of the nearest equal word that was found, within 3 s."""
    from songreel.nodes.song.lyrics.align import plain_words as plain

    errors = []
    for start, word in truth:
        near = [abs(found.start - start) for found in words if plain(found.text) == plain(word)]
        if near and min(near) < 3:
            errors.append(min(near))
    return np.array(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--backend", default="auto")
    args = parser.parse_args()
    host = HeadlessHost()
    model = host.register("whisper", args.model)
    from songreel.nodes.song.lyrics import transcribe
    from songreel.nodes.song.lyrics.align import plain_words as plain

    for music_db in (None, 6.0, 0.0):
        waveform, rate, told = spoken_song(music_db=music_db)
        truth = [word for line in told for word in line]
        free = transcribe.hear_lyrics(
            waveform, rate, transcribe.HearSettings(model=model, language="en", backend=args.backend), host=host
        )
        known = transcribe.hear_lyrics(
            waveform,
            rate,
            transcribe.HearSettings(model=model, language="en", backend=args.backend),
            host=host,
            text="\n".join(LINES),
        )
        heard = [word for line in free.lines for word in plain(line.text)]
        rate_of_errors = word_errors([word for _, word in truth], heard) / len(truth)
        free_starts = start_errors(truth, [word for line in free.lines for word in line.words])
        known_starts = start_errors(truth, [word for line in known.lines for word in line.words])
        firsts = [abs(line.start - words[0][0]) for words, text in zip(told, LINES, strict=True)
                  for line in known.lines if line.text == text]  # fmt: skip
        label = "voice alone" if music_db is None else f"voice {music_db:+.0f} dB over music"
        print(
            f"{label:24s} word error rate {rate_of_errors:.2f}; median word-start error "
            f"free {np.median(free_starts):.3f} s ({len(free_starts)} of {len(truth)} words), "
            f"known {np.median(known_starts):.3f} s ({len(known_starts)}); "
            f"line starts {np.median(firsts):.3f} s ({len(known.lines)} of {len(LINES)} lines)"
        )


if __name__ == "__main__":
    main()
