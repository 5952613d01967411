//! Waiting for tasks, and leaving.

use std::{num::NonZeroUsize, time::Duration};

use fourfold::{
    Source,
    source::{Claims, Verdict},
};
use futures_lite::future::{poll_once, zip};

use crate::server::{KEY, Mode, Server, beside, claim, claim_all, in_both_modes, payloads, settle};

const SOME: NonZeroUsize = NonZeroUsize::new(4).unwrap();

async fn until_somebody_waits(server: &Server) {
    while server.ask::<String>(&["INFO", "clients"]).contains("blocked_clients:0") {
        smol::Timer::after(Duration::from_millis(1)).await;
    }
}

fn a_waiting_claim_gets_what_is_pushed(mode: Mode) {
    let server = Server::of(mode);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        for n in 0..3 {
            let push = async {
                until_somebody_waits(&server).await;
                server.push(&[n.to_string()]);
            };
            let (held, ()) = zip(claim_all(&source, 1), push).await;
            assert_eq!(payloads(&held), [n.to_string()]);
            settle(&source, held, Verdict::Done).await;
        }
    });
}

fn a_claim_that_is_dropped_while_it_waits_loses_nothing(mode: Mode) {
    let server = Server::of(mode);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        for n in 0..20 {
            let mut claims = Claims::new();
            {
                let mut waiting = Box::pin(source.claim(SOME, &mut claims, &()));
                assert!(poll_once(&mut waiting).await.is_none());
                until_somebody_waits(&server).await;
                server.push(&[n.to_string()]);
                // Dropped at another moment each time: before, while and after the task arrives.
                for _ in 0..n {
                    if poll_once(&mut waiting).await.is_some() {
                        break;
                    }
                    futures_lite::future::yield_now().await;
                }
            }
            let mut held: Vec<_> = claims.drain().collect();
            if held.is_empty() {
                held = claim_all(&source, 1).await;
            }
            assert_eq!(payloads(&held), [n.to_string()]);
            settle(&source, held, Verdict::Done).await;
        }
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn what_arrives_for_nobody_is_given_back_at_the_end(mode: Mode) {
    let server = Server::of(mode);
    let numbers: Vec<String> = (0..2_500).map(|n| n.to_string()).collect();
    server.push(&numbers);
    let before = server.queued();
    let source = server.source();
    beside(&source, async {
        let mut claims = Claims::new();
        let all = NonZeroUsize::new(2_500).unwrap();
        let mut waiting = Box::pin(source.claim(all, &mut claims, &()));
        assert!(poll_once(&mut waiting).await.is_none());
        while server.queued().len() > 1_000 {
            futures_lite::future::yield_now().await;
        }
        drop(waiting);
        source.close().await.unwrap();
    });
    assert_eq!(server.queued(), before);
    server.assert_keys(&[KEY]);
}

fn close_gives_back_what_is_held_with_its_attempts(mode: Mode) {
    let server = Server::of(mode);
    let numbers: Vec<String> = (0..2_500).map(|n| n.to_string()).collect();
    server.push(&numbers);
    let before = server.queued();
    let source = server.source();
    beside(&source, async {
        claim_all(&source, 2_300).await;
        source.close().await.unwrap();
    });
    assert_eq!(server.queued(), before);
    server.assert_keys(&[KEY]);
    // It can be used again.
    beside(&source, async {
        let held = claim_all(&source, 2_500).await;
        assert!(held.iter().all(|held| held.task.attempt.get() == 1));
        assert_eq!(settle(&source, held, Verdict::Done).await, 0);
        assert_eq!(claim(&source, 1).await, None);
    });
}

fn a_source_is_exhausted_only_when_it_holds_nothing_itself(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1"]);
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 1).await;
        let mut claims = Claims::new();
        let mut waiting = Box::pin(source.claim(SOME, &mut claims, &()));
        assert!(poll_once(&mut waiting).await.is_none());
        until_somebody_waits(&server).await;
        assert!(poll_once(&mut waiting).await.is_none());
        settle(&source, held, Verdict::Done).await;
        waiting.await.unwrap();
        assert!(claims.is_empty());
    });
}

in_both_modes! {
    a_waiting_claim_gets_what_is_pushed
    a_claim_that_is_dropped_while_it_waits_loses_nothing
    what_arrives_for_nobody_is_given_back_at_the_end
    close_gives_back_what_is_held_with_its_attempts
    a_source_is_exhausted_only_when_it_holds_nothing_itself
}
