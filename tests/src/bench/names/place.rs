//! One throw-away host with everything that answers about names: slapd with the company, nslcd, sssd and nscd, and our module with maps
//! of several sizes. Which of them a process asks is up to the set it is in: a directory `/run/sets/NAME` with its nsswitch.conf.

use std::fs;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity};

use super::people;
use crate::bench::place::{LDAPI, PEERS, compiled_as, family, keep_on};
use crate::built;
use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::ldif::BASE;
use crate::root::BaseRoot;
use crate::trouble::{Result, Trouble};

const SLAPD: &str = include_str!("slapd.ldif");

const NAMES: BaseRoot = BaseRoot { name: "names", like: Some(&PEERS), packages: &["nscd", "libnss-systemd"] };

/// Somebody of whom only the files know.
pub const LOCAL: &str = "bob";
/// Somebody of whom nobody knows.
pub const UNKNOWN: &str = "nobody-knows";

/// How many users with grants there are in a map.
pub const SIZES: [u32; 5] = [10, 100, 1_000, 10_000, 100_000];

/// Who is asked about names, after the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Nobody: the floor.
    Files,
    /// A service in C that knows nobody: the floor of all others.
    Nothing,
    /// Ours, with a map of ten thousand users.
    Jit,
    /// sssd, over LDAP, with what it shares with all processes.
    Sss,
    /// nslcd, over LDAP.
    Ldap,
    /// The same behind nscd.
    Nscd,
    /// systemd's.
    Systemd,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 7] = [
        Service::Files,
        Service::Nothing,
        Service::Jit,
        Service::Sss,
        Service::Ldap,
        Service::Nscd,
        Service::Systemd,
    ];

    /// The directory of its set.
    pub fn set(self) -> &'static str {
        match self {
            Service::Files => "files",
            Service::Nothing => "nothing",
            Service::Jit => "jit",
            Service::Sss => "sss",
            Service::Ldap => "ldap",
            Service::Nscd => "nscd",
            Service::Systemd => "systemd",
        }
    }

    /// What it is called in a table.
    pub fn shown(self) -> &'static str {
        match self {
            Service::Files => "`files`",
            Service::Nothing => "`files nothing`",
            Service::Jit => "`files jit`",
            Service::Sss => "`files sss`",
            Service::Ldap => "`files ldap` (nslcd)",
            Service::Nscd => "`files ldap` behind nscd",
            Service::Systemd => "`files systemd`",
        }
    }

    /// Whether it knows the company.
    pub fn knows(self) -> bool {
        match self {
            Service::Files | Service::Nothing | Service::Systemd => false,
            Service::Jit | Service::Sss | Service::Ldap | Service::Nscd => true,
        }
    }
}

/// The set of our module with a map of so many users.
pub fn sized(users: u32) -> String {
    format!("jit{users}")
}

/// The same, but of a single process, which replaces it.
pub fn replaced(users: u32) -> String {
    format!("replaced{users}")
}

/// The set of our module where the daemon has never written a map.
pub const WITHOUT: &str = "without";

/// The host. Its daemons end before it does.
#[derive(Debug)]
pub struct Place {
    _daemons: [Daemon; 4],
    cpu: usize,
    host: Host,
}

impl Place {
    /// Raises it with everything running, all of it on one CPU: where who asks is on the same one as who answers, nobody has to be woken up on
    /// another.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn up() -> Result<Place> {
        let host = Host::named("names1.example.com").of(NAMES).up()?;
        install(&host)?;
        let daemons = [slapd(&host)?, nslcd(&host)?, sssd(&host)?, nscd(&host)?];
        let all = sched_getaffinity(None).map_err(|e| Trouble::new(format!("sched_getaffinity: {e}")))?;
        let cpu = (0..CpuSet::MAX_CPU).rev().find(|&cpu| all.is_set(cpu)).unwrap_or(0);
        let mut one = CpuSet::new();
        one.set(cpu);
        let pids: Result<Vec<Pid>> = daemons.iter().map(Daemon::pid).collect();
        keep_on(pids?.into_iter().flat_map(family), &one)?;
        Ok(Place { _daemons: daemons, cpu, host })
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The CPU that everything is on.
    pub fn cpu(&self) -> usize {
        self.cpu
    }
}

/// Where glibc looks for the library of a service, inside the host.
pub fn library(service: &str) -> String {
    format!("/usr/lib/{}-linux-gnu/libnss_{service}.so.2", std::env::consts::ARCH)
}

/// The empty C library, inside the host.
pub const EMPTY: &str = "/usr/local/lib/libempty.so";

