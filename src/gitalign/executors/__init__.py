"""Who carries out the work of a run: implementations of `ports.Executor`."""
