//! One module for each command.

pub mod authorized_keys;
pub mod clock;
pub mod grant_add;
pub mod grant_revoke;
pub mod grants;
pub mod ldif_file;
pub mod lockout;
pub mod mode;
pub mod sessions;
pub mod settle;
pub mod status;
pub mod why;
