//! What other people do to a queue's own keys, and what servers refuse: nothing is lost by it.

use std::time::{Duration, Instant};

use fourfold::{
    Source,
    source::{
        Begin, Claims, Verdict,
        redis::{DeadSelection, RedisOptions, RedisQueue, RedisSource},
    },
};
use futures_lite::future::{or, zip};
use redis::Commands;

use crate::{
    proxy::Proxy,
    server::{Mode, Server, beside, claim, claim_all, claim_startable, dead, in_both_modes, payloads, settle},
};

/// Works for a moment, whatever comes of it.
fn work_for(source: &RedisSource, time: Duration) {
    let mut claims = Claims::new();
    let claim = async {
        let _ = source.claim(std::num::NonZeroUsize::new(8).unwrap(), &mut claims, &()).await;
        std::future::pending::<()>().await;
    };
    let drive = async {
        let _ = source.drive(&()).await;
    };
    let late = async {
        smol::Timer::after(time).await;
    };
    smol::block_on(or(claim, or(drive, late)));
}

/// The first that is ready.
fn first_of<F: Future>(futures: impl Iterator<Item = F>) -> impl Future<Output = F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(move |cx| {
        let ready = futures.iter_mut().find_map(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        });
        ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
}

fn a_claim_that_is_refused_in_its_middle_leaves_the_tasks_where_they_are(mode: Mode) {
    let last = if mode == Mode::List { "-ltrim" } else { "-xreadgroup" };
    let server = Server::of_with(mode, &["--user", "poor", "on", ">secret", "~*", "+@all", last]);
    server.push(&["1", "2", "3"]);
    let before = server.queued();
    let url = format!("{}&user=poor&pass=secret", server.url());
    let source = smol::block_on(RedisSource::connect(RedisOptions::from_url(&url).unwrap())).unwrap();
    work_for(&source, Duration::from_millis(300));
    assert_eq!(server.queued(), before);
    // Where a key is of another type, the message names that one.
    let _: () = server.ask(&["SET", &server.own("delayed"), "x"]);
    let source = server.source();
    let error = smol::block_on(zip(source.drive(&()), async {
        source.claim(std::num::NonZeroUsize::MIN, &mut Claims::new(), &()).await
    }));
    let text = error.0.unwrap_err().to_string();
    assert!(text.contains("delayed") && text.contains("string") && text.contains("zset"), "{text}");
    assert_eq!(server.queued(), before);
}

fn a_queue_is_drained_though_the_server_is_full(mode: Mode) {
    let server = Server::of(mode);
    server.push(&(0..500).map(|n| format!("{n:0100}").replacen('0', "1", 1)).collect::<Vec<_>>());
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let full: Result<usize, _> = server.client().lpush("other", "x");
    assert!(full.unwrap_err().to_string().contains("maxmemory"));
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 10).await;
        settle(&source, held, dead("kept")).await;
        let held = claim_all(&source, 10).await;
        settle(&source, held, Verdict::Retry { after: Duration::ZERO, reason: "again".into() }).await;
        while let Some(held) = claim(&source, 64).await {
            assert_eq!(settle(&source, held, Verdict::Done).await, 0);
        }
        source.close().await.unwrap();
    });
    assert_eq!(smol::block_on(server.queue().stats()).unwrap().dead, 10);
    assert!(server.queued().is_empty());
}

