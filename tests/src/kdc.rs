//! A real Kerberos realm: a KDC with a database, keys and a port of its own, and a krb5.conf that knows nothing else. The Kerberos library
//! finds that file by an environment variable, so a test that binds in its own process runs in one of its own: see [`alone`].

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::host::Host;
use crate::root::target;
use crate::slapd::{free_port, piped};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// The realm.
pub const REALM: &str = "JIT.TEST";

/// What slapd needs in `cn=config` besides its name, with the mapping of docs/kerberos.md.
const SASL: &str = "\
olcSaslRealm: JIT.TEST
olcAuthzRegexp: \"uid=host/([^.,]+)[^,]*,cn=jit.test,cn=gssapi,cn=auth\" \"cn=$1,ou=hosts,dc=example,dc=com\"
olcAuthzRegexp: \"uid=([^/,@]+),cn=jit.test,cn=gssapi,cn=auth\" \"uid=$1,ou=people,dc=example,dc=com\"
";

/// Where the child of [`alone`] finds its realm.
const ENVIRONMENT: &str = "KRB5_CONFIG";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Runs this very test in a process of its own, of whose Kerberos library the realm is all that it knows.
///
/// # Errors
/// What the test says, or why there is no realm.
pub fn alone(test: &str, body: impl FnOnce(Kdc) -> Result<()>) -> Result<()> {
    let mark = "JIT_TESTS_REALM";
    if std::env::var_os(mark).is_some_and(|marked| marked == OsStr::new(test)) {
        let file = std::env::var_os(ENVIRONMENT).map(PathBuf::from).unwrap_or_default();
        let dir = file.parent().ok_or_else(|| Trouble::new("no realm"))?.to_owned();
        return body(Kdc::begin(dir, None, "localhost")?);
    }
    let dir = new_dir()?;
    let this = std::env::current_exe().map_err(|e| Trouble::new(format!("this test: {e}")))?;
    let mut command = Command::new(this);
    command.args([test, "--exact", "--nocapture"]).env(mark, test).env(ENVIRONMENT, dir.join("krb5.conf"));
    command.env("KRB5CCNAME", format!("FILE:{}", dir.join("ccache").display())).stdin(Stdio::null());
    let output = command.output().map_err(|e| Trouble::new(format!("this test: {e}")));
    let _ = fs::remove_dir_all(&dir);
    let output = output?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() && out.contains("1 passed") {
        return Ok(());
    }
    Err(Trouble::new(format!("{test} alone ({}):\n{out}{err}", output.status)))
}

fn new_dir() -> Result<PathBuf> {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = target().join(format!("kdc/{}-{number}", std::process::id()));
    fs::create_dir_all(&dir).map_err(|e| Trouble::io(&dir, e))?;
    Ok(dir)
}

/// A realm that is up, or between two runs of its KDC.
#[derive(Debug)]
pub struct Kdc {
    dir: PathBuf,
    network: Option<String>,
    server: String,
    port: u16,
    child: Option<Child>,
}

impl Kdc {
    /// A realm in the network of a throw-away host, on every address of it, where slapd is known by the host's name.
    ///
    /// # Errors
    /// When the KDC is missing, or does not come up.
    pub fn in_network_of(host: &Host) -> Result<Kdc> {
        let network = format!("--net=/proc/{}/ns/net", host.first_process());
        Kdc::begin(new_dir()?, Some(network), host.name())
    }

