/* epp plugin ABI, version 1.
 *
 * A plugin library is a shared object that exports ONE symbol, `epp_plugin_entry`. The entry lists plugin *types*;
 * a type creates *instances*; an instance answers get_extension("epp.scorer/1") with a const table of functions, or
 * NULL. The host answers get_extension("epp.host.log/1") the same way. There is nothing else to link against.
 *
 *     library --entry--> types --create--> instance --get_extension--> function tables (ext/ headers)
 *        \--init(host)--> host --get_extension--> function tables (host/ headers)
 *
 * Shapes
 *   - Only C types of fixed width cross; no enum, bool, long or C++ type. Strings are pointer + length, UTF-8, not
 *     terminated, and valid for the duration of the call unless a comment says more. A pointer is never NULL unless a
 *     comment says so, but one to the elements of an empty array may be anything.
 *   - A struct whose first member is `uint32_t size` grows at its end only. The side that fills it writes
 *     sizeof(its own version); the reader looks at no member beyond `size` (EPP_HAS). Reserved members are zero.
 *   - Arrays of growing structs cross as pointer + count + stride in bytes (EPP_AT walks them).
 *   - Structs without `size` are frozen: epp_str, epp_bytes, epp_label, epp_value, ...
 *   - Sets of constants grow. Whoever meets a value that it does not know takes what the comment at the set says, and
 *     never fails because of it.
 *   - The side that allocates frees. No exception, longjmp or signal crosses the boundary.
 *   - Version 1 is for 64-bit little-endian ELF systems.
 *
 * Versions
 *   - An extension's id ends in its version. From /1 on it stays as it is, but for members appended to its structs; a
 *     changed meaning is a new id. One that ends in /0 is a draft: it may change or vanish with any release.
 *
 * Threads: a function says in brackets who calls it.
 *     [main]        one thread at a time, while the pipeline is built or torn down; may block for a short while
 *     [concurrent]  any host thread, many at once, also for the same instance; must not block; microseconds
 *     [dispatcher]  any host thread, one call at a time for all flow-control policies of a pipeline; must not block
 *     [timer]       one host timer thread; must not block
 *     [any thread]  (host functions) every thread, those of the plugin included, until destroy or deinit returns
 *   A call that lasts longer than the host's budget for it is a fault.
 *
 * Life
 *   - Several instances of a type exist at once; even two of one name while a reload hands over.
 *   - destroy is called once no call runs and no token, timer or per-request state of the instance is outstanding.
 *     Threads of its own end in there.
 *   - A plugin must not fork, install signal handlers, change locale, working directory or environment, or be
 *     built with -ffast-math.
 *
 * What the host does when a plugin errs is said at each extension; in general the fault is counted by plugin and
 * reason, the answer is replaced by a neutral one and the request goes on. An instance that errs again and again is
 * bypassed: it is not called any more, its neutral answer stands, until the next reload.
 */
#ifndef EPP_ABI_H
#define EPP_ABI_H

#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX != UINT64_MAX || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "epp plugin ABI, version 1, is for 64-bit little-endian systems"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A library is refused when its major differs from the host's. The minor counts what was appended since; a higher one
 * is fine in both directions: members beyond `size` and unknown extension ids simply do not exist for the older
 * side. Nothing is decided by it: ask EPP_HAS and get_extension. */
#define EPP_ABI_MAJOR 1u
#define EPP_ABI_MINOR 0u

#define EPP_EXPORT __attribute__((visibility("default")))

/* ---- Values frozen by shape ------------------------------------------------------------------------------- */

typedef struct epp_str {
  const char* data; /* NULL only when size is 0; NULL means "absent" where absence matters */
  uint64_t size;
} epp_str;

typedef struct epp_bytes {
  const uint8_t* data;
  uint64_t size;
} epp_bytes;

typedef struct epp_str_list {
  const epp_str* items;
  uint64_t count;
} epp_str_list;

typedef struct epp_u32_list {
  const uint32_t* items;
  uint64_t count;
} epp_u32_list;

typedef struct epp_label {
  epp_str key;
  epp_str value;
} epp_label;

