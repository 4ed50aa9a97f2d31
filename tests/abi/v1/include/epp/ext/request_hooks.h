/* Hooks on the way in, each called for every request and every instance that serves it, in manifest order.
 *
 *   epp.request-header/0  (draft) after parsing and model rewrite, before admission; an error ends the request
 *   epp.admitter/1        after the producers, before scheduling; an error is a denial
 *   epp.pre-request/1     after scheduling; may set and remove request headers; all run, then the first error ends it
 *
 * Answers of these are policy: no error of theirs counts towards a bypass.
 */
#ifndef EPP_EXT_REQUEST_HOOKS_H
#define EPP_EXT_REQUEST_HOOKS_H

#include <epp/abi.h>
#include <epp/ext/profile_handler.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_REQUEST_HEADER "epp.request-header/0"
#define EPP_EXT_ADMITTER "epp.admitter/1"
#define EPP_EXT_PRE_REQUEST "epp.pre-request/1"

typedef struct epp_request_header {
  uint32_t size;
  uint32_t reserved;
  /* May read headers and set request attributes. [concurrent] */
  epp_status (*on_request_header)(const epp_instance* instance, const epp_request* request, epp_error* error);
} epp_request_header;

typedef struct epp_admitter {
  uint32_t size;
  uint32_t reserved;
  /* EPP_OK admits. A denial without a code (EPP_ERR_UNTYPED) is answered with 500. [concurrent] */
  epp_status (*admit)(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                      epp_error* error);
} epp_admitter;

typedef struct epp_pre_request {
  uint32_t size;
  uint32_t reserved;
  /* The request is about to leave for the first target of the primary profile. From here on response-complete is
   * guaranteed to be called exactly once. [concurrent] */
  epp_status (*pre_request)(const epp_instance* instance, const epp_request* request,
                            const epp_profile_results* results, epp_error* error);
} epp_pre_request;

#ifdef __cplusplus
}
#endif

#endif
