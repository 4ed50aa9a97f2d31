/* What flow-control policies are shown: a request in the queue, and a flow.
 *
 *   band (one priority) --> flows (fairness id) --> queue of requests, ordered by the band's ordering policy
 *
 * A fairness policy (fairness.h) chooses the flow, the ordering policy (ordering.h) the request within it, a saturation
 * detector (saturation_detector.h) and usage limits (usage_limits.h) whether the band may dispatch at all.
 *
 * [dispatcher] is the thread contract of all of them: any host thread, one call at a time for all policies of a
 * pipeline; must not block; microseconds. Everything shown is valid during the call only, unless a comment says more.
 */
#ifndef EPP_EXT_FLOW_CONTROL_H
#define EPP_EXT_FLOW_CONTROL_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_NEVER_NS UINT64_MAX

typedef struct epp_queued_request {
  uint32_t size;
  int32_t priority;           /* of its band: 0 when the one that it asked for does not exist */
  const epp_request* request; /* its headers through host/request.h; NULL: nothing more is known of it */
  uint64_t enqueued_ns;       /* host clock, when it asked to be admitted */
  uint64_t deadline_ns;       /* enqueued_ns + its time to live; EPP_NEVER_NS: it waits for ever */
  uint64_t received_ns;       /* host clock, when its headers arrived */
  uint64_t bytes;             /* of the body */
  int64_t cost;               /* estimated tokens, >= 1 */
} epp_queued_request;

/* A flow of one band: the requests of one fairness id. */
typedef struct epp_flow {
  uint32_t size;
  uint32_t index;  /* names the flow in its band; small; reused only after flow_removed */
  epp_str id;      /* fairness id; lives until flow_removed */
  double weight;   /* > 0; of the flow's objective, 1 when it has none */
  uint64_t length; /* requests in its queue */
  uint64_t bytes;  /* of their bodies */
  /* The request that would go next, NULL when the flow is idle; the rest is its place in the order. */
  const epp_queued_request* head;
  int64_t head_key;      /* by the ordering policy; smaller goes first, also between the flows of a band */
  uint64_t head_arrival; /* breaks ties: unique, ascending in the order of arrival */
} epp_flow;

#ifdef __cplusplus
}
#endif

#endif
