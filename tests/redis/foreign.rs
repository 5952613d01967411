//! What others put into a queue, and queues beside it.

use std::{num::NonZeroU32, time::Duration};

use fourfold::{
    Source,
    source::{
        Claims,
        redis::{DeadSelection, RedisOptions, RedisQueue, RedisSource},
    },
};
use redis::Commands;

use crate::server::{KEY, Server, beside, claim_all, dead, settle};

#[test]
fn entries_that_were_made_up_outside_are_tasks_of_their_own_or_malformed() {
    let forged: [&[u8]; 8] = [
        b"\0",
        b"\x0018446744073709551616:0:0:0:1",
        b"\x00007:0:0:0:1",
        b"\x007:4294967296:0:0:1",
        b"\x007:0:4294967296:0:1",
        b"\x007:0:0:999999999999999999999999999999:1",
        b"\x000:0:0:0:1",
        b"\x007:0:0:0",
    ];
    let server = Server::start();
    let mut client = server.client();
    let _: usize = client.lpush(KEY, &forged[..]).unwrap();
    // Twice the same history, as no consumer writes it.
    let _: usize = client.lpush(KEY, &[&b"\x005:1:0:9:\"twin\""[..], b"\x005:1:0:9:\"twin\""]).unwrap();
    let gone = server.source_with(server.options().lease(Duration::from_millis(200)).max_deliveries(NonZeroU32::MIN));
    // What dies with a consumer is read by the server, what is claimed by this side: both have one grammar.
    beside(&gone, claim_all(&gone, 2));
    let source = server.source_with(server.options().max_deliveries(NonZeroU32::MIN));
    beside(&source, async {
        let mut claims = Claims::new();
        while source.claim(std::num::NonZeroUsize::new(20).unwrap(), &mut claims, &()).await.unwrap()
            == fourfold::source::ClaimStatus::Open
        {
            let held: Vec<_> = claims.drain().collect();
            settle(&source, held, dead("twin")).await;
        }
        source.close().await.unwrap();
    });
    let queue = server.queue();
    let letters = smol::block_on(queue.dead(0, 100)).unwrap();
    assert_eq!(letters.len(), 10, "{letters:?}");
    for raw in forged {
        assert_eq!(letters.iter().filter(|letter| letter.payload == raw).count(), 1, "{raw:?}");
    }
    assert_eq!(letters.iter().filter(|letter| letter.payload == b"\"twin\"").count(), 2);
    // A record by another hand hides no other and is not touched by what it is not.
    let _: usize = server.ask(&["HSET", &server.own("dead"), "007", "rubbish", "8", "more rubbish"]);
    let letters = smol::block_on(queue.dead(0, 100)).unwrap();
    assert_eq!(letters.len(), 12);
    assert_eq!(letters.iter().filter(|letter| letter.reason.contains("not written by fourfold")).count(), 2);
    assert_eq!(smol::block_on(queue.requeue(DeadSelection::All)).unwrap(), 10);
    assert_eq!(smol::block_on(queue.purge(DeadSelection::All)).unwrap(), 2);
}

#[test]
fn queues_whose_names_are_alike_share_nothing() {
    let server = Server::start();
    for (key, payload) in [("tasks", "1"), ("{tasks}", "2")] {
        let _: usize = server.client().lpush(key, payload).unwrap();
        let url = server.url().replace("list=tasks", &format!("list={key}"));
        let options = RedisOptions::from_url(&url).unwrap();
        let source = smol::block_on(RedisSource::connect(options.clone())).unwrap();
        beside(&source, async {
            let held = claim_all(&source, 1).await;
            settle(&source, held, dead("mine")).await;
            source.close().await.unwrap();
        });
        let letters = smol::block_on(async { RedisQueue::connect(options).await.unwrap().dead(0, 9).await.unwrap() });
        assert_eq!((letters.len(), &letters[0].payload[..]), (1, payload.as_bytes()));
    }
    let url = server.url().replace("list=tasks", "list={tasks}:fourfold:dead");
    assert!(RedisOptions::from_url(&url).unwrap_err().is_usage());
}
