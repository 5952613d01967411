//! What only streams have.

use std::time::Duration;

use fourfold::{
    Source,
    source::{
        Verdict,
        redis::{DeadSelection, RedisOptions, RedisQueue, RedisSource},
    },
};
use smol::block_on;

use crate::server::{KEY, Mode, Server, beside, claim, claim_all, payloads, settle};

const GROUP: &str = "workers";
const PARKED: &str = "fourfold:parked";

fn server() -> Server {
    Server::of(Mode::Stream)
}

/// A retry that is due at once.
fn again() -> Verdict {
    Verdict::Retry { after: Duration::ZERO, reason: "again".into() }
}

fn consumers(server: &Server) -> Vec<String> {
    let all: Vec<std::collections::HashMap<String, redis::Value>> = server.ask(&["XINFO", "CONSUMERS", KEY, GROUP]);
    all.iter().map(|it| redis::FromRedisValue::from_redis_value_ref(&it["name"]).unwrap()).collect()
}

/// Who an entry is pending for, and how often it was delivered.
fn pending(server: &Server) -> Vec<(String, u64)> {
    let all: Vec<(String, String, u64, u64)> = server.ask(&["XPENDING", KEY, GROUP, "-", "+", "100"]);
    all.into_iter().map(|(_, consumer, _, count)| (consumer, count)).collect()
}

#[test]
fn the_group_starts_at_the_streams_beginning_and_is_made_where_there_is_none() {
    let server = server();
    server.push(&["1", "2"]);
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 2).await;
        assert_eq!(payloads(&held), ["1", "2"]);
        assert_eq!(pending(&server), [(source.consumer(), 1), (source.consumer(), 1)]);
        settle(&source, held, Verdict::Done).await;
        source.close().await.unwrap();
    });
    assert_eq!((server.ask::<usize>(&["XLEN", KEY]), consumers(&server)), (0, vec![]));
    // Nothing at all is there: the source makes both and ends.
    let other = Server::of(Mode::Stream);
    let source = other.source();
    beside(&source, async {
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    assert_eq!(other.ask::<usize>(&["XLEN", KEY]), 0);
}

#[test]
fn the_payload_is_the_only_field_or_the_one_of_that_name_and_all_else_is_kept_as_it_is() {
    let server = server();
    for fields in [
        &["any", "1"][..],
        &["a", "x", "payload", "2", "b", "y"],
        &["payload", "3", "fourfold", "7:1:0:9:another"],
        &["payload", "4", "fourfold", "007:1:0:9:workers"],
        &["a/b", "1", "c", "\u{fc}\u{0}\u{ff}"],
    ] {
        let _: String = server.ask(&[&["XADD", KEY, "*"], fields].concat());
    }
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 3).await;
        // The third is a retry of another group: only that one takes it.
        assert_eq!(payloads(&held), ["1", "2", "4"]);
        assert!(held.iter().all(|held| held.task.attempt.get() == 1));
        settle(&source, held, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, Some(vec![]), "a malformed one, and no task");
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    let queue = server.queue();
    let letters = block_on(queue.dead(0, 9)).unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(letter.payload, "[\"a/b\",\"1\",\"c\",\"\u{fc}\\u0000\u{ff}\"]".as_bytes());
    assert!(letter.attempts == 0 && letter.reason.contains("no payload"), "{letter:?}");
    assert_eq!(block_on(queue.requeue(DeadSelection::All)).unwrap(), 1);
    let entries: Vec<(String, Vec<String>)> = server.ask(&["XRANGE", KEY, "-", "+"]);
    assert_eq!(entries[0].1, ["a/b", "1", "c", "\u{fc}\u{0}\u{ff}"]);
}

#[test]
fn entries_that_another_group_may_want_stay_in_the_stream() {
    let server = server();
    server.push(&["1", "2"]);
    let options = RedisOptions::from_url(&server.url().replace("workers", "others")).unwrap();
    let other = block_on(RedisSource::connect(options.clone())).unwrap();
    let source = server.source();
    let drain = |source: &RedisSource, retries: bool| {
        let mut seen = Vec::new();
        beside(source, async {
            while let Some(held) = claim(source, 2).await {
                for held in held {
                    seen.push((held.task.payload.as_str().to_owned(), held.task.attempt.get()));
                    let verdict = if retries && held.task.attempt.get() == 1 { again() } else { Verdict::Done };
                    settle(source, [held], verdict).await;
                }
            }
            source.close().await.unwrap();
        });
        seen.sort();
        seen
    };
    let one = |attempts: &[u32]| -> Vec<(String, u32)> {
        ["1", "2"].iter().flat_map(|it| attempts.iter().map(|attempt| ((*it).to_owned(), *attempt))).collect()
    };
    // Both groups exist before the first reads.
    beside(&other, async {
        let held = claim_all(&other, 2).await;
        settle(&other, held, Verdict::Release).await;
    });
    assert_eq!(drain(&source, true), one(&[1, 2]));
    assert_eq!(server.ask::<usize>(&["XLEN", KEY]), 4);
    assert_eq!(drain(&other, false), one(&[1]), "a retry is for the group that tries again");
    let stats = block_on(async { RedisQueue::connect(options).await.unwrap().stats().await.unwrap() });
    assert_eq!(stats.waiting, 0);
}

