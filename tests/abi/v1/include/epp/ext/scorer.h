/* epp.scorer/1: says how good each candidate is for the request.
 *
 * total(candidate) = sum over the profile's scorers of clamp(score, 0, 1) * weight. The sum is not normalised.
 * On error all scores are 0, a NaN is 0, and the fault is counted.
 */
#ifndef EPP_EXT_SCORER_H
#define EPP_EXT_SCORER_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_SCORER "epp.scorer/1"

#define EPP_SCORER_AFFINITY 1u     /* prefers endpoints that already hold something of the request */
#define EPP_SCORER_DISTRIBUTION 2u /* spreads load */
#define EPP_SCORER_BALANCE 3u      /* both */

typedef struct epp_scorer {
  uint32_t size;
  uint32_t category; /* EPP_SCORER_*, for operators' eyes */
  /* Fills scores[0..candidates->count-1] by position; the host has set them to 0. Higher is better. [concurrent] */
  epp_status (*score)(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                      double* scores, epp_error* error);
} epp_scorer;

#ifdef __cplusplus
}
#endif

#endif
