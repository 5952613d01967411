//! Consumers that vanish, and those that were only slow.

use std::{cell::Cell, collections::HashSet, convert::Infallible, num::NonZeroU32, pin::pin, time::Duration};

use fourfold::{
    Control, Run, Source, Task,
    source::{Json, Verdict, redis::RedisSource},
};
use futures_lite::future::{self, or, zip};

use crate::server::{Mode, Server, beside, claim, claim_all, claim_startable, in_both_modes, payloads, settle};

/// A lease that others need not wait for.
const SHORT: Duration = Duration::from_millis(200);

/// A consumer that claims and is gone, as if killed: its heartbeat has ended.
fn vanish_with(server: &Server, count: usize) -> Vec<String> {
    let source = server.source_with(server.options().lease(SHORT));
    // They waited, and had not begun.
    let held = beside(&source, claim_startable(&source, count, 0));
    expire(server, &source);
    payloads(&held).into_iter().map(str::to_owned).collect()
}

fn expire(server: &Server, source: &RedisSource) {
    server.expire(&source.consumer());
}

fn what_only_waited_in_a_vanished_consumer_comes_back_in_order_and_uncounted(mode: Mode) {
    let server = Server::of(mode);
    let numbers: Vec<String> = (0..2_500).map(|n| n.to_string()).collect();
    server.push(&numbers);
    vanish_with(&server, 2_200);
    assert_eq!(server.queued().len(), 300);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        while server.queued().len() < 2_500 {
            futures_lite::future::yield_now().await;
        }
        let held = claim_all(&source, 2_500).await;
        assert_eq!(payloads(&held), numbers);
        let attempts: Vec<u32> = held.iter().map(|held| held.task.attempt.get()).collect();
        assert_eq!(attempts, vec![1; 2_500]);
        settle(&source, held, Verdict::Done).await;
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn what_had_begun_in_a_vanished_consumer_is_counted_and_comes_alone(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["0", "1", "2", "3", "4", "5", "6", "7"]);
    let gone = server.source_with(server.options().lease(SHORT));
    beside(&gone, claim_startable(&gone, 6, 3));
    expire(&server, &gone);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        while server.queued().len() < 8 {
            futures_lite::future::yield_now().await;
        }
        for n in 0..3 {
            let held = claim(&source, 8).await.unwrap();
            assert_eq!((payloads(&held), held[0].task.attempt.get()), (vec![&*n.to_string()], 2));
            settle(&source, held, Verdict::Done).await;
        }
        let held = claim_all(&source, 5).await;
        assert_eq!(payloads(&held), ["3", "4", "5", "6", "7"]);
        assert!(held.iter().all(|held| held.task.attempt.get() == 1));
        settle(&source, held, Verdict::Done).await;
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn a_heartbeat_that_ends_by_itself_is_noticed(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1"]);
    let lease = Duration::from_millis(200);
    let first = server.source_with(server.options().lease(lease));
    let held = beside(&first, claim_all(&first, 1));
    let second = server.source_with(server.options().lease(lease).follow(true));
    beside(&second, async {
        let again = claim_all(&second, 1).await;
        assert_eq!((payloads(&again), again[0].task.attempt.get()), (payloads(&held), 2));
    });
}

fn rivals_bring_a_delivery_back_once(mode: Mode) {
    let server = Server::of(mode);
    let numbers: Vec<String> = (0..1_500).map(|n| n.to_string()).collect();
    server.push(&numbers);
    vanish_with(&server, 1_500);
    let rivals: Vec<RedisSource> = (0..4).map(|_| server.source_with(server.options().follow(true))).collect();
    let drain = async |source: &RedisSource| {
        let body = async {
            let held = claim_all(source, 375).await;
            let seen: Vec<String> = payloads(&held).into_iter().map(str::to_owned).collect();
            assert_eq!(settle(source, held, Verdict::Done).await, 0);
            source.close().await.unwrap();
            seen
        };
        let drive = async { panic!("{:?}", source.drive(&()).await) };
        smol::future::or(body, drive).await
    };
    let [a, b, c, d] = &rivals[..] else { unreachable!() };
    let ((a, b), (c, d)) = smol::block_on(zip(zip(drain(a), drain(b)), zip(drain(c), drain(d))));
    let seen = [a, b, c, d].concat();
    assert_eq!(seen.len(), 1_500);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), numbers.into_iter().collect());
    server.assert_keys(&[]);
}

fn a_task_that_takes_its_consumers_with_it_goes_to_the_dead_letters(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["\"poison\"", "\"harmless\""]);
    let three = NonZeroU32::new(3).unwrap();
    for crash in 1..=3 {
        let source = server.source_with(server.options().max_deliveries(three).follow(true).lease(SHORT));
        let held = beside(&source, async {
            let mut held = claim_all(&source, 1).await;
            if payloads(&held) == ["\"harmless\""] {
                // The sweep had not been there yet.
                settle(&source, held, Verdict::Release).await;
                while server.queued().len() < 2 {
                    futures_lite::future::yield_now().await;
                }
                held = claim_all(&source, 1).await;
            }
            held
        });
        assert_eq!((payloads(&held), held[0].task.attempt.get()), (vec!["\"poison\""], crash));
        expire(&server, &source);
    }
    let source = server.source_with(server.options().max_deliveries(three));
    beside(&source, async {
        while server.queue().stats().await.unwrap().dead == 0 {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
        let held = claim_all(&source, 1).await;
        assert_eq!(payloads(&held), ["\"harmless\""]);
        settle(&source, held, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
    });
    let letters = smol::block_on(server.queue().dead(0, 2)).unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.attempts, letter.crashes, &letter.payload[..]), (3, 3, &b"\"poison\""[..]));
    assert_eq!(letter.reason, "delivered 3 times to workers that died of it or vanished");
}

