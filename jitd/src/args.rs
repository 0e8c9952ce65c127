//! What can be said on the command line. Everything that a host is told once and for all stands in `jitd.toml`; here is only
//! what differs between a service, a trial in the foreground and a test.

use std::path::PathBuf;

/// Caches approved grants and answers pam_jit and jitctl.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "jitd", version, about, long_about = None)]
pub struct Args {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = crate::config::PATH)]
    pub config: PathBuf,
    /// Say whether the daemon would start, and everything that stands in its way; start nothing.
    #[arg(long)]
    pub check: bool,
    /// Become this local user for good once directories and sockets are there. Needs root.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// What is remembered across restarts.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/jitd")]
    pub state_dir: PathBuf,
    /// Sockets, and what is gone after a reboot.
    #[arg(long, value_name = "DIR", default_value = "/run/jitd")]
    pub runtime_dir: PathBuf,
    /// The audit.
    #[arg(long, value_name = "DIR", default_value = "/var/log/jitd")]
    pub log_dir: PathBuf,
    /// The file whose existence means "enforcing"; for tests, because the modules look at the usual place only.
    #[arg(long, value_name = "FILE", default_value = jit_proto::ENFORCING)]
    pub enforcing: PathBuf,
}
