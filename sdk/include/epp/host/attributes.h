/* epp.host.attributes/1: declare, read and write attributes (see "Attributes" in abi.h).
 *
 * An instance declares what it consumes and produces while it is created. The host orders producers by these
 * declarations, creates default producers for required keys that nobody produces, and refuses a manifest whose
 * required keys stay without one. Afterwards an instance reads and writes only what it declared, by the type it
 * declared it with; anything else, EPP_ATTR_NONE included, reads as missing, writes nothing, and is counted as a scope
 * violation. A producer may read back what it writes.
 *
 * Columns are indexed by slot. A reader gets a pointer that is valid for the call that it was asked in and never NULL:
 * a column that nobody filled is all missing. Columns of kind LIVE change while they are read: read a value once, with
 * epp_live_load.
 */
#ifndef EPP_HOST_ATTRIBUTES_H
#define EPP_HOST_ATTRIBUTES_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_HOST_ATTRIBUTES "epp.host.attributes/1"

#define EPP_SCOPE_ENDPOINT 1u /* one value per endpoint; any type but U32_LIST */
#define EPP_SCOPE_REQUEST 2u  /* one value per request */

#define EPP_ACCESS_PRODUCE 1u
#define EPP_ACCESS_REQUIRE 2u  /* somebody must produce it */
#define EPP_ACCESS_OPTIONAL 3u /* if somebody does, then before this instance runs */

/* Kinds of endpoint columns that a producer may own; 0 in request scope. */
#define EPP_COLUMN_PER_REQUEST 0u /* written by produce, seen by that request only */
#define EPP_COLUMN_LIVE 1u        /* i64 counters, shared by all requests, changed with live_add */

typedef struct epp_host_attributes {
  uint32_t size;
  uint32_t reserved;
  /* Resolves `key` and records the use. EPP_ATTR_NONE when the key is known with another type, scope or kind: the
   * host has noted why and fails the creation. For consumers `kind` is ignored. Only during create. [main] */
  epp_attr (*declare)(epp_self* self, epp_str key, uint32_t type, uint32_t scope, uint32_t access, uint32_t kind);

  /* Columns to read, indexed by slot, for every slot below slot_limit. `request` may be NULL where an extension has
   * none (per-request columns are then all missing), `candidates` where there is a request: its columns are those that
   * it was scheduled on. One of the two is given. [concurrent] */
  const double* (*f64)(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr);
  const int64_t* (*i64)(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr);
  const epp_str* (*str)(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr);
  const epp_str_list* (*str_list)(epp_self* self, const epp_request* request, const epp_candidates* candidates,
                                  epp_attr attr);
  const epp_bytes* (*bytes)(epp_self* self, const epp_request* request, const epp_candidates* candidates,
                            epp_attr attr);

  /* Columns of this producer to write, indexed by slot, preset to missing; NULL outside of produce, and when not
   * declared so. Valid until produce returns. `candidates` may be NULL. [concurrent] */
  double* (*write_f64)(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr);
  int64_t* (*write_i64)(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr);
  /* Any type, one value; the host copies what the value points to. EPP_ERR_FORBIDDEN when not declared or outside of
   * produce, EPP_ERR_BAD_REQUEST when the request has no such slot. [concurrent] */
  epp_status (*write)(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr,
                      uint32_t slot, const epp_value* value);

  /* Request scope, in every hook of the request. A value read stays valid until it is written again or the request
   * ends; the host copies what is set, but a list of more than 2^24 elements as a missing one. EPP_ERR_FORBIDDEN when
   * not declared so. [concurrent] */
  epp_status (*get)(epp_self* self, const epp_request* request, epp_attr attr, epp_value* value);
  epp_status (*set)(epp_self* self, const epp_request* request, epp_attr attr, const epp_value* value);
  /* Reserves `count` uninitialised elements as the value of a U32_LIST attribute, to be filled in place before the hook
   * returns. NULL when not declared so, or for more than 2^24. [concurrent] */
  uint32_t* (*set_u32)(epp_self* self, const epp_request* request, epp_attr attr, uint64_t count);

  /* Adds to a live counter of an endpoint that this instance produces, by slot and uid: a late release for an endpoint
   * that is gone is dropped. Values never go below 0. Returns the new value, 0 when nothing was added. [any thread] */
  int64_t (*live_add)(epp_self* self, epp_attr attr, uint32_t slot, uint64_t uid, int64_t delta);
} epp_host_attributes;

/* One relaxed read of a live column's value. */
static inline int64_t epp_live_load(const int64_t* value) {
  return __atomic_load_n(value, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif
