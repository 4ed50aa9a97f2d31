/* epp.ordering/1: which request of a flow goes first.
 *
 * An order is a sort key, computed once when a request is queued, so that the host keeps the heap. On error the fault
 * is counted and the request is ordered by its arrival (key = enqueued_ns).
 */
#ifndef EPP_EXT_ORDERING_H
#define EPP_EXT_ORDERING_H

#include <epp/ext/flow_control.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_ORDERING "epp.ordering/1"

typedef struct epp_ordering {
  uint32_t size;
  uint32_t reserved;
  /* Writes the key: the smallest goes first, equal keys by arrival. Must not depend on what may change while the
   * request waits. [dispatcher] */
  epp_status (*key)(const epp_instance* instance, const epp_queued_request* item, int64_t* key, epp_error* error);
  /* Optional; where a key cannot say the order. Not 0 when `a` goes before `b`; a strict weak order that does not
   * change while either waits. Equal requests go by key, then arrival. Fairness policies still see keys only.
   * [dispatcher] */
  uint32_t (*before)(const epp_instance* instance, const epp_queued_request* a, const epp_queued_request* b);
} epp_ordering;

#ifdef __cplusplus
}
#endif

#endif
