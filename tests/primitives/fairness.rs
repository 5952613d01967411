//! Nobody is kept waiting: not the host beside a scope, not a sibling, however deep scopes lie in each other.
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, IntoFuture, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use fourfold::{MemorySource, Pattern, Run, Task, TaskSet, batch, executor::POLLS_PER_TURN, task_group, worker_pool};
use futures_lite::future::{ready, yield_now};

use super::{block_on, nz};

/// Random numbers: splitmix64.
#[derive(Default)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(z ^ (z >> 31)) * bound as u128) >> 64) as usize
    }
}

/// How many turns a host has beside a scope, until the scope has ended.
fn host_turns(scope: impl Future<Output = ()>) -> usize {
    let mut scope = pin!(scope);
    block_on(async {
        let mut turns = 1;
        while futures_lite::future::poll_once(&mut scope).await.is_none() {
            turns += 1;
            yield_now().await;
        }
        turns
    })
}

async fn yields(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

#[test]
fn leaves_that_yield_let_the_host_go_on_from_two_levels_down() {
    let nested = batch(nz(8), 0..8, async |_| {
        batch(nz(8), 0..8, async |_| yields(10_000).await).await.unwrap();
    });
    let turns = host_turns(async { drop(nested.await) });
    assert!(turns >= 10_000, "{turns} turns");
}

#[test]
fn leaves_that_yield_let_the_host_go_on_from_three_levels_down() {
    async fn join(depth: usize) {
        let mut set = TaskSet::new(nz(4)).unwrap();
        for _ in 0..4 {
            let child: Pin<Box<dyn Future<Output = ()>>> =
                if depth > 1 { Box::pin(join(depth - 1)) } else { Box::pin(yields(10_000)) };
            set.spawn(child).await;
        }
        set.join().await;
    }
    let turns = host_turns(join(3));
    assert!(turns >= 10_000, "{turns} turns");
}

#[test]
fn a_set_whose_tasks_keep_ending_lets_the_host_go_on() {
    const TASKS: usize = 100_000;
    let filled = || {
        let mut set = TaskSet::new(nz(TASKS)).unwrap();
        for _ in 0..TASKS {
            assert!(set.try_spawn(yield_now()).is_ok());
        }
        set
    };
    let join = async {
        filled().join().await;
    };
    let next = async {
        let mut set = filled();
        while set.next().await.is_some() {}
    };
    let drive = async {
        let mut set = filled();
        let ended = Cell::new(0);
        set.drive(poll_fn(|_| {
            ended.set(ended.get() + 1);
            if ended.get() > TASKS / POLLS_PER_TURN { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
    };
    let spawn = async {
        let mut set = TaskSet::new(nz(1)).unwrap();
        for _ in 0..TASKS {
            set.spawn(ready(())).await;
            assert_eq!(set.prune().len(), 1);
        }
    };
    for (name, turns) in [
        ("join", host_turns(join)),
        ("next", host_turns(next)),
        ("drive", host_turns(drive)),
        ("spawn", host_turns(spawn)),
    ] {
        assert!(turns >= TASKS / POLLS_PER_TURN - 1, "{turns} turns beside {name}");
    }
}

#[test]
fn a_tick_is_finished_before_its_first_result_is_handed_out() {
    let sent = Cell::new(0);
    let answered = Cell::new(false);
    block_on(async {
        let mut set = TaskSet::new(nz(10)).unwrap();
        for n in 0..10 {
            let (sent, answered) = (&sent, &answered);
            set.spawn(async move {
                while !answered.get() {
                    yield_now().await;
                }
                sent.set(sent.get() + 1);
                if n > 0 {
                    yield_now().await;
                }
            })
            .await;
        }
        answered.set(true);
        set.next().await;
        assert_eq!(sent.get(), 10, "the others have sent their second request before the first result is used");
    });
}

#[test]
fn a_set_gets_on_with_a_caller_that_only_looks() {
    block_on(async {
        let mut set = TaskSet::new(nz(2)).unwrap();
        let mut results = Vec::new();
        for n in 0..10 {
            let mut task = Some(async move {
                yields(3).await;
                n
            });
            while let Some(next) = task.take() {
                task = set.try_spawn(next).err().map(fourfold::scope::Full::into_inner);
                results.extend(set.try_next());
                yield_now().await;
            }
        }
        while !set.is_empty() {
            results.extend(set.try_next());
        }
        results.extend(set.prune());
        assert_eq!(results, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn a_scope_that_blocks_within_a_task_comes_to_its_end() {
    let outer = batch(nz(2), 0..2, async |_| {
        yield_now().await;
        block_on(async {
            let mut set = TaskSet::new(nz(700)).unwrap();
            for _ in 0..700 {
                set.spawn(yields(5)).await;
            }
            set.join().await.len()
        })
    });
    assert_eq!(block_on(outer).unwrap(), [700, 700]);
}

/// A run that is polled again and again within one poll of the outermost future goes on with what is left of its turn.
#[test]
fn a_run_that_its_sibling_keeps_waking_has_one_turn_in_a_poll_of_the_host() {
    let (starts, most) = (Cell::new(0), Cell::new(0));
    let wakers = RefCell::new([None::<Waker>, None]);
    let wake = |n: usize| {
        let waker = wakers.borrow()[n].clone();
        waker.into_iter().for_each(Waker::wake);
    };
    let is_over = Cell::new(false);
    let both = batch(nz(2), 0..2, async |n| {
        let source = MemorySource::new(0..100_000);
        let run = Run::new(&source, async |_: &Task<u32>| {
            starts.set(starts.get() + 1);
            wake(1);
            Ok::<_, Infallible>(())
        });
        let mut run = run.into_future();
        poll_fn(|cx| {
            wakers.borrow_mut()[n] = Some(cx.waker().clone());
            if n == 0 {
                return run.as_mut().poll(cx).map(|ended| is_over.set(ended.is_ok()));
            }
            wake(0);
            if is_over.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
    let mut both = pin!(both);
    block_on(poll_fn(|cx| {
        let poll = both.as_mut().poll(cx);
        most.set(most.get().max(starts.take()));
        poll.map(drop)
    }));
    assert!(is_over.get());
    assert!(most.get() <= POLLS_PER_TURN, "{} starts in one poll of the host", most.get());
}

/// What a random tree of scopes shares with the host that polls it.
#[derive(Default)]
struct World {
    /// Polls of leaves in this poll of the host.
    polls: Cell<usize>,
    /// How many they may be at most: for each scope that there is or was during this poll, its children and a turn.
    bound: Cell<usize>,
    /// The part of it that goes with the scopes that have ended during this poll.
    ended: Cell<usize>,
    random: RefCell<Random>,
    /// Of leaves that wait for another one.
    waiting: RefCell<Vec<Waker>>,
}

impl World {
    fn below(&self, bound: usize) -> usize {
        self.random.borrow_mut().below(bound)
    }

    /// Wakes one of those who wait.
    fn wake_one(&self) {
        let waiting = self.waiting.borrow().len();
        if waiting > 0 {
            let waker = self.waiting.borrow_mut().swap_remove(self.random.borrow_mut().below(waiting));
            waker.wake();
        }
    }
}

struct Bound<'w>(&'w World, usize);

impl<'w> Bound<'w> {
    fn new(world: &'w World, children: usize) -> Self {
        let bound = children + POLLS_PER_TURN;
        world.bound.set(world.bound.get() + bound);
        Self(world, bound)
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        self.0.ended.set(self.0.ended.get() + self.1);
    }
}

type Child<'w> = Pin<Box<dyn Future<Output = ()> + 'w>>;

/// A leaf that is ready at once, wakes itself, or wakes others and waits for them.
fn leaf(world: &World) -> Child<'_> {
    let kind = world.below(5);
    let mut left = if kind == 0 { 0 } else { world.below(40) };
    Box::pin(poll_fn(move |cx: &mut Context<'_>| {
        world.polls.set(world.polls.get() + 1);
        if left == 0 {
            world.wake_one();
            return Poll::Ready(());
        }
        left -= 1;
        if kind < 3 {
            cx.waker().wake_by_ref();
        } else {
            for _ in 3..=kind {
                world.wake_one();
            }
            world.waiting.borrow_mut().push(cx.waker().clone());
        }
        Poll::Pending
    }))
}

fn child(world: &World, depth: usize) -> Child<'_> {
    if depth == 0 || world.below(8) == 0 { leaf(world) } else { Box::pin(scope(world, depth)) }
}

async fn scope(world: &World, depth: usize) {
    let children = if depth > 1 { 1 + world.below(6) } else { [1, 7, 100, 700, 2000][world.below(5)] };
    let limit = nz([1, 2, 9, 600, 4000][world.below(5)]);
    let _bound = Bound::new(world, children);
    match world.below(8) {
        0 => {
            let mut set = TaskSet::new(limit).unwrap();
            for _ in 0..children {
                set.spawn(child(world, depth - 1)).await;
            }
            set.join().await;
        }
        1 => {
            let mut set = TaskSet::new(limit).unwrap();
            for _ in 0..children {
                set.spawn(child(world, depth - 1)).await;
                set.try_next();
            }
            while set.next().await.is_some() {}
        }
        2 => {
            batch(limit, 0..children, async |_| child(world, depth - 1).await).await.unwrap();
        }
        3 => {
            worker_pool(
                limit,
                nz(3),
                async |_, _: &_| child(world, depth - 1).await,
                async |queue| {
                    for n in 0..children {
                        assert!(queue.push(n).await.is_ok());
                    }
                },
            )
            .await
            .unwrap();
        }
        4..7 => {
            let source = MemorySource::new(0..children);
            let run = Run::new(&source, async |_: &Task<usize>| {
                child(world, depth - 1).await;
                Ok::<_, Infallible>(())
            });
            let run = run.pattern(Pattern::ALL[world.below(4)]).limit(limit);
            assert_eq!(run.into_future().await.unwrap().counters.done, children as u64);
        }
        _ => {
            let group = task_group(limit, async |group| {
                for _ in 0..children {
                    let task = child(world, depth - 1);
                    group
                        .spawn("child", async move {
                            task.await;
                            Ok::<_, ()>(())
                        })
                        .await;
                }
                Ok(())
            });
            assert!(group.await.is_ok());
        }
    }
}

/// One poll of the outermost future polls, over all scopes in it, the tasks held and 512 leaves each at most: a sum.
#[test]
fn one_poll_of_the_outermost_future_is_bounded_by_a_sum_over_the_scopes_in_it() {
    for seed in 0..60 {
        let world = World { random: RefCell::new(Random(seed)), ..World::default() };
        let mut root = pin!(scope(&world, 3));
        let turns = block_on(async {
            let mut turns = 0;
            loop {
                world.polls.set(0);
                let end = futures_lite::future::poll_once(&mut root).await;
                let (polls, bound) = (world.polls.get(), world.bound.get());
                assert!(polls <= bound, "seed {seed}, turn {turns}: {polls} polls of leaves, {bound} are the bound");
                world.bound.set(bound - world.ended.take());
                if end.is_some() {
                    return turns;
                }
                turns += 1;
                assert!(turns < 1_000_000, "seed {seed}: it does not get on");
                // So that nobody waits for those who have ended.
                world.wake_one();
                yield_now().await;
            }
        });
        assert_eq!(world.bound.get(), 0, "seed {seed}: after {turns} turns every scope has ended");
    }
}
