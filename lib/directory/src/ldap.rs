//! A source that is an LDAP directory: connect, authenticate, read what concerns this host, follow changes, and hand over
//! whole sets. Must never publish half a set, take an error for an empty answer, chase a referral, or send a secret in
//! the clear.
//!
//! Read in this order: [`server`] and [`config`] (what we are told); `tls`, [`gssapi`], `connect`, `search` (one connection and its
//! questions); `message`, `content`, `push` (RFC 4533); `csn`, `believe` (when an answer counts); `refer`, `people`,
//! `watching`, `assembly` (who is who, and what is published); `prepare`, `session`, [`follow`] (a session, and the loop around
//! sessions); [`visit`] (a person asks, and adds an entry);
//! [`admin`] (a directory is set up, and its rules are tried); [`trouble`].

pub mod admin;
mod assembly;
mod believe;
pub mod config;
mod connect;
mod content;
mod csn;
mod filter;
pub mod follow;
pub mod gssapi;
mod message;
mod people;
mod prepare;
mod push;
mod refer;
mod search;
mod secret;
pub mod server;
mod session;
mod tls;
pub mod trouble;
pub mod visit;
mod watching;

pub use admin::Admin;
pub use config::{Bind, ClientCertificate, Follow, LdapConfig, LdapConfigError, Patience};
pub use follow::{Link, Offer, follow, probe};
pub use gssapi::Credentials;
pub use secret::Secret;
pub use server::{Server, ServerError, StartTls};
pub use session::Way;
pub use trouble::{Cause, Step, Trouble};
pub use visit::Visit;
