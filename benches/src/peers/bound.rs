//! The least that polling futures can cost.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::{Peer, Total};
use crate::work::Work;

/// Polls everything in turn and wakes nobody.
pub struct Ring;

impl Peer for Ring {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let mut cx = Context::from_waker(Waker::noop());
        let mut sibling = pin!(work.serve());
        let mut waiting = 0..tasks;
        let mut ring: Vec<Pin<Box<_>>> =
            waiting.by_ref().take(limit.get()).map(|id| Box::pin(Some(work.task(id)))).collect();
        let mut in_flight = ring.len();
        while in_flight > 0 {
            for slot in &mut ring {
                let Some(task) = slot.as_mut().as_pin_mut() else { continue };
                if let Poll::Ready(result) = task.poll(&mut cx) {
                    total.add(result);
                    let next = waiting.next().map(|id| work.task(id));
                    in_flight -= usize::from(next.is_none());
                    slot.set(next);
                }
            }
            if W::SERVED && sibling.as_mut().poll(&mut cx).is_ready() {
                unreachable!("the sibling never ends");
            }
        }
        total
    }
}
