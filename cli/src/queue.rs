//! The Redis list that a SOURCE names.

use fourfold::source::redis::{RedisError, RedisOptions, RedisQueue};

use super::{exit::Fault, origin::Origin};

/// What a URL says.
pub(crate) fn options(url: &str) -> Result<RedisOptions, Fault> {
    RedisOptions::from_url(url).map_err(|error| fault(&error))
}

/// Connects to the queue that a SOURCE names, for `command`, which takes no other.
pub(crate) async fn connect(source: &str, command: &str) -> Result<RedisQueue, Fault> {
    match Origin::new(source)? {
        Origin::Redis(url) => RedisQueue::connect(options(&url)?).await.map_err(|error| fault(&error)),
        Origin::Demo | Origin::Stdin | Origin::File(_) => Err(Fault::usage(format_args!(
            "{command} is for a Redis list, and {source} is none: name it as redis://HOST/0?list=KEY"
        ))),
    }
}

pub(crate) fn fault(error: &RedisError) -> Fault {
    if error.is_usage() { Fault::usage(error) } else { Fault::source(error) }
}
