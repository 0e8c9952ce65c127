# Of SELinux alone, after door.sh. carol is confined (staff_u), and an admin by sudo only.
step staff ssh carol@localhost 'id -Z; sudo -n -r sysadm_r -t sysadm_t sh -c "id -Z; jitctl mode enforcing --force"'
script facts 'getenforce; uname -r; cat /sys/fs/selinux/policyvers; echo; dpkg-query -Wf "\${Version}\n" selinux-policy-default'
step processes ps -eo label,comm
script labels 'ls -dZ /etc/jitd /etc/jitd/* /run/jitd /run/jitd/* /run/jitd/*/* /var/lib/jitd /var/lib/jitd/* /var/log/jitd /var/log/jitd/* /usr/sbin/jitd'
# The audit daemon writes behind.
denials() { script "$1" 'sleep 2; grep -hE "avc:  denied|SELINUX_ERR" /var/log/audit/audit.log; :'; }
denials denials

# The same policy without a rule of ours.
script bare 'cp /root/bare/policy /etc/selinux/default/policy/policy.33 && load_policy && systemctl restart --no-block jitd'
step bare_refused ssh alice@localhost true
denials bare_denials
