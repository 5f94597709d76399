"""What a result must pass before it is published: proofs, repository rules, detection, checks."""