fn any_key_beside_the_payloads_can_be_lost(mode: Mode) {
    let server = Server::of(mode);
    for lost in ["beats", "holders", "sentry", "wake", "dead:times"] {
        server.push(&["1", "2", "3", "4"]);
        let gone = server.source_with(server.options().lease(Duration::from_millis(200)));
        beside(&gone, claim_startable(&gone, 2, 0));
        let source = server.source_with(server.options().lease(Duration::from_millis(600)).follow(true));
        beside(&source, async {
            let held = claim_all(&source, 1).await;
            let _: usize = server.ask(&["DEL", &server.own(lost)]);
            settle(&source, held, dead("no")).await;
            let _: usize = server.ask(&["DEL", &server.own(lost)]);
            // The one that waits, and the two that the vanished consumer held.
            let rest = claim_all(&source, 3).await;
            assert_eq!(settle(&source, rest, Verdict::Done).await, 0, "{lost}");
            source.close().await.unwrap();
        });
        let letters = smol::block_on(server.queue().dead(0, 10)).unwrap();
        assert_eq!(letters.len(), 1, "{lost}");
        assert_eq!(smol::block_on(server.queue().purge(DeadSelection::All)).unwrap(), 1, "{lost}");
        server.assert_tasks(&[]);
    }
}

#[test]
fn what_runs_is_finished_or_put_back_when_the_server_lost_it() {
    let server = Server::start();
    server.push(&["1", "2", "3", "4", "5"]);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        let mut held = claim_all(&source, 4).await;
        let _: usize = server.ask(&["DEL", &server.held(&source.consumer())]);
        let again = Verdict::Retry { after: Duration::ZERO, reason: "again".into() };
        assert_eq!(settle(&source, held.pop(), again).await, 0);
        assert_eq!(settle(&source, held.pop(), dead("no")).await, 0);
        assert_eq!(settle(&source, held.pop(), Verdict::Done).await, 0);
        assert_eq!(server.holds(&source.consumer()), 1);
        let mut rest = claim_all(&source, 2).await;
        rest.sort_by(|a, b| a.task.payload.as_str().cmp(b.task.payload.as_str()));
        assert_eq!((payloads(&rest), rest[0].task.attempt.get()), (vec!["4", "5"], 2));
        settle(&source, rest.into_iter().chain(held), Verdict::Done).await;
        source.close().await.unwrap();
    });
    assert_eq!(smol::block_on(server.queue().dead(0, 9)).unwrap()[0].payload, b"3");
    server.assert_tasks(&["dead", "dead:times"]);
}

#[test]
fn ids_and_deliveries_do_not_repeat_after_a_server_is_restored() {
    let mut server = Server::with(&["--dbfilename", "backup.rdb"]);
    server.push(&(0..40).map(|n| n.to_string()).collect::<Vec<_>>());
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        let first = claim_all(&source, 5).await;
        let _: () = server.ask(&["SAVE"]);
        let second = claim_all(&source, 5).await;
        let ids: Vec<u64> = second.iter().map(|held| held.task.id.0).collect();
        server.kill();
        server.restart();
        // The server knows nothing of the second claim: the queue has these tasks, and they are claimed anew.
        let third = claim_all(&source, 5).await;
        assert_eq!(payloads(&third), payloads(&second));
        assert!(third.iter().all(|held| !ids.contains(&held.task.id.0)));
        settle(&source, second, dead("of the second claim")).await;
        settle(&source, first, Verdict::Done).await;
        assert_eq!(server.holds(&source.consumer()), 5, "no settlement ends what another claim brought");
        settle(&source, third, Verdict::Done).await;
        let rest = claim_all(&source, 30).await;
        settle(&source, rest, Verdict::Done).await;
        source.close().await.unwrap();
    });
    server.assert_tasks(&[]);
}

fn what_may_be_lost_is_not_begun(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1", "2", "3"]);
    let source = server.source_with(server.options().lease(Duration::from_millis(200)).follow(true));
    let held = beside(&source, claim_startable(&source, 2, 1));
    assert_eq!(source.begin(&held[0].receipt), Begin::Now);
    // It waits until the server knows that it begins.
    assert_eq!(source.begin(&held[1].receipt), Begin::Later);
    beside(&source, async {
        while source.begin(&held[1].receipt) != Begin::Now {
            futures_lite::future::yield_now().await;
        }
    });
    // Nobody drives it any more: by its own clock the lease is over.
    let start = Instant::now();
    while source.begin(&held[0].receipt) == Begin::Now {
        assert!(start.elapsed() < Duration::from_secs(5));
        std::thread::yield_now();
    }
    assert_eq!(source.begin(&held[1].receipt), Begin::Lost);
    // The server still has it: it goes on.
    beside(&source, async {
        assert_eq!(settle(&source, held, Verdict::Release).await, 0);
        assert_eq!(claim_all(&source, 3).await.len(), 3);
        source.close().await.unwrap();
    });
}

