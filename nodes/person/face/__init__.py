"""Faces in pictures: landmarks, head pose and expression; alignment; descriptors. Nothing of it is kept."""
