//! The host's time: `performance.now` and `setTimeout`, which windows, workers and Node all have.

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

/// The longest delay that `setTimeout` accepts: 24 days.
const TIMER_MAX_MS: f64 = 2_147_483_647.0;

/// A simulated clock that the host moves forward as real time passes. A run in real time therefore uses the same engine as a
/// simulation, and one timer of the host however many tasks sleep.
#[derive(Debug)]
pub(crate) struct HostClock {
    pub(crate) clock: SimulatedClock,
    start_ms: f64,
}

impl HostClock {
    /// Creates a clock that starts now.
    pub(crate) fn new() -> Self {
        Self { clock: SimulatedClock::new(), start_ms: performance_now() }
    }

    /// Moves the clock forward to the present.
    pub(crate) fn advance(&self) {
        // Fractions of a nanosecond are cut off.
        self.clock.advance_to(Time::from_nanos(((performance_now() - self.start_ms) * 1e6) as u64));
    }

    /// Sets a timer for the earliest sleep; it wakes `waker` when the sleep is due.
    pub(crate) fn alarm(&self, waker: &Waker) -> Option<Alarm> {
        let left = self.clock.next_timer()?.as_nanos() as f64 / 1e6 - (performance_now() - self.start_ms);
        // Rounded up: hosts cut fractions off, and the timer would fire too early.
        Some(Alarm::new(left.ceil().clamp(0.0, TIMER_MAX_MS), waker.clone()))
    }
}

/// A pending `setTimeout`. Dropping it clears the timer, so that nothing keeps the host alive.
pub(crate) struct Alarm {
    id: JsValue,
    fired: Rc<Cell<bool>>,
    /// The function that the host calls, which must live as long as the timer.
    _callback: Closure<dyn FnMut()>,
}

impl Alarm {
    fn new(ms: f64, waker: Waker) -> Self {
        let fired = Rc::new(Cell::new(false));
        let fires = fired.clone();
        let callback = Closure::new(move || {
            fires.set(true);
            waker.wake_by_ref();
        });
        let id = set_timeout(callback.as_ref(), ms);
        Self { id, fired, _callback: callback }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.fired.get() {
            clear_timeout(&self.id);
        }
    }
}
