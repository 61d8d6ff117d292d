//! The audit log: one JSON record a line, chained by hashes, on disk before anything runs.
//!
//! Must never report a record as written that is not on disk, and never lose a whole record to
//! repair a torn one. Knows nothing of policy, approvals or transports but the words it writes down.

mod ending;
pub mod export;
pub mod files;
pub mod log;
pub mod mask;
pub mod query;
pub mod record;
pub mod report;
pub mod rotate;
pub mod seal;
pub mod ship;
pub mod stats;
pub mod stream;
pub mod tail;
pub mod verify;

pub use log::{Appended, Error, Log};
pub use record::{Entry, Event};
