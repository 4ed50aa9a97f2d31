/* Which candidates are out of the question.
 *
 *   epp.filter/1    in a scheduling profile, before scoring; the next filter sees what this one kept
 *   epp.screener/0  (draft) the same shape, once per request, before producers; every screener gets the full list and
 *                   their answers are intersected in the original order
 *
 * On error, or when it returns a slot that it was not given or a slot twice, the fault is counted and the plugin
 * entry's `onFault` decides: `reject` (the request fails) or `ignore` (the input is kept).
 */
#ifndef EPP_EXT_FILTER_H
#define EPP_EXT_FILTER_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_FILTER "epp.filter/1"
#define EPP_EXT_SCREENER "epp.screener/0"

typedef struct epp_filter {
  uint32_t size;
  uint32_t reserved;
  /* Writes the slots to keep to `kept` (room for candidates->count) and their number to `*kept_count`, preset to 0. The
   * order of `kept` is the order that later plugins see; keep the input's unless the order is the point. None kept is
   * a valid answer. [concurrent] */
  epp_status (*filter)(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                       uint32_t* kept, uint32_t* kept_count, epp_error* error);
} epp_filter;

typedef epp_filter epp_screener;

#ifdef __cplusplus
}
#endif

#endif
