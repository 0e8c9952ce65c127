# A throw-away host with systemd as its process 1, in two halves. $1 name, $2 base root, $3 an empty folder to mount on.
#
# `hold` runs outside: it makes the host's control groups, waits, and removes them. `boot` is process 1 of pid, mount, net, uts and ipc
# namespaces of its own, as init.sh is, and systemd-nspawn with all of the host runs below it. Standard input is a pipe that the test
# holds: when the test ends, in whatever way, `cat` ends, the kernel takes the rest, and `hold` cleans up behind it.
set -e
HALF=$1 N=$2 BASE=$3 M=$4

# Where groups are made: both of a hybrid machine's hierarchies, or the only one.
hierarchies() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo /sys/fs/cgroup; return; fi
    for h in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do [ ! -d "$h" ] || echo "$h"; done
}

# Removes a group with all below it; its processes are dead, but the kernel may still be at their removal.
remove() {
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
        [ -d "$1" ] || return 0
        sleep 0.1
    done
}

case $HALF in
hold)
    # Groups of hosts whose holder was killed: the number at the end of the name is the holder's.
    for h in $(hierarchies); do
        for g in "$h"/jit-*-[0-9]*; do
            [ ! -d "$g" ] || [ -d "/proc/${g##*-}" ] || remove "$g"
        done
    done
    G=jit-$N-$$
    for h in $(hierarchies); do mkdir "$h/$G"; done
    # In the foreground and not by exec: whatever ends the host, the lines after it run.
    (
        for h in $(hierarchies); do echo 0 >"$h/$G/cgroup.procs"; done
        exec unshare --mount --pid --net --uts --ipc --fork --kill-child -- sh -c "$SCRIPT" boot boot "$N" "$BASE" "$M"
    ) || :
    for h in $(hierarchies); do remove "$h/$G"; done
    ;;
boot)
    mount --make-rprivate /
    mount -t proc proc /proc
    # nspawn keeps notes below /run: its own, not the machine's.
    mount -t tmpfs -o mode=755 tmpfs /run
    mount -t tmpfs -o size=2g,mode=755 "jit-$N" "$M"
    mkdir "$M/upper" "$M/work" "$M/root"
    mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$M/upper,workdir=$M/work" "$M/root"
    cd "$M/root"
    rm -f etc/machine-id etc/hostname etc/hosts etc/resolv.conf
    : >etc/machine-id
    echo "$N" >etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 %s %s\n::1 localhost\n' "$N" "${N%%.*}" >etc/hosts
    : >etc/resolv.conf
    cd /
    # 133: it was rebooted. What is below $M/root is its disk, and stays; its memory, and what is in /run, does not.
    (
        STATUS=133
        while [ "$STATUS" = 133 ]; do
            STATUS=0
            SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --boot --directory="$M/root" --machine="${N%%.*}" --hostname="$N" \
                --register=no --keep-unit --settings=no --private-network --link-journal=no --resolv-conf=off --timezone=off \
                --console=read-only || STATUS=$?
        done
    ) </dev/null >"$M/console" 2>&1 &
    # Ignored, so that the kernel reaps what nspawn may leave; `cat` inherits that.
    trap '' CHLD
    echo up
    exec cat >/dev/null 2>&1
    ;;
esac
