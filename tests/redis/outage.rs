//! Connections and servers that go away in the middle.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fourfold::{
    Source,
    source::{Verdict, redis::RedisSource},
};
use futures_lite::future::{yield_now, zip};

use crate::{
    proxy::Proxy,
    server::{Mode, Server, beside, claim, claim_all, in_both_modes, payloads, settle},
};

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

/// Claims and settles until there is nothing more, `meanwhile` after each batch. Says how often each payload was done.
pub(crate) async fn drain(
    source: &RedisSource,
    max: usize,
    mut meanwhile: impl FnMut(usize),
) -> BTreeMap<String, usize> {
    let mut done = BTreeMap::new();
    let mut count = 0;
    while let Some(held) = claim(source, max).await {
        for payload in payloads(&held) {
            *done.entry(payload.to_owned()).or_default() += 1;
        }
        count += held.len();
        assert_eq!(settle(source, held, Verdict::Done).await, 0);
        meanwhile(count);
    }
    done
}

#[track_caller]
fn assert_each_once(done: &BTreeMap<String, usize>, count: usize) {
    let more: Vec<_> = done.iter().filter(|(_, times)| **times != 1).collect();
    assert!(more.is_empty(), "done more than once: {more:?}");
    assert_eq!(done.len(), count);
}

fn a_claim_whose_reply_is_lost_is_taken_up_again(mode: Mode) {
    let server = Server::of(mode);
    let proxy = Proxy::before(&server);
    server.push(&["1", "2", "3"]);
    let source = server.source_with(proxy.options(&server).follow(true));
    beside(&source, async {
        let first = claim_all(&source, 1).await;
        proxy.deafen();
        let cut = async {
            while !server.queued().is_empty() {
                yield_now().await;
            }
            // The server has given everything out and nobody knows.
            proxy.cut();
        };
        let (held, ()) = zip(claim_all(&source, 2), cut).await;
        assert_eq!(payloads(&held), ["2", "3"]);
        assert!(held.iter().all(|held| held.task.attempt.get() == 1));
        assert_eq!(settle(&source, first.into_iter().chain(held), Verdict::Done).await, 0);
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn a_settlement_whose_reply_is_lost_counts_once(mode: Mode) {
    let server = Server::of(mode);
    let proxy = Proxy::before(&server);
    server.push(&["1", "2", "3", "4"]);
    let source = server.source_with(proxy.options(&server));
    let hour = Duration::from_secs(3600);
    beside(&source, async {
        let held = claim_all(&source, 4).await;
        // The server knows the script by then: a deaf client could not hear that it does not.
        settle(&source, held, Verdict::Release).await;
        let held = claim_all(&source, 4).await;
        let verdicts = [
            Verdict::Done,
            Verdict::Retry { after: hour, reason: String::new() },
            Verdict::Dead { reason: "no".into() },
            Verdict::Release,
        ];
        let mut left = 4;
        for (held, verdict) in held.into_iter().zip(verdicts) {
            proxy.deafen();
            left -= 1;
            let cut = async {
                while server.holds(&source.consumer()) > left {
                    yield_now().await;
                }
                proxy.cut();
            };
            let (lost, ()) = zip(settle(&source, [held], verdict), cut).await;
            assert_eq!(lost, 0);
        }
        let stats = server.queue().stats().await.unwrap();
        assert_eq!((stats.waiting, stats.delayed, stats.dead), (1, 1, 1));
        source.close().await.unwrap();
    });
}

fn connections_that_are_killed_again_and_again_change_nothing(mode: Mode) {
    let server = Server::of(mode);
    server.push(&numbers(5_000));
    let source = server.source();
    let mut client = server.client();
    let done = beside(&source, async {
        let mut kills = 0;
        let done = drain(&source, 64, |count| {
            if count / 200 > kills {
                kills += 1;
                let _: usize = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut client).unwrap();
            }
        })
        .await;
        assert!(kills >= 20, "{kills}");
        source.close().await.unwrap();
        done
    });
    assert_each_once(&done, 5_000);
    server.assert_keys(&[]);
}

fn scripts_that_the_server_forgot_are_told_again(mode: Mode) {
    let server = Server::of(mode);
    server.push(&numbers(1_000));
    let source = server.source();
    let done = beside(&source, async {
        let done = drain(&source, 50, |_| server.ask::<()>(&["SCRIPT", "FLUSH"])).await;
        server.push(&["\"again\""]);
        let held = claim_all(&source, 1).await;
        let _: () = server.ask(&["SCRIPT", "FLUSH"]);
        settle(&source, held, Verdict::Dead { reason: "no".into() }).await;
        let _: () = server.ask(&["SCRIPT", "FLUSH"]);
        source.close().await.unwrap();
        done
    });
    assert_each_once(&done, 1_000);
}

fn a_server_that_crashes_and_comes_back_loses_nothing(mode: Mode) {
    let mut server = Server::of_with(mode, &["--appendonly", "yes", "--appendfsync", "always"]);
    server.push(&numbers(3_000));
    let source = server.source();
    let done = beside(&source, async {
        let mut crashes = 0;
        let done = drain(&source, 64, |count| {
            if count / 500 > crashes {
                crashes += 1;
                server.kill();
                server.restart();
            }
        })
        .await;
        assert!(crashes >= 4, "{crashes}");
        source.close().await.unwrap();
        done
    });
    assert_each_once(&done, 3_000);
    server.assert_keys(&[]);
}

fn a_server_that_stays_away_ends_the_run(mode: Mode) {
    let mut server = Server::of(mode);
    server.push(&["1"]);
    let source = server.source_with(server.options().follow(true).reconnect(Duration::from_millis(300)));
    let start = Instant::now();
    let (claimed, drive) = smol::block_on(zip(
        async {
            let held = claim_all(&source, 1).await;
            server.kill();
            let mut settlements: Vec<_> =
                held.into_iter().map(|held| fourfold::source::Settlement::new(held, Verdict::Done)).collect();
            let settled = source.settle(&mut settlements, &()).await;
            assert!(settlements[0].take().is_some(), "a delivery that was not settled stays with the run");
            (
                settled,
                source.claim(std::num::NonZeroUsize::MIN, &mut fourfold::source::Claims::new(), &()).await,
                source.close().await,
            )
        },
        source.drive(&()),
    ));
    let error = drive.unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("has been gone for 300ms"), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(claimed, (Err(error.clone()), Err(error.clone()), Err(error)));
}

fn a_server_that_falls_silent_is_left_for_a_new_connection(mode: Mode) {
    let server = Server::of(mode);
    let proxy = Proxy::before(&server);
    server.push(&["1", "2"]);
    let source = server.source_with(proxy.options(&server).lease(Duration::from_millis(1500)).follow(true));
    beside(&source, async {
        let held = claim_all(&source, 1).await;
        proxy.deafen();
        let hear_again = async {
            // The old connections stay as they are, and deaf: only a new one can help.
            while !server.ask::<Vec<u8>>(&["CLIENT", "LIST"]).is_empty() && server.queued().len() > 1 {
                yield_now().await;
            }
            smol::Timer::after(Duration::from_millis(2_500)).await;
            proxy.cut();
        };
        let (lost, ()) = zip(settle(&source, held, Verdict::Done), hear_again).await;
        assert_eq!(lost, 0);
        let held = claim_all(&source, 1).await;
        assert_eq!(payloads(&held), ["2"]);
        settle(&source, held, Verdict::Done).await;
        source.close().await.unwrap();
    });
}

fn a_server_that_is_stopped_for_a_while_is_waited_for(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1"]);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        let held = claim_all(&source, 1).await;
        server.signal("-STOP");
        let wake = async {
            smol::Timer::after(Duration::from_millis(300)).await;
            server.signal("-CONT");
        };
        let (lost, ()) = zip(settle(&source, held, Verdict::Done), wake).await;
        assert_eq!(lost, 0);
        source.close().await.unwrap();
    });
    assert!(server.queued().is_empty());
    server.assert_keys(&[]);
}

in_both_modes! {
    a_claim_whose_reply_is_lost_is_taken_up_again
    a_settlement_whose_reply_is_lost_counts_once
    connections_that_are_killed_again_and_again_change_nothing
    scripts_that_the_server_forgot_are_told_again
    a_server_that_crashes_and_comes_back_loses_nothing
    a_server_that_stays_away_ends_the_run
    a_server_that_falls_silent_is_left_for_a_new_connection
    a_server_that_is_stopped_for_a_while_is_waited_for
}
