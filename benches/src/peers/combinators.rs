//! Combinators: a future that polls others.

use std::num::NonZeroUsize;

use futures::stream::{self, FuturesUnordered, StreamExt as _};
use futures_buffered::FuturesUnorderedBounded;
use futures_concurrency::prelude::*;
use futures_lite::future::block_on;

use super::{Peer, Total, beside};
use crate::work::Work;

/// futures-buffered: a set with room for the limit, topped up by hand.
pub struct Buffered;

impl Peer for Buffered {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let drive = async {
            let mut waiting = (0..tasks).map(|id| work.task(id));
            let mut set = FuturesUnorderedBounded::new(limit.get());
            waiting.by_ref().take(limit.get()).for_each(|task| set.push(task));
            while let Some(result) = set.next().await {
                total.add(result);
                waiting.by_ref().take(1).for_each(|task| set.push(task));
            }
        };
        block_on(beside(work, drive));
        total
    }
}

/// futures: the same with its set.
pub struct Unordered;

impl Peer for Unordered {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let drive = async {
            let mut waiting = (0..tasks).map(|id| work.task(id));
            let mut set: FuturesUnordered<_> = waiting.by_ref().take(limit.get()).collect();
            while let Some(result) = set.next().await {
                total.add(result);
                set.extend(waiting.next());
            }
        };
        block_on(beside(work, drive));
        total
    }
}

/// futures: the adapter on a stream.
pub struct BufferUnordered;

impl Peer for BufferUnordered {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let results = stream::iter(0..tasks).map(|id| work.task(id)).buffer_unordered(limit.get());
        let drive = results.for_each(|result| {
            total.add(result);
            std::future::ready(())
        });
        block_on(beside(work, drive));
        total
    }
}

/// futures-concurrency: a concurrent stream with a limit.
pub struct Concurrency;

impl Peer for Concurrency {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let drive = stream::iter(0..tasks).co().limit(Some(limit)).for_each(async |id| total.add(work.task(id).await));
        block_on(beside(work, drive));
        total
    }
}
