//! A source that is an LDAP directory: connect, authenticate, read what concerns this host, follow changes, and hand over
//! whole sets. Must never publish half a set, take an error for an empty answer, chase a referral, or send a secret in
//! the clear.
//!
//! Read in this order: [`server`] and [`config`] (what we are told).

pub mod config;
pub mod server;

pub use config::{Bind, ClientCertificate, Follow, LdapConfig, LdapConfigError, Patience};
pub use server::{Server, ServerError, StartTls};
