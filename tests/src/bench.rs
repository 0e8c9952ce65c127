//! What `make bench` needs beyond a throw-away host: a directory of 100,000 grants, what people would use instead of us on the
//! same host, and figures. A figure is a median beside a floor or a peer from the same run: on a machine that does other things
//! too, only the ratio says anything.

pub mod census;
pub mod command_line;
pub mod company;
pub mod names;
pub mod place;
pub mod report;
pub mod samples;
pub mod watch;
