/* epp.decider/0 (draft): whether a stage of disaggregated serving is worth its transfer for a request.
 *
 * Asked by a profile handler that names the decider in its parameters (host/instances.h), not by the host.
 */
#ifndef EPP_EXT_DECIDER_H
#define EPP_EXT_DECIDER_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_DECIDER "epp.decider/0"

typedef struct epp_decider {
  uint32_t size;
  uint32_t reserved;
  /* Writes 1 to `*yes` (preset to 0) when the stage is to run. `endpoint` is the target of the stage that was decided
   * before, NULL when there is none. On error the stage is left out. [concurrent] */
  epp_status (*decide)(const epp_instance* instance, const epp_request* request, const epp_endpoint* endpoint,
                       uint32_t* yes, epp_error* error);
} epp_decider;

#ifdef __cplusplus
}
#endif

#endif
