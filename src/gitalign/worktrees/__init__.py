"""Work trees of our own: disposable ones for tools, and those in which a person resolves conflicts."""
