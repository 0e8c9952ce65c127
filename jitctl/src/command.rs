//! One module for each command.

pub mod approve;
pub mod asked;
pub mod audit;
pub mod authorized_keys;
pub mod clock;
pub mod directory;
pub mod doctor;
pub mod extend;
pub mod grant_add;
pub mod grant_revoke;
pub mod grants;
pub mod ldif_file;
pub mod lockout;
pub mod mode;
pub mod request;
pub mod resting;
pub mod role;
pub mod sessions;
pub mod settle;
pub mod status;
pub mod take;
pub mod watch;
pub mod why;
