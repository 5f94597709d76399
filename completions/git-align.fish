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
            printf '%s\n' $offers
    end
end
complete -c git-align -f -a '(__git_align_offer git-align)'
complete -c git -f -n '__fish_git_using_command align' -a '(__git_align_offer git)'
