//! Wakers of futures that wait for another one of the same thread: one, or many.

mod multi;
mod single;

pub(crate) use self::{multi::MultiWakerRegistration, single::WakerRegistration};
