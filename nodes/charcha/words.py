"""What the page says to the person: coaching while it runs, and why it ended. Keys go over the wire with the words."""

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
