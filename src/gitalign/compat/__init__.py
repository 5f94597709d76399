"""Thin façades with the names and signatures the original requests asked for. All work is done by `facade`."""
