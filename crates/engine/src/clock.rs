//! The two clocks of the core: one that never goes back and counts sleep, and the wall.

use gwanje_model::UtcMillis;
use gwanje_sync::{Mono, Now};
use std::time::{SystemTime, UNIX_EPOCH};

/// This moment by both clocks.
pub(crate) fn now() -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Now { mono: mono(), wall: UtcMillis(i64::try_from(wall).unwrap_or(i64::MAX)) }
}

/// CLOCK_BOOTTIME goes on while the machine sleeps, so a proof from before the sleep is old afterwards.
#[cfg(target_os = "linux")]
fn mono() -> Mono {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Mono(seconds * 1_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000)
}

/// Elsewhere: the standard library's clock. The system decides whether it counts sleep (Windows does).
#[cfg(not(target_os = "linux"))]
fn mono() -> Mono {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ZERO: OnceLock<Instant> = OnceLock::new();
    let elapsed = ZERO.get_or_init(Instant::now).elapsed().as_millis();
    Mono(u64::try_from(elapsed).unwrap_or(u64::MAX))
}
