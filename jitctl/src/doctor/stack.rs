//! PAM stacks as libpam reads them and goes through them: what each file of pam.d says, with includes and substacks ([`load`]), and what comes
//! of it when its modules return what they may ([`dispatch`], [`explore`]). Everything follows Linux-PAM's own code (1.5.2 with Debian's patches, and
//! without), and `tests/tests/pam_stacks.rs` runs both on the same stacks. Must never read a line otherwise than libpam does; where its versions
//! disagree, the line is a [`chain::Doubt`].

pub mod chain;
pub mod code;
pub mod control;
pub mod dispatch;
pub mod explore;
pub mod libpam;
pub mod load;
pub mod text;
pub mod tree;

#[cfg(test)]
mod tests;
