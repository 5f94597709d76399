"""The engine makes things happen and decides nothing: it drives steps, publishes, recovers and undoes."""