#define EPP_STR_INIT(literal) \
  { (literal), sizeof(literal) - 1 }

/* Element i of an array of growing structs. `stride` is a multiple of 8. */
#define EPP_AT(type, base, stride, i) ((const type*)((const char*)(base) + (size_t)(stride) * (size_t)(i)))

/* True when the other side's struct is recent enough to have `member`. */
#define EPP_HAS(ptr, type, member) ((ptr)->size >= offsetof(type, member) + sizeof(((const type*)0)->member))

/* ---- Status and errors ------------------------------------------------------------------------------------ */

/* 0 is success, 1 means "the answer comes later" (producers only), negative values are errors. Where an error ends
 * the request, the code decides the HTTP status that the client sees. Other positive values, and negative ones that
 * the host does not know, are taken for EPP_ERR_UNTYPED. */
typedef int32_t epp_status;

#define EPP_OK 0
#define EPP_PENDING 1
#define EPP_ERR_INTERNAL (-1)            /* 500 Internal */
#define EPP_ERR_BAD_REQUEST (-2)         /* 400 BadRequest; in create: bad parameters */
#define EPP_ERR_UNAUTHORIZED (-3)        /* 401 Unauthorized */
#define EPP_ERR_FORBIDDEN (-4)           /* 403 Forbidden */
#define EPP_ERR_NOT_FOUND (-5)           /* 404 NotFound */
#define EPP_ERR_PRECONDITION_FAILED (-6) /* 412 PreconditionFailed */
#define EPP_ERR_RESOURCE_EXHAUSTED (-7)  /* 429 ResourceExhausted */
#define EPP_ERR_UNAVAILABLE (-8)         /* 503 ServiceUnavailable */
#define EPP_ERR_UNTYPED (-9)             /* an error without a code of its own; the caller's context decides */

/* Where a failing function explains itself: it copies text into the buffers, which are the host's, cuts it at the
 * capacities (0 is one, with NULL), and writes the sizes, which the host has set to 0. Every `error` argument may be
 * NULL. */
typedef struct epp_error {
  uint32_t size;
  uint32_t reserved;
  char* message;
  uint64_t message_capacity;
  uint64_t message_size;
  char* reason; /* becomes the header x-llm-d-request-dropped-reason when not empty */
  uint64_t reason_capacity;
  uint64_t reason_size;
} epp_error;

/* ---- Attributes ------------------------------------------------------------------------------------------- */

/* Data that producers, scrapers and requests hand to plugins. An attribute is named by its data key,
 * `Type/producer instance`, with an optional `#field` for the members of a group that one producer writes together
 * (`PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer#match_blocks`). Names are resolved to an id once, at
 * creation (host/attributes.h); ids are process-wide, never reused and survive a reload. Keys that the host and its
 * own plugins publish stand in keys.h. */
typedef uint32_t epp_attr;
#define EPP_ATTR_NONE 0u

#define EPP_TYPE_F64 1u      /* missing is NaN */
#define EPP_TYPE_I64 2u      /* missing is EPP_I64_MISSING */
#define EPP_TYPE_STR 3u      /* missing has data == NULL */
#define EPP_TYPE_STR_LIST 4u /* missing has items == NULL */
#define EPP_TYPE_BYTES 5u    /* missing has data == NULL; the host hands it out 8-byte aligned */
#define EPP_TYPE_U32_LIST 6u /* request scope only, e.g. token ids; missing has items == NULL */

#define EPP_I64_MISSING INT64_MIN

/* One value of any type. Frozen, and so is the size of the union: a further type fits or goes another way. */
typedef struct epp_value {
  uint32_t type; /* EPP_TYPE_*; 0, and what is not known: missing */
  uint32_t reserved;
  union {
    double f64;
    int64_t i64;
    epp_str str;
    epp_str_list str_list;
    epp_bytes bytes;
    epp_u32_list u32_list;
  } u;
} epp_value;

/* ---- Endpoints -------------------------------------------------------------------------------------------- */

/* One address of a model server. Immutable; lives as long as the candidates, request or event that shows it. A change
 * of what it says is another epp_endpoint with the same slot and uid. */
