//! Refused sign-ins, for the audit: counted, so that whoever guesses does not fill it.

use gwanje_model::Text;
use rustc_hash::FxHashMap;
use std::sync::{Mutex, PoisonError};

/// Accounts and addresses that are counted apart until they are told; beyond that all are counted together.
const APART: usize = 1_000;

/// How often which account was refused from which address, since it was last told.
#[derive(Default)]
pub(super) struct Refusals {
    counted: Mutex<FxHashMap<(Text, Text), u64>>,
}

impl Refusals {
    /// An account was refused; none: there is no such account.
    pub fn note(&self, account: Option<Text>, from: &Text) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of = (account.unwrap_or_default(), from.clone());
        if counted.len() >= APART && !counted.contains_key(&of) {
            of = (Text::default(), Text::default());
        }
        *counted.entry(of).or_default() += 1;
    }

    /// What was counted: account, address, and how often.
    pub fn take(&self) -> Vec<(Text, Text, u64)> {
        let counted = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        counted.into_iter().map(|((account, from), count)| (account, from, count)).collect()
    }

    /// It could not be told: it is told with what comes.
    pub fn put_back(&self, untold: Vec<(Text, Text, u64)>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for (account, from, count) in untold {
            let apart = counted.len() < APART || counted.contains_key(&(account.clone(), from.clone()));
            let of = if apart { (account, from) } else { (Text::default(), Text::default()) };
            *counted.entry(of).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_counted_and_bounded() {
        let refusals = Refusals::default();
        for n in 0..(APART + 500) {
            let from = Text::from(format!("10.0.{}.{}", n / 256, n % 256));
            refusals.note(Some("kim".into()), &from);
            refusals.note(Some("kim".into()), &"10.0.0.0".into());
        }
        let taken = refusals.take();
        assert_eq!(taken.len(), APART + 1);
        assert_eq!(taken.iter().map(|(.., count)| count).sum::<u64>(), 2 * (APART as u64 + 500));
        assert!(refusals.take().is_empty());
        refusals.put_back(taken);
        let again = refusals.take();
        assert!(again.len() <= APART + 1);
        assert_eq!(again.iter().map(|(.., count)| count).sum::<u64>(), 2 * (APART as u64 + 500));
    }
}
