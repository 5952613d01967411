//! Tasks that make tasks, and end them.

use std::{
    cell::{Cell, RefCell},
    future::pending,
};

use fourfold::{
    Clock, Permits, TaskSet,
    clock::SimulatedClock,
    scope::{GroupHandle, PushError, QueueHandle, SpawnError, task_group_with},
    task_group, worker_pool,
};
use futures_lite::{
    StreamExt as _,
    future::{ready, zip},
};

use super::{Gauge, block_on, ms, never, nz, turn};

const PAGES: usize = 10_000;

/// Links of a page: the next one, so that each page is found by another, and one that may have been seen.
fn links(page: usize) -> impl Iterator<Item = usize> {
    [page + 1, page * 7 % PAGES].into_iter().filter(|link| *link < PAGES)
}

#[test]
fn handlers_of_a_pool_find_ten_thousand_pages_with_four_places() {
    let (gauge, seen) = (Gauge::new(4), RefCell::new(vec![false; PAGES]));
    let visit = async |page, queue: &QueueHandle<usize>| {
        let _inside = gauge.enter();
        turn().await;
        for link in links(page) {
            if !std::mem::replace(&mut seen.borrow_mut()[link], true) {
                queue.push(link).unwrap();
            }
        }
    };
    seen.borrow_mut()[0] = true;
    block_on(worker_pool(4, 4, visit, async |queue| queue.push(0).await)).unwrap().unwrap();
    assert_eq!(gauge.read(), (0, 1.max(gauge.read().1), PAGES));
}

