//! Asking for access, approving it, asking for more of it, and taking it away: by jitctl alone, on a machine that is no guarded host, as
//! people with rights of their own in a real directory under the access rules of packaging/ldap. ssh and sudo are the witnesses.

mod ds389;
mod flow;
mod kerberos;
mod signed;
mod slapd;
