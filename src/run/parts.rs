//! The parts of a run that wait for its source, polled beside the tasks: one claims, one settles.

use core::{
    future::{Future, poll_fn},
    mem,
    pin::pin,
};

use super::{desk::Desk, outbox::Outbox};
use crate::{
    clock::Clock,
    event::{BlockedOn, EventKind, Observer},
    source::{ClaimStatus, Claims, Source},
};

/// Claims whenever there is room. It ends only with the source's failure.
pub(super) async fn claim<S: Source, C: Clock, O: Observer>(desk: &Desk<'_, S, C, O>) -> S::Error {
    let mut intake = Intake { claims: Claims::new(), desk };
    let mut blocked = None;
    loop {
        let room = desk
            .claim_bell
            .until(|| {
                let room = desk.room();
                if O::ACTIVE && room.is_none() {
                    say_blocked(desk, &mut blocked);
                }
                room
            })
            .await;
        desk.asked.set(room.get());
        let supply = {
            let mut claim = pin!(desk.source.claim(room, &mut intake.claims));
            let mut said = !O::ACTIVE;
            poll_fn(|cx| {
                let poll = claim.as_mut().poll(cx);
                if poll.is_pending() && !mem::replace(&mut said, true) {
                    desk.update_time();
                    desk.write(EventKind::SourceWaiting); // page: source_waiting
                    blocked = None;
                }
                poll
            })
            .await
        };
        match supply {
            Ok(supply) => desk.take_in(&mut intake.claims, supply),
            Err(error) => return error,
        }
        desk.asked.set(0);
        if desk.room().is_some() {
            // What it brought is started before the next claim, and a source that answers at once every time starves
            // nobody. The run rings as long as there is room: yielding would cost a poll of the host.
            let mut rung = false;
            desk.claim_bell.until(|| mem::replace(&mut rung, true).then_some(())).await;
        }
    }
}

/// Says that the source is held up, and by what, unless that has been said.
fn say_blocked<S: Source, C: Clock, O: Observer>(desk: &Desk<'_, S, C, O>, said: &mut Option<BlockedOn>) {
    let Some(by) = desk.blocker() else { return };
    if said.replace(by) != Some(by) {
        desk.update_time();
        desk.write(EventKind::SourceBlocked { by }); // page: source_blocked
    }
}

/// What a claim brings; when it is dropped while it waits, what it had got is still the run's.
struct Intake<'d, 'a, S: Source, C: Clock, O: Observer> {
    claims: Claims<S::Payload, S::Receipt>,
    desk: &'d Desk<'a, S, C, O>,
}

impl<S: Source, C: Clock, O: Observer> Drop for Intake<'_, '_, S, C, O> {
    fn drop(&mut self) {
        self.desk.asked.set(0);
        if !self.claims.deliveries.is_empty() || !self.claims.malformed.is_empty() {
            self.desk.take_in(&mut self.claims, ClaimStatus::Open);
        }
    }
}

/// Tells the source what has ended, all of it at once; what ends meanwhile goes with the next message.
pub(super) async fn settle<S: Source, C: Clock, O: Observer, T>(desk: &Desk<'_, S, C, O>) -> T {
    let mut post = Post { outbox: Outbox::new(), desk };
    loop {
        desk.settle_bell.until(|| (!desk.outbox.borrow().is_empty()).then_some(())).await;
        // The list that is empty by now is the next one to be filled: in the steady state none is allocated.
        mem::swap(&mut post.outbox, &mut desk.outbox.borrow_mut());
        desk.settling.set(post.outbox.len());
        match desk.source.settle(&mut post.outbox.settlements).await {
            Ok(()) => post.confirm(),
            Err(error) => {
                desk.fail(error);
                post.abandon();
            }
        }
    }
}

/// Settlements on their way; when that is cut short, what the source has not taken is left to it.
struct Post<'d, 'a, S: Source, C: Clock, O: Observer> {
    outbox: Outbox<S::Payload, S::Receipt>,
    desk: &'d Desk<'a, S, C, O>,
}

impl<S: Source, C: Clock, O: Observer> Post<'_, '_, S, C, O> {
    fn confirm(&mut self) {
        self.desk.update_time();
        for (settlement, outcome) in self.outbox.drain() {
            self.desk.settled(&settlement, outcome);
        }
        self.desk.settling.set(0);
    }

    fn abandon(&mut self) {
        for (settlement, outcome) in self.outbox.drain() {
            self.desk.abandon(settlement, outcome);
        }
        self.desk.settling.set(0);
    }
}

impl<S: Source, C: Clock, O: Observer> Drop for Post<'_, '_, S, C, O> {
    fn drop(&mut self) {
        self.abandon();
    }
}
