# What may be changed before a launch; every node reads it. Values that are set here win over what is found.

# Where Mesos comes from, when the image has none: the URL of a .tar.gz of an installed Mesos (unpacked at the root), or
# a line for apt's sources that has the package mesos, with the URL of its key.
MESOS_ARCHIVE=${MESOS_ARCHIVE:-}
MESOS_REPOSITORY=${MESOS_REPOSITORY:-}
MESOS_REPOSITORY_KEY=${MESOS_REPOSITORY_KEY:-}

# Where ZooKeeper's programs are, when they are not Debian's package.
ZOOKEEPER_HOME=${ZOOKEEPER_HOME:-/usr/share/zookeeper}

MESOS_PORT=${MESOS_PORT:-5050}
AGENT_PORT=${AGENT_PORT:-5051}
WORK_DIR=${WORK_DIR:-/var/lib/mesos}
LOG_DIR=${LOG_DIR:-/var/log/mesos}
CONFIG_DIR=${CONFIG_DIR:-/etc/mesos-ec2}
ZOOKEEPER_DATA=${ZOOKEEPER_DATA:-/var/lib/zookeeper}
ZOOKEEPER_CONFIG=${ZOOKEEPER_CONFIG:-/etc/zookeeper/conf}

# How long the first master waits for each node's SSH, in seconds.
SSH_PATIENCE_S=${SSH_PATIENCE_S:-300}