fn a_consumer_whose_lease_was_lost_cannot_end_what_is_somebody_elses(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1", "2", "3", "4"]);
    let slow = server.source_with(server.options().follow(true).lease(SHORT));
    let name = slow.consumer();
    let held = beside(&slow, claim_startable(&slow, 4, 0));
    expire(&server, &slow);
    let other = server.source_with(server.options().follow(true));
    beside(&other, async {
        let theirs = claim_all(&other, 4).await;
        beside_too(&slow, async {
            let mut held = held.into_iter();
            let verdicts = [
                Verdict::Done,
                Verdict::Dead { reason: "no".into() },
                Verdict::Retry { after: Duration::ZERO, reason: "no".into() },
                Verdict::Release,
            ];
            for verdict in verdicts {
                assert_eq!(settle(&slow, held.next(), verdict).await, 1);
            }
            // It goes on under another name.
            server.push(&["5"]);
            let new = claim_all(&slow, 1).await;
            assert_eq!((payloads(&new), slow.consumer() == name), (vec!["5"], false));
            assert_eq!(settle(&slow, new, Verdict::Done).await, 0);
            slow.close().await.unwrap();
        })
        .await;
        assert_eq!(server.queue().stats().await.unwrap().consumers[0].in_flight, 4);
        assert_eq!(settle(&other, theirs, Verdict::Done).await, 0);
        other.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn an_idle_consumer_learns_from_its_heartbeat_that_it_was_reaped(mode: Mode) {
    let server = Server::of(mode);
    let slow = server.source_with(server.options().lease(Duration::from_millis(300)).follow(true));
    let name = slow.consumer();
    beside(&slow, async {
        while !server.ask::<bool>(&["EXISTS", &server.held(&name)]) {
            futures_lite::future::yield_now().await;
        }
        let _: usize = server.ask(&["HSET", &server.held(&name), "m", "reaped"]);
        let _: usize = server.ask(&["ZREM", &server.own("beats"), &name]);
        let _: usize = server.ask(&["SREM", &server.own("holders"), &name]);
        while slow.consumer() == name {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
        server.push(&["1"]);
        let held = claim_all(&slow, 1).await;
        assert_ne!(slow.consumer(), name);
        assert_eq!(settle(&slow, held, Verdict::Done).await, 0);
        slow.close().await.unwrap();
    });
    assert!(server.queued().is_empty());
    server.assert_keys(&[]);
}

fn handlers_whose_lease_was_lost_are_dropped(mode: Mode) {
    struct Running<'a>(&'a Cell<usize>);

    impl Drop for Running<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }

    let server = Server::of(mode);
    server.push(&["1", "2", "3", "4"]);
    let slow = server.source_with(server.options().follow(true).lease(SHORT));
    let other = server.source_with(server.options().follow(true));
    let (running, control) = (Cell::new(0), Control::new());
    let handler = async |_: &Task<Json>| {
        running.set(running.get() + 1);
        let _running = Running(&running);
        future::pending::<()>().await;
        Ok::<_, Infallible>(())
    };
    let mut run = pin!(Run::new(&slow, handler).limit(2).control(&control).into_future());
    let until_running = async |count| {
        while running.get() != count {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
    };
    smol::block_on(or(async { drop(run.as_mut().await) }, until_running(2)));
    // Nobody polls the run now, as if the process were stopped.
    expire(&server, &slow);
    let report = beside(&other, async {
        // Two had begun, and come alone.
        for _ in 0..4 {
            let theirs = claim_all(&other, 1).await;
            assert_eq!(settle(&other, theirs, Verdict::Done).await, 0);
        }
        let drained = async {
            until_running(0).await;
            control.drain();
        };
        let (report, ()) = zip(run, drained).await;
        other.close().await.unwrap();
        report
    });
    let counters = report.unwrap().counters;
    assert_eq!((counters.lease_lost, counters.cancelled, counters.done), (2, 0, 0), "{counters:?}");
    server.assert_keys(&[]);
}

async fn beside_too<T>(source: &RedisSource, body: impl Future<Output = T>) -> T {
    smol::future::or(body, async { panic!("{:?}", source.drive(&()).await) }).await
}

in_both_modes! {
    what_only_waited_in_a_vanished_consumer_comes_back_in_order_and_uncounted
    what_had_begun_in_a_vanished_consumer_is_counted_and_comes_alone
    a_heartbeat_that_ends_by_itself_is_noticed
    rivals_bring_a_delivery_back_once
    a_task_that_takes_its_consumers_with_it_goes_to_the_dead_letters
    a_consumer_whose_lease_was_lost_cannot_end_what_is_somebody_elses
    an_idle_consumer_learns_from_its_heartbeat_that_it_was_reaped
    handlers_whose_lease_was_lost_are_dropped
}
