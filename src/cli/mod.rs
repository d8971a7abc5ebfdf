//! The commands, one file each.
//!
//! Exit codes: 0 done; 1 failed (the message says what to do); 2 the command line or configuration is wrong;
//! 3 done, but some input was refused (the table says why).

pub mod beds;
pub mod bench;
pub mod cohort;
pub mod config;
pub mod consent;
pub mod demo;
pub mod dev;
pub mod diabetes;
pub mod directory;
pub mod edge;
pub mod explain;
pub mod feed;
pub mod feeds;
pub mod lab;
pub mod ledger;
pub mod notices;
pub mod perinatal;
pub mod policy;
pub mod publish;
pub mod published;
pub mod quarantine;
pub mod refer;
mod rows;
pub mod serve;
mod service;
pub mod simulate;
pub mod sql;
pub mod status;
mod terminal;
pub mod view;
pub mod views;
pub mod worklist;

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
    Serve(serve::ServeArgs),
    Config(config::ConfigArgs),
    Edge(edge::EdgeCommand),
    Dev(dev::DevArgs),
    Simulate(simulate::Simulate),
    Publish(publish::Publish),
    Published(published::Published),
    Sql(sql::Sql),
    Cohort(cohort::CohortCommand),
    Diabetes(diabetes::DiabetesCommand),
    Worklist(worklist::WorklistCommand),
    Beds(beds::BedsCommand),
    Consent(consent::ConsentCommand),
    Directory(directory::DirectoryCommand),
    Explain(explain::Explain),
    Perinatal(perinatal::PerinatalCommand),
    Policy(policy::PolicyCommand),
    Feed(feed::FeedCommand),
    Feeds(feeds::Feeds),
    Quarantine(quarantine::QuarantineCommand),
    Refer(refer::Refer),
    Status(status::Status),
    View(view::ViewCommand),
    Views(views::ViewsCommand),
    Lab(lab::LabCommand),
    Ledger(ledger::LedgerCommand),
    Notices(notices::NoticesCommand),
    Bench(bench::Bench),
    Demo(demo::Demo),
}

impl Cli {
    /// Runs the command to its end and says how it went.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Serve(args) => args.run(),
            Command::Config(args) => args.run(),
            Command::Edge(args) => args.run(),
            Command::Dev(args) => args.run(),
            Command::Simulate(args) => drive(args.run()),
            Command::Publish(args) => drive(args.run()),
            Command::Published(args) => drive(args.run()),
            Command::Sql(args) => drive(args.run()),
            Command::Cohort(args) => drive(args.run()),
            Command::Diabetes(args) => drive(args.run()),
            Command::Worklist(args) => drive(args.run()),
            Command::Beds(args) => drive(args.run()),
            Command::Consent(args) => drive(args.run()),
            Command::Directory(args) => drive(args.run()),
            Command::Explain(args) => drive(args.run()),
            Command::Perinatal(args) => drive(args.run()),
            Command::Policy(args) => drive(args.run()),
            Command::Feed(args) => drive(args.run()),
            Command::Feeds(args) => drive(args.run()),
            Command::Quarantine(args) => drive(args.run()),
            Command::Refer(args) => drive(args.run()),
            Command::Status(args) => drive(args.run()),
            Command::View(args) => drive(args.run()),
            Command::Views(args) => drive(args.run()),
            Command::Lab(args) => drive(args.run()),
            Command::Ledger(args) => drive(args.run()),
            Command::Notices(args) => drive(args.run()),
            Command::Bench(args) => drive(args.run()),
            Command::Demo(args) => drive(args.run()),
        }
    }
}

/// Runs a command that talks to a node to its end; a failure is said on standard error.
fn drive(command: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    runtime.block_on(command).unwrap_or_else(|error| fail(&error))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    terminal::remark(format!("ajisai: {}", causes(error)));
    ExitCode::FAILURE
}

/// The error and its causes, each said once: many errors quote their cause in their own message.
fn causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        whole if whole.contains(&cause) => said,
        whole => format!("{whole}: {cause}"),
    })
}
