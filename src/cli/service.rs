//! What the commands share that run until they are told to stop.

use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a service to its end; `failed` says why it could not run on.
pub(super) fn run(
    service: impl Future<Output = Result<(), Box<dyn std::error::Error>>>,
    failed: fn(&dyn std::fmt::Display) -> ExitCode,
) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(service) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error.as_ref()),
    }
}

/// Resolves when the process is asked to stop: SIGTERM or Ctrl-C. Call it before anything is opened, inside the runtime.
pub(super) fn asked() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
