//! Servers and keys that cannot be used.

use fourfold::{
    Source,
    source::redis::{RedisError, RedisOptions, RedisQueue, RedisSource},
};
use smol::future::{block_on, zip};

use crate::server::{KEY, Server, beside};

fn refused(options: RedisOptions) -> RedisError {
    let (source, queue) = block_on(zip(RedisSource::connect(options.clone()), RedisQueue::connect(options)));
    let error = source.unwrap_err();
    assert_eq!(error, queue.unwrap_err());
    assert!(!error.to_string().contains("secret"), "{error}");
    error
}

#[test]
fn a_server_that_is_down_is_said_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = refused(RedisOptions::from_url(&format!("redis://me:secret@{address}/0?list=a")).unwrap());
    assert!(error.is_unreachable());
    let message = error.to_string();
    assert!(message.starts_with(&format!("cannot reach redis://{address}/0: Connection refused")), "{message}");
    let error = refused(RedisOptions::from_url("redis+unix:///nowhere/socket?list=a&pass=secret").unwrap());
    assert!(error.is_unreachable() && error.to_string().contains("/nowhere/socket"), "{error}");
}

#[test]
fn a_password_is_asked_for_and_never_repeated() {
    let server =
        Server::with(&["--requirepass", "topsecret", "--user", "poor", "on", ">secret", "~*", "+@all", "-@scripting"]);
    let with = |more: &str| RedisOptions::from_url(&format!("{}{more}", server.url())).unwrap();
    for wrong in ["", "&pass=wrongsecret", "&user=nobody&pass=secret"] {
        let error = refused(with(wrong));
        assert!(error.is_denied() && error.to_string().contains("user and password"), "{error}");
    }
    block_on(RedisSource::connect(with("&pass=topsecret"))).unwrap();
    // A user who may do less than is needed finds out when the work begins.
    let source = block_on(RedisSource::connect(with("&user=poor&pass=secret"))).unwrap();
    let error = block_on(source.drive(&())).unwrap_err();
    assert!(error.is_denied() && !error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_key_of_another_type_is_refused_and_left_alone() {
    let server = Server::start();
    let _: String = server.ask(&["SET", KEY, "1"]);
    let error = refused(server.options());
    assert!(error.is_wrong_type());
    assert_eq!(error.to_string(), r#"the key "tasks" holds a string, not a list: choose another key with list=KEY"#);
    server.assert_keys(&[KEY]);
}

#[test]
fn a_key_that_changes_its_type_ends_the_run_and_loses_nothing() {
    let server = Server::start();
    server.push(&["1"]);
    let source = server.source();
    beside(&source, async {
        let held = crate::server::claim_all(&source, 1).await;
        let retry = fourfold::source::Verdict::Retry { after: std::time::Duration::ZERO, reason: String::new() };
        crate::server::settle(&source, held, retry).await;
    });
    let _: String = server.ask(&["SET", KEY, "1"]);
    let mut claims = fourfold::source::Claims::new();
    let claim = async { source.claim(std::num::NonZeroUsize::MIN, &mut claims, &()).await };
    let (claim, drive) = block_on(zip(claim, source.drive(&())));
    assert!(claim.unwrap_err().is_wrong_type() && drive.unwrap_err().is_wrong_type());
    assert_eq!(server.ask::<usize>(&["ZCARD", "{tasks}:fourfold:delayed"]), 1);
}
