//! GLib, as GTK's programs have it: the run is a local task of the main context, on GLib's timers.

use std::time::Instant;

use fourfold::clock::clock_fn;
use fourfold_hosts::{check, drain};

fn main() {
    let main_loop = glib::MainLoop::new(None, false);
    let quit = main_loop.clone();
    let run = glib::MainContext::default().spawn_local(async move {
        let start = Instant::now();
        let outcome = drain(clock_fn(move || start.elapsed(), glib::timeout_future)).await;
        quit.quit();
        outcome
    });
    main_loop.run();
    let outcome = glib::MainContext::default().block_on(run).expect("the run does not panic");
    check("GLib", &outcome);
}
