//! A host that is set up as README.md and docs/roles.md say: an LDIF file beside a directory over TLS, groups by role, a break-glass account with a key, a clock
//! that is kept. Not under systemd, so that nothing but what a test does happens on it; chrony is a stand-in that answers as chronyc does.

use std::path::Path;
use std::process::Command;

use jit_tests::door::{Door, Mode};
use jit_tests::host::Host;
use jit_tests::ldif::Ldif;
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use tempfile::TempDir;

/// What an admin writes.
const CONFIG: &str = r#"[host]
name = "web1.prod.example.com"
groups = ["web"]

[source.ldif]
path = "/etc/jitd/grants.ldif"
base = "dc=example,dc=com"

[source.ldap]
uris = ["ldaps://localhost"]
base = "dc=example,dc=com"
ca = "/etc/jitd/ca.crt"
bind = { method = "simple", dn = "cn=web1,ou=hosts,dc=example,dc=com", password_file = "/etc/jitd/ldap.secret" }

[default_role]
max_duration = "8h"

[groups]
allow = ["jit-dba"]

[break_glass]
users = ["rescue"]
"#;

/// chronyc(1) with `-c`; what it says of the clock stands in a file.
const CHRONYC: &str = "#!/bin/sh\necho \"0A000001,10.0.0.1,3,1795348800.1,0.000001,0.1,0.1,-1.0,0.0,0.1,0.01,0.001,64.0,$(cat /etc/leap)\"\n";

/// Everything that a fault may change, kept as it was.
const KEEP: &str = "cd / && tar -cpf /root/good.tar etc/pam.d etc/ssh etc/sudoers etc/sudoers.d etc/sudo.conf etc/nsswitch.conf etc/jitd \
    etc/passwd etc/shadow etc/group etc/gshadow etc/leap usr/lib/*/security/pam_jit.so";

/// What is new is gone, what is old is there again, and jitd reads it.
const RESTORE: &str = "cd / && rm -rf /etc/pam.d /etc/sudoers.d && tar -xpf /root/good.tar && for p in $(pidof jitd); do kill -HUP $p; done";

/// Certificates that no server should show: one of the server that ends in three days, and the authority's own as it would be had it ended in 2021.
const CERTIFICATES: &str = "set -e; cp \"$1\"/ca.crt \"$1\"/ca.key \"$1\"/server.key \"$2\"; cd \"$2\"
    openssl req -new -key server.key -subj /CN=ldap.example.com -out short.csr
    printf 'subjectAltName=DNS:localhost\\n' >short.ext
    openssl x509 -req -in short.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3 -extfile short.ext -out short.crt
    mkdir demo; : >demo/index; echo 01 >demo/serial
    printf '%s\\n' '[ca]' default_ca=d '[d]' database=demo/index serial=demo/serial new_certs_dir=demo default_md=sha256 policy=p \
        x509_extensions=v3 '[p]' commonName=supplied '[v3]' basicConstraints=critical,CA:TRUE >demo/conf
    openssl req -new -key ca.key -subj '/CN=test authority' -out demo/ca.csr
    openssl ca -batch -config demo/conf -selfsign -keyfile ca.key -in demo/ca.csr -out old.crt -notext \
        -startdate 20200101000000Z -enddate 20210101000000Z";

/// The host, with its directory.
pub(super) struct Good {
    door: Door,
    slapd: Slapd,
    made: TempDir,
}

impl Good {
    /// Raises it, enforcing.
    pub(super) fn up() -> Result<Good> {
        let door = Door::without_daemon(&["alice", "rescue"], CONFIG)?;
        let host = door.host();
        let slapd = Slapd::plan().in_network_of(host).up()?;
        let made = tempfile::tempdir().map_err(|e| Trouble::new(format!("no temporary directory: {e}")))?;
        let from = slapd.tls_file("ca.crt");
        let from = from.parent().unwrap_or(&from);
        let output = Command::new("sh").args(["-c", CERTIFICATES, "sh"]).arg(from).arg(made.path()).output();
        let output = output.map_err(|e| Trouble::new(format!("openssl: {e}")))?;
        if !output.status.success() {
            return Err(Trouble::new(format!("openssl: {}", String::from_utf8_lossy(&output.stderr))));
        }
        host.install(&slapd.tls_file("ca.crt"), "/etc/jitd/ca.crt", 0o644)?;
        host.write("/etc/jitd/ldap.secret", 0o600, "host-secret\n")?;
        host.write("/usr/bin/chronyc", 0o755, CHRONYC)?;
        host.write("/etc/leap", 0o644, "Normal")?;
        host.name_service("files jit")?;
        host.append("/etc/sudo.conf", "Set group_source dynamic\n")?;
        host.sh("chgrp jitd /etc/jitd/ldap.secret && chmod 640 /etc/jitd/ldap.secret").run()?.must()?;
        host.sh("echo root:secret | chpasswd").run()?.must()?;
        let door = door.opened(Mode::Enforcing, &Ldif::new())?;
        let good = Good { door, slapd, made };
        good.host().sh(KEEP).run()?.must()?;
        Ok(good)
    }

    pub(super) fn host(&self) -> &Host {
        self.door.host()
    }

    /// Plants a fault.
    pub(super) fn run(&self, plant: &str) -> Result<()> {
        match plant {
            "stop jitd" => self.door.stop_jitd(),
            "short certificate" => self.certificate(&self.made.path().join("short.crt")),
            "old authority" => {
                self.host().install(&self.made.path().join("old.crt"), "/etc/jitd/ca.crt", 0o644)
            }
            script => self.host().sh(script).run()?.must().map(drop),
        }
    }

    /// Takes it away: everything is as it was, and what is more is removed.
    pub(super) fn mend(&self, remove: &str) -> Result<()> {
        match remove {
            "start jitd" => return self.door.start_jitd(),
            "server certificate" => return self.certificate(&self.slapd.tls_file("server.crt")),
            script => self.host().sh(script).run()?.must()?,
        };
        self.host().sh(RESTORE).run()?.must().map(drop)
    }

    /// Has the server show another certificate, from the next connection on.
    fn certificate(&self, file: &Path) -> Result<()> {
        let (certificate, key) = (file.display(), self.slapd.tls_file("server.key"));
        self.slapd.change(&format!(
            "dn: cn=config\nchangetype: modify\nreplace: olcTLSCertificateFile\nolcTLSCertificateFile: {certificate}\n-\n\
             replace: olcTLSCertificateKeyFile\nolcTLSCertificateKeyFile: {}\n",
            key.display()
        ))
    }
}
