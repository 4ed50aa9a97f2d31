/* epp.fairness/1: which flow of a band goes next.
 *
 * The policy keeps its own order, one per band, from what it is told; the host never walks the flows for it. For each
 * band:
 *
 *   open_band, then any number of
 *     flow_added -> { head_changed | charged }* -> flow_removed (the flow is idle at both ends)
 *     pick -> the host dispatches the head of that flow: head_changed, then charged, both before the next pick
 *   and close_band, with flows still there when the pipeline ends.
 *
 * When pick fails, or names a flow that is idle or unknown, the fault is counted and the host takes the request that
 * arrived first in the band. The other functions cannot fail.
 *
 * A band belongs to one pipeline. While a reload hands over, two pipelines may use the same instance at once, each with
 * bands of its own.
 */
#ifndef EPP_EXT_FAIRNESS_H
#define EPP_EXT_FAIRNESS_H

#include <epp/ext/flow_control.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_FAIRNESS "epp.fairness/1"

/* Every charge adds to what the flow used, one of an unknown kind, too. */
#define EPP_CHARGE_DISPATCH 1u /* tokens: the estimated cost of the request that was just dispatched */
#define EPP_CHARGE_SETTLE 2u   /* tokens: what usage says beyond that estimate; negative when it cost less */

typedef struct epp_fairness {
  uint32_t size;
  uint32_t reserved;
  /* Makes the policy's state of a band; NULL is an error: the band is served in the order of arrival. [dispatcher] */
  epp_status (*open_band)(const epp_instance* instance, int32_t priority, void** band, epp_error* error);
  void (*close_band)(const epp_instance* instance, void* band); /* [dispatcher] */
  /* Optional, each. [dispatcher] */
  void (*flow_added)(const epp_instance* instance, void* band, const epp_flow* flow);
  void (*flow_removed)(const epp_instance* instance, void* band, const epp_flow* flow);
  /* Another request is first in the flow. It became active if it had none, idle if flow->head is NULL. [dispatcher] */
  void (*head_changed)(const epp_instance* instance, void* band, const epp_flow* flow);
  /* Writes the index of an active flow. Called only while there is one. [dispatcher] */
  epp_status (*pick)(const epp_instance* instance, void* band, uint64_t now_ns, uint32_t* flow, epp_error* error);
  /* Optional. The flow used tokens. A settlement for a flow that is gone is not told. [dispatcher] */
  void (*charged)(const epp_instance* instance, void* band, const epp_flow* flow, uint32_t kind, int64_t tokens);
} epp_fairness;

#ifdef __cplusplus
}
#endif

#endif
