"""Scripts that make a shell complete `git align` and `git-align`."""

from __future__ import annotations

from enum import StrEnum


class Shell(StrEnum):
    """Shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


BASH = """\
# bash completion for git-align, alone and behind git (where git's own completion is loaded).
__git_align_offer() {
    local IFS=$'\\n' offers
    offers=$(git-align __complete bash "$@" 2>/dev/null)
    case $offers in
        :file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "${2+${!#}}")) ;;
        :dir) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "${2+${!#}}")) ;;
        *) COMPREPLY=($(printf '%s\\n' "$offers" | cut -f1)) ;;
    esac
}
__git_align_alone() {
    local line=() word at
    for ((at = 1; at <= COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        # bash splits at = and :, an option with its value is one word.
        if ((${#line[@]})) && { [[ $word == [=:] ]] || [[ ${COMP_WORDS[at-1]} == [=:] && ${line[-1]} == -* ]]; }; then
            line[-1]+=$word
        else
            line+=("$word")
        fi
    done
    __git_align_offer "${line[@]}"
}
_git_align() {
    local at
    for ((at = 1; at < cword; at++)); do
        [[ ${words[at]} == align ]] && break
    done
    __git_align_offer "${words[@]:at+1:cword-at}"
}
complete -F __git_align_alone git-align
"""

ZSH = """\
#compdef git-align
#description align every branch of a repository with its primary branch

_git-align() {
    local -a lines words_of_line offers
    words_of_line=("${(@)words[2,CURRENT]}")
    lines=("${(@f)$(command git-align __complete zsh "${(@Q)words_of_line}" 2>/dev/null)}")
    case $lines[1] in
        (:file) compset -P '*='; _files; return ;;
        (:dir) compset -P '*='; _files -/; return ;;
        ('') return 1 ;;
    esac
    [[ $words_of_line[-1] == -*=* ]] && compset -P '*='
    local line
    for line in "${lines[@]}"; do
        offers+=("${${line%%$'\\t'*}//:/\\\\:}${${line#*$'\\t'}:+:${${(M)line%$'\\t'*}#$'\\t'}}")
    done
    _describe -V 'git align' offers
}

# As an autoloaded function it is called at once; when it was read by eval, it is registered.
if [[ $funcstack[1] == _git-align ]]; then
    _git-align "$@"
else
    compdef _git-align git-align
    zstyle ':completion:*:*:git:*' user-commands align:'align every branch with its primary branch'
fi
"""

FISH = """\
# fish completion for git-align and git align.
function __git_align_offer
    set -l line (commandline -opc)
    set -e line[1]
    if test "$argv[1]" = git
        while set -q line[1]; and test "$line[1]" != align
            set -e line[1]
        end
        set -e line[1]
    end
    set -l offers (command git-align __complete fish $line (commandline -ct) 2>/dev/null)
    switch "$offers[1]"
        case :file
            __fish_complete_path (commandline -ct)
        case :dir
            __fish_complete_directories (commandline -ct)
        case '*'
            printf '%s\\n' $offers
    end
end
complete -c git-align -f -a '(__git_align_offer git-align)'
complete -c git -f -n '__fish_git_using_command align' -a '(__git_align_offer git)'
"""

SCRIPTS = {Shell.BASH: BASH, Shell.ZSH: ZSH, Shell.FISH: FISH}
