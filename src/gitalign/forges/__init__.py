"""Hosting services asked over HTTP what they enforce on branches. Nothing is written there."""
