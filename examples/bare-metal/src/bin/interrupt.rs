//! An interrupt feeds a source, and drains its run when it has had enough.
#![no_std]
#![no_main]

use core::cell::{Cell, RefCell};

use async_channel::Sender;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::hprintln;
use critical_section::Mutex;
use fourfold::{Control, Failure, MemorySource, Run, Task};
use fourfold_bare_metal::{heap, succeed, wait::block_on};
use futures_lite::future::yield_now;
use panic_semihosting as _;

/// How many readings the run gets before it is told to stop.
const READINGS: u32 = 200;

/// What the interrupt works with.
struct Sensor {
    sender: Sender<u32>,
    control: Control,
    next: u32,
}

static SENSOR: Mutex<RefCell<Option<Sensor>>> = Mutex::new(RefCell::new(None));

/// The interrupt of a timer: another reading, until the run drains.
#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let mut sensor = SENSOR.borrow_ref_mut(section);
        let Some(sensor) = &mut *sensor else { return };
        if sensor.next == READINGS {
            sensor.control.drain();
        } else if sensor.sender.try_send(sensor.next).is_ok() {
            // A reading for which there is no room is tried again, as the next interrupt's.
            sensor.next += 1;
        }
    });
}

#[entry]
fn main() -> ! {
    heap::init();
    let control = Control::new();
    let (sender, source) = MemorySource::channel(4).expect("the capacity is not 0");
    critical_section::with(|section| {
        SENSOR.borrow(section).replace(Some(Sensor { sender, control: control.clone(), next: 0 }));
    });
    let mut timer = cortex_m::Peripherals::take().expect("nobody has taken them").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(5_000);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();

    let (count, sum) = (Cell::new(0_u64), Cell::new(0));
    let handler = async |reading: &Task<u32>| {
        yield_now().await;
        count.set(count.get() + 1);
        sum.set(sum.get() + reading.payload);
        Ok::<_, Failure>(())
    };
    let report = block_on(Run::new(&source, handler).limit(2).control(&control).into_future());
    timer.disable_interrupt();

    let done = report.expect("memory does not fail").counters.done;
    let left = source.take_rest();
    // The sender lives on in the interrupt: it was the drain that ended the run.
    let is_open = critical_section::with(|section| SENSOR.borrow_ref(section).is_some());
    assert!(is_open && control.is_draining());
    assert_eq!(done + left.len() as u64, u64::from(READINGS));
    assert_eq!(sum.get() + left.iter().map(|task| task.payload).sum::<u32>(), READINGS * (READINGS - 1) / 2);
    assert_eq!(count.get(), done);
    hprintln!("{} readings from an interrupt done, {} given back", done, left.len());
    succeed()
}
