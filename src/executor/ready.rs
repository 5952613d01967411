//! The ready set: which slots are to be polled next.
//!
//! Slots lie in groups of words, each group with a summary of its words that are not empty, so that looking for ready
//! slots costs as much as there are ready slots. Every group has two sides: the owner's, which only the thread of
//! the gate touches and which therefore needs no locked instruction, and the remote one for other threads.

use alloc::vec::Vec;
use core::array;
use core::task::Waker;

use super::gate::{Gate, Shared};
use super::platform::{AtomicUsize, KNOWS_THREADS, Ordering, WORDS, this_thread};
use crate::sync::atomic::{Arc, Signal, Signaller, waker};

const BITS: usize = usize::BITS as usize;
const GROUP: usize = WORDS * BITS;

/// One side of a group. Aligned so that other threads' writes do not slow the owner's down, where there are any.
#[cfg_attr(not(target_os = "none"), repr(align(64)))]
struct Side {
    summary: AtomicUsize,
    words: [AtomicUsize; WORDS],
}

impl Side {
    fn new() -> Self {
        Side { summary: AtomicUsize::new(0), words: array::from_fn(|_| AtomicUsize::new(0)) }
    }
}

struct Group {
    /// The thread that the gate lives on: a gate cannot be sent to another.
    owner: usize,
    own: Side,
    remote: Side,
    gate: Arc<Shared>,
}

impl Group {
    /// Whether the caller is the owner.
    #[inline]
    fn is_here(&self) -> bool {
        KNOWS_THREADS && self.owner == this_thread()
    }

    /// Sets bits of the owner's side. Plain loads and stores: nobody else writes there.
    #[inline]
    fn mark(&self, word: usize, bits: usize) {
        let own = &self.own.words[word % WORDS];
        let before = own.load(Ordering::Relaxed);
        own.store(before | bits, Ordering::Relaxed);
        if before == 0 {
            let summary = self.own.summary.load(Ordering::Relaxed);
            self.own.summary.store(summary | 1 << word, Ordering::Relaxed);
            if summary == 0 {
                self.gate.add_ready();
            }
        }
    }

    /// Clears bits of the owner's side.
    #[inline]
    fn unmark(&self, word: usize, bits: usize) {
        let after = self.own.words[word].load(Ordering::Relaxed) & !bits;
        self.own.words[word].store(after, Ordering::Relaxed);
        if after == 0 {
            let summary = self.own.summary.load(Ordering::Relaxed) & !(1 << word);
            self.own.summary.store(summary, Ordering::Relaxed);
            if summary == 0 {
                self.gate.sub_ready();
            }
        }
    }

    /// Sets a bit of the remote side, from any thread, and calls the owner.
    #[cold]
    fn mark_remotely(&self, word: usize, bit: usize) {
        // The word before its summary, the summary before the call: the owner reads them the other way round.
        self.remote.words[word].fetch_or(bit, Ordering::Release);
        self.remote.summary.fetch_or(1 << word, Ordering::Release);
        self.gate.call();
    }

    /// Moves the owner's bits to `into`.
    #[inline]
    fn take(&self, base: usize, into: &mut Vec<Word>) {
        let mut summary = self.own.summary.load(Ordering::Relaxed);
        if summary == 0 {
            return;
        }
        self.own.summary.store(0, Ordering::Relaxed);
        self.gate.sub_ready();
        while summary != 0 {
            let word = lowest(summary) % WORDS;
            summary &= summary - 1;
            let bits = self.own.words[word].load(Ordering::Relaxed);
            self.own.words[word].store(0, Ordering::Relaxed);
            into.push(Word { base: base + word * BITS, bits });
        }
    }

    /// Moves the remote bits to the owner's side.
    fn collect(&self) {
        if self.remote.summary.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut summary = self.remote.summary.swap(0, Ordering::Acquire);
        while summary != 0 {
            let word = lowest(summary);
            summary &= summary - 1;
            let bits = self.remote.words[word].swap(0, Ordering::Acquire);
            if bits != 0 {
                self.mark(word, bits);
            }
        }
    }

