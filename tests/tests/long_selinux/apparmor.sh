# Of AppArmor alone, after door.sh.
script facts 'uname -r; dpkg-query -Wf "\${Version}\n" apparmor'
script profile 'cat /proc/$(pidof jitd)/attr/current; grep jitd /sys/kernel/security/apparmor/profiles'
# The audit daemon writes behind.
denials() { script "$1" 'sleep 2; grep -h "apparmor=\"DENIED\"" /var/log/audit/audit.log; :'; }
denials denials

# The same profile without what it says of /run and /proc.
script bare 'sed -E "/@\{(run|PROC)\}/d" /etc/apparmor.d/usr.sbin.jitd >/run/bare && apparmor_parser -r /run/bare && systemctl restart --no-block jitd'
script bare_gone 'for i in $(seq 50); do jitctl status >/dev/null 2>&1 || exit 0; sleep 0.2; done; exit 1'
denials bare_denials
