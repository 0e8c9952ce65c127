//! Stands empty for now.
