//! Rules, on trees.
