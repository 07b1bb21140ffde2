"""What every wing stands on: types, time, errors, media files."""
