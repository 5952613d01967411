//! What a run knows of its source. Every event about the source is told here, and nowhere else.

use core::num::NonZeroUsize;

use super::recorder::Recorder;
use crate::{
    clock::Clock,
    event::{BlockedOn, EventKind, Observer},
    source::ClaimStatus,
};

/// What is known of the source, and asked of it.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// The maximum number of deliveries that the claim under way may bring.
    requested: Option<NonZeroUsize>,
    is_exhausted: bool,
    /// What keeps the source from being asked, as the observer was told last.
    blocked: Option<BlockedOn>,
}

impl Intake {
    pub(super) fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }

    /// Whether a claim is under way.
    pub(super) fn is_claiming(&self) -> bool {
        self.requested.is_some()
    }

    /// Records that a claim is made.
    pub(super) fn request(&mut self, size: NonZeroUsize) {
        self.requested = Some(size);
    }

    /// Records that a claim is over, and what the source answered.
    pub(super) fn claimed<C: Clock, O: Observer>(&mut self, status: ClaimStatus, recorder: &mut Recorder<'_, C, O>) {
        self.requested = None;
        if status == ClaimStatus::Exhausted {
            self.is_exhausted = true;
            recorder.write(EventKind::SourceExhausted); // page: source_exhausted
        }
    }

    /// Records that the source has more to come after all.
    pub(super) fn reopen(&mut self) {
        self.is_exhausted = false;
    }

    /// Tells that there is room, and that the source has nothing at the moment.
    pub(super) fn wait<C: Clock, O: Observer>(&mut self, recorder: &mut Recorder<'_, C, O>) {
        recorder.update_time();
        recorder.write(EventKind::SourceWaiting); // page: source_waiting
        self.blocked = None;
    }

    /// Tells what keeps the source from being asked, unless that has been told.
    pub(super) fn block<C: Clock, O: Observer>(&mut self, by: BlockedOn, recorder: &mut Recorder<'_, C, O>) {
        if O::ACTIVE && self.blocked.replace(by) != Some(by) {
            recorder.update_time();
            recorder.write(EventKind::SourceBlocked { by }); // page: source_blocked
        }
    }
}
