/* The structs that only drafts (extensions whose id ends in /0) use: no promise, but the same rules of shape. One that
 * becomes final moves to layout_v1.c. */
#include <epp/ext/decider.h>
#include <epp/ext/eviction.h>
#include <epp/ext/lifecycle.h>
#include <epp/ext/parser.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/host/instances.h>

#define DRAFT(type)                                                             \
  _Static_assert(offsetof(type, size) == 0, #type " does not start with size"); \
  _Static_assert(sizeof(type) % 8 == 0, #type " has a ragged end")
#define DRAFT_FROZEN(type) _Static_assert(sizeof(type) % 8 == 0, #type " has a ragged end")

DRAFT(epp_decider);
DRAFT(epp_eviction_filter);
DRAFT(epp_readiness);
DRAFT(epp_request_header);
DRAFT(epp_response_body);
DRAFT(epp_host_instances);

DRAFT_FROZEN(epp_span);
DRAFT(epp_found_part);
DRAFT(epp_found_request);
DRAFT(epp_parser);

int epp_layout_drafts(void) {
  return 1;
}
