#!/bin/sh
# The best loop of `git rebase` that a user could write: in a linked work tree, quiet, without hooks, one command for each branch.
# Reads lines "<onto> <tip>"; results are thrown away, conflicts given up.
while read -r onto tip; do
    git -c core.hooksPath=/dev/null -c advice.detachedHead=false rebase -q "$onto" "$tip" > /dev/null 2>&1 ||
        git rebase --abort > /dev/null 2>&1
done