    /// After this no wake counts as ready any more: with every word in the summary, no bit is the first.
    fn close(&self) {
        if self.own.summary.load(Ordering::Relaxed) != 0 {
            self.gate.sub_ready();
        }
        self.own.summary.store(usize::MAX, Ordering::Relaxed);
    }
}

#[inline]
fn place(index: usize) -> (usize, usize) {
    (index / BITS % WORDS, 1 << (index % BITS))
}

#[inline]
fn lowest(bits: usize) -> usize {
    bits.trailing_zeros() as usize
}

/// What a slot's waker points to; made once per slot. It outlives the executor if need be.
struct SlotWaker {
    group: Arc<Group>,
    word: usize,
    bit: usize,
}

impl Signal for SlotWaker {
    #[inline]
    fn signal(&self) {
        if self.group.is_here() {
            self.group.mark(self.word, self.bit);
        } else {
            self.group.mark_remotely(self.word, self.bit);
        }
    }
}

/// A word of ready bits; the lowest stands for the slot `base`.
#[derive(Clone, Copy, Default)]
struct Word {
    base: usize,
    bits: usize,
}

/// The word of the snapshot that is being worked through.
pub(super) struct ReadyWord<'r> {
    /// The ready bits of its slots, for the next tick.
    own: &'r AtomicUsize,
    base: usize,
    bits: &'r mut usize,
    woke: &'r mut usize,
}

impl ReadyWord<'_> {
    /// The next slot.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<usize> {
        let bits = *self.bits;
        if bits == 0 {
            return None;
        }
        *self.bits = bits & (bits - 1);
        Some(self.base + lowest(bits))
    }

    /// Notes whether the slot popped last is ready now that it was polled: then it woke itself.
    #[inline(always)]
    pub(super) fn note_woken(&mut self, slot: usize) {
        if KNOWS_THREADS {
            *self.woke |= self.own.load(Ordering::Relaxed) & (1 << (slot % BITS));
        }
    }
}

/// The slots of a group that wait for the next turn.
struct Deferred {
    summary: usize,
    words: [usize; WORDS],
}

/// The ready bits of all slots, and the snapshot that the present tick works through.
#[derive(Default)]
pub(super) struct Ready {
    groups: Vec<Arc<Group>>,
    /// The word being worked through.
    now: Word,
    /// Those of it that woke themselves: found ready again after their poll, and not yet put off.
    woke: usize,
    /// The gate was told of the snapshot, and not yet of its end.
    is_counted: bool,
    /// Slots of one word that woke themselves in their first poll, and are not yet put off.
    started: Word,
    /// The snapshot's other words: those before `next` are done.
    later: Vec<Word>,
    next: usize,
    /// For each group, if threads know themselves. Otherwise no wake is seen before the next turn anyway.
    deferred: Vec<Deferred>,
    any_deferred: bool,
}

impl Ready {
    /// A waker for slot `slot`; slots are added one after the other.
    pub(super) fn add(&mut self, slot: usize, gate: &Gate) -> Waker {
        if slot == self.groups.len() * GROUP {
            let gate = gate.shared().clone();
            let group = Group { owner: this_thread(), own: Side::new(), remote: Side::new(), gate };
            self.groups.push(Arc::new(group));
            if KNOWS_THREADS {
                self.deferred.push(Deferred { summary: 0, words: [0; WORDS] });
            }
        }
        let words = slot / BITS + 1;
        if self.later.capacity() < words {
            self.later.reserve(words - self.later.len());
        }
        let (word, bit) = place(slot);
        waker(&Arc::new(Signaller(SlotWaker { group: self.groups[slot / GROUP].clone(), word, bit })))
    }

    /// Marks a slot as ready, on behalf of the owner.
    pub(super) fn mark(&self, slot: usize) {
        let (word, bit) = place(slot);
        self.groups[slot / GROUP].mark(word, bit);
    }

    /// Moves what others have marked to the owner's side.
    pub(super) fn collect(&self) {
        self.groups.iter().for_each(|group| group.collect());
    }

    /// Whether the present tick has more to do.
    #[inline]
    pub(super) fn in_tick(&self) -> bool {
        self.now.bits != 0 || self.next < self.later.len()
    }