    fn begin(dir: PathBuf, network: Option<String>, server: &str) -> Result<Kdc> {
        let (at, port) = if network.is_some() { ("0.0.0.0", 88) } else { ("127.0.0.1", free_port()?) };
        let mut kdc = Kdc { dir, network, server: server.to_owned(), port, child: None };
        let shown = kdc.dir.display().to_string();
        kdc.allow_skew(300)?;
        kdc.write(
            "kdc.conf",
            &format!(
                "[kdcdefaults]\n kdc_listen = {at}:{port}\n kdc_tcp_listen = {at}:{port}\n[realms]\n {REALM} = {{\n  \
                 database_name = {shown}/principal\n  key_stash_file = {shown}/stash\n  acl_file = {shown}/acl\n }}\n[logging]\n \
                 kdc = FILE:{shown}/log\n admin_server = FILE:{shown}/log\n"
            ),
        )?;
        piped(kdc.command("kdb5_util").args(["create", "-s", "-W", "-r", REALM, "-P", "master"]), "")?;
        kdc.admin(&format!("addprinc -randkey ldap/{server}"))?;
        kdc.admin(&format!("ktadd -k {} ldap/{server}", kdc.server_keytab().display()))?;
        for person in ["alice", "bob", "carol"] {
            kdc.admin(&format!("addprinc -pw {person}-secret {person}"))?;
        }
        kdc.start(&[])?;
        Ok(kdc)
    }

    /// Lets clocks differ by so many seconds, and tickets be used for so long after their end, for programs that begin afterwards and
    /// for this one.
    ///
    /// # Errors
    /// When krb5.conf cannot be written.
    pub fn allow_skew(&self, seconds: u32) -> Result<()> {
        self.write("krb5.conf", &self.client_config("127.0.0.1", seconds))
    }

    /// A krb5.conf for programs that reach the KDC at this address.
    pub fn client_config(&self, address: &str, skew: u32) -> String {
        let port = self.port;
        format!(
            "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n clockskew = {skew}\n[realms]\n {REALM} = {{\n  \
             kdc = {address}:{port}\n }}\n"
        )
    }

    /// How many tickets this principal has been given in exchange for its key since the KDC was started.
    pub fn given(&self, principal: &str) -> usize {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let given =
            |line: &&str| line.contains("AS_REQ") && line.contains("ISSUE") && line.contains(principal);
        log.lines().filter(given).count()
    }

    /// A library to be loaded in front of others (`LD_PRELOAD`) that sets a program's clock forward by this many seconds.
    ///
    /// # Errors
    /// When gcc does not make it.
    pub fn clock_shift(&self, seconds: u32) -> Result<PathBuf> {
        let source = format!(
            "#define _GNU_SOURCE\n#include <sys/syscall.h>\n#include <sys/time.h>\n#include <time.h>\n#include <unistd.h>\n\
             int clock_gettime(clockid_t c, struct timespec *t) {{ int r = syscall(SYS_clock_gettime, c, t); \
             if (!r && c == CLOCK_REALTIME) t->tv_sec += {seconds}; return r; }}\n\
             int gettimeofday(struct timeval *restrict v, void *restrict z) {{ struct timespec t; \
             clock_gettime(CLOCK_REALTIME, &t); v->tv_sec = t.tv_sec; v->tv_usec = t.tv_nsec / 1000; return 0; }}\n\
             time_t time(time_t *p) {{ struct timespec t; clock_gettime(CLOCK_REALTIME, &t); \
             if (p) *p = t.tv_sec; return t.tv_sec; }}\n"
        );
        let library = self.dir.join("shift.so");
        piped(Command::new("gcc").args(["-shared", "-fPIC", "-xc", "-", "-o"]).arg(&library), &source)?;
        Ok(library)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.join(name);
        fs::write(&path, text).map_err(|e| Trouble::io(&path, e))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env(ENVIRONMENT, self.config()).env("KRB5_KDC_PROFILE", self.dir.join("kdc.conf"));
        command
    }

    /// The krb5.conf of this realm.
    pub fn config(&self) -> PathBuf {
        self.dir.join("krb5.conf")
    }

    /// What slapd needs in `cn=config`.
    pub(crate) fn sasl(&self) -> String {
        format!("olcSaslHost: {}\n{SASL}", self.server)
    }

    /// The key of slapd.
    pub fn server_keytab(&self) -> PathBuf {
        self.dir.join("ldap.keytab")
    }

