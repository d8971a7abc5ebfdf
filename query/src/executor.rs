//! Threads of the reading room's own.

use tokio::runtime::{Builder, Handle, Runtime};

/// Runtimes for statements alone: a statement that keeps every one of their threads busy delays other statements, and
/// never the door, the log or the pipeline. Reading and planning have threads apart from running, so that a text is
/// answered for while others run.
#[derive(Debug)]
pub struct Executor {
    planner: Option<Runtime>,
    runner: Option<Runtime>,
}

impl Executor {
    /// Starts `threads` threads for running, and two for reading and planning.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let runtime = |threads: usize, name: &str| {
            // Chained expressions recurse in the planner, as deep as `session::size` lets them. The pages of a stack
            // take memory when they are touched, not before.
            let deep = 64 * 1024 * 1024;
            Builder::new_multi_thread()
                .worker_threads(threads)
                .thread_name(name)
                .thread_stack_size(deep)
                .enable_all()
                .build()
        };
        let planner = runtime(2, "planner")?;
        let runner = runtime(threads.max(1), "reading-room")?;
        Ok(Self { planner: Some(planner), runner: Some(runner) })
    }

    pub(crate) fn planner(&self) -> Option<&Handle> {
        self.planner.as_ref().map(Runtime::handle)
    }
    pub(crate) fn runner(&self) -> Option<&Handle> {
        self.runner.as_ref().map(Runtime::handle)
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // A runtime may not be waited for inside another one's task; running statements are abandoned.
        for runtime in [self.planner.take(), self.runner.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}
