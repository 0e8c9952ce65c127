//! The instance that servers are copies of: set up once in a throw-away host and kept as an archive beside the base roots, with a stamp
//! that says what went into it. Must never change an archive that is in place.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::{shipped, wait};
use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::root::{BaseRoot, target};
use crate::server::Server;
use crate::slapd::authority;
use crate::trouble::{Result, Trouble};

const SETUP: &str = include_str!("setup.sh");

/// 389 Directory Server and what sets it up.
pub(super) const DS389: BaseRoot =
    BaseRoot { name: "ds389", like: None, packages: &["389-ds-base", "iproute2", "procps", "libnss3-tools"] };

/// Where the server of a host listens, as the host sees it.
pub(super) const SOCKET: &str = "/run/slapd-jit.socket";

/// The same as we see it.
pub(super) fn socket(host: &Host) -> PathBuf {
    host.path(SOCKET)
}

/// What of ours is in an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing.
    Bare,
    /// Everything of `packaging/ldap/389ds`.
    Ready,
}

/// In this order: what comes first is needed by what follows.
const FILES: [&str; 7] =
    ["schema.ldif", "plugins.ldif", "index.ldif", "tree.ldif", "limits.ldif", "acl.ldif", "acl-people.ldif"];

/// Puts the instance into a host; it is set up now if that was not done yet (about a quarter of a minute).
pub(super) fn unpack(host: &Host, stage: Stage) -> Result<()> {
    let archive = archive(stage)?;
    let bytes = fs::read(&archive).map_err(|e| Trouble::io(&archive, e))?;
    host.exec(["tar", "-x", "-C", "/"]).stdin(bytes).run()?.must()?;
    host.sh("mkdir -p /run/dirsrv /run/lock/dirsrv/slapd-jit /dev/shm/slapd-jit && chmod 1777 /run/lock && \
             chown -R dirsrv:dirsrv /run/dirsrv /run/lock/dirsrv /dev/shm/slapd-jit")
        .run()?
        .must()?;
    Ok(())
}

/// The archive of a stage, made now if it is not there or of something else.
fn archive(stage: Stage) -> Result<PathBuf> {
    let folder = target().join("roots");
    fs::create_dir_all(&folder).map_err(|e| Trouble::io(&folder, e))?;
    let name = match stage {
        Stage::Bare => "ds389-bare",
        Stage::Ready => "ds389-ready",
    };
    let lock_path = folder.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).map_err(|e| Trouble::io(&lock_path, e))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
        .map_err(|e| Trouble::io(&lock_path, e.into()))?;
    let (path, stamp) = (folder.join(format!("{name}.tar")), folder.join(format!("{name}.stamp")));
    let wanted = recipe(stage)?;
    if path.is_file() && fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(path);
    }
    let host = Host::named("ds").of(DS389).up()?;
    match stage {
        Stage::Bare => bare(&host)?,
        Stage::Ready => ready(&host)?,
    }
    let archived = path.with_extension("new");
    let inside = host.path("/root/instance.tar");
    host.sh(
        "tar -c -C / -f /root/instance.tar etc/dirsrv var/lib/dirsrv var/log/dirsrv usr/share/dirsrv/inf",
    )
    .run()?
    .must()?;
    fs::copy(&inside, &archived).map_err(|e| Trouble::io(&inside, e))?;
    fs::rename(&archived, &path).map_err(|e| Trouble::io(&path, e))?;
    fs::write(&stamp, wanted).map_err(|e| Trouble::io(&stamp, e))?;
    Ok(path)
}

/// Everything that an archive is made of.
fn recipe(stage: Stage) -> Result<String> {
    let certificate = authority()?.join("server.crt");
    let certificate = fs::read_to_string(&certificate).map_err(|e| Trouble::io(&certificate, e))?;
    let mut recipe = format!("{:?}\n{SETUP}\n{certificate}", DS389.packages);
    if stage == Stage::Ready {
        for name in FILES {
            recipe.push_str(&shipped(name)?);
        }
    }
    Ok(recipe)
}

fn bare(host: &Host) -> Result<()> {
    let tls = authority()?;
    for name in ["ca.crt", "server.crt", "server.key"] {
        host.install(&tls.join(name), &format!("/root/{name}"), 0o600)?;
    }
    eprintln!("setting up 389-ds (a quarter of a minute, once) …");
    host.exec(["bash", "-s"]).stdin(SETUP).deadline(Duration::from_secs(180)).run()?.must()?;
    Ok(())
}

fn ready(host: &Host) -> Result<()> {
    unpack(host, Stage::Bare)?;
    let daemon = start(host, true)?;
    let server = Server { at: socket(host), ports: (389, 636), certificates: authority()? };
    wait("389-ds answers", || UnixStream::connect(&server.at).is_ok())?;
    for name in FILES {
        server.add(&shipped(name)?)?;
    }
    daemon.stop()
}

/// Where it listens: on these ports of loopback, or of every address of its network.
pub(super) fn listen_on(host: &Host, shared: bool, (plain, tls): (u16, u16)) -> Result<()> {
    let path = "/etc/dirsrv/slapd-jit/dse.ldif";
    let mut text = host
        .read(path)?
        .replace("nsslapd-port: 389\n", &format!("nsslapd-port: {plain}\n"))
        .replace("nsslapd-securePort: 636\n", &format!("nsslapd-securePort: {tls}\n"));
    if !shared {
        let loopback = "nsslapd-listenhost: 127.0.0.1\nnsslapd-securelistenhost: 127.0.0.1\n";
        text = text.replacen("nsslapd-ldapilisten: on\n", &format!("nsslapd-ldapilisten: on\n{loopback}"), 1);
    }
    host.write(path, 0o600, text)?;
    host.sh(&format!("chown dirsrv:dirsrv {path}")).run()?.must().map(drop)
}

/// Starts the server of a host, in the host's network or in this machine's.
pub(super) fn start(host: &Host, in_network_of_host: bool) -> Result<Daemon> {
    let argv = ["ns-slapd", "-D", "/etc/dirsrv/slapd-jit", "-i", "/run/dirsrv/slapd-jit.pid", "-d", "0"];
    if in_network_of_host {
        host.start("ns-slapd", argv)
    } else {
        host.start_in_our_network("ns-slapd", argv)
    }
}

/// LDIF entries without the containers that `tree.ldif` and the set-up make.
pub(super) fn without_containers(ldif: &str) -> String {
    let made = |entry: &&str| !entry.starts_with("dn: ou=") && !entry.starts_with("dn: dc=");
    ldif.split("\n\n").filter(made).collect::<Vec<_>>().join("\n\n")
}
