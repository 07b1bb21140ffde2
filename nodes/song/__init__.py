"""A song and what is heard in it: curves, beats, lyrics, mood, captions."""
