//! The Redis queue that a SOURCE names.

use fourfold::source::redis::{RedisError, RedisOptions, RedisQueue};

use crate::exit::CliError;

/// Connects to a queue.
pub(crate) async fn connect(options: RedisOptions) -> Result<RedisQueue, CliError> {
    RedisQueue::connect(options).await.map_err(|found| error(&found))
}

/// Says what ends the command.
pub(crate) fn error(error: &RedisError) -> CliError {
    CliError::source(error)
}