fn nobody_is_reaped_because_the_server_was_away(mode: Mode) {
    let mut server = Server::of_with(mode, &["--appendonly", "yes", "--appendfsync", "always"]);
    server.push(&["1", "2", "3", "4"]);
    let lease = Duration::from_millis(900);
    let sources: Vec<RedisSource> =
        (0..2).map(|_| server.source_with(server.options().lease(lease).follow(true))).collect();
    let [a, b] = &sources[..] else { unreachable!() };
    let body = async {
        let held = claim_all(a, 2).await;
        let other = claim_all(b, 2).await;
        server.kill();
        // Longer than any lease: every deadline is over when it is back.
        smol::Timer::after(lease * 2).await;
        server.restart();
        smol::Timer::after(lease).await;
        (settle(a, held, Verdict::Done).await, settle(b, other, Verdict::Done).await)
    };
    let drives = zip(a.drive(&()), b.drive(&()));
    let lost = smol::block_on(or(async { Some(body.await) }, async {
        drives.await.0.unwrap_err();
        None
    }));
    assert_eq!(lost, Some((0, 0)));
    assert!(server.queued().is_empty());
}

fn a_run_that_finds_nothing_waits_for_what_others_hold(mode: Mode) {
    let server = Server::of(mode);
    server.push(&["1"]);
    let gone = server.source_with(server.options().lease(Duration::from_millis(300)));
    beside(&gone, claim_startable(&gone, 1, 0));
    // Told not to wait, it ends, and who holds what can be asked.
    let hasty = server.source_with(server.options().no_wait(true));
    beside(&hasty, async {
        assert_eq!(claim(&hasty, 1).await, None);
        hasty.close().await.unwrap();
    });
    let held: Vec<usize> =
        smol::block_on(server.queue().stats()).unwrap().consumers.iter().map(|it| it.in_flight).collect();
    assert_eq!(held, [1]);
    let source = server.source();
    beside(&source, async {
        let held = claim_all(&source, 1).await;
        assert_eq!(payloads(&held), ["1"]);
        settle(&source, held, Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn every_call_ends_when_the_server_falls_silent(mode: Mode) {
    let server = Server::of(mode);
    let proxy = Proxy::before(&server);
    let options = proxy.options(&server);
    let queue = smol::block_on(RedisQueue::connect(options.clone())).unwrap();
    proxy.deafen();
    let error = smol::block_on(queue.stats()).unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("no answer"), "{error}");
    assert!(smol::block_on(queue.dead(0, 1)).is_err());
    assert!(smol::block_on(queue.push(["1"])).is_err());
    let error = smol::block_on(RedisSource::connect(options)).unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    // The next call makes a new connection.
    proxy.cut();
    assert_eq!(smol::block_on(queue.push(["1"])).unwrap(), 1);
}

fn a_source_that_holds_nothing_says_goodbye_to_nobody(mode: Mode) {
    let mut server = Server::of(mode);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        while server.ask::<usize>(&["EXISTS", &server.own("beats")]) == 0 {
            futures_lite::future::yield_now().await;
        }
        server.kill();
        let start = Instant::now();
        source.close().await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    });
}

fn an_answer_that_nobody_has_heard_of_passes(mode: Mode) {
    let server = Server::of(mode);
    let source = server.source_with(server.options().follow(true));
    beside(&source, async {
        for n in 0..3 {
            let push = async {
                while server.ask::<String>(&["INFO", "clients"]).contains("blocked_clients:0") {
                    futures_lite::future::yield_now().await;
                }
                // As a failover does to clients that wait.
                let list: String = server.ask(&["CLIENT", "LIST"]);
                for line in list.lines().filter(|line| line.contains("cmd=blmove")) {
                    let id = line.split(['=', ' ']).nth(1).unwrap();
                    let _: usize = server.ask(&["CLIENT", "UNBLOCK", id, "ERROR"]);
                }
                server.push(&[n.to_string()]);
            };
            let (held, ()) = zip(claim_all(&source, 1), push).await;
            settle(&source, held, Verdict::Done).await;
        }
        source.close().await.unwrap();
    });
}

fn a_claim_takes_no_more_bytes_than_one_large_task_has(mode: Mode) {
    let server = Server::of(mode);
    let large = format!("\"{}\"", "x".repeat(700_000));
    server.push(&vec![large; 8]);
    let source = server.source();
    beside(&source, async {
        let held = claim(&source, 8).await.unwrap();
        assert_eq!(held.len(), 1);
        let rest = claim_all(&source, 7).await;
        settle(&source, held.into_iter().chain(rest), Verdict::Done).await;
        assert_eq!(claim(&source, 1).await, None);
        source.close().await.unwrap();
    });
    server.assert_keys(&[]);
}

fn a_push_wakes_one_or_two_of_many_and_sends_its_payload_once(mode: Mode) {
    const IDLE: usize = 12;
    let server = Server::of(mode);
    let sources: Vec<RedisSource> =
        (0..IDLE).map(|_| server.source_with(server.options().lease(Duration::from_secs(60)).follow(true))).collect();
    let payload = format!("\"{}\"", "x".repeat(100_000));
    let claims = sources.iter().map(|source| async { claim_all(source, 1).await.len() });
    let drives = sources.iter().map(|source| async { panic!("{:?}", source.drive(&()).await) });
    let first = first_of(claims);
    let body = async {
        let push = async {
            while !server.ask::<String>(&["INFO", "clients"]).contains(&format!("blocked_clients:{IDLE}")) {
                smol::Timer::after(Duration::from_millis(2)).await;
            }
            let _: () = server.ask(&["CONFIG", "RESETSTAT"]);
            server.push(&[payload]);
        };
        let (count, ()) = zip(first, push).await;
        assert_eq!(count, 1);
        smol::Timer::after(Duration::from_millis(50)).await;
        let stats: String = server.ask(&["INFO", "stats"]);
        let sent = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
        assert!(sent.parse::<usize>().unwrap() < 300_000, "{sent} bytes");
        let calls: String = server.ask(&["INFO", "commandstats"]);
        let claims = calls.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap();
        let claims: usize = claims.split(',').next().unwrap().parse().unwrap();
        assert!(claims <= 4, "{claims} scripts\n{calls}");
    };
    smol::block_on(or(body, first_of(drives)));
}

fn a_server_that_cannot_serve_is_quoted(mode: Mode) {
    let replica = Server::of(mode);
    let mut client = replica.client();
    for words in [&["CONFIG", "SET", "replica-serve-stale-data", "no"][..], &["REPLICAOF", "127.0.0.1", "1"]] {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut client).unwrap();
    }
    let error = smol::block_on(RedisSource::connect(replica.options())).unwrap_err();
    assert!(error.is_not_ready() && error.to_string().contains("MASTERDOWN"), "{error}");
}

in_both_modes! {
    a_claim_that_is_refused_in_its_middle_leaves_the_tasks_where_they_are
    a_queue_is_drained_though_the_server_is_full
    any_key_beside_the_payloads_can_be_lost
    what_may_be_lost_is_not_begun
    nobody_is_reaped_because_the_server_was_away
    a_run_that_finds_nothing_waits_for_what_others_hold
    every_call_ends_when_the_server_falls_silent
    a_source_that_holds_nothing_says_goodbye_to_nobody
    an_answer_that_nobody_has_heard_of_passes
    a_claim_takes_no_more_bytes_than_one_large_task_has
    a_push_wakes_one_or_two_of_many_and_sends_its_payload_once
    a_server_that_cannot_serve_is_quoted
}
