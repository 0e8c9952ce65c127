//! One throw-away host with everything on it: slapd with the company, jitd and pam_jit.so, and nslcd and sssd, which people would
//! use instead. They all ask the same slapd about the same people, and only one of them is asked at a time.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jit_proto::{Answer, Verdict};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

use super::company;
use crate::built;
use crate::door::NAME;
use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::ldif::{BASE, Grant, Ldif};
use crate::libpam::rig::sshds_question;
use crate::root::{BaseRoot, target, workspace};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

const CONFIG: &str = include_str!("config.ldif");
const TLS: &str = include_str!("../slapd/tls.sh");

/// Changed when [`company::ldif`] or `config.ldif` changes, so that the database is made anew.
const RECIPE: &str = "1";

/// The end of a hopeless wait.
const LIMIT: Duration = Duration::from_secs(60);

/// A host with slapd and what asks it.
pub const PEERS: BaseRoot = BaseRoot {
    name: "peers",
    like: None,
    packages: &[
        "slapd",
        "ldap-utils",
        "openssl",
        "nslcd",
        "libpam-ldapd",
        "libnss-ldapd",
        "sssd-common",
        "sssd-ldap",
        "libpam-sss",
        "libnss-sss",
        "libpam-modules",
        "passwd",
        "procps",
        "iproute2",
    ],
};

/// Who answers about a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// pam_permit: nobody is asked. The floor.
    Permit,
    /// Ours.
    Jit,
    /// nss-pam-ldapd: `pam_authz_search` over the grants.
    Nslcd,
    /// sssd: `ldap_access_filter` over an attribute of the person.
    Sssd,
}

impl Door {
    /// All of them.
    pub const ALL: [Door; 4] = [Door::Permit, Door::Jit, Door::Nslcd, Door::Sssd];

    /// Its short name; its stack is `sshd` in the directory `/srv/pam/NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Door::Permit => "permit",
            Door::Jit => "jit",
            Door::Nslcd => "nslcd",
            Door::Sssd => "sssd",
        }
    }

    /// Its module.
    pub fn module(self) -> &'static str {
        match self {
            Door::Permit => "pam_permit.so",
            Door::Jit => "pam_jit.so",
            Door::Nslcd => "pam_ldap.so",
            Door::Sssd => "pam_sss.so",
        }
    }

    /// The directory of its stack.
    pub fn directory(self) -> String {
        format!("/srv/pam/{}", self.name())
    }
}

/// The host. Its daemons end before it does.
#[derive(Debug)]
pub struct Place {
    jitd: Option<Daemon>,
    nslcd: Daemon,
    sssd: Daemon,
    slapd: Daemon,
    host: Host,
}

impl Place {
    /// Raises it with everything running, enforcing, and with the grants of our own host.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn up() -> Result<Place> {
        let host = Host::named(NAME).of(PEERS).up()?;
        install(&host)?;
        let slapd = slapd(&host)?;
        for person in 0..company::HOLDERS {
            write_grant(&host, &format!("ours{person}"), person)?;
        }
        let (nslcd, sssd) = (nslcd(&host)?, sssd(&host)?);
        let mut place = Place { jitd: None, nslcd, sssd, slapd, host };
        place.start_jitd()?;
        place.host.exec(["jitctl", "mode", "enforcing", "--force"]).run()?.must()?;
        Ok(place)
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Writes a grant of our host, and its approval.
    ///
    /// # Errors
    /// When the directory refuses.
    pub fn grant(&self, id: &str, person: u32) -> Result<Grant> {
        write_grant(&self.host, id, person)
    }

    /// Starts jitd, and waits until it lets the first of the people with a grant in.
    ///
    /// # Errors
    /// When it does not.
    pub fn start_jitd(&mut self) -> Result<()> {
        let mut jitd = self.host.start("jitd", ["/usr/sbin/jitd", "--user", "jitd"])?;
        let asked = jitd.wait_until("jitd lets the first in", || {
            self.ask(0).is_ok_and(|verdict| verdict == Verdict::Allow)
        });
        self.jitd = Some(jitd);
        asked
    }

