# shellcheck shell=bash disable=SC2154 # the arrays are of the script that reads this
# The lists of nodes, as the launcher wrote them: a name a line, or NONE. Both scripts read them from here, so that all
# nodes number the ZooKeeper nodes alike.

# read_list ARRAY FILE: fails when the launcher knew of a machine but not of its address.
read_list() {
    local -n names=$1
    local line
    names=()
    mapfile -t names < <(sed 's/[[:space:]]*$//; s/^[[:space:]]*//' "$2")
    while ((${#names[@]})) && [[ -z ${names[-1]} ]]; do unset 'names[-1]'; done # the end of the file
    if [[ ${#names[@]} == 1 && ${names[0]} == NONE ]]; then names=(); fi
    for line in "${names[@]}"; do
        if [[ -z $line || $line == NONE ]]; then
            echo "mesos-ec2: the list $2 has a machine without an address; launch again with --resume" >&2
            return 1
        fi
        if [[ ! $line =~ ^[A-Za-z0-9_.-]+$ || $line == -* ]]; then
            echo "mesos-ec2: the list $2 has '$line', which is no name or IPv4 address" >&2
            return 1
        fi
    done
}

# Sets masters, agents and zoo. The ZooKeeper nodes are sorted, because their numbers must never change, and the
# launcher's later runs may list them in another order.
read_lists() {
    read_list masters masters && read_list agents slaves && read_list zoo zoo || return 1
    if ((${#zoo[@]})); then mapfile -t zoo < <(printf '%s\n' "${zoo[@]}" | LC_ALL=C sort -u); fi
    if ((!${#masters[@]})); then
        echo "mesos-ec2: no master is known: the launcher has written no list of masters" >&2
        return 1
    fi
    if ((${#masters[@]} > 1 && !${#zoo[@]})); then
        echo "mesos-ec2: ${#masters[@]} masters need ZooKeeper nodes to elect a leader" >&2
        return 1
    fi
}
