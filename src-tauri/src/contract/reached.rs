//! A Rust type as the page names it, with every type that it reaches: nobody lists types by hand.

use std::collections::{BTreeMap, BTreeSet};
use ts_rs::{Config, TS, TypeVisitor};

/// The text of each type that has a file of its own, by name.
pub type Reached = BTreeMap<String, String>;

/// A type of the contract.
pub struct Type {
    /// Its name in TypeScript.
    pub name: String,
    /// The types of its own file that its name is made of.
    pub named: BTreeSet<String>,
    /// Those, and all that they are made of.
    pub reached: Reached,
}

impl Type {
    /// The type of `T`.
    pub fn of<T: TS + 'static>() -> Self {
        // Integers of the contract stay below 2^53.
        let config = Config::default().with_large_int("number");
        let mut named = Direct { config: &config, names: BTreeSet::new() };
        named.visit::<T>();
        T::visit_generics(&mut named);
        let named = named.names;
        let mut all = All { config: &config, reached: Reached::new() };
        all.visit::<T>();
        T::visit_generics(&mut all);
        let reached = all.reached;
        let name = if T::name(&config) == <()>::name(&config) { "void".to_owned() } else { T::name(&config) };
        Self { name, named, reached }
    }
}

/// Notes types by name.
struct Direct<'a> {
    config: &'a Config,
    names: BTreeSet<String>,
}

impl TypeVisitor for Direct<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_some() {
            self.names.insert(T::ident(self.config));
        }
    }
}

/// Follows types to all that they are made of.
struct All<'a> {
    config: &'a Config,
    reached: Reached,
}

impl TypeVisitor for All<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_none() {
            return;
        }
        let name = T::ident(self.config);
        let text = T::export_to_string(self.config).unwrap();
        match self.reached.insert(name.clone(), text.clone()) {
            None => T::visit_dependencies(self),
            Some(known) => assert_eq!(known, text, "two types are called {name}"),
        }
    }
}
