//! Whoever waits for what a transaction decides: answered once it is durable, or told that it was not.

use crate::store::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Waiting<T> = oneshot::Sender<Result<T, StoreError>>;

/// Whoever waits for an answer, given once at most.
pub(super) struct Answer<T>(Arc<Mutex<Option<Waiting<T>>>>);

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Answer<T> {
    pub fn new() -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (answer, answered) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(answer)))), answered)
    }

    pub fn give(&self, value: Result<T, StoreError>) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever asked may have gone; what was written stays.
        waiting.map(|waiting| waiting.send(value).ok());
    }
}

/// Gives an answer once the transaction is durable.
pub(super) type Settle = Box<dyn FnOnce() + Send>;

/// Gives `value` then.
pub(super) fn settle<T: Send + 'static>(answer: &Answer<T>, value: T) -> Settle {
    let answer = answer.clone();
    Box::new(move || answer.give(Ok(value)))
}
