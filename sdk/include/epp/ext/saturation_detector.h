/* epp.saturation-detector/0 (draft): how full the candidates are as a whole. 1.0 and more is saturated.
 * On error or NaN the host uses the last value, then 1.0 (closed). */
#ifndef EPP_EXT_SATURATION_DETECTOR_H
#define EPP_EXT_SATURATION_DETECTOR_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_SATURATION_DETECTOR "epp.saturation-detector/0"

typedef struct epp_saturation_detector {
  uint32_t size;
  uint32_t reserved;
  /* Writes the saturation (>= 0) of `candidates`; an empty set is 1.0. [concurrent] */
  epp_status (*saturation)(const epp_instance* instance, const epp_candidates* candidates, double* saturation,
                           epp_error* error);
} epp_saturation_detector;

#ifdef __cplusplus
}
#endif

#endif
