//! What people see of a real OpenLDAP under the shipped rules, by jitctl: what waits, what is theirs, what rests on whom, the roles; and what
//! they see while they watch or wait.

mod desk;
mod listing;
mod resting;
mod roles;
mod waiting;
mod watching;
