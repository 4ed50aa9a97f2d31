//! The structs of the C headers, as far as this module needs them: `epp/abi.h`, `epp/ext/*.h`, `epp/host/*.h`. What
//! they mean is said there. Every offset and size is compared with the compiler's own while it compiles.

use std::ffi::c_void;

pub const ABI_MAJOR: u32 = 1;
pub const ABI_MINOR: u32 = 0;

pub type Status = i32;
pub const OK: Status = 0;
pub const ERR_INTERNAL: Status = -1;
pub const ERR_UNTYPED: Status = -9;

pub type Attr = u32;
pub const ATTR_NONE: Attr = 0;
pub const TYPE_F64: u32 = 1;
pub const SCOPE_ENDPOINT: u32 = 1;
pub const ACCESS_REQUIRE: u32 = 2;
pub const ACCESS_OPTIONAL: u32 = 3;

pub const JSON_NUMBER: u32 = 2;
pub const JSON_STRING: u32 = 3;

pub const STABILITY_BETA: u32 = 1;
pub const SCORER_BALANCE: u32 = 3;

pub const EXT_FILTER: &str = "epp.filter/1";
pub const EXT_SCORER: &str = "epp.scorer/1";
pub const EXT_PICKER: &str = "epp.picker/1";
pub const HOST_ATTRIBUTES: &str = "epp.host.attributes/1";
pub const HOST_PARAMETERS: &str = "epp.host.parameters/1";

/// Memory in which each byte is its own offset: the byte at the address of a field is the field's offset.
#[repr(C, align(16))]
struct Ruler([u8; 256]);

impl Ruler {
    const fn new() -> Ruler {
        let mut marks = [0; 256];
        let mut at = 0;
        while at < marks.len() {
            marks[at] = at as u8;
            at += 1;
        }
        Ruler(marks)
    }
}

const RULER: &Ruler = &Ruler::new();

