//! The commands, one file each.
//!
//! Exit codes: 0 done; 1 failed (the message says what to do); 2 the command line or configuration is wrong;
//! 3 done, but some input was refused (the table says why).

pub mod config;
pub mod dev;
pub mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// 同意と開示範囲のもとで、地域の医療機関が患者データを共有する。
/// Region-wide sharing of patient data as a live stream, under consent.
#[derive(Debug, Parser)]
#[command(name = "ajisai", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
enum Command {
    Config(config::ConfigArgs),
    Dev(dev::DevArgs),
}

impl Cli {
    /// Runs the command to its end and says how it went.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Config(args) => args.run(),
            Command::Dev(args) => args.run(),
        }
    }
}
