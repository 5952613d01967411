//! Pushing, counting and dead letters.

use std::time::{Duration, SystemTime};

use fourfold::{
    Source, TaskId,
    source::{
        Claims, Verdict,
        redis::{DeadSelection, PopSide},
    },
};
use smol::block_on;

use crate::server::{KEY, Mode, Server, beside, claim, claim_all, dead, in_both_modes, payloads, settle};

fn what_is_pushed_is_claimed_in_its_order_at_either_side(mode: Mode) {
    let server = Server::of(mode);
    let numbers: Vec<String> = (0..2_500).map(|n| n.to_string()).collect();
    for side in [PopSide::Right, PopSide::Left] {
        let queue = block_on(fourfold::source::redis::RedisQueue::connect(server.options().pop(side))).unwrap();
        assert_eq!(block_on(queue.push(&numbers)).unwrap(), 2_500);
        let source = server.source_with(server.options().pop(side));
        beside(&source, async {
            let held = claim_all(&source, 2_500).await;
            assert_eq!(payloads(&held), numbers);
            settle(&source, held, Verdict::Done).await;
        });
    }
    assert_eq!(block_on(server.queue().push([""; 0])).unwrap(), 0);
    assert!(server.queued().is_empty());
}

fn stats_count_every_place_a_task_can_be_in(mode: Mode) {
    let server = Server::of(mode);
    let queue = server.queue();
    block_on(queue.push(["1", "2", "3", "4", "5", "6"])).unwrap();
    let source = server.source();
    beside(&source, async {
        let mut held = claim_all(&source, 5).await;
        let later = Verdict::Retry { after: Duration::from_secs(3600), reason: String::new() };
        settle(&source, held.pop(), later).await;
        settle(&source, held.pop(), dead("no")).await;
        let stats = queue.stats().await.unwrap();
        assert_eq!((stats.waiting, stats.delayed, stats.dead), (1, 1, 1));
        // Only the ids of a stream tell when a task came.
        let is_known = stats.oldest.is_some_and(|oldest| oldest < Duration::from_secs(60));
        assert_eq!(is_known, mode == Mode::Stream, "{stats:?}");
        let [consumer] = &stats.consumers[..] else { panic!("{stats:?}") };
        assert_eq!((consumer.name.clone(), consumer.is_alive, consumer.in_flight), (source.consumer(), true, 3));
        source.close().await.unwrap();
    });
    let stats = block_on(queue.stats()).unwrap();
    assert_eq!((stats.waiting, stats.consumers.len()), (4, 0));
}

fn dead_letters_tell_why_and_can_be_put_back_or_forgotten(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["\"a\"", "\"b\"", "\"c\""]);
    let queue = server.queue();
    let source = server.source();
    let before = SystemTime::now();
    let ids: Vec<TaskId> = beside(&source, async {
        let held = claim_all(&source, 3).await;
        let ids = held.iter().map(|held| held.task.id).collect();
        let again = Verdict::Retry { after: Duration::ZERO, reason: "once".into() };
        settle(&source, held, again).await;
        for (held, reason) in claim_all(&source, 3).await.into_iter().zip(["one", "two: \0 ü", ""]) {
            settle(&source, [held], dead(reason)).await;
        }
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
        ids
    });
    block_on(async {
        let letters = queue.dead(0, 10).await.unwrap();
        let told: Vec<_> =
            letters.iter().map(|it| (it.id, it.attempts, it.crashes, &*it.reason, &it.payload[..])).collect();
        let expected =
            [(ids[0], 2, 0, "one", &b"\"a\""[..]), (ids[1], 2, 0, "two: \0 ü", b"\"b\""), (ids[2], 2, 0, "", b"\"c\"")];
        assert_eq!(told, expected);
        let slack = Duration::from_secs(1);
        for letter in &letters {
            assert!(before - slack <= letter.failed_at && letter.failed_at <= letter.died_at);
            assert!(letter.died_at <= SystemTime::now() + slack);
        }
        assert_eq!(queue.dead(1, 1).await.unwrap(), letters[1..2]);
        assert_eq!(queue.dead(3, 10).await.unwrap(), []);
        assert_eq!(queue.dead(0, 0).await.unwrap(), []);
        assert_eq!(queue.dead_letter(ids[2]).await.unwrap().as_ref(), Some(&letters[2]));
        assert_eq!(queue.dead_letter(TaskId(999)).await.unwrap(), None);

        server.push(&["\"new\""]);
        assert_eq!(queue.requeue(DeadSelection::Tasks(&[ids[1], TaskId(999)])).await.unwrap(), 1);
        assert_eq!(server.queued(), [&b"\"b\""[..], b"\"new\""]);
        assert_eq!(queue.purge(DeadSelection::Tasks(&[ids[0], ids[1]])).await.unwrap(), 1);
        assert_eq!(queue.requeue(DeadSelection::All).await.unwrap(), 1);
        assert_eq!(queue.purge(DeadSelection::All).await.unwrap(), 0);
        assert_eq!(server.queued(), [&b"\"c\""[..], b"\"b\"", b"\"new\""]);
    });
    server.assert_keys(&[KEY]);
}

