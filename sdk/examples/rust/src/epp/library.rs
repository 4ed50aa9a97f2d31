//! From a plugin type to the library's one exported symbol.

use super::{abi, Context, Error, Extension, Result};
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A plugin type, and with `self` an instance of it.
pub trait Plugin: Send + Sync + Sized + 'static {
    /// What `type:` names in the configuration.
    const NAME: &'static str;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const VENDOR: &'static str;
    /// One line.
    const DESCRIPTION: &'static str;
    /// JSON Schema (draft-07) of the parameters.
    const PARAMETERS_SCHEMA: &'static str;
    /// What it serves: `&[epp::picker::<Self>()]`.
    const EXTENSIONS: &'static [Extension];

    /// Reads its parameters, which fit the schema, and declares the attributes that it uses.
    fn new(context: &Context) -> Result<Self>;
}

/// Makes these plugin types the content of the library.
macro_rules! library {
    ($($plugin:ty),+ $(,)?) => {
        #[no_mangle]
        #[allow(non_upper_case_globals)]
        pub static epp_plugin_entry: $crate::epp::abi::Entry = {
            const TYPES: &[&$crate::epp::abi::Type] = &[$($crate::epp::describe::<$plugin>()),+];
            $crate::epp::abi::Entry {
                size: std::mem::size_of::<$crate::epp::abi::Entry>() as u32,
                abi_major: $crate::epp::abi::ABI_MAJOR,
                abi_minor: $crate::epp::abi::ABI_MINOR,
                type_count: TYPES.len() as u32,
                types: TYPES.as_ptr() as *const *const $crate::epp::abi::Type,
                init: Some($crate::epp::on_load),
                deinit: Some($crate::epp::on_unload),
            }
        };
    };
}
pub(crate) use library;

/// The host calls it before anything else.
///
/// # Safety
/// Any pointers will do.
pub unsafe extern "C" fn on_load(_host: *const abi::Host, _error: *mut abi::Error) -> abi::Status {
    std::panic::set_hook(Box::new(|_| ()));
    abi::OK
}

/// The host calls it after the last instance is gone.
///
/// # Safety
/// Safe.
pub unsafe extern "C" fn on_unload() {
    drop(std::panic::take_hook());
}

pub const fn describe<T: Plugin>() -> &'static abi::Type {
    Descriptor::<T>::TYPE
}

const MOST_EXTENSIONS: usize = 8;

struct Descriptor<T>(T);

impl<T: Plugin> Descriptor<T> {
    const IDS: &'static [abi::Str; MOST_EXTENSIONS] = &Self::ids();

    const fn ids() -> [abi::Str; MOST_EXTENSIONS] {
        let mut ids = [abi::Str::ABSENT; MOST_EXTENSIONS];
        let mut at = 0;
        while at < T::EXTENSIONS.len() {
            ids[at] = abi::Str::new(T::EXTENSIONS[at].id);
            at += 1;
        }
        ids
    }

    const TYPE: &'static abi::Type = &abi::Type {
        size: std::mem::size_of::<abi::Type>() as u32,
        stability: abi::STABILITY_BETA,
        name: abi::Str::new(T::NAME),
        version: abi::Str::new(T::VERSION),
        vendor: abi::Str::new(T::VENDOR),
        description: abi::Str::new(T::DESCRIPTION),
        parameters_schema: abi::Str::new(T::PARAMETERS_SCHEMA),
        extensions: abi::StrList { items: Self::IDS.as_ptr(), count: T::EXTENSIONS.len() as u64 },
        default_keys: abi::StrList { items: std::ptr::null(), count: 0 },
        replaced_by: abi::Str::ABSENT,
        references: None,
        create: create::<T>,
    };
}

/// An instance as the host holds it, with the plugin behind it.
#[repr(C)]
struct Instance<T> {
    raw: abi::Instance,
    plugin: T,
}

pub(super) unsafe fn plugin<'a, T: Plugin>(instance: *const abi::Instance) -> &'a T {
    &(*((*instance).data as *const Instance<T>)).plugin
}

unsafe extern "C" fn create<T: Plugin>(
    _type: *const abi::Type,
    args: *const abi::CreateArgs,
    out: *mut *mut abi::Instance,
    error: *mut abi::Error,
) -> abi::Status {
    guarded(error, || {
        let plugin = T::new(&Context::new(&*args)?)?;
        let raw = abi::Instance {
            size: std::mem::size_of::<abi::Instance>() as u32,
            reserved: 0,
            data: std::ptr::null_mut(),
            get_extension: get_extension::<T>,
            destroy: destroy::<T>,
        };
        let instance = Box::into_raw(Box::new(Instance { raw, plugin }));
        (*instance).raw.data = instance as *mut c_void;
        *out = std::ptr::addr_of_mut!((*instance).raw);
        Ok(())
    })
}

unsafe extern "C" fn get_extension<T: Plugin>(_instance: *const abi::Instance, id: abi::Str) -> *const c_void {
    let found = T::EXTENSIONS.iter().find(|extension| extension.id.as_bytes() == id.bytes());
    found.map_or(std::ptr::null(), |extension| extension.table)
}

unsafe extern "C" fn destroy<T: Plugin>(instance: *mut abi::Instance) {
    let instance = (*instance).data as *mut Instance<T>;
    guarded(std::ptr::null_mut(), || {
        drop(Box::from_raw(instance));
        Ok(())
    });
}

/// Runs plugin code; errors and panics become a status and a message.
pub(super) unsafe fn guarded(error: *mut abi::Error, body: impl FnOnce() -> Result<()>) -> abi::Status {
    let (status, message) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return abi::OK,
        Ok(Err(Error(message))) => (abi::ERR_UNTYPED, message),
        Err(payload) => (abi::ERR_INTERNAL, panic_message(payload)),
    };
    if !error.is_null() && !(*error).message.is_null() {
        let size = message.len().min((*error).message_capacity as usize);
        std::ptr::copy_nonoverlapping(message.as_ptr(), (*error).message, size);
        (*error).message_size = size as u64;
    }
    status
}

fn panic_message(payload: Box<dyn std::any::Any + Send>) -> String {
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&'static str>().map_or_else(|_| String::new(), |text| text.to_string()),
    };
    format!("panic: {text}")
}
