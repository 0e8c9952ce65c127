//! People ask, approve and take away with jitctl, against a real slapd with the rules of packaging/ldap. What hosts or the directory would
//! refuse is refused in words, and nothing is written.

mod approving;
mod asking;
mod desk;
mod hostile;
mod signing;
mod taking;
