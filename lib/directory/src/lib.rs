//! Where entries come from, and what they mean in the model's words.
//!
//! Two kinds of source, one shape: an LDAP session that follows a directory by push (RFC 4533) or by polling, and one
//! LDIF file. Each hands over [`update::Update`]s: whole sets of raw entries, never half of one. [`decode`] turns a set into
//! a [`jit_model::source::Source`]. A sync that ends in any error must never publish, and never remove a grant.

pub mod decode;
pub mod entry;
pub mod ldap;
pub mod ldif;
pub mod schema;
pub mod update;
pub mod write;
