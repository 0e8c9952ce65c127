//! The door with a real OpenLDAP behind it, on a host of its own and reached over TLS: what opens it and what does not, what
//! happens when anything between the two breaks, and what a clock cannot do. ssh and sudo are the witnesses.

mod cases;
mod changes;
mod clock;
mod faults;
mod sessions;
