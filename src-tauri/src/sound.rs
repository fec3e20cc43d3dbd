//! The sounds of alarms, played from Rust because a page in the background may be throttled: one listener a seat, whatever
//! windows there are. What sounds when is decided in [`crate::sounding`].

use crate::sounding::Sounding;
use gwanje_engine::Events;
use gwanje_engine::model::UtcMillis;
use gwanje_engine::wire::rest::AlarmKind;
use rodio::source::{SineWave, Source};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

/// More alarms than this waiting for their sound are one noise anyway.
const QUEUE: usize = 4;
/// Two tones, high then low: heard in a loud room, and unlike a telephone. Hertz.
const CANCELLED_HZ: [f32; 2] = [1_046.5, 783.99];
/// The other way and lower: it asks to look at the connection, not at a delivery. Hertz.
const UNPROVEN_HZ: [f32; 2] = [392.0, 523.25];
/// How long each tone sounds.
const TONE: Duration = Duration::from_millis(180);
/// Loud enough to be noticed, below clipping.
const VOLUME: f32 = 0.35;

/// Plays sounds on a thread of its own, which opens the audio device with the first of them.
#[derive(Debug, Clone)]
pub struct Sounds(SyncSender<AlarmKind>);

impl Sounds {
    /// Starts the thread; it ends when the last handle is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start() -> std::io::Result<Self> {
        let (sender, due) = sync_channel(QUEUE);
        std::thread::Builder::new().name("sounds".to_owned()).spawn(move || {
            let mut warned = false;
            while let Ok(kind) = due.recv() {
                if let Err(error) = play(tones(kind)) {
                    // The banner is there all the same; one line in the log tells why it was silent.
                    if !warned {
                        tracing::warn!(%error, "no sound: no audio device");
                    }
                    warned = true;
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Sounds an alarm of a kind, soon; dropped when several are waiting already.
    pub fn alarm(&self, kind: AlarmKind) {
        let _ = self.0.try_send(kind);
    }
}

/// Plays what is due until the engine stops. What an earlier one left open is not this one's.
pub async fn listen(mut events: Events, sounding: Arc<Mutex<Sounding>>, sounds: Sounds) {
    held(&sounding).begin();
    loop {
        let deadline = held(&sounding).deadline();
        let again = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let sound = tokio::select! {
            event = events.next() => match event {
                Some(event) => held(&sounding).hear(&event, Instant::now(), wall()),
                None => break,
            },
            () = again => held(&sounding).again(Instant::now(), wall()),
        };
        if let Some(kind) = sound {
            sounds.alarm(kind);
        }
    }
}

/// What sounds when; nothing in it is half done when somebody else panics.
pub fn held(sounding: &Mutex<Sounding>) -> MutexGuard<'_, Sounding> {
    sounding.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The desk's clock.
pub fn wall() -> UtcMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn tones(kind: AlarmKind) -> [f32; 2] {
    match kind {
        AlarmKind::Unproven => UNPROVEN_HZ,
        AlarmKind::Cancelled | AlarmKind::Late | AlarmKind::Unconfirmed | AlarmKind::Unaccepted => {
            CANCELLED_HZ
        }
    }
}

/// Opens the device for each alarm: alarms are rare, and an open device costs power and may have gone away since.
fn play(tones: [f32; 2]) -> Result<(), rodio::stream::DeviceSinkError> {
    let mut device = rodio::DeviceSinkBuilder::open_default_sink()?;
    device.log_on_drop(false);
    let player = rodio::Player::connect_new(device.mixer());
    for hz in tones {
        player.append(SineWave::new(hz).take_duration(TONE).amplify(VOLUME));
    }
    player.sleep_until_end();
    Ok(())
}
