/* Extensions about an instance's surroundings.
 *
 *   epp.endpoint-events/1  told of endpoints that come and go
 *   epp.state-dump/1       shows its state to operators (GET /debug/plugins/state)
 *   epp.readiness/0        (draft) keeps the EPP not ready until the instance can answer
 */
#ifndef EPP_EXT_LIFECYCLE_H
#define EPP_EXT_LIFECYCLE_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_ENDPOINT_EVENTS "epp.endpoint-events/1"
#define EPP_EXT_STATE_DUMP "epp.state-dump/1"
#define EPP_EXT_READINESS "epp.readiness/0"

/* The endpoint shown is valid during the call; keep its uid. Calls never overlap for one instance.
 *
 * An endpoint may be suspended: it is no candidate for a while, as it is not ready or the pool does not select it, and
 * keeps slot, uid, counters and what plugins learned of it. That is told as neither removed nor added. Coming back is
 * told as an addition, with the same uid; so an addition may be of an endpoint that is known. */
typedef struct epp_endpoint_events {
  uint32_t size;
  uint32_t reserved;
  /* Before the endpoint can become a candidate; also once for each endpoint known when the instance is created, and
   * again when labels, annotations or addresses change (same slot and uid). [concurrent] */
  void (*on_endpoint_added)(const epp_instance* instance, const epp_endpoint* endpoint);
  /* Gone for good: no later candidates contain it; requests that do may still finish. [concurrent] */
  void (*on_endpoint_removed)(const epp_instance* instance, const epp_endpoint* endpoint);
} epp_endpoint_events;

/* Takes the next piece of a text; copies it. */
typedef void (*epp_text_sink)(void* context, epp_str text);

typedef struct epp_state_dump {
  uint32_t size;
  uint32_t reserved;
  /* Gives one JSON value to `sink`, in pieces if it likes. Bounded output (100 entries) is good manners. On error, and
   * for what is no JSON, the host shows that instead. [concurrent] */
  epp_status (*dump)(const epp_instance* instance, epp_text_sink sink, void* context, epp_error* error);
} epp_state_dump;

typedef struct epp_readiness {
  uint32_t size;
  uint32_t reserved;
  /* 1 when ready. [concurrent] */
  uint32_t (*ready)(const epp_instance* instance);
} epp_readiness;

#ifdef __cplusplus
}
#endif

#endif
