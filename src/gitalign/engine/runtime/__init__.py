"""What every part of the engine stands on: signals, the event stream, limits, observers and plug-ins."""
