//! Who gets a permit, and that none is ever lost.

use std::pin::{Pin, pin};

use fourfold::{
    Clock, Permits, TaskSet,
    clock::SimulatedClock,
    scope::{Acquire, Permit},
};

use super::{Log, ms, nz, poll};

fn take(acquire: &mut Acquire) -> Option<Permit> {
    match poll(Pin::new(acquire)) {
        std::task::Poll::Ready(permit) => permit.ok(),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn permits_are_granted_in_the_order_asked_for() {
    let clock = SimulatedClock::new();
    let (permits, log) = (Permits::new(nz(2)), Log::default());
    clock
        .run(async {
            let mut set = TaskSet::new(nz(10)).unwrap();
            for n in 0..10_u64 {
                let (clock, permits, log) = (&clock, &permits, &log);
                set.spawn(async move {
                    let _permit = permits.acquire().await;
                    log.say(n.to_string());
                    clock.sleep(ms(10 - n)).await;
                })
                .await;
            }
            set.join().await;
        })
        .unwrap();
    assert_eq!(log.take(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn a_newcomer_does_not_overtake() {
    let permits = Permits::new(nz(1));
    let held = permits.try_acquire();
    let mut first = permits.acquire();
    assert!(take(&mut first).is_none());
    drop(held);
    // Released, and `first` has not come back for it yet.
    assert!(permits.try_acquire().is_none());
    let mut newcomer = permits.acquire();
    assert!(take(&mut newcomer).is_none());
    let permit = take(&mut first);
    assert!(permit.is_some() && take(&mut newcomer).is_none());
    drop(permit);
    assert!(take(&mut newcomer).is_some());
}

#[test]
fn a_cancelled_acquire_loses_no_permit_wherever_it_was() {
    // Three in line for one permit. Each of them is dropped before it asks, while it waits, when its permit has been
    // granted, or stays; in every combination, those who stay get the permit in order, and it is whole in the end.
    for case in 0..4_u32.pow(3) {
        let fate = |n: u32| case / 4_u32.pow(n) % 4;
        let permits = Permits::new(nz(1));
        let held = permits.try_acquire();
        let mut line: Vec<Option<Acquire>> = (0..3).map(|_| Some(permits.acquire())).collect();
        for n in 0..3 {
            let acquire = &mut line[n as usize];
            if fate(n) == 0 {
                *acquire = None;
            }
            assert!(acquire.as_mut().is_none_or(|acquire| take(acquire).is_none()));
        }
        for n in (0..3).filter(|n| fate(*n) == 1) {
            line[n as usize] = None;
        }
        assert_eq!(permits.waiting(), line.iter().flatten().count());
        drop(held);
        for n in (0..3).filter(|n| fate(*n) >= 2) {
            assert_eq!(permits.held(), 1, "case {case}: it is granted to {n}");
            let mut acquire = line[n as usize].take().unwrap();
            if fate(n) == 3 {
                assert!(take(&mut acquire).is_some(), "case {case}: {n} gets it");
            }
        }
        assert_eq!((permits.held(), permits.waiting()), (0, 0), "case {case}");
    }
}

#[test]
fn the_next_in_line_is_woken_when_a_granted_permit_is_given_up() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(1));
    let held = permits.try_acquire();
    let mut first = permits.acquire();
    assert!(take(&mut first).is_none());
    let give_up = async {
        clock.sleep(ms(1)).await;
        drop(held);
        clock.sleep(ms(1)).await;
        drop(first);
    };
    // Would stall if the second were not woken.
    let (_second, ()) = clock.run(futures_lite::future::zip(permits.acquire(), give_up)).unwrap();
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_counts() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(1));
    let held = permits.try_acquire();
    let mut acquire = permits.acquire();
    assert!(take(&mut acquire).is_none(), "polled with a waker that wakes nobody");
    let release = async {
        clock.sleep(ms(1)).await;
        drop(held);
    };
    let (_permit, ()) = clock.run(futures_lite::future::zip(&mut acquire, release)).unwrap();
}

#[test]
fn a_smaller_limit_is_not_refilled_by_what_was_held_before() {
    let permits = Permits::new(nz(4));
    let mut held: Vec<_> = (0..4).map(|_| permits.try_acquire().unwrap()).collect();
    let mut waiting = pin!(permits.acquire());
    assert!(poll(waiting.as_mut()).is_pending());
    permits.set_limit(nz(2));
    for left in [3, 2] {
        held.pop();
        assert_eq!((permits.held(), permits.available(), permits.waiting()), (left, 0, 1));
    }
    held.pop();
    assert_eq!((permits.held(), permits.waiting()), (2, 0), "one old, one granted");
    drop(poll(waiting.as_mut()));
    assert_eq!((permits.held(), permits.available()), (1, 1));
}

#[test]
fn a_larger_limit_lets_as_many_go_on_as_there_are_more_in_order() {
    let permits = Permits::new(nz(1));
    let held = permits.try_acquire();
    let mut line: Vec<Acquire> = (0..4).map(|_| permits.acquire()).collect();
    assert!(line.iter_mut().all(|acquire| take(acquire).is_none()));
    permits.set_limit(nz(3));
    let got: Vec<Option<Permit>> = line.iter_mut().map(take).collect();
    assert_eq!(got.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!((permits.held(), permits.waiting()), (3, 2));
    drop((held, got, line));
    assert_eq!((permits.held(), permits.waiting(), permits.available()), (0, 0, 3));
}

#[test]
fn a_permit_may_be_released_by_whoever_it_wakes() {
    // A waker that releases a permit and changes the limit while permits are being granted.
    use std::{
        sync::Arc,
        task::{Context, Wake, Waker},
    };
    struct Meddler;
    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {
            MEDDLE.with_borrow_mut(|permits| {
                if let Some(permits) = permits.take() {
                    permits.set_limit(nz(3));
                    drop(permits.try_acquire());
                }
            });
        }
    }
    std::thread_local!(static MEDDLE: std::cell::RefCell<Option<Permits>> = const { std::cell::RefCell::new(None) });

    let permits = Permits::new(nz(1));
    let held = permits.try_acquire();
    let mut first = permits.acquire();
    let waker = Waker::from(Arc::new(Meddler));
    assert!(Pin::new(&mut first).poll(&mut Context::from_waker(&waker)).is_pending());
    let mut second = permits.acquire();
    assert!(take(&mut second).is_none());
    MEDDLE.set(Some(permits.clone()));
    drop(held);
    assert!(take(&mut first).is_some() && take(&mut second).is_some());
    assert_eq!((permits.held(), permits.limit()), (0, 3));
}
