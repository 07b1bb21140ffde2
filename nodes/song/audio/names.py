"""Names that schemas need before anything is heard; importing this imports nothing heavy."""

# Hz from ... to, for the curves of that name.
ENERGY_BANDS = {"bass": (20.0, 200.0), "mid": (200.0, 2000.0), "treble": (2000.0, 16_000.0)}
CURVES = ("onset", "percussive", "harmonic", *ENERGY_BANDS, *(f"{name}_onset" for name in ENERGY_BANDS),
          "rms", "centroid", "flux", "harmonic_change", "novelty")  # fmt: skip
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
