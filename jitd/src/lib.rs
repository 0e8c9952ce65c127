//! The daemon's rooms. The binary is a thin shell around them; they are a library so that tests and fuzz targets
//! reach them. Nothing else may depend on this crate.

pub mod accounts;
pub mod args;
pub mod audit;
pub mod check;
pub mod clock;
pub mod config;
pub mod control;
pub mod desk;
pub mod directories;
pub mod disk;
pub mod fingerprint;
pub mod follow;
pub mod groups;
pub mod keys;
pub mod ledger;
pub mod limits;
pub mod manager;
pub mod mode;
pub mod offers;
pub mod pam;
pub mod people;
pub mod privileges;
pub mod pulse;
pub mod remember;
pub mod run;
pub mod scribe;
pub mod sessions;
pub mod signers;
pub mod sockets;
pub mod sources;
pub mod store;
pub mod syslog;
pub mod view;
pub mod watched;
pub mod words;
