"""Integration in memory: replaying a branch onto its target, or merging the target into it. Moves no ref."""
