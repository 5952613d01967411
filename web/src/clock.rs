//! The host's clock: `performance.now` and `setTimeout`, which windows, workers and Node have.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use fourfold::{Clock, Time};
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

/// Time since a run began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsClock {
    start_ms: f64,
}

impl JsClock {
    /// A clock that starts now.
    pub(crate) fn new() -> Self {
        Self { start_ms: performance_now() }
    }
}

impl Clock for JsClock {
    type Sleep = JsSleep;

    fn now(&self) -> Time {
        // Fractions of a nanosecond are nobody's; before the start there is nothing.
        Time::from_nanos(((performance_now() - self.start_ms) * 1e6) as u64)
    }

    fn sleep(&self, duration: Duration) -> JsSleep {
        JsSleep { clock: *self, due: self.now() + duration, timer: None }
    }
}

/// A sleep; dropped before its time it clears its timer, so that nothing keeps the host awake.
pub(crate) struct JsSleep {
    clock: JsClock,
    due: Time,
    timer: Option<Timer>,
}

/// One `setTimeout` under way.
struct Timer {
    id: JsValue,
    ring: Rc<RefCell<Ring>>,
    /// The host calls it; it has to live as long.
    _callback: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct Ring {
    rung: bool,
    waker: Option<Waker>,
}

impl Timer {
    fn start(ms: f64, waker: &Waker) -> Self {
        let ring = Rc::new(RefCell::new(Ring { rung: false, waker: Some(waker.clone()) }));
        let rung = ring.clone();
        let callback = Closure::new(move || {
            let waker = {
                let mut ring = rung.borrow_mut();
                ring.rung = true;
                ring.waker.take()
            };
            // Woken when nothing is borrowed any more.
            waker.into_iter().for_each(Waker::wake);
        });
        let id = set_timeout(callback.as_ref(), ms);
        Self { id, ring, _callback: callback }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if !self.ring.borrow().rung {
            clear_timeout(&self.id);
        }
    }
}

impl Future for JsSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &self.timer {
            let mut ring = timer.ring.borrow_mut();
            if !ring.rung {
                ring.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        let left = self.due.since(self.clock.now());
        if left.is_zero() {
            self.timer = None;
            return Poll::Ready(());
        }
        // Rounded up: hosts cut fractions off, and would ring too early.
        let ms = (left.as_nanos() as f64 / 1e6).ceil().min(TIMER_MAX_MS);
        self.timer = Some(Timer::start(ms, cx.waker()));
        Poll::Pending
    }
}
