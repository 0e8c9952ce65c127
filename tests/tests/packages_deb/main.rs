//! Debian's packages, as `make packages` made them, on throw-away hosts: what is in them, what installing, upgrading, removing and purging
//! them does to a host, and that no step of it, nor any that is interrupted, locks anybody out. What the PAM stacks then say is asked of the
//! real libpam, with an enforcing file and no daemon, so that a guarded service is denied. (Under logins, with systemd: booted_packages.)

mod contents;
mod interrupted;
mod life;
mod machine;
mod nsswitch;
mod stacks;
