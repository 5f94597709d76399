"""The sample repository of `git align demo`, and the tour through it."""