    /// Starts jitd and returns at once.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn launch_jitd(&mut self) -> Result<()> {
        self.jitd = Some(self.host.start("jitd", ["/usr/sbin/jitd", "--user", "jitd"])?);
        Ok(())
    }

    /// Ends jitd.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub fn stop_jitd(&mut self) -> Result<()> {
        self.jitd.take().ok_or_else(|| Trouble::new("jitd is not running"))?.stop()
    }

    /// Takes from jitd, between two runs, what it remembers.
    ///
    /// # Errors
    /// When that cannot be removed.
    pub fn forget(&self) -> Result<()> {
        self.host.sh("rm -rf /var/lib/jitd /run/jitd").run()?.must().map(drop)
    }

    /// Asks jitd about one of the company.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(&self, person: u32) -> Result<Verdict> {
        ask(&self.host, &company::login(person), company::uid(person))
    }

    /// The processes of jitd, nslcd, sssd and slapd, as numbered outside.
    ///
    /// # Errors
    /// When one of them does not run.
    pub fn processes(&self) -> Result<Vec<(&'static str, Vec<Pid>)>> {
        let jitd = self.jitd.as_ref().ok_or_else(|| Trouble::new("jitd is not running"))?;
        let all = [("jitd", jitd), ("nslcd", &self.nslcd), ("sssd", &self.sssd), ("slapd", &self.slapd)];
        all.into_iter().map(|(name, daemon)| Ok((name, family(daemon.pid()?)))).collect()
    }

    /// Keeps all daemons on these CPUs from now on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn keep_on(&self, cpus: &CpuSet) -> Result<()> {
        keep_on(self.processes()?.into_iter().flat_map(|(_, family)| family), cpus)
    }
}

/// Keeps processes on these CPUs from now on.
///
/// # Errors
/// When one is gone, or the kernel refuses.
pub fn keep_on(processes: impl IntoIterator<Item = Pid>, cpus: &CpuSet) -> Result<()> {
    for pid in processes {
        let tasks = PathBuf::from(format!("/proc/{}/task", pid.as_raw_nonzero()));
        for task in fs::read_dir(&tasks).map_err(|e| Trouble::io(&tasks, e))?.flatten() {
            let task = task.file_name().to_str().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
            if let Some(task) = task {
                sched_setaffinity(Some(task), cpus).map_err(|e| Trouble::io(&tasks, e.into()))?;
            }
        }
    }
    Ok(())
}

fn write_grant(host: &Host, id: &str, person: u32) -> Result<Grant> {
    let grant = company::grant(id, person);
    add(host, ADMIN, &Ldif::new().grant(&grant))?;
    add(host, &company::lead(), &company::approval(&grant))?;
    Ok(grant)
}

fn add(host: &Host, who: &str, entries: &Ldif) -> Result<()> {
    let add = ["ldapadd", "-x", "-H", LDAPI, "-D", who, "-w", company::PASSWORD];
    host.exec(add).stdin(entries.to_string()).run()?.must().map(drop)
}

/// Who may write everything.
pub const ADMIN: &str = "cn=admin,dc=example,dc=com";

/// slapd's Unix socket inside the host.
pub const LDAPI: &str = "ldapi://%2Frun%2Fslapd%2Fldapi";