typedef struct epp_endpoint {
  uint32_t size;
  uint32_t slot;           /* row of this endpoint in every column; reused only after the endpoint is gone everywhere */
  uint64_t uid;            /* never 0, never reused in this process: remember endpoints by this */
  epp_str id;              /* "namespace/name", unique among live endpoints */
  epp_str name_space;      /* of the pod; "default" where there is none */
  epp_str name;            /* e.g. "vllm-0-rank-0" */
  epp_str workload;        /* pod name, without rank suffix: "vllm-0" */
  epp_str address;         /* IP address, unbracketed; a DNS name with multicluster-file-discovery */
  epp_str port;            /* decimal */
  epp_str host_port;       /* "10.0.0.1:8000", "[fd00::1]:8000" */
  epp_str node_address;    /* host IP, may be empty */
  const epp_label* labels; /* sorted by key bytes */
  uint64_t label_count;
  uint32_t rank; /* 0-based index among the pool's target ports */
  uint32_t reserved;
  const epp_label* annotations; /* of the pod, sorted by key bytes; without values above 1 KiB, 16 KiB in all */
  uint64_t annotation_count;
} epp_endpoint;

/* The endpoints that a call is about, in a stable order; perhaps none. Per-endpoint data stands in columns indexed by
 * slot; per call results (scores, picks) are indexed by position 0..count-1. */
typedef struct epp_candidates {
  uint32_t size;
  uint32_t count;
  const uint32_t* slots;                /* `count` distinct slots */
  const epp_endpoint* const* endpoints; /* indexed by SLOT; NULL for unused slots */
  uint64_t slot_limit;                  /* every slot is below this */
  const void* snapshot;                 /* host's: one consistent view of all columns, pinned for the request */
} epp_candidates;

/* ---- Requests --------------------------------------------------------------------------------------------- */

/* What the client asked for. A value that a plugin does not know is an API that it does not know. */
#define EPP_API_NONE 0u /* unparsed body, or no body */
#define EPP_API_COMPLETIONS 1u
#define EPP_API_CHAT_COMPLETIONS 2u
#define EPP_API_EMBEDDINGS 3u
#define EPP_API_RESPONSES 4u
#define EPP_API_CONVERSATIONS 5u
#define EPP_API_IMAGES 6u
#define EPP_API_MESSAGES 7u /* Anthropic */
#define EPP_API_GENERATE 8u /* token ids in */

#define EPP_REQUEST_STREAM 1u /* the client asked for a streamed answer */

/* One request, from its headers to its last response byte. Owned by the host, valid for every hook of the request.
 * Members become known as the request advances: `fairness_id` and `priority` after the request-header hooks. Empty
 * strings are unknown or not given. Headers, body, per-plugin state and mutations go through host/request.h,
 * attributes through host/attributes.h. */
typedef struct epp_request {
  uint32_t size;
  uint32_t flags;            /* EPP_REQUEST_* */
  uint32_t api;              /* EPP_API_* */
  int32_t priority;          /* of the objective; higher goes first, below 0 is sheddable */
  epp_str id;                /* x-request-id; generated when the client sent none; NOT unique: clients choose it */
  uint64_t serial;           /* unique in this process */
  epp_str path;              /* without its query */
  epp_str incoming_model;    /* as the client named it */
  epp_str target_model;      /* after rewriting */
  epp_str objective;         /* name of the InferenceObjective */
  epp_str fairness_id;       /* names the flow in flow control */
  epp_str cache_salt;        /* of the body; prompts share cache only under the same */
  uint64_t body_size;        /* bytes as received */
  int64_t max_output_tokens; /* client's limit, or -1 */
  uint64_t received_ns;      /* host clock (epp.host.clock) when the request headers arrived */
} epp_request;

/* ---- Host, types, instances ------------------------------------------------------------------------------- */

/* The host as a library sees it. Valid from init to deinit. */
typedef struct epp_host {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  epp_str name;    /* "epp-host" */
  epp_str version; /* of the host program */
  /* Table of a host service (host/ headers), or NULL: a plugin that cannot do without it refuses its creation. The
   * table lives until deinit. [any thread] */
  const void* (*get_extension)(const struct epp_host* host, epp_str id);
} epp_host;

