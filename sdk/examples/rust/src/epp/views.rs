//! What a call is about and where its answer goes. Everything here is a reference to memory of the host, valid for one
//! call.

use super::abi;
use std::marker::PhantomData;

impl abi::Str {
    pub const ABSENT: abi::Str = abi::Str { data: std::ptr::null(), size: 0 };

    pub const fn new(text: &'static str) -> abi::Str {
        abi::Str { data: text.as_ptr(), size: text.len() as u64 }
    }

    /// For the duration of a call.
    pub fn lent(text: &str) -> abi::Str {
        abi::Str { data: text.as_ptr(), size: text.len() as u64 }
    }

    /// # Safety
    /// The memory must stay valid for `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        elements(self.data, self.size as usize)
    }

    /// What is no UTF-8 counts as empty.
    ///
    /// # Safety
    /// The memory must stay valid for `'a`.
    pub unsafe fn text<'a>(self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

/// An array of the host; the pointer to an empty one may be anything.
pub(super) unsafe fn elements<'a, T>(first: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    std::slice::from_raw_parts(first, count)
}

pub struct Request<'a>(&'a abi::Request);

impl<'a> Request<'a> {
    pub(super) unsafe fn new(raw: *const abi::Request) -> Request<'a> {
        Request(&*raw)
    }

    pub(super) fn raw(&self) -> *const abi::Request {
        self.0
    }

    /// Chosen by clients: not unique.
    pub fn id(&self) -> &'a str {
        unsafe { self.0.id.text() }
    }

    /// After rewriting.
    pub fn target_model(&self) -> &'a str {
        unsafe { self.0.target_model.text() }
    }

    /// Higher goes first, below 0 is sheddable.
    pub fn priority(&self) -> i32 {
        self.0.priority
    }

    pub fn body_size(&self) -> u64 {
        self.0.body_size
    }
}

pub struct Endpoint<'a>(&'a abi::Endpoint);

impl<'a> Endpoint<'a> {
    /// Never reused in this process: remember endpoints by this.
    pub fn uid(&self) -> u64 {
        self.0.uid
    }

    /// "namespace/name".
    pub fn id(&self) -> &'a str {
        unsafe { self.0.id.text() }
    }

    pub fn label(&self, key: &str) -> Option<&'a str> {
        let labels = unsafe { elements(self.0.labels, self.0.label_count as usize) };
        let at = labels.binary_search_by(|label| unsafe { label.key.bytes() }.cmp(key.as_bytes())).ok()?;
        Some(unsafe { labels[at].value.text() })
    }
}

/// The endpoints that may serve the request, addressed by position.
pub struct Candidates<'a>(&'a abi::Candidates);

impl<'a> Candidates<'a> {
    pub(super) unsafe fn new(raw: *const abi::Candidates) -> Candidates<'a> {
        Candidates(&*raw)
    }

    pub(super) fn raw(&self) -> *const abi::Candidates {
        self.0
    }

    pub(super) fn slots(&self) -> &'a [u32] {
        unsafe { elements(self.0.slots, self.len()) }
    }

    pub fn len(&self) -> usize {
        self.0.count as usize
    }

    pub fn endpoint(&self, position: usize) -> Endpoint<'a> {
        let slot = self.slots()[position] as usize;
        Endpoint(unsafe { &**self.0.endpoints.add(slot) })
    }
}

/// Where a filter puts the candidates that it keeps, in the order in which others are to see them.
pub struct Kept<'a> {
    pub(super) answer: Answer<'a>,
    pub(super) slots: &'a [u32],
}

impl Kept<'_> {
    /// Every position at most once.
    pub fn keep(&mut self, position: usize) {
        self.answer.push(self.slots[position]);
    }

    pub fn len(&self) -> usize {
        self.answer.count as usize
    }
}

/// Where a picker puts the positions of its choice, best first.
pub struct Picks<'a> {
    pub(super) answer: Answer<'a>,
}

impl Picks<'_> {
    /// Every position at most once.
    pub fn add(&mut self, position: usize) {
        self.answer.push(position as u32);
    }
}

/// An array of the host that is filled from the front.
pub(super) struct Answer<'a> {
    first: *mut u32,
    capacity: u32,
    count: u32,
    host: PhantomData<&'a mut u32>,
}

impl<'a> Answer<'a> {
    pub unsafe fn new(first: *mut u32, capacity: usize) -> Answer<'a> {
        Answer { first, capacity: capacity as u32, count: 0, host: PhantomData }
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    fn push(&mut self, value: u32) {
        assert!(self.count < self.capacity, "more answers than candidates");
        unsafe { self.first.add(self.count as usize).write(value) };
        self.count += 1;
    }
}
