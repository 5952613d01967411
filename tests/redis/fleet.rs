//! Queues on a Redis Cluster and behind Sentinel: real ones, whose slots move and whose masters die.

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use fourfold::{
    Source,
    source::{
        Verdict,
        redis::{RedisOptions, RedisQueue, RedisSource},
    },
};
use smol::block_on;
use test_support::{RedisCluster, RedisSentinel, wait_until};

use crate::server::{beside, claim, claim_all, settle};

const TASKS: usize = 600;

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

fn options(url: &str) -> RedisOptions {
    RedisOptions::from_url(url).unwrap().lease(Duration::from_secs(3))
}

/// Drains the queue with some retries and some dead letters, `meanwhile` at each batch. Says how often each task was done.
fn drain(options: &RedisOptions, mut meanwhile: impl FnMut(usize)) -> BTreeMap<String, usize> {
    let source = block_on(RedisSource::connect(options.clone())).unwrap();
    let mut done = BTreeMap::new();
    beside(&source, async {
        while let Some(held) = claim(&source, 16).await {
            for held in held {
                let payload = held.task.payload.as_str().to_owned();
                let number: usize = payload.parse().unwrap();
                let verdict = match (held.task.attempt.get(), number % 10) {
                    (1, 3) => Verdict::Retry { after: Duration::ZERO, reason: "first".into() },
                    _ => Verdict::Done,
                };
                let is_done = matches!(verdict, Verdict::Done);
                if settle(&source, [held], verdict).await == 0 && is_done {
                    *done.entry(payload).or_default() += 1;
                }
            }
            meanwhile(done.len());
        }
        source.close().await.unwrap();
    });
    done
}

#[track_caller]
fn assert_all(done: &BTreeMap<String, usize>, again_at_most: usize) {
    let again: usize = done.values().map(|times| times - 1).sum();
    assert_eq!(done.len(), TASKS);
    assert!(again <= again_at_most, "{again} done again");
}

#[test]
fn a_queue_on_a_cluster_follows_its_slot_and_outlives_its_master() {
    let mut cluster = RedisCluster::start();
    // A full run has both.
    let count = if std::env::var_os("FULL").is_some() { 2 } else { 1 };
    for queue in ["list=jobs", "stream=events&group=workers"].into_iter().take(count) {
        let key = queue.split(['=', '&']).nth(1).unwrap();
        let living: Vec<u16> =
            cluster.nodes.iter().filter(|it| it.ask(&["PING"]).contains("PONG")).map(|it| it.port).collect();
        // The owner is not the first that is asked, and one that is asked is not there at all.
        let seeds = format!("127.0.0.1:1,127.0.0.1:{},127.0.0.1:{}", living[1], living[0]);
        let options = options(&format!("redis-cluster://{seeds}/?{queue}"));
        let tools = block_on(RedisQueue::connect(options.clone())).unwrap();
        assert_eq!(block_on(tools.push(numbers(TASKS))).unwrap(), TASKS);

        let is_moved = Cell::new(false);
        let done = drain(&options, |done| {
            if done > TASKS / 3 && !is_moved.replace(true) {
                let to = cluster.move_slot(key, || {});
                assert_eq!(cluster.owner(key), Some(to));
            }
        });
        assert!(is_moved.get());
        assert_all(&done, 0);

        // Its master dies, and a replica is promoted. What that one had not got yet is lost or comes twice: see the docs.
        block_on(async { RedisQueue::connect(options.clone()).await.unwrap().push(numbers(TASKS)).await }).unwrap();
        let is_dead = Cell::new(false);
        let done = drain(&options, |done| {
            if done > TASKS / 3 && !is_dead.replace(true) {
                let owner = cluster.owner(key).unwrap();
                wait_until("the replica has everything", || cluster.nodes[owner].is_replicated());
                cluster.nodes[owner].kill();
            }
        });
        assert!(is_dead.get());
        assert_all(&done, 16);
    }
}

#[test]
fn a_plain_address_of_a_clusters_node_says_how_to_name_the_cluster() {
    let cluster = RedisCluster::start();
    let owner = cluster.owner("jobs").unwrap();
    let other = cluster.nodes.iter().position(|it| it.port != cluster.nodes[owner].port).unwrap();
    let port = cluster.nodes[other].port;
    let error = block_on(RedisSource::connect(options(&format!("redis://127.0.0.1:{port}/0?list=jobs")))).unwrap_err();
    let target = format!("redis-cluster://127.0.0.1:{}/?", cluster.nodes[owner].port);
    assert!(error.to_string().contains(&target), "{error}");
    // The node that has the slot serves it, cluster or not.
    let port = cluster.nodes[owner].port;
    let queue = block_on(RedisQueue::connect(options(&format!("redis://127.0.0.1:{port}/0?list=jobs")))).unwrap();
    assert_eq!(block_on(queue.push(["1"])).unwrap(), 1);
}

#[test]
fn a_queue_behind_sentinel_goes_on_with_the_promoted_replica() {
    let mut servers = RedisSentinel::start();
    let sentinel = servers.sentinel.port;
    for queue in ["list=jobs", "stream=events&group=workers"] {
        let options = options(&format!("redis-sentinel://127.0.0.1:1,127.0.0.1:{sentinel}/main?{queue}"));
        let tools = block_on(RedisQueue::connect(options.clone())).unwrap();
        block_on(tools.push(numbers(TASKS))).unwrap();
        let is_dead = Cell::new(queue.starts_with("stream"));
        let done = drain(&options, |done| {
            if done > TASKS / 3 && !is_dead.replace(true) {
                wait_until("the replica has everything", || servers.nodes[0].is_replicated());
                servers.nodes[0].kill();
            }
        });
        assert_all(&done, 16);
    }
    let unknown = options(&format!("redis-sentinel://127.0.0.1:{sentinel}/other?list=jobs"));
    let error = block_on(RedisSource::connect(unknown)).unwrap_err().to_string();
    assert!(error.contains("knows no master named other"), "{error}");
}

#[test]
fn what_waits_on_a_cluster_bears_a_resharding_and_is_woken_after_it() {
    let cluster = Arc::new(RedisCluster::start());
    let options = options(&format!("redis-cluster://127.0.0.1:{}/?list=jobs", cluster.nodes[0].port));
    let source = block_on(RedisSource::connect(options.clone().follow(true))).unwrap();
    beside(&source, async {
        let owner = cluster.owner("jobs").unwrap();
        let push = async {
            while cluster.nodes[owner].ask(&["INFO", "clients"]).contains("blocked_clients:0") {
                smol::Timer::after(Duration::from_millis(5)).await;
            }
            let moving = cluster.clone();
            let told = move |cluster: &RedisCluster| {
                let errors = cluster.nodes[owner].ask(&["INFO", "errorstats"]);
                errors.contains("errorstat_TRYAGAIN") || errors.contains("errorstat_ASK")
            };
            // On its way, the slot serves nobody: the heartbeat is told so, and tries again.
            let resharding = move || {
                moving.move_slot("jobs", || wait_until("somebody was told to wait", || told(&moving)));
            };
            smol::unblock(resharding).await;
            RedisQueue::connect(options).await.unwrap().push(["1"]).await.unwrap();
        };
        let (held, ()) = futures_lite::future::zip(claim_all(&source, 1), push).await;
        settle(&source, held, Verdict::Done).await;
        source.close().await.unwrap();
    });
}