    /// Takes the snapshot for a new tick; says whether there is anything in it.
    #[inline]
    pub(super) fn snapshot(&mut self) -> bool {
        debug_assert!(!self.in_tick());
        self.end_tick();
        self.defer_started();
        self.later.clear();
        self.next = 0;
        for (number, group) in self.groups.iter().enumerate() {
            group.take(number * GROUP, &mut self.later);
        }
        let any = !self.later.is_empty();
        if any {
            self.is_counted = true;
            self.groups[0].gate.add_ready();
        }
        any
    }

    /// The snapshot's present word, as far as it is not done, or the next one.
    #[inline(always)]
    pub(super) fn word(&mut self) -> Option<ReadyWord<'_>> {
        if self.now.bits == 0 && !self.turn() {
            return None;
        }
        let Word { base, bits } = &mut self.now;
        let own = &self.groups.get(*base / GROUP)?.own.words[*base / BITS % WORDS];
        Some(ReadyWord { own, base: *base, bits, woke: &mut self.woke })
    }

    /// Turns to the snapshot's next word, if there is one.
    #[inline]
    fn turn(&mut self) -> bool {
        self.defer_woken();
        let Some(word) = self.later.get(self.next) else { return false };
        self.now = *word;
        self.next += 1;
        true
    }

    /// Tells the gate of the end of the tick, if it has come.
    #[inline]
    pub(super) fn end_tick(&mut self) {
        if self.now.bits == 0 && self.next >= self.later.len() {
            self.defer_woken();
            if self.is_counted {
                self.is_counted = false;
                self.groups[0].gate.sub_ready();
            }
        }
    }

    /// Notes whether a slot is ready that was polled for the first time just now.
    #[inline]
    pub(super) fn note_started(&mut self, slot: usize) {
        if KNOWS_THREADS {
            let (word, bit) = place(slot);
            if self.groups[slot / GROUP].own.words[word].load(Ordering::Relaxed) & bit != 0 {
                let base = slot - slot % BITS;
                if base != self.started.base {
                    self.defer_started();
                    self.started.base = base;
                }
                self.started.bits |= bit;
            }
        }
    }

    /// Puts the slots of the present word that woke themselves off to the next turn.
    #[inline]
    pub(super) fn defer_woken(&mut self) {
        if self.woke != 0 {
            let bits = core::mem::take(&mut self.woke);
            self.defer(Word { base: self.now.base, bits });
        }
    }

    #[inline]
    fn defer_started(&mut self) {
        if self.started.bits != 0 {
            let bits = core::mem::take(&mut self.started.bits);
            self.defer(Word { base: self.started.base, bits });
        }
    }

    fn defer(&mut self, Word { base, bits }: Word) {
        let (word, _) = place(base);
        let (group, deferred) = (&self.groups[base / GROUP], &mut self.deferred[base / GROUP]);
        group.unmark(word, bits);
        deferred.summary |= 1 << word;
        deferred.words[word] |= bits;
        if !self.any_deferred {
            self.any_deferred = true;
            group.gate.add_deferred();
        }
    }

    /// Has the slots that were put off be ready again: a new turn begins.
    #[inline]
    pub(super) fn release_deferred(&mut self) {
        self.defer_woken();
        self.defer_started();
        if self.any_deferred {
            self.any_deferred = false;
            for (group, deferred) in self.groups.iter().zip(&mut self.deferred) {
                let mut summary = core::mem::take(&mut deferred.summary);
                while summary != 0 {
                    let word = lowest(summary) % WORDS;
                    summary &= summary - 1;
                    group.mark(word, core::mem::take(&mut deferred.words[word]));
                }
            }
            self.groups[0].gate.sub_ready();
        }
    }

    /// Whether a slot is ready, in this tick or a later one.
    pub(super) fn any(&self) -> bool {
        self.in_tick()
            || self.any_deferred
            || self.groups.iter().any(|group| group.own.summary.load(Ordering::Relaxed) != 0)
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.groups.iter().for_each(|group| group.close());
        if self.any_deferred {
            self.groups[0].gate.sub_ready();
        }
        if self.is_counted {
            self.groups[0].gate.sub_ready();
        }
    }
}
