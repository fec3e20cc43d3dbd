//! Tests of a table: every cell is walked, and what is found there is compared with what the table says.
//!
//! The states and inputs of a table are enums that list their own values ([`Every`]), so that a new one has its cells at
//! once.

use gwanje_wire::ErrorCode;
use std::fmt::Debug;

/// All values of a type.
pub(crate) trait Every: Clone {
    fn every() -> Vec<Self>;
}

impl Every for bool {
    fn every() -> Vec<Self> {
        vec![false, true]
    }
}

/// Makes an enum that lists its own values. A value may carry one thing of which all values are known, too.
macro_rules! every {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $value:ident $(($inner:ty))?),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum $name { $($(#[$of])* $value $(($inner))?),+ }

        impl $crate::testing::cells::Every for $name {
            fn every() -> Vec<Self> {
                [$($crate::testing::cells::every!(@of $name::$value $(, $inner)?)),+].concat()
            }
        }
    };
    (@of $value:path) => { vec![$value] };
    (@of $value:path, $inner:ty) => {
        <$inner as $crate::testing::cells::Every>::every().into_iter().map($value).collect::<Vec<_>>()
    };
}
pub(crate) use every;

/// Lists the values of an enum that is defined elsewhere; the compiler sees to it that none is missing.
macro_rules! every_of {
    ($name:ident { $($value:ident),+ $(,)? }) => {
        impl $crate::testing::cells::Every for $name {
            fn every() -> Vec<Self> {
                let listed = |value: Self| match value {
                    $($name::$value => value),+
                };
                [$($name::$value),+].map(listed).to_vec()
            }
        }
    };
}
pub(crate) use every_of;

every_of!(ErrorCode {
    Unauthorized,
    Forbidden,
    NotFound,
    Invalid,
    InvalidTransition,
    Conflict,
    Void,
    Resync,
    TooManyRequests,
    Unavailable,
    Other,
});

impl<A: Every, B: Every> Every for (A, B) {
    fn every() -> Vec<Self> {
        let with = |a: A| B::every().into_iter().map(move |b| (a.clone(), b));
        A::every().into_iter().flat_map(with).collect()
    }
}

impl<A: Every, B: Every, C: Every> Every for (A, B, C) {
    fn every() -> Vec<Self> {
        <((A, B), C)>::every().into_iter().map(|((a, b), c)| (a, b, c)).collect()
    }
}

/// What a table describes: it stands in one of some states, and one of some things happens to it.
pub(crate) trait Machine: Sized {
    type At: Copy + Debug + PartialEq;
    type Happens;

    /// Where the ways to all states begin.
    fn new() -> Self;

    /// What leads from there to a state.
    fn way(at: Self::At) -> Vec<Self::Happens>;

    fn happen(&mut self, what: Self::Happens);

    fn place(&self) -> Self::At;

    /// What whoever drives it does at once in the state that it has come to.
    fn arrive(&mut self) {}

    /// What has come of it so far is looked at no more.
    fn forget(&mut self);

    /// Goes the way to a state; nothing has come of it yet.
    fn go(mut self, at: Self::At) -> Self {
        for step in Self::way(at) {
            self.happen(step);
        }
        self.arrive();
        assert_eq!(self.place(), at, "the way to a state leads there");
        self.forget();
        self
    }

    /// In that state.
    fn at(at: Self::At) -> Self {
        Self::new().go(at)
    }
}

/// Compares what the table says of each cell with what is found there; all cells that differ are told at once.
pub(crate) fn compare<C: Debug, T: Debug + PartialEq>(
    cells: impl IntoIterator<Item = C>,
    table: impl Fn(&C) -> T,
    found: impl Fn(&C) -> T,
) {
    let (mut walked, mut wrong) = (0, Vec::new());
    walk(cells, |cell| {
        walked += 1;
        let (says, found) = (table(cell), found(cell));
        if says != found {
            wrong.push(format!("{cell:?}\n    the table: {says:?}\n    found:     {found:?}"));
        }
    });
    assert!(wrong.is_empty(), "{} of {walked} cells differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Checks each cell; where a check fails, its cell is told.
pub(crate) fn walk<C: Debug>(cells: impl IntoIterator<Item = C>, mut check: impl FnMut(&C)) {
    /// Tells its cell unless it is forgotten.
    struct Failing<'a, C: Debug>(&'a C);

    impl<C: Debug> Drop for Failing<'_, C> {
        fn drop(&mut self) {
            eprintln!("in the cell {:?}", self.0);
        }
    }

    let mut walked = 0;
    for cell in cells {
        let failing = Failing(&cell);
        check(failing.0);
        std::mem::forget(failing);
        walked += 1;
    }
    assert!(walked > 1, "a table has cells");
}

#[cfg(test)]
mod tests {
    use super::*;

    every!(Inner { One, Two });
    every!(Outer { Alone, With(Inner), });

    #[test]
    fn every_value_is_listed_once_and_every_cell_walked() {
        assert_eq!(Outer::every(), [Outer::Alone, Outer::With(Inner::One), Outer::With(Inner::Two)]);
        let walked = std::cell::RefCell::new(Vec::new());
        compare(<(Inner, bool)>::every(), |_| (), |cell| walked.borrow_mut().push(*cell));
        let all = [(Inner::One, false), (Inner::One, true), (Inner::Two, false), (Inner::Two, true)];
        assert_eq!(*walked.borrow(), all);
    }

    #[test]
    #[should_panic(expected = "1 of 2 cells differ:\nTwo\n    the table: false\n    found:     true")]
    fn a_cell_that_differs_is_told() {
        compare(Inner::every(), |_| false, |cell| *cell == Inner::Two);
    }
}
