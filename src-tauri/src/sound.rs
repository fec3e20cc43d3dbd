//! The sound of an alarm, played from Rust because a page in the background may be throttled.

use rodio::source::{SineWave, Source};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

/// More alarms than this waiting for their sound are one noise anyway.
const QUEUE: usize = 4;
/// Two tones, high then low: heard in a loud room, and unlike a telephone. Hertz.
const TONES_HZ: [f32; 2] = [1_046.5, 783.99];
/// How long each tone sounds.
const TONE: Duration = Duration::from_millis(180);
/// Loud enough to be noticed, below clipping.
const VOLUME: f32 = 0.35;

/// Plays sounds on a thread of its own, which opens the audio device with the first of them.
#[derive(Debug, Clone)]
pub struct Sounds(SyncSender<()>);

impl Sounds {
    /// Starts the thread; it ends when the last handle is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start() -> std::io::Result<Self> {
        let (sender, due) = sync_channel(QUEUE);
        std::thread::Builder::new().name("sounds".to_owned()).spawn(move || {
            let mut warned = false;
            while due.recv().is_ok() {
                if let Err(error) = play() {
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

    /// Sounds the alarm, soon; dropped when several are waiting already.
    pub fn alarm(&self) {
        let _ = self.0.try_send(());
    }
}

/// Opens the device for each alarm: alarms are rare, and an open device costs power and may have gone away since.
fn play() -> Result<(), rodio::stream::DeviceSinkError> {
    let mut device = rodio::DeviceSinkBuilder::open_default_sink()?;
    device.log_on_drop(false);
    let player = rodio::Player::connect_new(device.mixer());
    for hz in TONES_HZ {
        player.append(SineWave::new(hz).take_duration(TONE).amplify(VOLUME));
    }
    player.sleep_until_end();
    Ok(())
}
