//! Throw-away hosts and directories for tests, and the demo. Tests here run against the real thing: real sshd, sudo,
//! login, cron and slapd, release builds of our own programs. What needs root says so and fails; nothing is skipped.

pub mod authselect;
pub mod bench;
pub mod built;
pub mod client;
pub mod company;
pub mod desk;
pub mod door;
pub mod ds389;
pub mod follow;
pub mod host;
pub mod kdc;
pub mod ldif;
pub mod libpam;
pub mod logins;
pub mod marked;
pub mod nss;
pub mod nss_map;
pub mod proxy;
pub mod root;
pub mod seat;
pub mod served;
pub mod server;
pub mod sessions;
pub mod slapd;
pub mod strace;
pub mod trouble;
pub mod vm;
pub mod wait;
