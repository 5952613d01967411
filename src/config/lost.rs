//! What becomes of a handler whose task is lost.

/// The treatment of a handler whose lease is lost while it runs, so that another process may have its
/// task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnLost {
    /// The handler is dropped, and its attempt counts as lost.
    #[default]
    Cancel,
    /// The handler goes on and is told: [`Task::is_lost`](crate::task::Task::is_lost) returns true,
    /// [`Task::lost`](crate::task::Task::lost) is ready. Its verdict has no effect.
    Tell,
}
