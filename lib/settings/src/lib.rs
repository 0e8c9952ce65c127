//! What admins and people write into configuration files: TOML, read strictly, each fault with its line and column. Shared by
//! jitd (`jitd.toml`) and jitctl (`client.toml`), so that a directory is named the same way in both.
//!
//! [`section`] reads keys and notes faults, [`values`] are single values, [`directory`] is a directory and how it is spoken to,
//! [`file`] is the file and who may have written it. Reading must never ask a resolver, NSS or the directory.

pub mod directory;
pub mod file;
pub mod section;
pub mod values;

pub use file::ConfigError;
pub use section::{At, Faults, Problem, Section, parse};
