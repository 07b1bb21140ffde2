"""Songs played by fluidsynth from General MIDI soundfonts; needs the `fluidsynth` program and the package `mido`."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .songs import CHANNELS, LENGTH_S, Song
from .styles import SINGER

FOLDER = Path("/usr/share/sounds")
# Both are MIT; Debian's packages fluid-soundfont-gm and musescore-general-soundfont-small. A name twice is likelier.
SOUNDFONTS = ("sf2/FluidR3_GM.sf2", "sf2/FluidR3_GM.sf2", "sf3/MuseScore_General_Lite.sf3")
_GAP_S, _LATE_S = 3.0, 0.02
# Controllers: volume, pan, reverb, chorus, all sound off, all notes off.
_VOLUME, _PAN, _REVERB, _CHORUS, _SOUND_OFF, _NOTES_OFF = 7, 10, 91, 93, 120, 123
_LEFT_PARTS = ("chords", "second")


def missing() -> list[str]:
    """What of the programs and soundfonts is not here."""
    from shutil import which

    absent = [name for name in set(SOUNDFONTS) if not (FOLDER / name).exists()]
    return absent + ([] if which("fluidsynth") else ["fluidsynth"])


def play(songs: Sequence[tuple[Song, bool]], soundfont: str, rate: int) -> list[np.ndarray]:
    """Play songs, each with its drums or without.

    Parameters
    ----------
    songs : (song, whether its drums play)
    soundfont : one of `SOUNDFONTS`
    rate : samples per second

    Returns
    -------
    float32 (2, LENGTH_S * rate) a song: chords in the first row, all other parts in the second. A sung lead is silent.
    """
    with tempfile.TemporaryDirectory() as folder:
        midi, raw = Path(folder) / "songs.mid", Path(folder) / "songs.raw"
        _midi_file(songs).save(midi)
        command = ["fluidsynth", "-niq", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(rate)]
        command += ["-O", "s16", "-T", "raw", "-F", str(raw), str(FOLDER / soundfont), str(midi)]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        stereo = np.fromfile(raw, "<i2").reshape(-1, 2).T
    n, played = int(LENGTH_S * rate), []
    for index in range(len(songs)):
        start = int((index * (LENGTH_S + _GAP_S) + _LATE_S) * rate)
        part = stereo[:, start : start + n].astype(np.float32) / 32768
        played.append(np.pad(part, ((0, 0), (0, n - part.shape[1]))))
    return played


def _midi_file(songs: Sequence[tuple[Song, bool]]):
    """The songs one after another; a tick is a millisecond."""
    import mido

    events = []
    for index, (song, drums) in enumerate(songs):
        start = int(index * (LENGTH_S + _GAP_S) * 1000)
        for channel in CHANNELS.values():
            for control in (_NOTES_OFF, _SOUND_OFF):
                events.append((start, 0, _control(channel, control, 0)))
        for part, channel in CHANNELS.items():
            program = max(song.programs[part], 0)
            events.append((start + 5, 1, mido.Message("program_change", channel=channel, program=program)))
            pan = 0 if part in _LEFT_PARTS else 127
            for control, value in ((_VOLUME, song.levels[part]), (_PAN, pan), (_REVERB, 0), (_CHORUS, 0)):
                events.append((start + 5, 1, _control(channel, control, value)))
        for note in song.notes:
            if (note.part == "drums" and not drums) or song.programs[note.part] == SINGER:
                continue
            on = start + round(1000 * (note.on + _LATE_S))
            off = max(start + round(1000 * (min(note.off, LENGTH_S + 0.5) + _LATE_S)), on + 1)
            note_of = {"channel": CHANNELS[note.part], "note": note.pitch}
            events.append((on, 3, mido.Message("note_on", velocity=note.velocity, **note_of)))
            events.append((off, 2, mido.Message("note_off", **note_of)))
    events.append((int(len(songs) * (LENGTH_S + _GAP_S) * 1000), 9, _control(0, _VOLUME, 100)))
    events.sort(key=lambda event: event[:2])
    track, now = mido.MidiTrack(), 0
    for at, _, message in events:
        track.append(message.copy(time=at - now))
        now = at
    file = mido.MidiFile(ticks_per_beat=500)
    file.tracks.append(track)
    return file


def _control(channel: int, control: int, value: int):
    import mido

    return mido.Message("control_change", channel=channel, control=control, value=value)
