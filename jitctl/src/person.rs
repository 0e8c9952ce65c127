//! jitctl as a person's tool: it speaks to the directory as whoever types. Reads what a host would read and judges it as a host
//! does, so that what would be refused is not written. Must never hold more rights than the person has, and never put a password
//! on a command line, into a file, or into a message.

mod bind;
pub mod config;
pub mod following;
pub mod judging;
pub mod session;
pub mod shown;
pub mod standing;