#[test]
fn children_of_a_group_find_ten_thousand_pages_with_four_permits() {
    struct Site {
        gauge: Gauge,
        seen: RefCell<Vec<bool>>,
    }
    async fn visit<'s>(site: &'s Site, group: GroupHandle<'s, (), String>, page: usize) -> Result<(), String> {
        let _inside = site.gauge.enter();
        turn().await;
        for link in links(page) {
            if !std::mem::replace(&mut site.seen.borrow_mut()[link], true) {
                group.spawn("page", visit(site, group.clone(), link)).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
    let site = Site { gauge: Gauge::new(4), seen: RefCell::new(vec![false; PAGES]) };
    site.seen.borrow_mut()[0] = true;
    let permits = Permits::new(4);
    let output = block_on(task_group_with(&permits, async |group| {
        group.spawn("first", visit(&site, group.handle(), 0)).await;
        Ok(())
    }));
    assert_eq!(output.unwrap().results.len(), PAGES);
    assert_eq!((site.gauge.read().2, permits.held(), permits.waiting()), (PAGES, 0, 0));
}

#[test]
fn a_push_by_a_handle_goes_past_the_capacity_up_to_the_overflow() {
    let handler = async |n: u32, queue: &QueueHandle<u32>| {
        if n == 0 {
            assert_eq!(queue.try_push(1), Ok(()));
            assert_eq!(queue.try_push(2), Err(PushError::Full(2)), "one place is the capacity");
            assert_eq!((queue.push(2), queue.push(3)), (Ok(()), Ok(())));
            assert_eq!(queue.push(4), Err(PushError::Full(4)));
            assert_eq!(queue.len(), 3);
        }
        turn().await;
    };
    let handle = block_on(worker_pool(1, 1, handler, async |queue| {
        queue.set_overflow(2);
        queue.push(0).await.unwrap();
        turn().await;
        // A push from outside waits until there is room below the capacity.
        queue.push(5).await.unwrap();
        assert_eq!(queue.len(), 1);
        queue.handle()
    }));
    assert_eq!(handle.unwrap().push(6), Err(PushError::Closed(6)));
}

#[test]
fn a_closed_queue_takes_nothing_from_its_handlers_either() {
    let refused = Cell::new(0);
    let handler = async |(), queue: &QueueHandle<()>| {
        turn().await;
        refused.set(refused.get() + usize::from(queue.push(()) == Err(PushError::Closed(()))));
    };
    let pool = worker_pool(2, 4, handler, async |queue| {
        for _ in 0..3 {
            queue.push(()).await.unwrap();
        }
        queue.close();
    });
    block_on(pool).unwrap();
    assert_eq!(refused.get(), 3);
}

#[test]
fn what_was_not_started_when_the_body_failed_never_starts() {
    let polls = Cell::new(0);
    let group = task_group(nz(4), async |group| {
        group.spawn("delete", never::<Result<(), &str>>(&polls)).await;
        group.handle().spawn("delete too", never(&polls)).unwrap();
        Err::<(), _>("no")
    });
    let error = block_on(group).unwrap_err();
    assert_eq!((polls.get(), error.cancelled), (0, vec!["delete".into(), "delete too".into()]));
}

#[test]
fn a_group_that_keeps_no_results_takes_no_memory_for_them() {
    let peak = |tasks: u64| {
        block_on(turn());
        let run = || {
            let output = block_on(task_group(nz(16), async |group| {
                group.keep_results(false);
                for n in 0..tasks {
                    let task = async move {
                        for _ in 0..n % 3 {
                            turn().await;
                        }
                        Ok::<_, ()>(())
                    };
                    group.spawn("request", task).await;
                }
                Ok(())
            }));
            assert!(output.unwrap().results.is_empty());
        };
        let info = allocation_counter::measure(run);
        assert_eq!(info.count_current, 0, "something was leaked: {info:?}");
        info.bytes_max
    };
    let (few, many) = (peak(1_000), peak(200_000));
    assert!(many <= few, "{many} bytes at the peak, {few} with a thousand tasks");
}

#[test]
fn a_group_that_is_cancelled_ends_with_success() {
    let clock = SimulatedClock::new();
    let (gauge, permits) = (Gauge::new(3), Permits::new(nz(3)));
    // Also while its body waits for a permit that is held elsewhere.
    let _elsewhere = permits.try_acquire();
    let output = task_group_with(&permits, async |group| {
        let stuck = async {
            let _inside = gauge.enter();
            pending::<Result<u8, ()>>().await
        };
        group.spawn("stuck", stuck).await;
        let (handle, clock) = (group.handle(), &clock);
        group
            .spawn("ends it", async move {
                clock.sleep(ms(5)).await;
                handle.spawn("too late", pending()).unwrap();
                handle.cancel();
                assert!(matches!(handle.spawn("refused", pending()), Err(SpawnError::Ended(_))));
                Ok(7)
            })
            .await;
        let unstarted = group.spawn("never starts", async { unreachable!("the group is cancelled") }).await;
        assert!(clock.now() >= fourfold::clock::Time::ZERO + ms(5));
        unstarted.join().await;
        Ok("the body goes on")
    });
    let output = clock.run(output).unwrap().unwrap();
    assert_eq!((output.value, output.results), ("the body goes on", vec![("ends it".into(), 7)]));
    assert_eq!(output.cancelled, ["stuck", "too late", "never starts"]);
    assert_eq!((gauge.read(), permits.held(), clock.timers()), ((0, 1, 1), 1, 0));
}

#[test]
fn one_child_can_be_awaited_and_cancelled_by_its_handle() {
    let clock = SimulatedClock::new();
    let polls = Cell::new(0);
    let output = task_group(nz(2), async |group| {
        let slow = group
            .spawn("slow", async {
                clock.sleep(ms(10)).await;
                Ok::<_, ()>(1)
            })
            .await;
        let stuck = group.spawn("stuck", never(&polls)).await;
        // Waits for a permit, and for that of `stuck`.
        let next = group.handle().spawn("next", async { Ok(2) }).unwrap();
        let unstarted = group.handle().spawn("unstarted", never(&polls)).unwrap();
        assert!(slow.is_unfinished() && stuck.is_unfinished() && next.is_unfinished());
        unstarted.cancel();
        turn().await;
        stuck.cancel();
        zip(stuck.join(), next.join()).await;
        assert_eq!(clock.now(), fourfold::clock::Time::ZERO);
        unstarted.join().await;
        slow.join().await;
        assert_eq!(clock.now(), fourfold::clock::Time::ZERO + ms(10));
        // A handle to what has ended does no harm to what has its place by now.
        let later = group.spawn("later", async { Ok(3) }).await;
        stuck.cancel();
        slow.cancel();
        assert!(!stuck.is_unfinished() && later.is_unfinished());
        Ok(())
    });
    let output = clock.run(output).unwrap().unwrap();
    assert_eq!(output.results, [("next".into(), 2), ("slow".into(), 1), ("later".into(), 3)]);
    assert_eq!((output.cancelled, polls.get()), (vec!["stuck".into(), "unstarted".into()], 1));
}

#[test]
fn a_child_handle_outlives_its_group() {
    let kept = RefCell::new(None);
    let handles = RefCell::new(None);
    let mut group = Box::pin(task_group(nz(2), async |group| {
        *kept.borrow_mut() = Some(group.spawn("stuck", pending::<Result<(), ()>>()).await);
        *handles.borrow_mut() = Some(group.handle());
        pending::<Result<(), ()>>().await
    }));
    assert!(super::poll(group.as_mut()).is_pending());
    let child = kept.take().unwrap();
    assert!(child.is_unfinished());
    drop(group);
    child.cancel();
    block_on(child.join());
    let spawned = handles.take().unwrap().spawn("late", ready(Ok(())));
    assert!(matches!(spawned, Err(SpawnError::Ended(_))));
}

#[test]
fn a_permit_taken_before_a_spawn_is_released_at_its_end() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(3));
    let output = task_group_with(&permits, async |group| {
        let two = permits.acquire_many(2).await.unwrap();
        let heavy = group.spawn_with(two, "heavy", async {
            clock.sleep(ms(1)).await;
            Ok::<_, ()>(permits.held())
        });
        heavy.join().await;
        assert_eq!(permits.held(), 0);
        Ok(())
    });
    assert_eq!(clock.run(output).unwrap().unwrap().get("heavy"), Some(&2));
}

#[test]
fn tasks_of_a_set_are_told_apart_aborted_and_streamed() {
    let clock = SimulatedClock::new();
    let task = async |time: u64| {
        clock.sleep(ms(time)).await;
        time
    };
    clock
        .run(async {
            let mut set = TaskSet::new(4).unwrap();
            let slow = set.spawn(task(30)).await;
            let quick = set.spawn(task(10)).await;
            let stuck = set.spawn(task(1_000_000)).await;
            assert_eq!(set.next_with_key().await, Some((quick, 10)));
            assert!(set.abort(stuck) && !set.abort(stuck) && !set.abort(quick));
            // Has the slot of one that is gone.
            let next = set.spawn(task(5)).await;
            assert!(!set.abort(stuck) && next != stuck);
            let next_two: Vec<u64> = (&mut set).take(2).collect().await;
            assert_eq!(next_two, [5, 30]);
            assert!(!set.abort(slow) && set.try_next().is_none());
            for _ in 0..4 {
                set.spawn(task(1000)).await;
            }
            set.abort_all();
            assert_eq!((set.len(), set.next().await), (0, None));
        })
        .unwrap();
    assert_eq!(clock.timers(), 0);
}
