# Process 1 of a throw-away host: an overlay on a tmpfs over a read-only base root. $1 name, $2 base root, $3 an empty folder
# to mount on. Runs in mount, pid, net, uts and ipc namespaces of its own, so all that it does ends with it. Its standard
# input is a pipe that the test holds: when the test ends, in whatever way, `cat` ends, and the kernel takes the rest.
set -e
N=$1 BASE=$2 M=$3
mount --make-rprivate /
mount -t tmpfs -o size=2g,mode=755 "jit-$N" "$M"
mkdir "$M/upper" "$M/work" "$M/root"
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$M/upper,workdir=$M/work" "$M/root"
cd "$M/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for n in null zero full random urandom tty; do : >dev/$n; mount --bind /dev/$n dev/$n; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
mkdir -m 755 run/sshd run/lock
hostname "$N"; echo "$N" >etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s %s\n::1 localhost\n' "$N" "${N%%.*}" >etc/hosts
: >etc/resolv.conf
ip link set lo up
mkdir .old; pivot_root . .old; umount -l /.old; rmdir /.old
cd /
echo up
# SIGCHLD ignored, so that the kernel reaps every orphan of the host by itself. (A shell's `trap` cannot: dash keeps that signal.)
exec env --ignore-signal=CHLD cat >/dev/null 2>&1
