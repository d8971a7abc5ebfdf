//! `ajisai`: region-wide sharing of patient data as a live stream, under consent.

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ajisai::cli::Cli::parse().run()
}
