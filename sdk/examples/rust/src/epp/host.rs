//! What the host offers while an instance is made: parameters, and attributes to read afterwards.

use super::{abi, Candidates, Error, Request, Result};
use std::marker::PhantomData;

/// The host as the constructor of an instance sees it.
pub struct Context<'a> {
    args: &'a abi::CreateArgs,
    parameters: &'a abi::HostParameters,
    attributes: *const abi::HostAttributes,
}

impl<'a> Context<'a> {
    pub(super) unsafe fn new(args: &'a abi::CreateArgs) -> Result<Context<'a>> {
        let parameters: *const abi::HostParameters = service(args, abi::HOST_PARAMETERS)?;
        Ok(Context { args, parameters: &*parameters, attributes: service(args, abi::HOST_ATTRIBUTES)? })
    }

    /// Of the instance, in the configuration.
    pub fn name(&self) -> &'a str {
        unsafe { self.args.name.text() }
    }

    /// The parameter at a JSON pointer such as "/threshold", if it is a number.
    pub fn number(&self, pointer: &str) -> Option<f64> {
        let pointer = abi::Str::lent(pointer);
        let number = unsafe { (self.parameters.number)(self.args.self_, pointer) };
        if number.is_nan() {
            return None;
        }
        Some(number)
    }

    /// The same for a string.
    pub fn text(&self, pointer: &str) -> Option<&'a str> {
        let text = unsafe { (self.parameters.string)(self.args.self_, abi::Str::lent(pointer)) };
        if text.data.is_null() {
            return None;
        }
        Some(unsafe { text.text() })
    }

    /// An attribute of endpoints that somebody must produce.
    pub fn require_f64(&self, key: &str) -> Result<F64Column> {
        self.consume(key, abi::ACCESS_REQUIRE)
    }

    /// The same, which may be missing everywhere.
    pub fn optional_f64(&self, key: &str) -> Result<F64Column> {
        self.consume(key, abi::ACCESS_OPTIONAL)
    }

    fn consume(&self, key: &str, access: u32) -> Result<F64Column> {
        let (host, key_text) = (self.args.self_, abi::Str::lent(key));
        let declare = unsafe { (*self.attributes).declare };
        match unsafe { declare(host, key_text, abi::TYPE_F64, abi::SCOPE_ENDPOINT, access, 0) } {
            abi::ATTR_NONE => Err(format!("attribute {key} is known with another type or scope").into()),
            attr => Ok(F64Column { attributes: self.attributes, host, attr }),
        }
    }
}

unsafe fn service<T>(args: &abi::CreateArgs, id: &'static str) -> Result<*const T> {
    let table = ((*args.host).get_extension)(args.host, abi::Str::new(id)) as *const T;
    if table.is_null() {
        return Err(Error(format!("the host does not offer {id}")));
    }
    Ok(table)
}

/// A declared attribute with one value per endpoint.
pub struct F64Column {
    attributes: *const abi::HostAttributes,
    host: *mut abi::HostSelf,
    attr: abi::Attr,
}

// The host's tables outlive the instance, and reading is for every thread.
unsafe impl Send for F64Column {}
unsafe impl Sync for F64Column {}

impl F64Column {
    /// The values that one call sees.
    pub fn of<'a>(&self, request: &'a Request, candidates: &'a Candidates) -> F64View<'a> {
        let by_slot = unsafe { ((*self.attributes).f64)(self.host, request.raw(), candidates.raw(), self.attr) };
        F64View { by_slot, slots: candidates.slots(), host: PhantomData }
    }
}

pub struct F64View<'a> {
    by_slot: *const f64,
    slots: &'a [u32],
    host: PhantomData<&'a f64>,
}

impl F64View<'_> {
    /// Nothing where nobody wrote a value.
    pub fn get(&self, position: usize) -> Option<f64> {
        let value = unsafe { *self.by_slot.add(self.slots[position] as usize) };
        if value.is_nan() {
            return None;
        }
        Some(value)
    }
}
