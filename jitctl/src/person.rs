//! jitctl as a person's tool: it speaks to the directory as whoever types. Reads what a host would read and judges it as a host
//! does, so that what would be refused is not written. Must never hold more rights than the person has, and never put a password
//! on a command line, into a file, or into a message.

pub mod approval;
pub mod ask;
mod bind;
pub mod config;
pub mod cover;
pub mod describe;
pub mod example;
pub mod following;
pub mod judging;
pub mod outcome;
pub mod propose;
pub mod session;
pub mod shown;
pub mod sign;
pub mod standing;
pub mod stopwatch;
#[cfg(test)]
pub(crate) mod testing;
pub mod uninterrupted;
pub mod wait;
pub mod who;
pub mod wishes;
