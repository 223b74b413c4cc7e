//! The rooms of `tap-intercom`, a Singer tap for Intercom, and `target-gcs`, a Singer target for Google
//! Cloud Storage. They are a library so that the two programs share them: **nothing is promised to
//! other crates**, and no version number speaks of it. What stands below is all that can be reached.

mod cli;
mod http;
mod json;
mod schema;
mod singer;
mod tap;
mod target;

pub use tap::run::main as tap_intercom;
pub use target::run::main as target_gcs;

/// What this project's own tests, examples, benchmark and fuzz targets look at.
pub mod internals {
    pub use crate::cli::{Program, about, command, settings};
    pub use crate::json::scanner::Scanner;
    pub use crate::schema::growth::GrowingSchema;
    pub use crate::schema::validator::Validator;
    pub use crate::singer::messages::Message;

    /// Of the tap.
    pub mod tap {
        pub use crate::tap::along::transcript;
        pub use crate::tap::arguments::Arguments;
        pub use crate::tap::config::Settings;
        pub use crate::tap::plan::discover;
        pub use crate::tap::read::bookmark::Bookmark;
        pub use crate::tap::read::page;
        pub use crate::tap::records;
        pub use crate::tap::run::{PROGRAM, catalog_json};
        pub use crate::tap::streams;
        pub use crate::tap::time::EpochSeconds;
    }

    /// Of the target.
    pub mod target {
        pub use crate::target::arguments::Arguments;
        pub use crate::target::config::{PROGRAM, Settings};
        pub use crate::target::object_name::PathTemplate;
        pub use crate::target::status_page;
    }
}
