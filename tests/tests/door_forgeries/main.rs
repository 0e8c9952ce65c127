//! Every way to be let in by a word that nobody gave, each beside one that differs in that alone and opens the door. Nothing in the
//! directory stands in the way here: everybody may write everything, so it is the host that finds out, by itself, and says what is
//! wrong with it. What remains to whom administers the directory, where signatures are not asked for, is shown as well.

mod admin;
mod paper;
mod signed;
mod signing;
mod trial;
mod words;
