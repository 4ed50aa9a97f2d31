/* epp.host.request/1: what a plugin may ask of, and do to, a request.
 *
 * All functions are [concurrent] in the sense that different requests run at once; calls for one request never
 * overlap, and are made in its hooks only. Strings returned live until the request ends, but a header's value only
 * until that header is set again or removed, and metadata only until the hook returns. Names of headers are given in
 * lower case. What a hook may not change in its place returns EPP_ERR_FORBIDDEN, does nothing, and is counted as a
 * scope violation.
 */
#ifndef EPP_HOST_REQUEST_H
#define EPP_HOST_REQUEST_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_HOST_REQUEST "epp.host.request/1"

/* Parts of a prompt in the order in which a model reads them. One that is not known is an asset of some other kind. */
#define EPP_PART_TEXT 1u      /* data: UTF-8 */
#define EPP_PART_TOKEN_IDS 2u /* data: uint32 little-endian, 4-byte aligned */
#define EPP_PART_IMAGE 3u     /* data: URL, or base64 data (Anthropic); the rest of asset parts likewise */
#define EPP_PART_VIDEO 4u     /* data: URL */
#define EPP_PART_AUDIO 5u     /* data: base64 data or URL; aux: format */

/* Frozen. */
typedef struct epp_prompt_part {
  uint32_t kind;   /* EPP_PART_* */
  uint32_t prompt; /* 0-based; independent prompts of one request */
  epp_bytes data;
  epp_str aux;
} epp_prompt_part;

typedef struct epp_host_request {
  uint32_t size;
  uint32_t reserved;
  /* Value of a request header by lower-case name; data == NULL when absent. A repeated header gives the last value. */
  epp_str (*header)(const epp_request* request, epp_str name);
  /* The body as received. Empty when there is none. */
  epp_bytes (*body)(const epp_request* request);
  /* The parsed prompt, computed at the first call; lives until the request ends. An error (EPP_ERR_UNTYPED) for bodies
   * without one. */
  epp_status (*prompt)(epp_self* self, const epp_request* request, const epp_prompt_part** parts, uint64_t* count,
                       epp_error* error);

  /* Request header mutations: pre-request and request-header hooks only. Setting replaces every value of that name;
   * removing also keeps a client from smuggling one in. EPP_ERR_BAD_REQUEST, counted as an error, for a name that is no
   * lower-case token and for a value with a line break or a NUL. */
  epp_status (*set_header)(epp_self* self, const epp_request* request, epp_str name, epp_str value);
  epp_status (*remove_header)(epp_self* self, const epp_request* request, epp_str name);
  /* Replaces the destination (comma-joined host:port) that the picked targets would give. Pre-request only. */
  epp_status (*set_destination)(epp_self* self, const epp_request* request, epp_str destination);

  /* Response headers: read from response-header on, set in response-header only. */
  epp_str (*response_header)(const epp_request* request, epp_str name);
  epp_status (*set_response_header)(epp_self* self, const epp_request* request, epp_str name, epp_str value);
  /* String at metadata_context[name_space][key] that the proxy sent with the current message; data == NULL when absent.
   * An empty key asks for the namespace itself: data != NULL when it was sent. */
  epp_str (*metadata)(const epp_request* request, epp_str name_space, epp_str key);
  /* Adds number or string (F64, I64, STR; EPP_ERR_BAD_REQUEST for others) to the dynamic metadata of the reply: of the
   * request headers in pre-request, of the last body piece at the end of the response body. */
  epp_status (*set_metadata)(epp_self* self, const epp_request* request, epp_str name_space, epp_str key,
                             const epp_value* value);

  /* One pointer per instance and request. `drop` (may be NULL) is called once, on any host thread, when the request
   * ends or the pointer is replaced; a NULL state only drops. Instance and library live until then. `state` gives NULL
   * when there is none. */
  epp_status (*set_state)(epp_self* self, const epp_request* request, void* state, void (*drop)(void* state));
  void* (*state)(epp_self* self, const epp_request* request);
} epp_host_request;

#ifdef __cplusplus
}
#endif

#endif
