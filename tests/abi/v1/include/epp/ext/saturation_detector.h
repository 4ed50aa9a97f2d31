/* epp.saturation-detector/1: how full the candidates are as a whole. 1.0 and more is saturated.
 *
 * On error, and for a NaN, the fault is counted and the host uses the last value, then 1.0 (closed).
 */
#ifndef EPP_EXT_SATURATION_DETECTOR_H
#define EPP_EXT_SATURATION_DETECTOR_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_SATURATION_DETECTOR "epp.saturation-detector/1"

/* Requests that were let through and that a reading may not show yet. A detector adds those that its own figures miss,
 * so that any number of dispatches against one reading does not overshoot. */
typedef struct epp_reservations {
  uint32_t size;
  uint32_t reserved;
  uint64_t undecided;       /* dispatched, no endpoint yet: not even live counters show them */
  int64_t undecided_tokens; /* their estimated cost */
  /* By slot: requests sent there since its metrics were last read. Live counters do show them. NULL: none at all. */
  const uint32_t* unseen;
} epp_reservations;

typedef struct epp_saturation_detector {
  uint32_t size;
  uint32_t reserved;
  /* Writes the saturation (>= 0) of `candidates`; an empty set is 1.0. `reservations` is NULL outside of flow control.
   * A detector whose answer changes by itself, e.g. when a reading becomes stale, writes to `*again_ns` (preset to 0:
   * no need) how long from now it wants to be asked again. [concurrent] */
  epp_status (*saturation)(const epp_instance* instance, const epp_candidates* candidates,
                           const epp_reservations* reservations, double* saturation, uint64_t* again_ns,
                           epp_error* error);
  /* Optional. How old, in nanoseconds, the scraped readings may be that it still believes; 0: it looks at live counters
   * only, which are never old. The host waits for that long to see what a change of load did. Absent: what
   * --metrics-staleness-threshold says. Constant over the instance's life. [main] */
  uint64_t (*believed_age)(const epp_instance* instance);
} epp_saturation_detector;

#ifdef __cplusplus
}
#endif

#endif
