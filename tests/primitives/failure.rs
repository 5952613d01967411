//! A group fails as one; everywhere else a failure is a result.

use std::cell::Cell;

use fourfold::{
    Clock, Permits, batch,
    clock::SimulatedClock,
    scope::{Group, GroupError, GroupOutput, task_group_with},
    task_group,
};

use super::{Gauge, ms, never, nz, turn};

#[test]
fn failing_fast_leaves_no_orphans() {
    let clock = SimulatedClock::new();
    let (gauge, permits, polls) = (Gauge::new(4), Permits::new(nz(4)), Cell::new(0));
    let after_failure = Cell::new(false);
    let group = task_group_with(&permits, async |group| {
        for n in 0..3 {
            let (gauge, polls) = (&gauge, &polls);
            group
                .spawn(format!("sibling {n}"), async move {
                    let _inside = gauge.enter();
                    never(polls).await
                })
                .await;
        }
        group
            .spawn("bad", async {
                clock.sleep(ms(5)).await;
                Err("bad")
            })
            .await;
        // The body waits too, for a permit that it will not get.
        group.spawn("late", async { Ok(()) }).await;
        after_failure.set(true);
        Ok(())
    });
    let error = clock.run(group).unwrap().unwrap_err();
    assert_eq!((error.failures.len(), error.failures[0].error), (1, "bad"));
    assert_eq!(error.cancelled, ["sibling 0", "sibling 1", "sibling 2"]);
    assert!(!after_failure.get(), "the body went on");
    assert_eq!((gauge.read(), polls.get()), ((0, 3, 3), 3));
    assert_eq!((permits.held(), permits.waiting(), clock.timers()), (0, 0, 0));
}

#[test]
fn every_failure_of_the_same_turn_is_kept() {
    let clock = SimulatedClock::new();
    // Far more than a turn has polls; all are due at the same time.
    for tasks in [3, 2000] {
        let group = task_group(nz(tasks), async |group| {
            for n in 0..tasks {
                let clock = &clock;
                group
                    .spawn(n.to_string(), async move {
                        clock.sleep(ms(5)).await;
                        if n % 3 == 2 { Ok(n) } else { Err(n) }
                    })
                    .await;
            }
            Ok(())
        });
        let error = clock.run(group).unwrap().unwrap_err();
        let failed: Vec<usize> = error.failures.iter().map(|failure| failure.error).collect();
        assert_eq!(failed, (0..tasks).filter(|n| n % 3 != 2).collect::<Vec<_>>());
        assert_eq!((error.results.len(), error.cancelled.len()), (tasks / 3, 0));
    }
}

#[test]
fn a_body_that_fails_cancels_its_tasks() {
    let clock = SimulatedClock::new();
    let (gauge, polls) = (Gauge::new(2), Cell::new(0));
    let group = task_group(nz(2), async |group| {
        group.spawn("done", async { Ok(1) }).await;
        turn().await;
        group
            .spawn("sibling", async {
                let _inside = gauge.enter();
                never(&polls).await
            })
            .await;
        turn().await;
        Err::<(), _>("no")
    });
    let error = clock.run(group).unwrap().unwrap_err();
    assert_eq!(error.failures, [fourfold::scope::GroupFailure { name: None, error: "no" }]);
    assert_eq!((error.results, error.cancelled), (vec![("done".into(), 1)], vec!["sibling".into()]));
    assert_eq!((gauge.read(), polls.get()), ((0, 1, 1), 1));
}

#[test]
fn what_is_spawned_at_the_last_moment_is_named_as_cancelled() {
    struct AtTheEnd<'g, 'env>(&'g Group<'env, (), &'static str>);
    impl Drop for AtTheEnd<'_, '_> {
        fn drop(&mut self) {
            self.0.try_spawn("by a drop", async { panic!("it is never polled") }).unwrap();
        }
    }
    let clock = SimulatedClock::new();
    for body_fails in [true, false] {
        let group = task_group(nz(3), async |group| {
            group.try_spawn("in the same turn", std::future::pending()).unwrap();
            if body_fails {
                return Err("no");
            }
            let _at_the_end = AtTheEnd(group);
            group.spawn("bad", async { Err("no") }).await;
            std::future::pending().await
        });
        let error: GroupError<(), &str> = clock.run(group).unwrap().map(|_: GroupOutput<(), ()>| ()).unwrap_err();
        let cancelled = if body_fails { &["in the same turn"][..] } else { &["in the same turn", "by a drop"] };
        assert_eq!(error.cancelled, cancelled);
    }
}

#[test]
fn results_come_by_name_in_the_order_in_which_they_finish() {
    let clock = SimulatedClock::new();
    let output = task_group(nz(3), async |group| {
        for (name, time) in [("slow", 30), ("quick", 10), ("middling", 20)] {
            let clock = &clock;
            group
                .spawn(name, async move {
                    clock.sleep(ms(time)).await;
                    Ok::<_, ()>(time)
                })
                .await;
        }
        Ok("body")
    });
    let output = clock.run(output).unwrap().unwrap();
    assert_eq!(output.results, [("quick".into(), 10), ("middling".into(), 20), ("slow".into(), 30)]);
    assert_eq!((output.value, output.get("slow"), output.get("none")), ("body", Some(&30), None));
}

#[test]
fn a_task_that_failed_tells_of_itself_through_the_question_mark() {
    let clock = SimulatedClock::new();
    let fails = async || -> Result<(), Box<dyn std::error::Error>> {
        task_group(nz(1), async |group| {
            group.spawn("number", async { "x".parse::<u8>() }).await;
            Ok(())
        })
        .await?;
        Ok(())
    };
    let error = clock.run(fails()).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the group failed (1 failure): number: invalid digit found in string");
    let group = error.downcast_ref::<GroupError<u8, std::num::ParseIntError>>().unwrap();
    assert_eq!(group.failures[0].error.to_string(), "invalid digit found in string");
}

#[test]
fn failures_that_are_boxed_or_text_pass_through_the_question_mark_too() {
    type Boxed = Box<dyn std::error::Error>;
    let clock = SimulatedClock::new();
    let boxed = async || -> Result<u8, Boxed> {
        let output = task_group(nz(1), async |group| {
            group.spawn("number", async { Ok("x".parse::<u8>()?) }).await;
            Ok::<_, Boxed>(())
        })
        .await?;
        Ok(output.results[0].1)
    };
    let text = async || -> Result<(), Boxed> {
        task_group(nz(1), async |_: &Group<'_, (), &str>| Err::<(), _>("no")).await?;
        Ok(())
    };
    let error = clock.run(boxed()).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the group failed (1 failure): number: invalid digit found in string");
    assert_eq!(clock.run(text()).unwrap().unwrap_err().to_string(), "the group failed (1 failure): the body: no");
}

#[test]
fn in_a_batch_a_failure_stops_nobody() {
    let clock = SimulatedClock::new();
    let handler = async |n: u64| {
        clock.sleep(ms(20 - n)).await;
        if n.is_multiple_of(3) { Err(n) } else { Ok(n) }
    };
    let results = clock.run(batch(4, 0..10, handler)).unwrap().unwrap();
    assert!(results.into_iter().eq((0..10).map(|n| if n % 3 == 0 { Err(n) } else { Ok(n) })));
}
