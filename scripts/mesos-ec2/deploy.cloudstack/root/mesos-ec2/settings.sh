# shellcheck shell=bash disable=SC2034
# What may be changed before a launch; every node reads it.

# Everything is written below this folder; empty: the root.
ROOT=${ROOT:-}

# Where Mesos comes from, when the image has none: the URL of a .tar.gz of an installed Mesos (unpacked at the root), or
# a line for apt's sources that has the package mesos, with the URL of its key.
MESOS_ARCHIVE=${MESOS_ARCHIVE:-}
MESOS_REPOSITORY=${MESOS_REPOSITORY:-}
MESOS_REPOSITORY_KEY=${MESOS_REPOSITORY_KEY:-}

# Where ZooKeeper's programs are, when they are not Debian's package.
ZOOKEEPER_HOME=${ZOOKEEPER_HOME:-/usr/share/zookeeper}

# What the masters' page calls the cluster; empty: nothing.
CLUSTER_NAME=${CLUSTER_NAME:-}

MESOS_PORT=${MESOS_PORT:-5050}
AGENT_PORT=${AGENT_PORT:-5051}
WORK_DIR=${WORK_DIR:-$ROOT/var/lib/mesos}
LOG_DIR=${LOG_DIR:-$ROOT/var/log/mesos}
CONFIG_DIR=${CONFIG_DIR:-$ROOT/etc/mesos-ec2}
ZOOKEEPER_DATA=${ZOOKEEPER_DATA:-$ROOT/var/lib/zookeeper}
SWAP_FILE=${SWAP_FILE:-$ROOT/swapfile}

# Where systemd reads units; empty: there is no systemd (as in a container), and processes of their own are started.
UNITS_DIR=${UNITS_DIR-$([[ ! -d /run/systemd/system ]] || echo "$ROOT/etc/systemd/system")}

# How long the first master waits for each node's SSH, and a node until it looks whether what it started still runs,
# in seconds.
SSH_PATIENCE_S=${SSH_PATIENCE_S:-300}
SETTLE_S=${SETTLE_S:-3}