/// Asks jitd as the module would, about sshd.
///
/// # Errors
/// When it does not answer.
pub fn ask(host: &Host, login: &str, uid: u32) -> Result<Verdict> {
    let path = host.path("/run/jitd/pam.sock");
    let exchange = || {
        let mut stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let question = sshds_question(login, uid).encode();
        stream.write_all(question.map_err(std::io::Error::other)?.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut bytes = Vec::with_capacity(256);
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = exchange().map_err(|e| Trouble::io(&path, e))?;
    Answer::decode(&bytes).map(|answer| answer.verdict).map_err(|e| Trouble::new(e.to_string()))
}

/// A process and all that it started.
pub fn family(first: Pid) -> Vec<Pid> {
    let mut family = vec![first];
    let mut at = 0;
    while let Some(pid) = family.get(at).map(|pid| pid.as_raw_nonzero()) {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            family.extend(
                children.split_whitespace().filter_map(|id| id.parse().ok()).filter_map(Pid::from_raw),
            );
        }
        at += 1;
    }
    family
}

fn install(host: &Host) -> Result<()> {
    let modules = format!("/usr/lib/{}-linux-gnu/security", std::env::consts::ARCH);
    host.install(&built::pam_jit()?, &format!("{modules}/pam_jit.so"), 0o644)?;
    host.install(&built::jitd()?, "/usr/sbin/jitd", 0o755)?;
    host.install(&built::jitctl()?, "/usr/bin/jitctl", 0o755)?;
    host.install(&compiled("pamtime")?, "/usr/local/bin/pamtime", 0o755)?;
    host.system_user("jitd", 990)?;
    // The name service is files alone, for everybody: only who may come in is compared.
    host.write("/etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")?;
    for person in [0, company::HOLDERS] {
        host.user(&company::login(person), company::uid(person))?;
    }
    for door in Door::ALL {
        let stack = format!("account required {}\n", door.module());
        host.write(&format!("{}/sshd", door.directory()), 0o644, stack)?;
        // Without it, pam_start writes to syslog each time.
        host.write(&format!("{}/other", door.directory()), 0o644, "")?;
    }
    let config = format!(
        "[host]\nname = \"{NAME}\"\n\n[source.ldap]\nuris = [\"ldaps://localhost\"]\nbase = \"{BASE}\"\nca = \"/srv/tls/ca.crt\"\n\
         bind = {{ method = \"simple\", dn = \"cn=web1,ou=hosts,{BASE}\", password_file = \"/etc/jitd/ldap.secret\" }}\n"
    );
    host.write("/etc/jitd/jitd.toml", 0o640, config)?;
    host.write("/etc/jitd/ldap.secret", 0o640, company::PASSWORD)?;
    host.sh("chgrp jitd /etc/jitd/jitd.toml /etc/jitd/ldap.secret").run()?.must().map(drop)
}

/// The program that is made of `benches/NAME.c`, with libpam.
///
/// # Errors
/// When there is no compiler, or it refuses.
pub fn compiled(name: &str) -> Result<PathBuf> {
    compiled_as(name, name, &["-lpam"])
}

/// What is made of `benches/SOURCE.c` with these options, under `target/bench`.
///
/// # Errors
/// When there is no compiler, or it refuses.
pub fn compiled_as(name: &str, source: &str, options: &[&str]) -> Result<PathBuf> {
    let source = workspace().join(format!("tests/benches/{source}.c"));
    let program = target().join("bench").join(name);
    fs::create_dir_all(target().join("bench")).map_err(|e| Trouble::io(&program, e))?;
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program).arg(&source).args(options);
    let output =
        cc.output().map_err(|e| Trouble::new(format!("cc: {e}: apt-get install gcc libpam0g-dev")))?;
    if output.status.success() {
        return Ok(program);
    }
    Err(Trouble::new(format!("{}: {}", source.display(), String::from_utf8_lossy(&output.stderr))))
}

fn slapd(host: &Host) -> Result<Daemon> {
    host.install(&workspace().join("packaging/ldap/openldap/jit.ldif"), "/srv/jit.ldif", 0o644)?;
    host.sh("mkdir -p /srv/tls /srv/config /srv/db /run/slapd").run()?.must()?;
    host.exec(["sh", "-s", "/srv/tls"]).stdin(TLS).run()?.must()?;
    host.sh("chmod 755 /srv/tls").run()?.must()?;
    host.exec(["slapadd", "-n0", "-F", "/srv/config"]).stdin(CONFIG).run()?.must()?;
    database(host)?;
    let urls = format!("ldap://127.0.0.1 ldaps://127.0.0.1 {LDAPI}");
    let mut slapd = host.start("slapd", ["slapd", "-d", "0", "-F", "/srv/config", "-h", &urls])?;
    let mut last = String::new();
    let waited = slapd.wait_until("slapd answers", || {
        let search = ["ldapsearch", "-x", "-H", "ldaps://127.0.0.1", "-b", BASE, "-s", "base", "1.1"];
        match host.exec(["env", "LDAPTLS_CACERT=/srv/tls/ca.crt"].into_iter().chain(search)).run() {
            Ok(output) if output.ok() => return true,
            Ok(output) => last = output.to_string(),
            Err(trouble) => last = trouble.to_string(),
        }
        false
    });
    waited.map_err(|trouble| Trouble::new(format!("{trouble}{last}")))?;
    Ok(slapd)
}

