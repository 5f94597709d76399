"""Pages for people: one self-contained file each, opened from disk, with no request to anywhere."""
