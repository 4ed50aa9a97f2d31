//! The extension points: a trait for plugins and the table of C functions behind it.

use super::library::{guarded, plugin};
use super::views::{elements, Answer};
use super::{abi, Candidates, Kept, Picks, Plugin, Request, Result};
use std::ffi::c_void;

/// epp.filter/1: which candidates are out of the question. To keep none is a valid answer.
pub trait Filter: Plugin {
    fn filter(&self, request: &Request, candidates: &Candidates, kept: &mut Kept) -> Result<()>;
}

/// epp.scorer/1: how good each candidate is, 0 to 1, by position. All are 0 when it is called.
pub trait Scorer: Plugin {
    fn score(&self, request: &Request, candidates: &Candidates, scores: &mut [f64]) -> Result<()>;
}

/// epp.picker/1: which of the scored candidates serve the request; there is at least one, and at least one is added.
pub trait Picker: Plugin {
    fn pick(&self, request: &Request, candidates: &Candidates, scores: &[f64], picks: &mut Picks) -> Result<()>;
}

/// One extension point that a plugin serves, for [`Plugin::EXTENSIONS`].
#[derive(Clone, Copy)]
pub struct Extension {
    pub(super) id: &'static str,
    pub(super) table: *const c_void,
}

// The table is a constant.
unsafe impl Sync for Extension {}

pub const fn filter<T: Filter>() -> Extension {
    Extension { id: abi::EXT_FILTER, table: Table::<T>::FILTER as *const abi::Filter as *const c_void }
}

pub const fn scorer<T: Scorer>() -> Extension {
    Extension { id: abi::EXT_SCORER, table: Table::<T>::SCORER as *const abi::Scorer as *const c_void }
}

pub const fn picker<T: Picker>() -> Extension {
    Extension { id: abi::EXT_PICKER, table: Table::<T>::PICKER as *const abi::Picker as *const c_void }
}

struct Table<T>(T);

impl<T: Filter> Table<T> {
    const FILTER: &'static abi::Filter =
        &abi::Filter { size: std::mem::size_of::<abi::Filter>() as u32, reserved: 0, filter: call_filter::<T> };
}

impl<T: Scorer> Table<T> {
    const SCORER: &'static abi::Scorer = &abi::Scorer {
        size: std::mem::size_of::<abi::Scorer>() as u32,
        category: abi::SCORER_BALANCE,
        score: call_score::<T>,
    };
}

impl<T: Picker> Table<T> {
    const PICKER: &'static abi::Picker =
        &abi::Picker { size: std::mem::size_of::<abi::Picker>() as u32, reserved: 0, pick: call_pick::<T> };
}

unsafe extern "C" fn call_filter<T: Filter>(
    instance: *const abi::Instance,
    request: *const abi::Request,
    candidates: *const abi::Candidates,
    kept: *mut u32,
    kept_count: *mut u32,
    error: *mut abi::Error,
) -> abi::Status {
    guarded(error, || {
        let candidates = Candidates::new(candidates);
        let mut answer = Kept { answer: Answer::new(kept, candidates.len()), slots: candidates.slots() };
        plugin::<T>(instance).filter(&Request::new(request), &candidates, &mut answer)?;
        *kept_count = answer.answer.count();
        Ok(())
    })
}

unsafe extern "C" fn call_score<T: Scorer>(
    instance: *const abi::Instance,
    request: *const abi::Request,
    candidates: *const abi::Candidates,
    scores: *mut f64,
    error: *mut abi::Error,
) -> abi::Status {
    guarded(error, || {
        let candidates = Candidates::new(candidates);
        let scores = match candidates.len() {
            0 => &mut [],
            count => std::slice::from_raw_parts_mut(scores, count),
        };
        plugin::<T>(instance).score(&Request::new(request), &candidates, scores)
    })
}

unsafe extern "C" fn call_pick<T: Picker>(
    instance: *const abi::Instance,
    request: *const abi::Request,
    candidates: *const abi::Candidates,
    scores: *const f64,
    picked: *mut u32,
    picked_count: *mut u32,
    error: *mut abi::Error,
) -> abi::Status {
    guarded(error, || {
        let candidates = Candidates::new(candidates);
        let scores = elements(scores, candidates.len());
        let mut picks = Picks { answer: Answer::new(picked, candidates.len()) };
        plugin::<T>(instance).pick(&Request::new(request), &candidates, scores, &mut picks)?;
        *picked_count = picks.answer.count();
        Ok(())
    })
}
