//! The host's time, which windows, workers and Node have: `performance.now` and `setTimeout`.

use std::{cell::Cell, rc::Rc, task::Waker};

use fourfold::clock::{SimulatedClock, Time};
use wasm_bindgen::{closure::Closure, prelude::*};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// Timers take no more: 24 days.
const TIMER_MAX_MS: f64 = 2_147_483_647.0;

/// The clock of a simulation, which the host moves on as time goes by: so a run in real time is run by the same engine, and needs one of
/// the host's timers, however many sleep.
#[derive(Debug)]
pub(crate) struct HostClock {
    pub(crate) clock: SimulatedClock,
    start_ms: f64,
}

impl HostClock {
    /// A clock that starts now.
    pub(crate) fn new() -> Self {
        Self { clock: SimulatedClock::new(), start_ms: performance_now() }
    }

    /// Says what time it is.
    pub(crate) fn advance(&self) {
        // Fractions of a nanosecond are nobody's.
        self.clock.advance_to(Time::from_nanos(((performance_now() - self.start_ms) * 1e6) as u64));
    }

    /// A timer for the earliest sleep: `waker` is woken when it is due.
    pub(crate) fn alarm(&self, waker: &Waker) -> Option<Alarm> {
        let left = self.clock.next_timer()?.as_nanos() as f64 / 1e6 - (performance_now() - self.start_ms);
        // Rounded up: hosts cut fractions off, and would ring too early.
        Some(Alarm::new(left.ceil().clamp(0.0, TIMER_MAX_MS), waker.clone()))
    }
}

/// One `setTimeout` under way. Dropped before its time it is cleared, so that nothing keeps the host awake.
pub(crate) struct Alarm {
    id: JsValue,
    rung: Rc<Cell<bool>>,
    /// The host calls it; it has to live as long.
    _callback: Closure<dyn FnMut()>,
}

impl Alarm {
    fn new(ms: f64, waker: Waker) -> Self {
        let rung = Rc::new(Cell::new(false));
        let rings = rung.clone();
        let callback = Closure::new(move || {
            rings.set(true);
            waker.wake_by_ref();
        });
        let id = set_timeout(callback.as_ref(), ms);
        Self { id, rung, _callback: callback }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.rung.get() {
            clear_timeout(&self.id);
        }
    }
}
