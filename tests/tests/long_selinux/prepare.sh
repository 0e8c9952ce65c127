# What an admin does on this host before its first boot with jit. Runs in the tree of the disk.
echo web1.prod.example.com >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 web1.prod.example.com web1\n::1 localhost\n' >/etc/hosts
systemd-sysusers
chgrp jitd /etc/jitd/jitd.toml
chmod 640 /etc/jitd/jitd.toml
for person in alice bob carol dave; do
    useradd --create-home --shell /bin/bash "$person"
    usermod --password '*' "$person"
done
echo 'ALL ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/people
chmod 440 /etc/sudoers.d/people
echo 'Set group_source dynamic' >>/etc/sudo.conf

# Root's key opens all but dave's account; his key is in the directory.
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
mkdir /etc/ssh/keys
for person in alice bob carol; do cp /root/.ssh/id_ed25519.pub "/etc/ssh/keys/$person"; done
sed -i "s|@KEY@|$(cat /root/.ssh/id_ed25519.pub)|" /etc/jitd/grants.ldif
# The quickest exchange of keys: it is emulated.
printf 'Host *\n  KexAlgorithms curve25519-sha256\n  BatchMode yes\n  StrictHostKeyChecking no\n  LogLevel INFO\n' >/root/.ssh/config
cat >/etc/ssh/sshd_config <<'.'
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /etc/ssh/keys/%u
AuthorizedKeysCommand /usr/bin/jitctl authorized-keys %u
AuthorizedKeysCommandUser jit-keys
.

# The directory beside the file: it is there that carol has her grant.
rm -rf /etc/ldap/slapd.d /var/lib/ldap/*
mkdir -m 750 /etc/ldap/slapd.d
slapadd -n0 -F /etc/ldap/slapd.d -l /root/slapd.ldif
slapadd -n1 -w -S 1 -F /etc/ldap/slapd.d -l /root/directory.ldif
chown -R openldap: /etc/ldap/slapd.d /var/lib/ldap

# The lines of README.md.
cp /usr/lib/pam.d/systemd-user /etc/pam.d/
for service in sshd login sudo sudo-i su cron systemd-user; do
    sed -i -e '0,/^\(account\|@include common-account\)/s//account required pam_jit.so\n&/' "/etc/pam.d/$service"
    sed -i -e 's/^@include common-session\(-noninteractive\)\?$/&\nsession required pam_jit.so/' "/etc/pam.d/$service"
done
sed -i 's/^group:.*/group: files jit systemd/' /etc/nsswitch.conf
systemctl -q enable jitd.service jitd.socket jitd-control.socket auditd.service

# Somebody sits at the third serial line.
mkdir -p /etc/systemd/system/serial-getty@ttyS2.service.d
printf '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin bob --noclear ttyS2 vt100\n' \
    >/etc/systemd/system/serial-getty@ttyS2.service.d/autologin.conf

