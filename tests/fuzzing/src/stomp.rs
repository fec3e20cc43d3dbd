//! STOMP frames, however the bytes are cut.

use gwanje_wire::stomp::{Decoder, HeartBeat, Incoming, Side, StompError};

/// The first byte says which side sent the rest, and after how many bytes it is cut.
pub fn stomp(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let from = if first & 1 == 0 { Side::Server } else { Side::Client };
    let whole = read(from, bytes, usize::MAX);
    let cut = usize::from(first >> 1).max(1);
    assert!(whole == read(from, bytes, cut), "cutting after {cut} bytes makes a difference");
    for incoming in whole.0 {
        let Incoming::Frame(frame) = incoming else { continue };
        if let Ok(beat) = frame.heart_beat() {
            assert_eq!(HeartBeat::parse(&beat.to_string()), Ok(beat));
        }
        // Only a bound can keep a frame that was read from being written: escapes take more room.
        let Ok(written) = frame.to_bytes() else { continue };
        assert!(read(from, &written, usize::MAX) == (vec![Incoming::Frame(frame)], None));
    }
}

/// What could be read, and the error that ended it.
fn read(from: Side, bytes: &[u8], cut: usize) -> (Vec<Incoming>, Option<StompError>) {
    let mut decoder = Decoder::new(from);
    let mut read = Vec::new();
    for mut piece in bytes.chunks(cut.min(bytes.len()).max(1)) {
        loop {
            match decoder.read(&mut piece) {
                Ok(Some(incoming)) => read.push(incoming),
                Ok(None) => break,
                Err(error) => return (read, Some(error)),
            }
        }
    }
    (read, None)
}
