# What is asked of a host whatever confines jitd: the door, groups, keys, sessions and their end, and a jitd that is gone.

# Waits up to half a minute for a condition, and then says what it says.
waits() { script "$1" "for i in \$(seq 150); do { $2; } >/dev/null 2>&1 && break; sleep 0.2; done; $2"; }

waits answers 'jitctl status; test $? -le 1'
waits directory 'jitctl grants | grep carol'
step enforcing jitctl mode enforcing --force
step refused ssh alice@localhost true
step root_adds jitctl grant add alice --for 2h --reason test
# She, and a process of hers that becomes root.
step allowed ssh alice@localhost 'id -un; sudo -n id -un'
step group ssh bob@localhost id -nG
step by_ldap ssh carol@localhost id -nG
step key ssh dave@localhost id -un
step status jitctl status
step why jitctl why alice
step as_alice ssh alice@localhost 'jitctl status; jitctl why alice'
step doctor jitctl doctor --json

# bob sits at the third serial line, and comes by ssh. Both end with his grant; the last words stand on the terminal.
script terminal_comes '(ssh -tt bob@localhost "echo in; sleep 600" >/run/told 2>&1; echo over >>/run/told) >/dev/null 2>&1 &'
step console_comes systemctl start serial-getty@ttyS2
waits console 'jitctl sessions --json | grep "\"login\""'
waits terminal 'grep in /run/told && jitctl sessions --json | grep "\"sshd\""'
step revoked jitctl grant revoke "$BOBS"
waits ended 'grep over /run/told'
step console_goes systemctl stop serial-getty@ttyS2
step told cat /run/told
waits nothing_left '! pgrep -u bob'

# Killed, it is started again, and its sockets wait for it. Without those, nobody comes in, and groups are still there.
step killed systemctl kill --kill-who=main --signal=KILL jitd
step after_the_kill ssh alice@localhost id -un
step stop systemctl stop jitd.socket jitd-control.socket jitd.service
step without_jitd ssh alice@localhost true
step group_without_jitd id -nG carol
step start systemctl start jitd.socket jitd-control.socket jitd.service
waits again 'jitctl status; test $? -le 1'