fn install(host: &Host) -> Result<()> {
    host.install(&compiled_as("nametime", "nametime", &[])?, "/usr/local/bin/nametime", 0o755)?;
    let shared = ["-shared", "-fPIC"];
    let nothing = compiled_as("libnss_nothing.so.2", "nss_nothing", &shared)?;
    host.install(&nothing, &library("nothing"), 0o644)?;
    host.install(&compiled_as("libempty.so", "empty", &shared)?, EMPTY, 0o644)?;
    host.install(&built::nss_jit()?, &library("jit"), 0o644)?;
    host.user(LOCAL, 1000)?;
    set(host, Service::Files.set(), "files", None)?;
    for service in Service::ALL {
        match service {
            Service::Files => {}
            Service::Jit => set(host, service.set(), "files jit", Some(people::PEOPLE))?,
            Service::Nscd => {
                set(host, service.set(), "files ldap", None)?;
                host.write(&format!("/run/sets/{}/nscd", service.set()), 0o644, "")?;
            }
            other => set(host, other.set(), &format!("files {}", other.set()), None)?,
        }
    }
    set(host, WITHOUT, "files jit", None)?;
    for size in SIZES {
        set(host, &sized(size), "files jit", Some(size))?;
        set(host, &replaced(size), "files jit", Some(size))?;
    }
    host.sh("cp /run/sets/files/nsswitch.conf /etc && mkdir -p /run/jitd/pub /run/nscd /run/slapd /srv/config /srv/db")
        .run()?
        .must()
        .map(drop)
}

fn set(host: &Host, name: &str, services: &str, users: Option<u32>) -> Result<()> {
    let text = format!("passwd: {services}\ngroup: {services}\nshadow: files\nhosts: files\n");
    host.write(&format!("/run/sets/{name}/nsswitch.conf"), 0o644, text)?;
    if let Some(users) = users {
        host.write(&format!("/run/sets/{name}/map/groups.map"), 0o644, people::map(users)?)?;
    }
    Ok(())
}

/// The command line of a program in a set.
fn within(set: &str, line: &str) -> [String; 5] {
    let script = format!("mount --bind /run/sets/{set}/nsswitch.conf /etc/nsswitch.conf && exec {line}");
    ["unshare", "--mount", "sh", "-c", &script].map(str::to_owned)
}

/// Whether a service, without nscd, knows one of the company.
fn knows(host: &Host, service: Service) -> bool {
    let person = people::login(people::PERSON);
    host.exec(within(service.set(), &format!("getent passwd {person}"))).run().is_ok_and(|output| output.ok())
}

fn slapd(host: &Host) -> Result<Daemon> {
    host.exec(["slapadd", "-n0", "-F", "/srv/config"]).stdin(SLAPD).run()?.must()?;
    host.exec(["slapadd", "-q", "-n1", "-F", "/srv/config"]).stdin(people::ldif()).run()?.must()?;
    let urls = format!("ldap://127.0.0.1 {LDAPI}");
    let mut slapd = host.start("slapd", ["slapd", "-d", "0", "-F", "/srv/config", "-h", &urls])?;
    slapd.wait_until("slapd answers", || {
        let search = ["ldapsearch", "-x", "-H", "ldap://127.0.0.1", "-b", BASE, "-s", "base", "1.1"];
        host.exec(search).run().is_ok_and(|output| output.ok())
    })?;
    Ok(slapd)
}

fn nslcd(host: &Host) -> Result<Daemon> {
    let config = format!(
        "uid nslcd\ngid nslcd\nuri ldap://127.0.0.1\nbase {BASE}\nbase passwd ou=people,{BASE}\n\
         base shadow ou=people,{BASE}\nbase group ou=groups,{BASE}\n"
    );
    host.write("/etc/nslcd.conf", 0o640, config)?;
    host.sh("chgrp nslcd /etc/nslcd.conf; install -d -o nslcd -g nslcd /run/nslcd").run()?.must()?;
    let mut nslcd = host.start("nslcd", ["nslcd", "-n"])?;
    nslcd.wait_until("nslcd knows people", || knows(host, Service::Ldap))?;
    Ok(nslcd)
}

fn sssd(host: &Host) -> Result<Daemon> {
    let config = format!(
        "[sssd]\nconfig_file_version = 2\nservices = nss\ndomains = company\n[nss]\n[domain/company]\n\
         id_provider = ldap\nauth_provider = none\naccess_provider = permit\nldap_schema = rfc2307\n\
         ldap_uri = ldap://127.0.0.1\nldap_search_base = {BASE}\nldap_user_search_base = ou=people,{BASE}\n\
         ldap_group_search_base = ou=groups,{BASE}\nentry_cache_timeout = 5400\n"
    );
    host.write("/etc/sssd/sssd.conf", 0o600, config)?;
    let mut sssd = host.start("sssd", ["sssd", "-i"])?;
    sssd.wait_until("sssd knows people", || knows(host, Service::Sss))?;
    Ok(sssd)
}

fn nscd(host: &Host) -> Result<Daemon> {
    let mut nscd = host.start("nscd", within(Service::Ldap.set(), "nscd -F"))?;
    let socket = host.path("/run/nscd/socket");
    nscd.wait_until("nscd listens", || fs::exists(&socket).is_ok_and(|there| there))?;
    Ok(nscd)
}
