//! Grants, roles and approvals as values, and the rules that decide over them.
//!
//! Everything here is a function of values: `assess` (what the entries say, without time), `state` (assessed + now),
//! `decide` (snapshot + question + now → verdict). This crate must never read a clock, a disk, a socket or the
//! environment, so that each decision can be tested and replayed; clippy's `disallowed-methods` guards it.
//!
//! Read in this order: [`time`], [`name`], [`dn`], [`host`] (the words); [`grant`], [`signature`], [`role`], [`people`], [`source`]
//! (what a directory says); [`assess`], [`heard`], [`state`], [`digest`] (what it means); [`learn`] (what must be remembered of it);
//! [`policy`], [`question`], [`snapshot`], [`decide`], [`reason`], [`session`], [`confer`], [`serve`] (what follows). The laws that hold over all of it are
//! tests/laws.rs.

pub mod assess;
pub mod confer;
pub mod decide;
pub mod digest;
pub mod dn;
pub mod grant;
pub mod heard;
pub mod host;
pub mod learn;
pub mod name;
pub mod people;
pub mod policy;
pub mod question;
pub mod reason;
pub mod role;
pub mod serve;
pub mod session;
pub mod signature;
pub mod snapshot;
pub mod source;
pub mod state;
pub mod text;
pub mod time;
