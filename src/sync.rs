//! Wakers of futures that wait for another one of the same thread: one, many, and many in order; and what threads share.

pub(crate) mod atomic;
mod latest;
mod multi;
mod semaphore;
mod single;
mod wait_list;

pub(crate) use self::{
    latest::Latest,
    multi::MultiWakerRegistration,
    semaphore::{Semaphore, Ticket},
    single::WakerRegistration,
    wait_list::{Left, WaitList},
};
