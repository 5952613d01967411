//! Runs of JavaScript's async functions through a pattern, in real time.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
};

use fourfold::{
    Control, Event, Failure, MemorySource, RunError, Task,
    metrics::State,
    sim::{ScriptedAttempt, SyntheticTask, run_scripted},
    trace,
};
use js_sys::{Array, Function, JsString, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, prelude::*};
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::{clock::HostClock, json, params::Params, recording::Recording};

#[wasm_bindgen]
extern "C" {
    type AbortController;

    #[wasm_bindgen(constructor)]
    fn new() -> AbortController;
    #[wasm_bindgen(method, getter)]
    fn signal(this: &AbortController) -> JsValue;
    #[wasm_bindgen(method)]
    fn abort(this: &AbortController);
}

/// The handle of a running run, and the promise of its report.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) control: Control,
    pub(crate) finished: Promise,
}

/// Starts a run, adds its events to `recording`, and passes them to `on_event` as lines of a trace.
pub(crate) fn start(
    params: &Params,
    payloads: &Array,
    handler: Function,
    on_event: Option<Function>,
    recording: Rc<RefCell<Recording>>,
) -> Own {
    let control = Control::new();
    let (config, handle, payloads) = (params.config, control.clone(), payloads.clone());
    let finished = future_to_promise(async move {
        let host = HostClock::new();
        let tasks = std::iter::repeat_n(SyntheticTask::default(), payloads.length() as usize);
        let source = MemorySource::new(tasks);
        let (host, handler, payloads) = (&host, &handler, &payloads);
        // A payload is found by the id of its task: the source numbers tasks from 0.
        let attempt = move |task: Task<SyntheticTask>| -> ScriptedAttempt<'_> {
            Box::pin(async move { call(host, handler, &payloads.get(task.id.0 as u32), &task).await })
        };
        let mut look = |event: &Event<&str>| {
            recording.borrow_mut().push(event);
            if let Some(tell) = &on_event {
                tell_event(tell, event);
            }
        };
        let result = {
            let run = run_scripted(&source, &host.clock, &attempt, &config, &handle, &mut look);
            let mut run = pin!(run);
            let mut alarm = None;
            poll_fn(|cx| {
                host.advance();
                let poll = run.as_mut().poll(cx);
                // Replacing the alarm clears the previous one.
                alarm = if poll.is_pending() { host.alarm(cx.waker()) } else { None };
                poll
            })
            .await
        };
        let error = result.err().map(|error| explain(&error));
        Ok(report(recording.borrow().timeline().last_state(), error).into())
    });
    Own { control, finished }
}

/// Passes an event to the observer. An exception in the observer does not concern the run.
fn tell_event(tell: &Function, event: &Event<&str>) {
    let mut line = Vec::new();
    trace::write_line(event, &mut line);
    let line = String::from_utf8(line).unwrap_or_default();
    let _ = tell.call1(&JsValue::UNDEFINED, &JsString::from(line));
}

fn explain(error: &RunError<std::convert::Infallible>) -> String {
    let failure = match error {
        RunError::Group { failures, .. } => failures.first(),
        _ => None,
    };
    match failure {
        Some(failure) => format!("{error}; task {}: {}", failure.task, failure.reason),
        None => error.to_string(),
    }
}

/// Writes a report, with the reason of the run's failure if it failed.
pub(crate) fn report(state: &State, error: Option<String>) -> String {
    let mut text = json::write(&state.report());
    if let Some(error) = error {
        text.pop();
        text += &format!(",\"error\":{}}}", json::write(&error));
    }
    text
}

/// A guard that aborts its signal unless the attempt has ended. A timeout, an abort or a cancelled group drops it.
struct Cancel(Option<AbortController>);

impl Drop for Cancel {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

/// Performs one attempt: calls `handler(payload, {id, attempt, signal})` and awaits its promise.
async fn call(
    host: &HostClock,
    handler: &Function,
    payload: &JsValue,
    task: &Task<SyntheticTask>,
) -> Result<(), Failure> {
    let controller = AbortController::new();
    let context = Object::new();
    set(&context, "id", &JsValue::from_f64(task.id.0 as f64));
    set(&context, "attempt", &JsValue::from_f64(f64::from(task.attempt.get())));
    set(&context, "signal", &controller.signal());
    let mut cancel = Cancel(Some(controller));
    let returned = handler.call2(&JsValue::UNDEFINED, payload, &context);
    // The call itself may have taken time.
    host.advance();
    let result = match returned {
        // A value that is no promise is ready.
        Ok(value) => JsFuture::from(Promise::resolve(&value)).await,
        Err(thrown) => Err(thrown),
    };
    cancel.0 = None;
    result.map(drop).map_err(|error| failure(&error))
}

/// Converts what a handler threw: its message is the reason, `permanent` and `retryAfterMs` decide about the next attempt.
fn failure(error: &JsValue) -> Failure {
    let reason = message(error);
    let get = |key: &str| Reflect::get(error, &JsString::from(key)).ok().filter(|_| error.is_object());
    if get("permanent").is_some_and(|permanent| permanent.is_truthy()) {
        return Failure::permanent(reason);
    }
    let after = get("retryAfterMs").and_then(|after| after.as_f64()).filter(|ms| (0.0..=MS_MAX).contains(ms));
    match after {
        Some(ms) => Failure::retry_after(reason, std::time::Duration::from_nanos((ms * 1e6) as u64)),
        None => Failure::transient(reason),
    }
}

/// The longest pause that a handler may ask for: one day.
const MS_MAX: f64 = 86_400_000.0;

fn message(error: &JsValue) -> String {
    let text = match (error.dyn_ref::<js_sys::Error>(), error.dyn_ref::<JsString>()) {
        (Some(error), _) => error.message(),
        (None, Some(text)) => text.clone(),
        // Any value can be thrown, even one without a text.
        (None, None) => js_sys::JSON::stringify(error).unwrap_or_else(|_| JsString::from("an error without a text")),
    };
    String::from(text)
}

fn set(object: &Object, key: &str, value: &JsValue) {
    // A plain object accepts every key.
    let _ = Reflect::set(object, &JsString::from(key), value);
}
