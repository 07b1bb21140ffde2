"""Tags of CLAP for each part of a song, where a CLAP model lies in the models folder "clap".

Wu et al., Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption augmentation,
ICASSP 2023: audio and text land in one space, so that the nearest of some phrases names what is heard ("zero-shot").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...base.errors import InputError
from .caption import Caption

GENRES = (
    "rock", "pop", "hip hop", "jazz", "blues", "classical", "electronic", "folk", "country", "metal", "reggae",
    "soul", "ambient",
)  # fmt: skip
INSTRUMENTS = (
    "drums", "electric guitar", "acoustic guitar", "bass guitar", "piano", "synthesizer", "strings", "brass",
    "saxophone", "flute", "organ", "a drum machine", "accordion", "a choir",
)  # fmt: skip
WINDOW_SECONDS, WINDOWS, LEAST_SECONDS = 10.0, 3, 1.0


@dataclass(frozen=True)
class Tags:
    """The likeliest genre, and the likeliest instruments, the likeliest first."""

    genre: str
    instruments: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.genre} with {' and '.join(self.instruments)}"


class Clap:
    """A CLAP model from a folder in transformers' form (config.json, weights, preprocessor and tokenizer files).

    Raises InputError when transformers is missing or the folder holds no such model.
    """

    def __init__(self, folder: Path):
        try:
            from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel
        except ImportError:
            raise InputError("Tags of CLAP need transformers: pip install transformers, or clear clap_model.") from None
        try:
            self._model = ClapModel.from_pretrained(folder, local_files_only=True).eval()
            self._extract = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            phrases = [f"This is {name} music." for name in GENRES] + [f"The sound of {name}." for name in INSTRUMENTS]
            self._phrases = tokenizer(phrases, padding=True, return_tensors="pt", return_token_type_ids=False)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0][:120].replace(str(folder), folder.name) if str(error) else "unreadable"
            raise InputError(
                f"The CLAP model '{folder.name}' cannot be loaded ({reason}); its folder must hold config.json, "
                "model.safetensors, preprocessor_config.json and the tokenizer's files, as transformers saves them."
            ) from None

    @property
    def rate(self) -> int:
        """Sample rate that the model hears, Hz."""
        return int(self._extract.sampling_rate)

    def shares(self, windows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """How likely each genre and each instrument is, against the others of its kind, mean over windows.

        Parameters
        ----------
        windows : mono float32 (samples,) at `rate`
        """
        import torch

        heard = self._extract(windows, sampling_rate=self.rate, return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**self._phrases, **heard).logits_per_audio
        kinds = logits[:, : len(GENRES)], logits[:, len(GENRES) :]
        return tuple(kind.softmax(dim=-1).mean(dim=0).numpy() for kind in kinds)

    def tags(self, windows: list[np.ndarray]) -> Tags:
        """What is heard in all windows together; `windows` as in `shares`."""
        genres, instruments = self.shares(windows)
        best = np.argsort(-instruments, kind="stable")[:2]
        return Tags(GENRES[int(genres.argmax())], tuple(INSTRUMENTS[k] for k in best))


def windows_of(signal: np.ndarray, rate: int, start: float, end: float) -> list[np.ndarray]:
    """At most three windows of ten seconds, evenly over [start, end); none where less than a second is there.

    signal : float32 (samples,), mono at `rate` Hz
    """
    part = signal[int(start * rate) : int(end * rate)]
    length = int(WINDOW_SECONDS * rate)
    if len(part) < LEAST_SECONDS * rate:
        return []
    if len(part) <= length:
        return [part]
    n = min(WINDOWS, -(-len(part) // length))
    return [part[first : first + length] for first in np.linspace(0, len(part) - length, n).astype(int)]


def tag_captions(
    captions: tuple[Caption, ...],
    signal: np.ndarray,
    rate: int,
    clap: Clap,
    *,
    on_part: Callable[[int], None] = lambda done: None,
) -> tuple[Caption, ...]:
    """The captions with genre and instruments at the end of each sentence.

    Parameters
    ----------
    captions : in order, times in seconds
    signal : float32 (samples,), mono at `rate` Hz
    on_part : called with the number of parts that are done
    """
    import soxr

    if rate != clap.rate:
        signal, rate = soxr.resample(signal, rate, clap.rate), clap.rate
    tagged = []
    for done, caption in enumerate(captions, 1):
        windows = windows_of(signal, rate, caption.start, caption.end)
        if windows:
            caption = replace(caption, text=f"{caption.text.rstrip('.')}, {clap.tags(windows).text}.")
        tagged.append(caption)
        on_part(done)
    return tuple(tagged)


def model_folder(folders: list[Path], name: str) -> Path:
    """The folder of that name among the models "clap".

    Raises InputError naming those that are there.
    """
    there = sorted(entry.name for root in folders if root.is_dir() for entry in root.iterdir() if entry.is_dir())
    if name not in there:
        known = f"there are {', '.join(there)}" if there else "there is none"
        raise InputError(f"There is no CLAP model '{name[:60]}' in the models folder 'clap' ({known}).")
    return next(root / name for root in folders if (root / name).is_dir())
