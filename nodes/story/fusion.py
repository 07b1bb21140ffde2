"""Who leads a picture: the words while a line lasts, the music elsewhere (after Music2Video, arXiv 2201.03809)."""

from __future__ import annotations

from dataclasses import replace

from ..song.lyrics.lyrics import Lyrics
from .scenes import Scene


def fuse(scenes: list[Scene], lyrics: Lyrics | None, fusion: str, *, shortest: float) -> list[Scene]:
    """Let words or music lead each scene.

    Parameters
    ----------
    scenes : shots that were cut at lines
    lyrics : the lines
    fusion : "switch": a line leads as long as it lasts, the music elsewhere. "halves": the music leads the first half
        of a line's shot, the line the second. "crossfade": as "switch", and in the shots beside a sung one, which morph
        from or to it, the words are heard as well.
    shortest : seconds; a shot is not halved below it

    Returns
    -------
    Scenes that cover the same time.
    """
    if lyrics is None or not lyrics.lines:
        return scenes
    fused: list[Scene] = []
    for index, scene in enumerate(scenes):
        silent = replace(scene, lyric="", words=frozenset())
        if not scene.lyric:
            if fusion == "crossfade":
                neighbours = scenes[max(index - 1, 0) : index] + scenes[index + 1 : index + 2]
                silent = replace(silent, words=frozenset().union(*(near.words for near in neighbours)))
            fused.append(silent)
        elif fusion == "halves" and scene.end - scene.start >= 2 * shortest:
            middle = (scene.start + scene.end) / 2
            fused += [replace(silent, end=middle), replace(scene, start=middle)]
        else:
            fused.append(scene)
    return fused