#[test]
fn what_the_dead_of_another_program_held_is_taken_over_after_a_lease() {
    let server = server();
    server.push(&["1", "2"]);
    let _: () = server.ask(&["XGROUP", "CREATE", KEY, GROUP, "0"]);
    let _: redis::Value = server.ask(&["XREADGROUP", "GROUP", GROUP, "by-hand", "COUNT", "1", "STREAMS", KEY, ">"]);
    let source = server.source_with(server.options().lease(Duration::from_millis(400)));
    beside(&source, async {
        let held = claim_all(&source, 1).await;
        assert_eq!(payloads(&held), ["2"]);
        settle(&source, held, Verdict::Done).await;
        let held = claim_all(&source, 1).await;
        assert_eq!((payloads(&held), held[0].task.attempt.get()), (vec!["1"], 2));
        settle(&source, held, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    assert_eq!(consumers(&server), [""; 0]);
}

#[test]
fn what_runs_is_put_back_when_the_stream_or_its_group_is_lost() {
    for lost in [&["DEL", KEY][..], &["XGROUP", "DESTROY", KEY, GROUP]] {
        let server = server();
        server.push(&["1", "2", "3"]);
        let source = server.source_with(server.options().follow(true));
        beside(&source, async {
            let mut held = claim_all(&source, 3).await;
            settle(&source, held.pop(), Verdict::Done).await;
            let _: redis::Value = server.ask(lost);
            let name = source.consumer();
            assert_eq!(settle(&source, held, again()).await, 2, "its lease went with the group");
            assert_ne!(source.consumer(), name);
            let held = claim_all(&source, 2).await;
            let mut found = payloads(&held);
            found.sort_unstable();
            assert_eq!(found, ["1", "2"], "{lost:?}");
            settle(&source, held, Verdict::Done).await;
            source.close().await.unwrap();
        });
        server.assert_tasks(&[]);
    }
}

#[test]
fn what_was_trimmed_from_the_stream_while_it_was_held_is_no_obstacle() {
    let server = server();
    server.push(&["1", "2", "3"]);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        let mut held = claim_all(&source, 3).await;
        let _: usize = server.ask(&["XTRIM", KEY, "MAXLEN", "0"]);
        settle(&source, held.pop(), again()).await;
        settle(&source, held.pop(), Verdict::Release).await;
        let rest = claim_all(&source, 2).await;
        let mut found: Vec<_> = rest.iter().map(|it| (it.task.payload.as_str(), it.task.attempt.get())).collect();
        found.sort_unstable();
        assert_eq!(found, [("2", 1), ("3", 2)]);
        settle(&source, held.into_iter().chain(rest), Verdict::Done).await;
        source.close().await.unwrap();
    });
    assert_eq!(consumers(&server), [""; 0]);
    server.assert_tasks(&[]);
}

#[test]
fn what_was_given_back_is_pending_for_nobody_and_wakes_the_one_who_waits() {
    let server = server();
    server.push(&["1"]);
    let source = server.source_with(server.options().lease(Duration::from_secs(60)).follow(true));
    let idle = server.source_with(server.options().lease(Duration::from_secs(60)).follow(true));
    let held = beside(&source, claim_all(&source, 1));
    let release = async {
        while server.ask::<String>(&["INFO", "clients"]).contains("blocked_clients:0") {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
        smol::future::or(
            async {
                settle(&source, held, Verdict::Release).await;
                assert_eq!(pending(&server).len(), 1);
            },
            async { panic!("{:?}", source.drive(&()).await) },
        )
        .await;
    };
    let start = std::time::Instant::now();
    beside(&idle, async {
        let (held, ()) = futures_lite::future::zip(claim_all(&idle, 1), release).await;
        assert!(start.elapsed() < Duration::from_secs(10), "by a heartbeat only");
        assert_eq!((payloads(&held), held[0].task.attempt.get()), (vec!["1"], 1));
        settle(&idle, held, Verdict::Release).await;
        assert_eq!(pending(&server), [(PARKED.to_owned(), 0)]);
        idle.close().await.unwrap();
    });
}

#[test]
fn a_key_that_is_no_stream_is_refused_with_the_way_to_name_it() {
    let server = server();
    let _: usize = server.ask(&["LPUSH", KEY, "1"]);
    let error = block_on(RedisSource::connect(server.options())).unwrap_err();
    assert!(
        error.is_wrong_type() && error.to_string().contains("holds a list, not a stream: name it with list="),
        "{error}"
    );
}
