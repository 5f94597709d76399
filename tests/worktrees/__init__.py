"""Work trees of people: what holds a branch back, and how a branch that moves takes its work tree along."""
