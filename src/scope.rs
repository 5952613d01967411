//! The four patterns without a source: scopes for tasks that live in a program, and the permits that they share.

mod batch;
mod full;
mod line;
mod permits;
mod task_group;
mod task_set;
mod worker_pool;

pub use self::{
    batch::{batch, batch_with},
    full::Full,
    permits::{Acquire, Closed, Permit, Permits},
    task_group::{
        Child, Group, GroupError, GroupFailure, GroupHandle, GroupOutput, SpawnError, SpawnNamed, TaskName, task_group,
        task_group_with,
    },
    task_set::{Spawn, TaskKey, TaskSet},
    worker_pool::{JoinQueue, Push, PushError, Queue, QueueHandle, worker_pool, worker_pool_with},
};