    /// What kadmin(1) does with this, as administrator.
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn admin(&self, query: &str) -> Result<String> {
        let Output { stdout, stderr, .. } =
            piped(self.command("kadmin.local").args(["-r", REALM, "-q", query]), "")?;
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        // It exits 0 whatever happens.
        match err.lines().find(|line| line.contains("while ") || line.contains("usage:")) {
            Some(line) => Err(Trouble::new(format!("kadmin.local {query}: {line}"))),
            None => Ok(out.into_owned()),
        }
    }

    /// Makes a principal with a random key, and hands out a keytab with it.
    ///
    /// # Errors
    /// When there is one of this name already.
    pub fn keytab(&self, principal: &str) -> Result<PathBuf> {
        self.admin(&format!("addprinc -randkey {principal}"))?;
        let path = self.dir.join(format!("{}.keytab", principal.replace('/', "-")));
        self.admin(&format!("ktadd -k {} {principal}", path.display()))?;
        Ok(path)
    }

    /// Fetches a ticket for a person by password, into the cache of this process's environment unless told otherwise.
    ///
    /// # Errors
    /// When the KDC refuses.
    pub fn kinit(&self, person: &str, arguments: &[&str]) -> Result<()> {
        let mut command = match &self.network {
            None => self.command("kinit"),
            Some(network) => {
                let mut command = self.command("nsenter");
                command.args([network, "--", "kinit"]);
                command
            }
        };
        piped(command.args(arguments).arg(person), &format!("{person}-secret\n")).map(drop)
    }

    /// Waits until the ticket of this process's environment has expired.
    ///
    /// # Errors
    /// When it does not.
    pub fn expired(&self) -> Result<()> {
        until(Duration::from_secs(20), "the ticket has expired", || {
            self.command("klist").arg("-s").status().is_ok_and(|status| !status.success())
        })
    }

    /// Fetches a ticket by a key, and waits until it has expired.
    ///
    /// # Errors
    /// When the KDC refuses, or it does not expire.
    pub fn expired_by_keytab(&self, keytab: &Path, principal: &str) -> Result<()> {
        piped(self.command("kinit").arg("-k").arg("-t").arg(keytab).arg(principal), "")?;
        self.expired()
    }

    /// Throws the tickets of this process's environment away.
    pub fn kdestroy(&self) {
        let _ = self.command("kdestroy").arg("-q").output();
    }

    /// Starts the KDC, with a program and its arguments in front.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&mut self, before: &[&str]) -> Result<()> {
        // It must not outlive the test, however that ends.
        let mut command = self.command("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        if let Some(network) = &self.network {
            command.args(["nsenter", network, "--"]);
        }
        command.args(before).args(["krb5kdc", "-n", "-r", REALM, "-P"]).arg(self.dir.join("pid"));
        let output = self.dir.join("output");
        let log = File::create(&output).map_err(|e| Trouble::io(&output, e))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child =
            command.spawn().map_err(|e| Trouble::new(format!("krb5kdc: {e}: apt-get install krb5-kdc")))?;
        self.child = Some(child);
        let commenced =
            || fs::read_to_string(self.dir.join("log")).is_ok_and(|log| log.contains("commencing operation"));
        let answers = || self.network.is_some() || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        let up = until(Duration::from_secs(20), "the KDC answers", || commenced() && answers());
        up.map_err(|trouble| {
            let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
            Trouble::new(format!("{trouble}\n{}{}", text(&output), text(&self.dir.join("log"))))
        })
    }

    /// Ends the KDC.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().ok_or_else(|| Trouble::new("the KDC does not run"))?;
        let ended = child.kill().and_then(|()| child.wait());
        let _ = fs::remove_file(self.dir.join("log"));
        ended.map(drop).map_err(|e| Trouble::new(format!("krb5kdc: {e}")))
    }

    /// Sends a signal: STOP and CONT to make it hang.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        let pid = id.ok_or_else(|| Trouble::new("the KDC does not run"))?;
        kill_process(pid, signal).map_err(|e| Trouble::new(format!("krb5kdc: {e}")))
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
