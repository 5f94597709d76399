#!/bin/sh
# The best loop of `git rebase` that a user could write: in a linked work tree, quiet, without hooks, one command for each branch.
# Reads lines "<onto> <tip>". Results are thrown away. A branch whose rebase stops is aborted; one that git refuses to rebase at all
# is skipped; the loop goes on after both. Prints how many of each: "stopped <n> refused <n>".
state=$(git rev-parse --git-path rebase-merge) || exit 1
stopped=0 refused=0
while read -r onto tip; do
    git -c core.hooksPath=/dev/null -c advice.detachedHead=false rebase -q "$onto" "$tip" < /dev/null > /dev/null 2>&1 && continue
    if [ -d "$state" ]; then
        stopped=$((stopped + 1))
        git rebase --abort < /dev/null > /dev/null 2>&1 && continue
        git rebase --quit < /dev/null > /dev/null 2>&1
    else
        refused=$((refused + 1))
    fi
    # What an abort could not restore, or a refused checkout left behind, must not make git refuse the next branch.
    { git reset -q --hard && git clean -qffdx; } < /dev/null > /dev/null 2>&1 || exit 1
done
echo "stopped $stopped refused $refused"
