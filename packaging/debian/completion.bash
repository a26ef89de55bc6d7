# Bash completion for edge-agent: commands, and files where one is expected.
_edge_agent() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    case $before in
    keys) mapfile -t COMPREPLY < <(compgen -W "add list revoke" -- "$word") ;;
    charger) mapfile -t COMPREPLY < <(compgen -W "retire replace" -- "$word") ;;
    store) mapfile -t COMPREPLY < <(compgen -W "check export repair" -- "$word") ;;
    add) mapfile -t COMPREPLY < <(compgen -W "viewer technician admin" -- "$word") ;;
    --config | replay | record | bundle | enrol | export | repair | --payload) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    *)
        mapfile -t COMPREPLY < <(compgen -W "run check status replay record keys certificate charger store bundle enrol --config --version --help" -- "$word")
        ;;
    esac
}
complete -F _edge_agent edge-agent
