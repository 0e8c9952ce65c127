//! `jitctl audit` on what jitd's own writer wrote: the chain as the script of docs/audit.md judges it, sessions put together from lines in
//! any order, and exemptions that jitd reads and decides by.

mod lines;
mod replay;
mod report;
mod verify;