/// Puts the company's database in place: made once, and kept under `target/bench`.
fn database(host: &Host) -> Result<()> {
    let kept = target().join("bench/company.mdb");
    let stamp = target().join("bench/company.stamp");
    let schema = fs::read_to_string(workspace().join("packaging/ldap/openldap/jit.ldif")).unwrap_or_default();
    let wanted =
        format!("recipe {RECIPE}\n{} people {} grants\n{CONFIG}\n{schema}", company::PEOPLE, company::GRANTS);
    let inside = "/srv/db/data.mdb";
    if kept.is_file() && fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return copy(&kept, &host.path(inside));
    }
    eprintln!("loading {} grants into slapd (half a minute, once) …", company::GRANTS);
    let load = host.exec(["slapadd", "-q", "-w", "-n1", "-F", "/srv/config"]);
    load.stdin(company::ldif()).deadline(Duration::from_secs(600)).run()?.must()?;
    copy(&host.path(inside), &kept)?;
    fs::write(&stamp, wanted).map_err(|e| Trouble::io(&stamp, e))
}

/// The file is mostly holes.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut cp = Command::new("cp");
    let status = cp.arg("--sparse=always").args([from, to]).status().map_err(|e| Trouble::io(to, e))?;
    if status.success() { Ok(()) } else { Err(Trouble::new(format!("cp {} ({status})", to.display()))) }
}

fn nslcd(host: &Host) -> Result<Daemon> {
    let config = format!(
        "uid nslcd\ngid nslcd\nuri ldap://127.0.0.1\nbase {BASE}\nbase passwd ou=people,{BASE}\nbase shadow ou=people,{BASE}\n\
         base group ou=groups,{BASE}\n\
         pam_authz_search (&(objectClass=jitGrant)(jitSubject=$dn)(jitHost={NAME}))\n"
    );
    host.write("/etc/nslcd.conf", 0o640, config)?;
    host.sh("chgrp nslcd /etc/nslcd.conf; install -d -o nslcd -g nslcd /run/nslcd").run()?.must()?;
    let mut nslcd = host.start("nslcd", ["nslcd", "-n"])?;
    nslcd.wait_until("nslcd lets the first in", || lets_in(host, Door::Nslcd))?;
    Ok(nslcd)
}

fn sssd(host: &Host) -> Result<Daemon> {
    let config = format!(
        "[sssd]\nconfig_file_version = 2\nservices = nss, pam\ndomains = company\n[nss]\n[pam]\n[domain/company]\n\
         id_provider = ldap\nauth_provider = none\nldap_schema = rfc2307\nldap_uri = ldap://127.0.0.1\n\
         ldap_search_base = {BASE}\nldap_user_search_base = ou=people,{BASE}\nldap_group_search_base = ou=groups,{BASE}\n\
         cache_credentials = false\nentry_cache_timeout = 5400\naccess_provider = ldap\nldap_access_order = filter\n\
         ldap_access_filter = (host={NAME})\n"
    );
    host.write("/etc/sssd/sssd.conf", 0o600, config)?;
    let mut sssd = host.start("sssd", ["sssd", "-i"])?;
    sssd.wait_until("sssd lets the first in", || lets_in(host, Door::Sssd))?;
    Ok(sssd)
}

fn lets_in(host: &Host, door: Door) -> bool {
    let case = format!("{}:pam:{}:{}:0:1", door.name(), door.directory(), company::login(0));
    host.exec(["pamtime", "any", "1", "fresh", &case]).run().is_ok_and(|output| output.ok())
}

/// Waits until jitd says this about a person.
///
/// # Errors
/// When it does not.
pub fn wait_for(place: &Place, person: u32, wanted: Verdict) -> Result<()> {
    until(LIMIT, &format!("jitd says {wanted:?} about {}", company::login(person)), || {
        place.ask(person).is_ok_and(|verdict| verdict == wanted)
    })
}
