//! The protocol, cut at every step: after so many bytes there or back, for many so manys. Whoever goes on finds everything.

use std::{collections::BTreeMap, time::Duration};

use fourfold::{
    Source,
    source::{
        Verdict,
        redis::{RedisOptions, RedisSource},
    },
};
use smol::future::or;

use crate::{
    proxy::{Proxy, Way},
    server::{Mode, Server, beside, claim, in_both_modes, settle},
};

const TASKS: usize = 24;

/// Does a bit of everything: the first attempt at each task ends with another verdict by its number.
async fn work(source: &RedisSource, done: &mut BTreeMap<String, usize>) {
    while let Some(held) = claim(source, 5).await {
        for held in held {
            let payload = held.task.payload.as_str().to_owned();
            let number: usize = payload.parse().unwrap();
            let verdict = match (held.task.attempt.get(), number % 4) {
                (1, 1) => Verdict::Retry { after: Duration::ZERO, reason: "first".into() },
                (_, 2) => Verdict::Dead { reason: "always".into() },
                _ => Verdict::Done,
            };
            let is_end = !matches!(verdict, Verdict::Retry { .. });
            // Whatever is cut off from here on was at least tried.
            if is_end {
                *done.entry(payload).or_default() += 1;
            }
            settle(source, [held], verdict).await;
        }
    }
    source.close().await.unwrap();
}

fn fill(server: &Server) {
    let _: () = server.ask(&["FLUSHALL"]);
    server.push(&(0..TASKS).map(|n| n.to_string()).collect::<Vec<_>>());
}

fn quick(options: RedisOptions) -> RedisOptions {
    options.lease(Duration::from_secs(3)).reconnect(Duration::from_secs(20))
}

/// How far the cuts are from each other: a prime, so that they fall on every part of a message. A stream's scripts are longer
/// to send.
fn steps(mode: Mode) -> [(Way, u64); 2] {
    match mode {
        Mode::List => [(Way::Requests, 397), (Way::Replies, 61)],
        Mode::Stream => [(Way::Requests, 701), (Way::Replies, 89)],
    }
}

fn a_cut_at_any_byte_changes_nothing_for_a_consumer_that_comes_back(mode: Mode) {
    let server = Server::of(mode);
    let proxy = Proxy::before(&server);
    let mut cuts = 0;
    for (way, step) in steps(mode) {
        for at in 0.. {
            fill(&server);
            let source = server.source_with(quick(proxy.options(&server)));
            proxy.cut_after(way, 1 + at * step);
            let mut done = BTreeMap::new();
            beside(&source, work(&source, &mut done));
            assert!(done.len() == TASKS && done.values().all(|times| *times == 1), "{way:?} {at}: {done:?}");
            let dead: usize = server.ask(&["HLEN", &server.own("dead")]);
            assert_eq!(dead, TASKS / 4, "{way:?} {at}");
            server.assert_keys(&["dead", "dead:times"]);
            if proxy.is_whole(way) {
                proxy.cut_after(way, u64::MAX);
                break;
            }
            cuts += 1;
        }
    }
    assert!(cuts > 40, "only {cuts} cuts");
}

fn a_consumer_that_dies_at_any_byte_leaves_everything_to_the_next(mode: Mode) {
    let server = Server::of(mode);
    let proxy = Proxy::before(&server);
    let mut deaths = 0;
    for (way, step) in steps(mode) {
        for at in 0.. {
            fill(&server);
            let mut done = BTreeMap::new();
            proxy.cut_after(way, 500 + at * step);
            // It ends with its first connection, wherever that is.
            let source = smol::block_on(RedisSource::connect(
                quick(proxy.options(&server)).lease(RedisOptions::LEASE_MIN).reconnect(Duration::ZERO),
            ));
            let Ok(source) = source else { continue };
            let is_dead = smol::block_on(or(
                async {
                    work(&source, &mut done).await;
                    false
                },
                async {
                    let _ = source.drive(&()).await;
                    true
                },
            ));
            if !is_dead {
                assert!(proxy.is_whole(way), "{way:?} {at}: cut, and nobody noticed");
                proxy.cut_after(way, u64::MAX);
                break;
            }
            deaths += 1;
            let name = source.consumer();
            let _: usize = server.ask(&["ZADD", &server.own("beats"), "XX", "1", &name]);
            drop(source);
            let next = server.source_with(quick(server.options()));
            let before = done.clone();
            beside(&next, work(&next, &mut done));
            assert_eq!(done.len(), TASKS, "{way:?} {at}: {done:?}");
            // What was tried twice was one settlement under way or one batch in hand.
            let twice = done.values().filter(|times| **times > 1).count();
            assert!(twice <= 1 && done.values().all(|times| *times <= 2), "{way:?} {at}: {before:?} {done:?}");
            // The one that died is known for a lease, even where it held nothing.
            server.assert_tasks(&["dead", "dead:times"]);
        }
    }
    assert!(deaths > 40, "only {deaths} deaths");
}

in_both_modes! {
    a_cut_at_any_byte_changes_nothing_for_a_consumer_that_comes_back
    a_consumer_that_dies_at_any_byte_leaves_everything_to_the_next
}
