/* epp.profile-handler/1: decides which scheduling profiles run for a request, and which result is the primary one.
 *
 *   pick -> the marked profiles run -> pick -> ... -> pick marks nothing to run -> process
 *
 * At most one turn more than there are profiles. Each marked profile runs over the FULL candidate set, in manifest
 * order, and may run again in a later turn. When no profile ran, or on an error in pick or process, the request is
 * answered with the error's code, 429 for EPP_ERR_UNTYPED; then the errors of profiles whose latest run failed are
 * looked at, too, and the first that has a code of its own decides.
 *
 * What was learned of the endpoints (columns, host/attributes.h) is read with a NULL `candidates`.
 */
#ifndef EPP_EXT_PROFILE_HANDLER_H
#define EPP_EXT_PROFILE_HANDLER_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_PROFILE_HANDLER "epp.profile-handler/1"

/* What is not known is as NOT_RUN. */
#define EPP_PROFILE_NOT_RUN 0u
#define EPP_PROFILE_SUCCEEDED 1u
#define EPP_PROFILE_FAILED 2u
#define EPP_PROFILE_SKIPPED 3u /* the handler decided against it */

/* What is known of one profile. Element i of every results array is profile i of the manifest. */
typedef struct epp_profile_result {
  uint32_t size;
  uint32_t state; /* EPP_PROFILE_* */
  epp_str name;
  const uint32_t* targets; /* slots, best first; of a succeeded run at least one */
  uint64_t target_count;
  const uint32_t* candidates; /* slots that survived filtering ... */
  const double* scores;       /* ... and their weighted totals */
  uint64_t candidate_count;
  epp_status status; /* of a failed run */
  uint32_t reserved;
  epp_str message; /* of a failed run */
} epp_profile_result;

/* Valid during the call. */
typedef struct epp_profile_results {
  uint32_t size;
  uint32_t primary; /* index of the primary profile; meaningful from pre-request on */
  const epp_profile_result* items;
  uint64_t count;
  uint64_t stride;
  const epp_endpoint* const* endpoints; /* indexed by slot */
} epp_profile_results;

/* The host takes what it does not know for LEAVE. */
#define EPP_DECIDE_LEAVE 0u
#define EPP_DECIDE_RUN 1u
#define EPP_DECIDE_SKIP 2u /* its result becomes SKIPPED: decided against, which is no failure */

typedef struct epp_profile_handler {
  uint32_t size;
  uint32_t reserved;
  /* Optional. Told the manifest's profile names once, after creation and before traffic; an error stops the start
   * (or refuses the reload) with its message. [main] */
  epp_status (*bind)(const epp_instance* instance, const epp_str* profiles, uint64_t count, epp_error* error);
  /* Writes EPP_DECIDE_* to decisions[i] for each profile; the host has set them to LEAVE. [concurrent] */
  epp_status (*pick)(const epp_instance* instance, const epp_request* request, const epp_profile_results* results,
                     uint32_t* decisions, epp_error* error);
  /* Names the primary profile, which must have succeeded: the request goes to its targets. include[i] is preset to 1
   * for succeeded profiles; setting it to 0 hides that result (it reads NOT_RUN) from later hooks. [concurrent] */
  epp_status (*process)(const epp_instance* instance, const epp_request* request, const epp_profile_results* results,
                        uint32_t* primary, uint32_t* include, epp_error* error);
} epp_profile_handler;

#ifdef __cplusplus
}
#endif

#endif