fn more_dead_letters_than_one_script_takes(mode: Mode) {
    let server = Server::of(mode);
    let queue = server.queue();
    let numbers: Vec<String> = (0..2_100).map(|n| n.to_string()).collect();
    block_on(queue.push(&numbers)).unwrap();
    let source = server.source();
    beside(&source, async {
        for _ in 0..2 {
            let held = claim_all(&source, 2_100).await;
            settle(&source, held, dead("no")).await;
            assert_eq!(queue.dead(0, usize::MAX).await.unwrap().len(), 1_000);
            assert_eq!(queue.dead(2_000, usize::MAX).await.unwrap().len(), 100);
            assert_eq!(queue.requeue(DeadSelection::All).await.unwrap(), 2_100);
        }
        let held = claim_all(&source, 2_100).await;
        settle(&source, held, dead("no")).await;
        assert_eq!(queue.purge(DeadSelection::All).await.unwrap(), 2_100);
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn what_is_no_task_goes_to_the_dead_letters_as_it_is(mode: Mode) {
    let server = Server::of(mode);
    let bad: [&[u8]; 5] = [b"{oops", b"\xff\xfe", b"\0nul", b"\x001:2:3", b""];
    server.push_bytes(&bad);
    server.push(&[r#""\u0000 is fine""#]);
    let source = server.source();
    beside(&source, async {
        let (mut claims, mut held) = (Claims::new(), Vec::new());
        while held.is_empty() {
            source.claim(std::num::NonZeroUsize::new(10).unwrap(), &mut claims, &()).await.unwrap();
            held.extend(claims.drain());
        }
        assert_eq!(payloads(&held), [r#""\u0000 is fine""#]);
        let told = format!("{claims:?}");
        assert_eq!(told.matches(r#"the key \"tasks\""#).count(), 5, "{told}");
        settle(&source, held, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    let letters = block_on(server.queue().dead(0, 10)).unwrap();
    let raw: Vec<&[u8]> = letters.iter().map(|letter| &letter.payload[..]).collect();
    assert_eq!(raw, bad);
    assert!(letters.iter().all(|letter| letter.attempts == 0));
    assert_eq!(letters[0].reason, "no valid JSON: key must be a string at line 1 column 2");
    server.assert_keys(&["dead", "dead:times"]);
}

fn a_large_payload_passes_and_a_too_large_one_is_set_aside(mode: Mode) {
    let server = Server::of(mode);
    let fits = format!("\"{}\"", "x".repeat(8 << 20));
    let large = format!("\"{}\"", "x".repeat(fourfold::source::Json::BYTES_MAX));
    server.push(&[&fits, &large, &fits]);
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 2).await;
        assert!(held.iter().all(|held| held.task.payload.as_str() == fits));
        settle(&source, held, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    let letters = block_on(server.queue().dead(0, 10)).unwrap();
    assert_eq!((letters.len(), letters[0].payload.len()), (1, large.len()));
    assert!(letters[0].reason.starts_with("too large"), "{}", letters[0].reason);
}

in_both_modes! {
    what_is_pushed_is_claimed_in_its_order_at_either_side
    stats_count_every_place_a_task_can_be_in
    dead_letters_tell_why_and_can_be_put_back_or_forgotten
    more_dead_letters_than_one_script_takes
    what_is_no_task_goes_to_the_dead_letters_as_it_is
    a_large_payload_passes_and_a_too_large_one_is_set_aside
}
