/* Which running requests may be stopped to make room, and which first.
 *
 *   epp.eviction-filter/0    (draft) may this request be evicted at all?
 *   epp.eviction-ordering/1  which of two goes first?
 *
 * A plugin that cannot tell answers 0. An ordering that puts two requests before each other is counted, and that pair
 * is ordered by priority, lowest first, then the latest dispatch first.
 *
 * [dispatcher] here: one call at a time for both, but perhaps beside one of another policy of the pipeline.
 */
#ifndef EPP_EXT_EVICTION_H
#define EPP_EXT_EVICTION_H

#include <epp/ext/flow_control.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_EVICTION_FILTER "epp.eviction-filter/0"
#define EPP_EXT_EVICTION_ORDERING "epp.eviction-ordering/1"

/* A request between its dispatch and its last response byte. */
typedef struct epp_running_request {
  uint32_t size;
  int32_t priority; /* that the request asked for, whether or not a band of it exists */
  epp_str id;       /* x-request-id, chosen by the client */
  uint64_t serial;  /* unique in this process */
  epp_str fairness_id;
  epp_str host_port;        /* of the endpoint that serves it */
  uint64_t dispatched_ns;   /* host clock */
  int64_t cost;             /* footprint: estimated tokens */
  uint64_t response_chunks; /* progress: body pieces that came back; 0: the client has seen nothing yet */
} epp_running_request;

typedef struct epp_eviction_filter {
  uint32_t size;
  uint32_t reserved;
  /* Not 0: evictable. Asked once, when the request is dispatched. [dispatcher] */
  uint32_t (*accept)(const epp_instance* instance, const epp_running_request* request);
} epp_eviction_filter;

typedef struct epp_eviction_ordering {
  uint32_t size;
  uint32_t reserved;
  /* Not 0 when `a` is to be evicted before `b`. Asked when a victim is needed, so progress may count. [dispatcher] */
  uint32_t (*before)(const epp_instance* instance, const epp_running_request* a, const epp_running_request* b);
} epp_eviction_ordering;

#ifdef __cplusplus
}
#endif

#endif