/* The host's record of an instance: what an instance shows when it asks the host for something. */
typedef struct epp_self epp_self;

typedef struct epp_instance {
  uint32_t size;
  uint32_t reserved;
  void* data; /* the plugin's own */
  /* Table of an extension point (ext/ headers), or NULL: this instance does not serve it. Asked once, after creation,
   * for each id that its type lists; the table lives as long as the instance and does not change. [main] */
  const void* (*get_extension)(const struct epp_instance* instance, epp_str id);
  /* Frees the instance. [main] */
  void (*destroy)(struct epp_instance* instance);
} epp_instance;

typedef struct epp_create_args {
  uint32_t size;
  uint32_t reserved;
  const epp_host* host;
  epp_self* self;     /* keep it: host services want it */
  epp_str name;       /* instance name in the manifest */
  epp_str type;       /* type name in the manifest (a library may register one creator under several names) */
  epp_str parameters; /* JSON object, validated against parameters_schema, property names as declared; "{}" if absent;
                         also through host/services.h, so that no plugin needs a JSON parser */
} epp_create_args;

/* One that is not known is as alpha. */
#define EPP_STABILITY_STABLE 0u
#define EPP_STABILITY_BETA 1u
#define EPP_STABILITY_ALPHA 2u /* instances need --allow-experimental-plugins */

/* Takes one name; copies it. */
typedef void (*epp_reference_sink)(void* context, epp_str instance_name);

/* A plugin type. Static, immutable, valid until deinit. Describing it runs no code of the library but init. */
typedef struct epp_type {
  uint32_t size;
  uint32_t stability;
  epp_str name;    /* the manifest's `type`, e.g. "queue-scorer" */
  epp_str version; /* of the type, e.g. "1.4.0"; for operators' eyes, like the next two */
  epp_str vendor;
  epp_str description; /* one line */
  /* JSON Schema draft-07 of the parameters object; empty: anything is accepted, nothing read. A property whose value
   * names another plugin instance carries `"x-epp-plugin-reference": true` (see `references`), with a `default` also
   * when it is absent; `"errorMessage"` is what is said when a property is missing or refused. */
  epp_str parameters_schema;
  epp_str_list extensions;   /* ids that instances may serve; the manifest is wired by these before any is created */
  epp_str_list default_keys; /* data keys (without #field) that an instance named like the type produces: the host
                                creates one when a consumer requires such a key and nobody configured produces it */
  epp_str replaced_by;       /* not empty: deprecated in favour of that type; the host warns */
  /* Optional, for what the marks of the schema cannot say. Names, through `sink`, the other instances that
   * `parameters` refer to: they are created before and destroyed after this one, and made anew with it. The parameters
   * may still be invalid: then name what can be named; create will say what is wrong. [main] */
  epp_status (*references)(const struct epp_type* type, epp_str parameters, epp_reference_sink sink, void* context,
                           epp_error* error);
  /* Makes an instance, which declares its attributes here (host/attributes.h). On error nothing is left behind, and
   * `*instance` is ignored. `args` and what it points to live until create returns, but for host and self. [main] */
  epp_status (*create)(const struct epp_type* type, const epp_create_args* args, epp_instance** instance,
                       epp_error* error);
} epp_type;

/* The one exported symbol: `EPP_EXPORT const epp_entry epp_plugin_entry = {...};` */
typedef struct epp_entry {
  uint32_t size;
  uint32_t abi_major; /* EPP_ABI_MAJOR of the header it was built with */
  uint32_t abi_minor;
  uint32_t type_count;
  const epp_type* const* types;
  /* Optional. Once per load, before anything else. An error refuses the library. [main] */
  epp_status (*init)(const epp_host* host, epp_error* error);
  /* Optional. Once, after the last instance is destroyed; no thread, timer or pointer of the library remains. [main] */
  void (*deinit)(void);
} epp_entry;

#define EPP_ENTRY_SYMBOL "epp_plugin_entry"

#ifdef __cplusplus
}
#endif

#endif /* EPP_ABI_H */
