//! The groups that live grants confer on this host, as a file that every process reads for itself: what lib/model says of a snapshot goes
//! into one map ([`jit_proto::map`]), written whole, before the view that it belongs to is published: whoever is let in has his groups.
//!
//! Must never leave a map in force that confers what has been taken away: where the next one cannot be written, the one before is
//! superseded all the same, and there is none.

pub mod encode;
