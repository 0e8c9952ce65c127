//! The daemon as a process: started, asked, reloaded, damaged, ended. Needs root, because jitd takes its configuration and its
//! grants from nobody else; without root these tests only say so.

mod activation;
mod control;
mod groups;
mod host;
mod manager;
mod modes;
mod questions;
mod reload;
mod sessions;
mod signers;
mod start;
mod why;
