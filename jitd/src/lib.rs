//! The daemon's rooms. The binary is a thin shell around them; they are a library so that tests and fuzz targets
//! reach them. Nothing else may depend on this crate.

pub mod accounts;
pub mod config;
pub mod watched;
