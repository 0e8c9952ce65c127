//! The faults: how each is planted, what has to be removed besides, and what the doctor has to find.

/// One of them.
pub(super) struct Fault {
    /// In a few words.
    pub(super) what: &'static str,
    /// A script of root's, or a word that [`super::good::Good::run`] knows.
    pub(super) plant: &'static str,
    /// A script that removes what is new, before the kept files are put back; or a word that [`super::good::Good::mend`] knows.
    pub(super) remove: &'static str,
    /// Levels and codes: all that is found.
    pub(super) codes: &'static [(&'static str, &'static str)],
}

const fn fault(
    what: &'static str,
    plant: &'static str,
    codes: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault { what, plant, remove: ":", codes }
}

/// The one account that would get in does not.
const GLASS: &[(&str, &str)] = &[("warning", "break-glass-login"), ("warning", "break-glass-nobody")];

/// All of them.
pub(super) const ALL: &[Fault] = &[
    // PAM
    fault(
        "default=ignore behind our line's control",
        "sed -i 's/^account required pam_jit.so/account [success=ok default=ignore] pam_jit.so/' /etc/pam.d/sshd",
        &[("hole", "pam-deny")],
    ),
    fault(
        "sufficient before our line",
        "sed -i '0,/^account/s//account sufficient pam_localuser.so\\n&/' /etc/pam.d/sshd",
        &[("hole", "pam-skipped")],
    ),
    fault(
        "our line after pam_unix's new_authtok_reqd=done",
        "sed -i -e '/^account required pam_jit.so/d' -e 's/^@include common-account/&\\naccount required pam_jit.so/' /etc/pam.d/sshd",
        &[("hole", "pam-skipped")],
    ),
    fault("no session line", "sed -i '/^session required pam_jit.so/d' /etc/pam.d/sshd", &[("hole", "pam-session")]),
    fault("no account line in sudo", "sed -i '/^account required pam_jit.so/d' /etc/pam.d/sudo", &[("hole", "pam-account")]),
    Fault {
        what: "an unguarded polkit-1",
        plant: "printf '@include common-auth\\n@include common-account\\n@include common-password\\n@include common-session\\n' >/etc/pam.d/polkit-1",
        remove: ":",
        codes: &[("hole", "pam-account")],
    },
    fault(
        "pam_jit.so missing",
        "rm /usr/lib/*/security/pam_jit.so",
        &[("lock-out", "pam-module")],
    ),
    fault(
        "pam_jit.so that a full disk cut off",
        "truncate -s 100000 /usr/lib/*/security/pam_jit.so",
        &[("lock-out", "pam-module")],
    ),
    Fault {
        what: "sshd's file of pam.d gone",
        plant: "rm /etc/pam.d/sshd",
        remove: ":",
        codes: &[("hole", "pam-account"), ("hole", "pam-session")],
    },
    // sshd
    fault("UsePAM no", "sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config", &[("hole", "use-pam")]),
    fault(
        "UsePAM no within a Match",
        "printf 'Match User alice\\n  UsePAM no\\n' >>/etc/ssh/sshd_config",
        &[("warning", "sshd-config")],
    ),
    fault(
        "UsePAM no in an included file",
        "mkdir -p /etc/ssh/sshd_config.d; echo UsePAM no >/etc/ssh/sshd_config.d/00.conf; \
         sed -i '1iInclude /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config",
        &[("hole", "use-pam")],
    ),
    fault(
        "keys of the directory that sshd does not ask for",
        "printf '[keys]\\nuser = \"jit-keys\"\\n' >>/etc/jitd/jitd.toml; \
         useradd --system --no-create-home --shell /usr/sbin/nologin jit-keys; for p in $(pidof jitd); do kill -HUP $p; done",
        &[("warning", "keys-command")],
    ),
    Fault {
        what: "a second sshd that asks no PAM",
        plant: "/usr/sbin/sshd -p 2222 -o UsePAM=no -o PidFile=/run/second.pid; while ! [ -s /run/second.pid ]; do sleep 0.1; done",
        remove: "kill $(cat /run/second.pid); while [ -e /run/second.pid ]; do sleep 0.1; done",
        codes: &[("hole", "use-pam")],
    },
    Fault {
        what: "dropbear",
        plant: "cp /usr/bin/sleep /usr/sbin/dropbear; setsid /usr/sbin/dropbear 1000 >/dev/null 2>&1 </dev/null & echo $! >/run/dropbear.pid",
        remove: "kill $(cat /run/dropbear.pid); rm /usr/sbin/dropbear",
        codes: &[("hole", "other-sshd")],
    },
    Fault {
        what: "a second sshd by a name of its own, with its options in one word",
        plant: "ln -s /usr/sbin/sshd /usr/local/sbin/sshd-two; cp /etc/ssh/sshd_config /etc/ssh/two; echo 'PidFile /run/two.pid' >>/etc/ssh/two
                /usr/local/sbin/sshd-two -ef /etc/ssh/two -p 2223 2>/dev/null; while ! [ -s /run/two.pid ]; do sleep 0.1; done",
        remove: "kill $(cat /run/two.pid); while [ -e /run/two.pid ]; do sleep 0.1; done; rm /usr/local/sbin/sshd-two /etc/ssh/two",
        codes: &[("hole", "sshd-service")],
    },
    fault(
        "UsePAM no above a Match by port",
        "sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config; printf 'Match LocalPort 22\n  X11Forwarding no\n' >>/etc/ssh/sshd_config",
        &[("hole", "use-pam")],
    ),
    Fault {
        what: "nothing: what somebody runs as himself is no server of this host",
        plant: "cp /usr/bin/sleep /home/alice/dropbear; cp /usr/bin/sleep /home/alice/sshd; chmod 755 /home/alice /home/alice/dropbear /home/alice/sshd
                for p in dropbear sshd; do setsid su -s /bin/sh -c \"exec /home/alice/$p 1000\" alice >/dev/null 2>&1 </dev/null & done
                for p in dropbear sshd; do while ! pidof $p >/dev/null; do sleep 0.1; done; done",
        remove: "for p in $(pidof dropbear) $(pidof /home/alice/sshd); do kill $p; done",
        codes: &[],
    },
    // sudo
    fault("!pam_acct_mgmt", "echo 'Defaults !pam_acct_mgmt' >/etc/sudoers.d/x", &[("hole", "sudo-account")]),
    fault("!pam_session for one", "echo 'Defaults:alice !pam_session' >/etc/sudoers.d/x", &[("warning", "sudo-session")]),
    fault(
        "pam_service elsewhere",
        "echo 'Defaults!/usr/bin/id pam_service=chsh' >/etc/sudoers.d/x",
        &[("hole", "sudo-service")],
    ),
    fault(
        "sudo.conf without group_source dynamic",
        "sed -i '/^Set group_source/d' /etc/sudo.conf",
        &[("warning", "sudo-groups")],
    ),
    fault(
        "!pam_acct_mgmt for root as target, undone for root as caller",
        "printf 'Defaults>root !pam_acct_mgmt\nDefaults:root pam_acct_mgmt\n' >/etc/sudoers.d/x",
        &[("hole", "sudo-account")],
    ),
    Fault {
        what: "!pam_acct_mgmt in a sudoers file that sudo.conf names, behind a cvtsudoers.conf",
        plant: "printf 'Defaults !pam_acct_mgmt\n@include /etc/sudoers\n' >/etc/sudoers.two; chmod 440 /etc/sudoers.two
                echo 'suppress = defaults' >/etc/cvtsudoers.conf; echo 'Plugin sudoers_policy sudoers.so sudoers_file=/etc/sudoers.two' >>/etc/sudo.conf",
        remove: "rm /etc/sudoers.two /etc/cvtsudoers.conf",
        codes: &[("hole", "sudo-account")],
    },
    fault("sudoers with a fault", "echo nonsense >/etc/sudoers.d/x; chmod 440 /etc/sudoers.d/x", &[("warning", "sudo-config")]),
    // Other roads
    Fault {
        what: "docker's socket for everybody",
        plant: "cp /usr/bin/true /run/docker.sock; chmod 666 /run/docker.sock",
        remove: "rm /run/docker.sock",
        codes: &[("hole", "root-socket")],
    },
    Fault {
        what: "a member of docker",
        plant: "printf '#!/bin/sh\\n' >/usr/bin/dockerd; echo docker:x:2375:alice >>/etc/group",
        remove: "rm /usr/bin/dockerd",
        codes: &[("hole", "root-group")],
    },
    Fault {
        what: "ksu",
        plant: "cp /usr/bin/true /usr/bin/ksu; chmod 4755 /usr/bin/ksu",
        remove: "rm /usr/bin/ksu",
        codes: &[("hole", "root-program")],
    },
    // Names
    fault(
        "nsswitch without jit",
        "sed -i 's/^group: files jit/group: files/' /etc/nsswitch.conf",
        &[("warning", "nsswitch-group")],
    ),
    fault(
        "initgroups that stops at files",
        "echo 'initgroups: files jit' >>/etc/nsswitch.conf",
        &[("warning", "nsswitch-initgroups")],
    ),
    Fault {
        what: "no libnss_jit",
        plant: "mv /usr/lib/*/libnss_jit.so.2 /root/",
        remove: "mv /root/libnss_jit.so.2 /usr/lib/*-linux-gnu/",
        codes: &[("warning", "nsswitch-module")],
    },
    // Clock
    fault("a clock that nothing keeps", "printf 'Not synchronised' >/etc/leap", &[("warning", "clock-unsynchronised")]),
    // The directory
    fault(
        "an authority that has expired",
        "old authority",
        &[("warning", "ca-end")],
    ),
    Fault {
        what: "a server's certificate that ends in 3 days",
        plant: "short certificate",
        remove: "server certificate",
        codes: &[("warning", "server-certificate")],
    },
    fault(
        "signatures without a list of signers",
        "sed -i 's/^\\[source.ldap\\]/&\\nproof = \"signature\"/' /etc/jitd/jitd.toml; for p in $(pidof jitd); do kill -HUP $p; done",
        &[("warning", "signers")],
    ),
    fault(
        "a directory whose port is closed",
        "sed -i 's/localhost\"/localhost:1636\", \"ldaps:\\/\\/localhost\"/' /etc/jitd/jitd.toml; for p in $(pidof jitd); do kill -HUP $p; done",
        &[("warning", "directory-unreachable")],
    ),
    // Files
    fault(
        "a password that everybody may read",
        "chmod 644 /etc/jitd/ldap.secret",
        &[("hole", "secret-readable"), ("warning", "directory-unreachable")],
    ),
    fault("jitd.toml that jitd may not read", "chgrp root /etc/jitd/jitd.toml", &[("warning", "config-mode")]),
    fault("a daemon's account in docker", "echo docker:x:2375:jitd >>/etc/group", &[("warning", "account-odd")]),
    Fault {
        what: "a program in a directory that a group may write",
        plant: "chgrp people /usr/sbin; chmod g+w /usr/sbin",
        remove: "chgrp root /usr/sbin; chmod g-w /usr/sbin",
        codes: &[("hole", "file-writable")],
    },
    fault("an LDIF file that everybody may write", "chmod 666 /etc/jitd/grants.ldif", &[("hole", "ldif-writable")]),
    fault("a file of pam.d that a group may write", "chgrp people /etc/pam.d/sshd; chmod g+w /etc/pam.d/sshd", &[("hole", "file-writable")]),
    fault("jitd.toml that its group may write", "chmod 660 /etc/jitd/jitd.toml", &[("hole", "file-writable")]),
    fault(
        "jitd.toml that jitd has not read again",
        "echo '# a word' >>/etc/jitd/jitd.toml",
        &[("warning", "jitd-reload")],
    ),
    // The mode
    fault(
        "an enforcing file that is no whole one",
        "sed -i '/^end enforcing/d' /etc/jitd/enforcing",
        &[("warning", "enforcing-broken")],
    ),
    fault(
        "enforcing that is to be confirmed",
        "jitctl mode enforcing --force --confirm-within 10m",
        &[("warning", "unconfirmed")],
    ),
    fault(
        "an enforcing file older than jitd.toml",
        "printf '[[exempt]]\\nuser = \"alice\"\\nservices = [\"su\"]\\n' >>/etc/jitd/jitd.toml; for p in $(pidof jitd); do kill -HUP $p; done",
        &[("warning", "enforcing-old")],
    ),
    fault(
        "jitd.toml with a fault",
        "echo 'nonsense = 1' >>/etc/jitd/jitd.toml; for p in $(pidof jitd); do kill -HUP $p; done",
        &[("warning", "jitd-check")],
    ),
    // The ways in
    fault(
        "break-glass nobody, and a dead directory",
        "sed -i -e '/^\\[break_glass\\]/,$d' /etc/jitd/jitd.toml
         sed -i -e '/^\\[source.ldap\\]/,/^\\[default/{s/^base = .*/base = \"dc=example,dc=org\"/;s/localhost/localhost:1636/}' /etc/jitd/jitd.toml
         for p in $(pidof jitd); do kill -HUP $p; done
         timeout 20 sh -c 'while jitctl status | grep -q \"^ldap .*fresh\"; do sleep 0.1; done'
         jitctl mode enforcing --force",
        &[("lock-out", "lock-out"), ("warning", "directory-unreachable")],
    ),
    fault(
        "a break-glass account without a key",
        ": >/etc/ssh/keys/rescue",
        &[("warning", "break-glass-login"), ("warning", "break-glass-nobody")],
    ),
    fault("a break-glass account whose password was left for too long", "chage -d 2020-01-01 -M 90 -I 30 rescue", GLASS),
    fault("a break-glass account that /etc/shadow does not know", "sed -i '/^rescue:/d' /etc/shadow", GLASS),
    fault("a break-glass account whose shell is gone", "sed -i '/^rescue:/s,[^:]*$,/bin/gone,' /etc/passwd", GLASS),
    fault("a break-glass account whose key others may write", "chmod 666 /etc/ssh/keys/rescue", GLASS),
    Fault { what: "an /etc/nologin that was forgotten", plant: "touch /etc/nologin", remove: "rm /etc/nologin", codes: GLASS },
    fault(
        "a break-glass account of which sshd wants a password, too",
        "printf 'Match User rescue\n  AuthenticationMethods publickey,password\n' >>/etc/ssh/sshd_config",
        GLASS,
    ),
    fault(
        "a later rule of sudo that wants a password of the break-glass account",
        "passwd -ql root; printf 'rescue ALL=(ALL) NOPASSWD: ALL\nrescue ALL=(ALL:ALL) ALL\n' >/etc/sudoers.d/zz",
        &[("warning", "break-glass-root"), ("warning", "break-glass-nobody"), ("warning", "console-password")],
    ),
    // jitd
    Fault { what: "jitd dead", plant: "stop jitd", remove: "start jitd", codes: &[("warning", "jitd-down")] },
];
