//! Stacks, as text.
