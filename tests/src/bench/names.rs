//! What the benchmark of names needs: a host on which our module and what people would use instead answer about the same people, all
//! from the same directory or a map of the same content, and what comes of asking them by turns.

pub mod people;
pub mod place;
pub mod turns;
