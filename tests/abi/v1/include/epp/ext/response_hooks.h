/* Hooks on the way out, in manifest order, only for requests whose pre-request hooks ran.
 *
 *   epp.response-header/1    once, when response headers arrive; may set response headers
 *   epp.response-body/0      (draft) for each non-empty chunk, in order, and once more at the end of the body
 *   epp.response-complete/1  exactly once, whatever happened: the place to give back what pre-request took
 *
 * Calls for one request never overlap. An error is counted and has no other effect.
 */
#ifndef EPP_EXT_RESPONSE_HOOKS_H
#define EPP_EXT_RESPONSE_HOOKS_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_RESPONSE_HEADER "epp.response-header/1"
#define EPP_EXT_RESPONSE_BODY "epp.response-body/0"
#define EPP_EXT_RESPONSE_COMPLETE "epp.response-complete/1"

/* Why a response is over. What is not known is as an error. */
#define EPP_END_NATURAL 0u           /* the response was delivered whole */
#define EPP_END_CLIENT_DISCONNECT 1u /* the stream was cancelled */
#define EPP_END_EVICTED 2u
#define EPP_END_ERROR 3u

/* Tokens as the model server counted them; 0 while it has not said. */
typedef struct epp_usage {
  uint32_t size;
  uint32_t has_cached; /* 1 when the server reported cached tokens (possibly 0) */
  uint64_t prompt_tokens;
  uint64_t completion_tokens;
  uint64_t total_tokens;
  uint64_t cached_tokens;
} epp_usage;

#define EPP_RESPONSE_STREAM 1u /* handled chunk by chunk */

/* The response so far. */
typedef struct epp_response {
  uint32_t size;
  uint32_t flags;             /* EPP_RESPONSE_* */
  uint32_t status;            /* HTTP status, 0 while unknown */
  uint32_t chunks;            /* non-empty body chunks seen, this one included */
  const epp_endpoint* target; /* that the request was sent to */
  uint64_t body_size;         /* bytes so far */
  uint64_t first_byte_ns;     /* host clock; 0 while no body byte was seen */
  uint64_t streamed_events;   /* SSE events so far */
  const epp_usage* usage;     /* accumulated so far */
} epp_response;

typedef struct epp_response_header {
  uint32_t size;
  uint32_t reserved;
  /* [concurrent] */
  epp_status (*on_response_header)(const epp_instance* instance, const epp_request* request,
                                   const epp_response* response, epp_error* error);
} epp_response_header;

typedef struct epp_response_body {
  uint32_t size;
  uint32_t reserved;
  /* `chunk` are the bytes as the model server sent them, cut anywhere; `end` is 1 on the last call, where dynamic
   * metadata may be set (host/request.h). [concurrent] */
  epp_status (*on_response_body)(const epp_instance* instance, const epp_request* request, const epp_response* response,
                                 epp_bytes chunk, uint32_t end, epp_error* error);
} epp_response_body;

typedef struct epp_response_complete {
  uint32_t size;
  uint32_t reserved;
  /* `cause` is EPP_END_*. [concurrent] */
  void (*on_response_complete)(const epp_instance* instance, const epp_request* request, const epp_response* response,
                               uint32_t cause);
} epp_response_complete;

#ifdef __cplusplus
}
#endif

#endif
