//! The hall of `ajisai`: what composes the rooms into one binary.
//!
//! Reading order: [`cli`] (what a person can ask), then `app` (composition) and `pipeline` (the corridor).

pub mod cli;
pub mod client;
pub mod app;
pub mod pipeline;
pub mod register;
pub mod config;
pub mod identity;
pub mod simulator;
pub mod telemetry;
pub mod bench;
pub mod rig;
