//! The plugin ABI in Rust: what a filter, a scorer or a picker takes, without crates. Copy this folder into a plugin and
//! add to it what is missing; the C headers of the SDK are the specification.
//!
//! A plugin is a type that implements [`Plugin`] and one or more of [`Filter`], [`Scorer`] and [`Picker`], and one line
//! that makes it the library's entry:
//!
//! ```ignore
//! epp::library!(MyPlugin);
//! ```
//!
//! The host calls an instance from many threads at once, so plugins are `Sync`. A panic does not leave the library: it
//! becomes an error status with its message, and is counted as a fault by the host.
//!
//! The library unloads. To that end the default panic hook, whose use of the thread's name would pin the library to
//! every thread that panicked, is replaced by one that says nothing. For the same reason a plugin has no thread-local
//! with a destructor, and ends its threads before it is dropped.

// A plugin uses a part of it.
#![allow(dead_code, unused_imports)]

pub mod abi;
mod host;
mod library;
mod tables;
mod views;

pub use host::{Context, F64Column, F64View};
pub use library::{describe, on_load, on_unload, Plugin};
pub use tables::{filter, picker, scorer, Extension, Filter, Picker, Scorer};
pub use views::{Candidates, Endpoint, Kept, Picks, Request};

pub(crate) use library::library;

/// Why something failed, for the operator. From `new` it refuses the configuration.
#[derive(Debug)]
pub struct Error(pub String);

impl From<&str> for Error {
    fn from(message: &str) -> Error {
        Error(message.to_string())
    }
}

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error(message)
    }
}

pub type Result<T> = std::result::Result<T, Error>;
