//! Threads of the reading room's own.

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime for statements alone: a statement that keeps every one of its threads busy delays other statements, and
/// never the door, the log or the pipeline.
#[derive(Debug)]
pub struct Executor {
    runtime: Option<Runtime>,
}

impl Executor {
    /// Starts `threads` threads.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        // Deeply nested expressions recurse in the planner; the default of 2 MiB is little in an unoptimised build.
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("reading-room")
            .thread_stack_size(8 * 1024 * 1024)
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.runtime.as_ref().map(Runtime::handle)
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // A runtime may not be waited for inside another one's task; running statements are abandoned.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
