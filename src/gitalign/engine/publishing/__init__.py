"""The one door: journal, pin, publish, push, recover, undo and retention."""
