//! Wakers that wait for another future of the same thread: one, or many.

mod multi;
mod single;

pub(crate) use self::{multi::MultiWakerRegistration, single::WakerRegistration};
