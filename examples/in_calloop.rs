//! Hosts a run in calloop, an event loop that knows no futures: the loop polls the run when it is
//! woken, and its timers are the clock of the run.

use std::{
    cell::Cell,
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use calloop::{
    EventLoop, LoopHandle, LoopSignal, RegistrationToken,
    ping::{Ping, make_ping},
    timer::{TimeoutAction, Timer},
};
use fourfold::{Clock, MemorySource, Run, Task, clock::Time};

/// A clock on the loop's timers.
#[derive(Clone)]
struct LoopClock {
    start: Instant,
    handle: LoopHandle<'static, ()>,
}

impl Clock for LoopClock {
    type Sleep = LoopSleep;

    fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> LoopSleep {
        LoopSleep { handle: self.handle.clone(), due: Instant::now() + duration, timer: None }
    }
}

struct LoopSleep {
    handle: LoopHandle<'static, ()>,
    due: Instant,
    timer: Option<RegistrationToken>,
}

impl LoopSleep {
    fn cancel(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.handle.remove(timer);
        }
    }
}

impl Future for LoopSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.cancel();
        if Instant::now() >= self.due {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let timer = self.handle.insert_source(Timer::from_deadline(self.due), move |_, _, ()| {
            waker.wake_by_ref();
            TimeoutAction::Drop
        });
        self.timer = timer.ok();
        Poll::Pending
    }
}

impl Drop for LoopSleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

struct WakeLoop(Ping);

impl Wake for WakeLoop {
    fn wake(self: Arc<Self>) {
        self.0.ping();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut event_loop = EventLoop::<()>::try_new()?;
    let handle = event_loop.handle();
    let (ping, pings) = make_ping()?;
    handle.insert_source(pings, |(), _, ()| {})?;
    let signal: LoopSignal = event_loop.get_signal();

    let clock = LoopClock { start: Instant::now(), handle };
    let done = Rc::new(Cell::new(0));
    let source = MemorySource::new(0..20_u64);
    let work = async |task: &Task<u64>| {
        clock.sleep(Duration::from_millis(task.payload % 4)).await;
        done.set(done.get() + 1);
        Ok::<_, Infallible>(())
    };
    let mut run = pin!(Run::new(&source, work).clock(clock.clone()).into_future());

    let waker = Waker::from(Arc::new(WakeLoop(ping.clone())));
    ping.ping(); // the first poll
    let mut report = None;
    event_loop.run(None, &mut (), |()| {
        // The loop woke up for a ping, for a timer, or for another event of the program.
        if report.is_none()
            && let Poll::Ready(result) = run.as_mut().poll(&mut Context::from_waker(&waker))
        {
            report = Some(result);
            signal.stop();
        }
    })?;
    let report = report.ok_or("the loop ended before the run")??;
    assert_eq!((report.counters.done, done.get()), (20, 20));
    println!("{} done in calloop", report.counters.done);
    Ok(())
}
