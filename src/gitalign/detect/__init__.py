"""What is wrong with an aligned branch, read from objects alone: nothing is checked out, imported or executed.

Rules are pure (bytes and trees in, findings out); the detectors of `builtin.py` offer them at the protocol `ports.Detector`.
"""
