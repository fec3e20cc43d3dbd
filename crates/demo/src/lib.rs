//! A hub on which a simulated day runs: what `gwanje-hub demo` is. Everybody may know its accounts, and faults can be asked
//! for; nothing of it is in a production hub.

mod day;
mod drill_api;
mod error;
mod frame_faults;
mod run;
mod runner;
mod settings;

pub use error::DemoFailure;
pub use frame_faults::FrameFaults;
pub use run::run;
pub use settings::DemoSettings;
