//! The demonstration: one node in a directory of its own, a small region played into it, and four commands to try.
//!
//! Everything goes the way it goes in service: the node is this same program with a configuration file, the region
//! comes in through gRPC with each facility's own credentials, and the commands are run by a shell as they are
//! printed. What they must answer is counted from the simulation's events by rules written a second time
//! ([`Expectation`](crate::simulator::Expectation)), not by the node's own filter.

mod house;
mod trial;

pub use house::{House, Ports, USUAL_PORTS};
pub use trial::{Expected, Trial, counts, trials, withdrawal};
