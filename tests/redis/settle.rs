//! Claims and verdicts.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use fourfold::{
    Source,
    source::{Verdict, redis::PopSide},
};
use redis::Commands;

use crate::server::{Held, KEY, Mode, Server, beside, claim, claim_all, in_both_modes, payloads, settle};

fn retry(after_ms: u64) -> Verdict {
    Verdict::Retry { after: Duration::from_millis(after_ms), reason: "no luck".into() }
}

fn attempts(held: &[Held]) -> Vec<u32> {
    held.iter().map(|held| held.task.attempt.get()).collect()
}

fn equal_payloads_run_once_each(mode: Mode) {
    let server = Server::of(mode);
    server.push(&[r#"{"a":1}"#; 100]);
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 100).await;
        let ids: HashSet<u64> = held.iter().map(|held| held.task.id.0).collect();
        assert_eq!(ids.len(), 100);
        assert!(held.iter().all(|held| held.task.payload.as_str() == r#"{"a":1}"# && held.task.attempt.get() == 1));
        assert_eq!(settle(&source, held, Verdict::Done).await, 0);
        assert_eq!(claim(&source, 10).await, None);
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn a_claim_takes_no_more_than_it_is_told_and_keeps_the_order(mode: Mode) {
    let server = Server::of(mode);
    let numbers: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    server.push(&numbers);
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 7).await;
        assert_eq!(payloads(&held), ["0", "1", "2", "3", "4", "5", "6"]);
        assert_eq!(server.queued().len(), 2_993);
        let more = claim_all(&source, 2_993).await;
        assert_eq!(payloads(&more), numbers[7..].iter().map(String::as_str).collect::<Vec<_>>());
        settle(&source, held, Verdict::Done).await;
        settle(&source, more, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

#[test]
fn producers_may_push_at_the_right() {
    let server = Server::start();
    let _: usize = server.client().rpush(KEY, &["1", "2", "3"]).unwrap();
    let source = server.source_with(server.options().pop(PopSide::Left));
    beside(&source, async {
        let held = claim_all(&source, 2).await;
        assert_eq!(payloads(&held), ["1", "2"]);
        settle(&source, held, Verdict::Release).await;
        assert_eq!(server.queued(), [b"1", b"2", b"3"]);
        let held = claim_all(&source, 3).await;
        assert_eq!(payloads(&held), ["1", "2", "3"]);
        settle(&source, held, retry(0)).await;
        let held = claim_all(&source, 3).await;
        assert_eq!((payloads(&held), attempts(&held)), (vec!["1", "2", "3"], vec![2, 2, 2]));
    });
}

fn what_is_released_is_as_if_never_claimed(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1", "2", "3", "4"]);
    let before = server.queued();
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 3).await;
        assert_eq!(settle(&source, held, Verdict::Release).await, 0);
        assert_eq!(server.queued(), before);
        let mut held = claim_all(&source, 3).await;
        assert_eq!((payloads(&held), attempts(&held)), (vec!["1", "2", "3"], vec![1, 1, 1]));
        let last = held.pop().unwrap();
        let id = last.task.id;
        settle(&source, [last], retry(0)).await;
        if mode == Mode::Stream {
            let before = claim_all(&source, 1).await;
            assert_eq!(payloads(&before), ["4"]);
            settle(&source, before, Verdict::Done).await;
        }
        let again = claim_all(&source, 1).await;
        assert_eq!((payloads(&again), attempts(&again), again[0].task.id), (vec!["3"], vec![2], id));
        settle(&source, again, Verdict::Release).await;
        let again = claim_all(&source, 1).await;
        assert_eq!((payloads(&again), attempts(&again), again[0].task.id), (vec!["3"], vec![2], id));
    });
}

fn a_retry_waits_for_its_time_and_comes_before_new_tasks(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1", "2"]);
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 1).await;
        let start = Instant::now();
        settle(&source, held, retry(150)).await;
        let second = claim_all(&source, 1).await;
        assert_eq!(payloads(&second), ["2"]);
        settle(&source, second, Verdict::Done).await;
        // Nothing but the delayed one is left: the source is not exhausted.
        let again = claim_all(&source, 1).await;
        assert!(start.elapsed() >= Duration::from_millis(150));
        assert_eq!((payloads(&again), attempts(&again)), (vec!["1"], vec![2]));
        settle(&source, again, retry(0)).await;
        server.push(&["3"]);
        let mut again = claim_all(&source, 2).await;
        if mode == Mode::Stream {
            // Added again, it stands at the end of the stream.
            again.sort_by_key(|held| held.task.payload.as_str().to_owned());
        }
        assert_eq!((payloads(&again), attempts(&again)), (vec!["1", "3"], vec![3, 1]));
        settle(&source, again, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
    });
}

fn many_that_are_due_at_once_come_in_their_order(mode: Mode) {
    let server = Server::of(mode);
    let numbers: Vec<String> = (0..1_200).map(|n| n.to_string()).collect();
    server.push(&numbers);
    let source = server.source();
    beside(&source, async {
        for attempt in 1..3 {
            let held = claim_all(&source, 1_200).await;
            let ids: HashSet<u64> = held.iter().map(|held| held.task.id.0).collect();
            assert_eq!((ids.len(), attempts(&held)), (1_200, vec![attempt; 1_200]));
            settle(&source, held, retry(0)).await;
        }
        let held = claim_all(&source, 1_200).await;
        settle(&source, held, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn an_abandoned_delivery_is_handed_out_again_or_given_back(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1", "2"]);
    let source = server.source();
    beside(&source, async {
        let mut held = claim_all(&source, 2).await;
        source.abandon(held.remove(1));
        let again = claim_all(&source, 1).await;
        assert_eq!((payloads(&again), attempts(&again)), (vec!["2"], vec![1]));
        for held in held.into_iter().chain(again) {
            source.abandon(held);
        }
        source.close().await.unwrap();
    });
    assert_eq!(server.queued(), [b"2", b"1"]);
    server.assert_keys(&[KEY]);
}

in_both_modes! {
    equal_payloads_run_once_each
    a_claim_takes_no_more_than_it_is_told_and_keeps_the_order
    what_is_released_is_as_if_never_claimed
    a_retry_waits_for_its_time_and_comes_before_new_tasks
    many_that_are_due_at_once_come_in_their_order
    an_abandoned_delivery_is_handed_out_again_or_given_back
}
