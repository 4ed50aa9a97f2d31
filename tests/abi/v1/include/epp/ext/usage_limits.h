/* epp.usage-limits/1: up to which saturation each priority band may dispatch.
 *
 * On error, and for a NaN, the fault is counted and the ceiling is 1.0.
 */
#ifndef EPP_EXT_USAGE_LIMITS_H
#define EPP_EXT_USAGE_LIMITS_H

#include <epp/ext/flow_control.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_USAGE_LIMITS "epp.usage-limits/1"

typedef struct epp_usage_limits {
  uint32_t size;
  uint32_t reserved;
  /* Fills ceilings[0..count-1] (preset to 1.0) for the bands in `priorities`, highest first: a band with saturation >=
   * ceiling does not dispatch, and none below it. Called once per dispatch cycle. A policy whose answer changes from
   * cycle to cycle writes to `*again_ns` (preset to 0: no need) how long from now the host should run the next one
   * although nothing happened. [dispatcher] */
  epp_status (*ceilings)(const epp_instance* instance, double saturation, const int32_t* priorities, uint64_t count,
                         double* ceilings, uint64_t* again_ns, epp_error* error);
} epp_usage_limits;

#ifdef __cplusplus
}
#endif

#endif
