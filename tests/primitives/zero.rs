//! A limit of 0 is an error value where nothing could ever start, and a pause where the limit can be raised from elsewhere.

use fourfold::{
    MemorySource, Permits, TaskSet, batch, clock::SimulatedClock, config::ConfigError, scope::worker_pool_with,
    task_group, worker_pool,
};
use futures_lite::future::zip;

use super::{block_on, turn};

#[test]
fn a_scope_with_a_limit_of_0_says_so_and_starts_nothing() {
    let unstarted = async |_: u8| unreachable!("nothing can start");
    assert_eq!(block_on(batch(0, [1, 2], unstarted)), Err::<Vec<()>, _>(ConfigError::ZeroLimit));
    let started = async |_: u8, _: &_| unreachable!("nothing can start");
    assert_eq!(block_on(worker_pool(0, 1, started, async |_| ())), Err(ConfigError::ZeroWorkers));
    assert_eq!(block_on(worker_pool(1, 0, started, async |_| ())), Err(ConfigError::ZeroQueueCapacity));
    let permits = Permits::new(1);
    let pool = worker_pool_with(&permits, 1, 0, started, async |_| ());
    assert_eq!(block_on(pool), Err(ConfigError::ZeroQueueCapacity));

    let group = block_on(task_group(0, async |group| {
        group.spawn("task", async { Ok(()) }).await;
        Ok::<_, String>(())
    }));
    let error = group.unwrap_err();
    assert!(error.failures.is_empty() && error.cancelled.is_empty());
    assert_eq!(error.to_string(), "the limit is 0, and no task could start: use at least 1");
}

#[test]
fn a_set_and_a_channel_refuse_a_limit_of_0() {
    let mut set = TaskSet::new(1).unwrap();
    assert_eq!(set.set_limit(0), Err(ConfigError::ZeroLimit));
    assert_eq!(set.limit(), 1);
    assert!(set.try_spawn(std::future::pending::<()>()).is_ok());
    assert_eq!(TaskSet::<std::future::Ready<()>>::new(0).err(), Some(ConfigError::ZeroLimit));
    assert_eq!(MemorySource::<u8>::channel(0).err(), Some(ConfigError::ZeroQueueCapacity));
}

#[test]
fn permits_with_a_limit_of_0_pause_everybody_until_it_is_raised() {
    let permits = Permits::new(0);
    assert!(permits.try_acquire().is_none());
    let raise = async {
        turn().await;
        assert_eq!((permits.waiting(), permits.held()), (1, 0));
        permits.set_limit(1);
    };
    let (permit, ()) = SimulatedClock::new().run(zip(permits.acquire(), raise)).unwrap();
    assert_eq!((permits.limit(), permits.held()), (1, 1));
    drop(permit);
}