/// `struct NAME is C_NAME of SIZE bytes {OFFSET => FIELD: TYPE, ...}`: a C struct. `begins` instead of `is ... of`: the
/// first members of one that the host fills and that goes on.
macro_rules! layout {
    ($(#[$about:meta])* struct $name:ident is $c_name:ident of $size:literal bytes { $($fields:tt)* }) => {
        layout!($(#[$about])* struct $name begins $c_name { $($fields)* });
        const _: () = assert!(std::mem::size_of::<$name>() == $size);
    };
    ($(#[$about:meta])* struct $name:ident begins $c_name:ident {
        $($(#[$note:meta])* $offset:literal => $field:ident: $type:ty,)*
    }) => {
        $(#[$about])*
        #[repr(C)]
        pub struct $name {
            $($(#[$note])* pub $field: $type,)*
        }
        const _: () = {
            assert!(std::mem::size_of::<$name>() <= std::mem::size_of::<Ruler>());
            let at = RULER as *const Ruler as *const $name;
            $(assert!(unsafe { *(std::ptr::addr_of!((*at).$field) as *const u8) } == $offset);)*
        };
    };
}

layout! {
    #[derive(Clone, Copy)]
    struct Str is epp_str of 16 bytes {
        0 => data: *const u8,
        8 => size: u64,
    }
}

layout! {
    struct StrList is epp_str_list of 16 bytes {
        0 => items: *const Str,
        8 => count: u64,
    }
}

layout! {
    struct Label is epp_label of 32 bytes {
        0 => key: Str,
        16 => value: Str,
    }
}

layout! {
    struct Error is epp_error of 56 bytes {
        0 => size: u32,
        4 => reserved: u32,
        8 => message: *mut u8,
        16 => message_capacity: u64,
        24 => message_size: u64,
        32 => reason: *mut u8,
        40 => reason_capacity: u64,
        48 => reason_size: u64,
    }
}

layout! {
    struct Endpoint begins epp_endpoint {
        0 => size: u32,
        4 => slot: u32,
        8 => uid: u64,
        16 => id: Str,
        32 => name_space: Str,
        48 => name: Str,
        64 => workload: Str,
        80 => address: Str,
        96 => port: Str,
        112 => host_port: Str,
        128 => node_address: Str,
        144 => labels: *const Label,
        152 => label_count: u64,
        160 => rank: u32,
        164 => reserved: u32,
    }
}

layout! {
    struct Candidates begins epp_candidates {
        0 => size: u32,
        4 => count: u32,
        8 => slots: *const u32,
        16 => endpoints: *const *const Endpoint,
        24 => slot_limit: u64,
        32 => snapshot: *const c_void,
    }
}

layout! {
    struct Request begins epp_request {
        0 => size: u32,
        4 => flags: u32,
        8 => api: u32,
        12 => priority: i32,
        16 => id: Str,
        32 => serial: u64,
        40 => path: Str,
        56 => incoming_model: Str,
        72 => target_model: Str,
        88 => objective: Str,
        104 => fairness_id: Str,
        120 => cache_salt: Str,
        136 => body_size: u64,
        144 => max_output_tokens: i64,
        152 => received_ns: u64,
    }
}

layout! {
    struct Host begins epp_host {
        0 => size: u32,
        4 => abi_major: u32,
        8 => abi_minor: u32,
        12 => reserved: u32,
        16 => name: Str,
        32 => version: Str,
        48 => get_extension: unsafe extern "C" fn(host: *const Host, id: Str) -> *const c_void,
    }
}

/// `epp_self`, of which only the address is known.
#[repr(C)]
pub struct HostSelf {
    _private: [u8; 0],
}

layout! {
    struct Instance is epp_instance of 32 bytes {
        0 => size: u32,
        4 => reserved: u32,
        8 => data: *mut c_void,
        16 => get_extension: unsafe extern "C" fn(instance: *const Instance, id: Str) -> *const c_void,
        24 => destroy: unsafe extern "C" fn(instance: *mut Instance),
    }
}

layout! {
    struct CreateArgs begins epp_create_args {
        0 => size: u32,
        4 => reserved: u32,
        8 => host: *const Host,
        16 => self_: *mut HostSelf,
        24 => name: Str,
        40 => type_: Str,
        56 => parameters: Str,
    }
}

pub type ReferenceSink = unsafe extern "C" fn(context: *mut c_void, instance_name: Str);

layout! {
    struct Type is epp_type of 152 bytes {
        0 => size: u32,
        4 => stability: u32,
        8 => name: Str,
        24 => version: Str,
        40 => vendor: Str,
        56 => description: Str,
        72 => parameters_schema: Str,
        88 => extensions: StrList,
        104 => default_keys: StrList,
        120 => replaced_by: Str,
        136 => references: Option<unsafe extern "C" fn(
            type_: *const Type, parameters: Str, sink: ReferenceSink, context: *mut c_void, error: *mut Error,
        ) -> Status>,
        144 => create: unsafe extern "C" fn(
            type_: *const Type, args: *const CreateArgs, instance: *mut *mut Instance, error: *mut Error,
        ) -> Status,
    }
}

layout! {
    struct Entry is epp_entry of 40 bytes {
        0 => size: u32,
        4 => abi_major: u32,
        8 => abi_minor: u32,
        12 => type_count: u32,
        16 => types: *const *const Type,
        24 => init: Option<unsafe extern "C" fn(host: *const Host, error: *mut Error) -> Status>,
        32 => deinit: Option<unsafe extern "C" fn()>,
    }
}

layout! {
    struct Filter is epp_filter of 16 bytes {
        0 => size: u32,
        4 => reserved: u32,
        8 => filter: unsafe extern "C" fn(
            instance: *const Instance, request: *const Request, candidates: *const Candidates, kept: *mut u32,
            kept_count: *mut u32, error: *mut Error,
        ) -> Status,
    }
}

layout! {
    struct Scorer is epp_scorer of 16 bytes {
        0 => size: u32,
        4 => category: u32,
        8 => score: unsafe extern "C" fn(
            instance: *const Instance, request: *const Request, candidates: *const Candidates, scores: *mut f64,
            error: *mut Error,
        ) -> Status,
    }
}

layout! {
    struct Picker is epp_picker of 16 bytes {
        0 => size: u32,
        4 => reserved: u32,
        8 => pick: unsafe extern "C" fn(
            instance: *const Instance, request: *const Request, candidates: *const Candidates, scores: *const f64,
            picked: *mut u32, picked_count: *mut u32, error: *mut Error,
        ) -> Status,
    }
}

layout! {
    struct HostAttributes begins epp_host_attributes {
        0 => size: u32,
        4 => reserved: u32,
        8 => declare: unsafe extern "C" fn(
            self_: *mut HostSelf, key: Str, type_: u32, scope: u32, access: u32, kind: u32,
        ) -> Attr,
        16 => f64: unsafe extern "C" fn(
            self_: *mut HostSelf, request: *const Request, candidates: *const Candidates, attr: Attr,
        ) -> *const f64,
    }
}

layout! {
    struct HostParameters begins epp_host_parameters {
        0 => size: u32,
        4 => reserved: u32,
        8 => kind: unsafe extern "C" fn(self_: *mut HostSelf, pointer: Str) -> u32,
        16 => boolean: unsafe extern "C" fn(self_: *mut HostSelf, pointer: Str) -> u32,
        24 => number: unsafe extern "C" fn(self_: *mut HostSelf, pointer: Str) -> f64,
        32 => string: unsafe extern "C" fn(self_: *mut HostSelf, pointer: Str) -> Str,
    }
}

// Descriptors are constants, and the host reads them from any thread.
unsafe impl Sync for Str {}
unsafe impl Sync for Type {}
unsafe impl Sync for Entry {}
