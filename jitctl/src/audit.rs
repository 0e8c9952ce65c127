//! The audit as it is read: lines of any number of hosts, in their order, with what is missing named. Must never take a line that it cannot
//! read for one that is not there.

pub mod chain;
pub mod event;
pub mod input;
pub mod lines;
pub mod numbers;
pub mod read;
pub mod replay;
pub mod sessions;
pub mod verify;
