"""What the page says to the person: coaching while it runs, and why it ended. Keys go over the wire with the words."""

from __future__ import annotations

COACHING = {
    "no_face": "Put your face in the circle",
    "one_face": "One face only, please",
    "closer": "Come a little closer",
    "farther": "Go a little farther from the camera",
    "centre": "Move to the middle",
    "dark": "It is too dark; turn a light on in front of you",
    "bright": "It is too bright; turn away from the light",
    "straight": "Look straight at the camera",
    "still": "Hold still",
    "blurred": "Hold still; the picture is blurred",
    "back": "Relax and look straight at the camera again",
    "hold": "Good, hold it",
}

RETRY = {
    "timeout": "That took too long. Once more.",
    "too_early": "That was before I asked. Once more.",
    "not_asked": "That was another movement. Once more.",
    "blurred": "The picture was not clear. Once more.",
}

FAILED = {
    "timeout": "The time is up.",
    "retries": "Too many tries for one movement.",
    "one_face": "More than one face was in the picture.",
    "gone": "Your face left the picture.",
    "jump": "The picture jumped.",
    "cut": "The recording was interrupted.",
    "frozen": "The picture stood still.",
    "looped": "The same pictures came twice.",
    "pauses": "Too many pictures were lost on the way; check the connection.",
    "too_fast": "The pictures came faster than a camera gives them.",
    "order": "The pictures came out of order.",
    "picture": "A picture could not be read.",
    "another_person": "Not all pictures show the same person.",
    "flat": "The movement was not that of a head.",
    "light": "The face does not answer to the light of this screen.",
    "passive": "The pictures do not look like a live person.",
    "closed": "The connection was closed.",
    "error": "Something went wrong on the server; its log has the kind of error.",
}


def prompt(
    phase: str, words: str, *, step: int, steps: int, action: str | None = None, seconds: float | None = None
) -> dict:
    """What the person is to do now."""
    return {
        "type": "prompt",
        "phase": phase,
        "say": words,
        "action": action,
        "seconds": seconds,
        "step": step,
        "steps": steps,
    }


def seen(sequence: int, coach: str | None, strength: float, hold: float) -> dict:
    """How a frame was judged. coach: a key of `COACHING` or the words themselves. strength, hold: cut to 0..1."""
    return {
        "type": "seen",
        "sequence": sequence,
        "coach": coach,
        "say": COACHING.get(coach, coach) if coach else "",
        "strength": round(float(min(max(strength, 0.0), 1.0)), 2),
        "hold": round(float(min(max(hold, 0.0), 1.0)), 2),
    }


def retry(reason: str) -> dict:
    """Once more, and why."""
    return {"type": "retry", "reason": reason, "say": RETRY[reason]}


def failed(reason: str) -> dict:
    """The end, and why."""
    return {"type": "failed", "reason": reason, "say": FAILED[reason]}
