# The disk of a virtual machine. $1 base root, $2 the tree that is laid over it, $3 the image to make, $4 an empty folder to mount on.
# Runs in a mount namespace of its own, so that all that it mounts ends with it; the base root stays as it is.
set -e
BASE=$1 OVER=$2 IMAGE=$3 M=$4
mount --make-rprivate /
mount -t tmpfs -o size=4g,mode=755 jit-image "$M"
mkdir "$M/upper" "$M/work" "$M/root"
# metacopy: a label alone copies no file. xino: all is one file system, and setfiles crosses no border.
mount -t overlay overlay -o "metacopy=on,xino=on,lowerdir=$BASE,upperdir=$M/upper,workdir=$M/work" "$M/root"
cp -r --preserve=mode,links "$OVER/." "$M/root/"
cd "$M/root"
mount -t proc proc proc
mount -t tmpfs dev dev
for n in null zero urandom; do : >dev/$n; mount --bind /dev/$n dev/$n; done
# What is to be done in it before its first boot; then the labels of the policy that it will boot with, so that no boot is spent on them.
chroot . /bin/sh -e /prepare.sh
chroot . systemctl -q enable probe.service
rm prepare.sh
umount -l dev
chroot . setfiles -F -e /proc /etc/selinux/default/contexts/files/file_contexts /
umount proc
cp etc/selinux/default/policy/policy.* "${IMAGE%/*}/policy"
cp boot/vmlinuz-* "${IMAGE%/*}/vmlinuz"
cp boot/initrd.img-* "${IMAGE%/*}/initrd"
truncate -s 2G "$IMAGE"
mke2fs -q -t ext4 -d . "$IMAGE"
