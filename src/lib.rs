//! The hall of `ajisai`: what composes the rooms into one binary.
//!
//! Reading order: [`cli`] (what a person can ask), then `app` (composition) and `pipeline` (the corridor).

pub mod app;
pub mod bench;
pub mod clerk;
pub mod cli;
pub mod client;
pub mod cohorts;
pub mod config;
pub mod demo;
pub mod doors;
pub mod edge;
mod fetch;
pub mod history;
pub mod identity;
pub mod notary;
pub mod pipeline;
pub mod publisher;
pub mod recorder;
pub mod register;
pub mod rig;
pub mod servers;
pub mod simulator;
pub mod telemetry;
