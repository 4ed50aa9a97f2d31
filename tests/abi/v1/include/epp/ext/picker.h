/* epp.picker/1: chooses the target endpoints of a profile from the scored candidates.
 *
 * On error, an empty answer, or a position that is out of range or repeated, the fault is counted and the host picks
 * by maximum score with random ties.
 */
#ifndef EPP_EXT_PICKER_H
#define EPP_EXT_PICKER_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_PICKER "epp.picker/1"

typedef struct epp_picker {
  uint32_t size;
  uint32_t reserved;
  /* `scores` are the weighted totals by position, never NaN; there is at least one candidate. Writes the chosen
   * positions, best first, to `picked` (room for candidates->count) and their number (at least 1) to `*picked_count`.
   * [concurrent] */
  epp_status (*pick)(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                     const double* scores, uint32_t* picked, uint32_t* picked_count, epp_error* error);
} epp_picker;

#ifdef __cplusplus
}
#endif

#endif
