//! Sockets without a network: a tape keeps what a connection is sent.

use gwanje_hub::socket::{Outlet, Sent, Ways, Word, Words};
use gwanje_hub::store::StoreError;
use gwanje_model::CenterId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// What a connection was sent, oldest first, and whether it was closed.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    texts: Vec<String>,
    closed: bool,
    /// Its buffer is full: it takes nothing.
    full: bool,
}

impl Tape {
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().texts)
    }

    pub fn is_closed(&self) -> bool {
        self.0.lock().unwrap().closed
    }

    pub fn set_full(&self, full: bool) {
        self.0.lock().unwrap().full = full;
    }
}

impl Outlet for Tape {
    fn send(&self, text: gwanje_hub::socket::Str) -> Sent {
        let mut recorded = self.0.lock().unwrap();
        if recorded.closed {
            return Sent::Gone;
        }
        if recorded.full {
            return Sent::Full;
        }
        recorded.texts.push(text.to_string());
        Sent::Yes
    }

    fn has_room(&self) -> bool {
        !self.0.lock().unwrap().full
    }

    fn close(&self) {
        self.0.lock().unwrap().closed = true;
    }
}

/// Leads to the emissions of centers, which tests call by hand.
#[derive(Default)]
pub struct Hall(Mutex<BTreeMap<CenterId, Words<Tape>>>);

impl Hall {
    pub fn lead(&self, center: CenterId) -> mpsc::Receiver<Word<Tape>> {
        let (words, heard) = mpsc::channel(16);
        self.0.lock().unwrap().insert(center, words);
        heard
    }
}

impl Ways<Tape> for Hall {
    fn to(&self, center: &CenterId) -> Result<Words<Tape>, StoreError> {
        let words = self.0.lock().unwrap().get(center).cloned();
        words.ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }
}
