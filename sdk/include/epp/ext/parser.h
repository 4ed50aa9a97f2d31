/* epp.parser/0 (draft): reads a family of request formats. No host asks for it yet.
 *
 * A parser finds; it does not copy. What it finds are spans of the body that it was given, so that the host can splice
 * a model name into the bytes that go on and read the prompt where it lies. It keeps nothing between two calls: the
 * host cuts a streamed response into its events before it asks for their usage.
 */
#ifndef EPP_EXT_PARSER_H
#define EPP_EXT_PARSER_H

#include <epp/abi.h>
#include <epp/ext/response_hooks.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_PARSER "epp.parser/0"

#define EPP_SPAN_ABSENT UINT64_MAX

/* Bytes [offset, offset + size) of the body. Frozen. */
typedef struct epp_span {
  uint64_t offset; /* EPP_SPAN_ABSENT: there is none */
  uint64_t size;
} epp_span;

/* How the bytes of a span are to be read. */
#define EPP_SPAN_PLAIN 0u        /* as they are */
#define EPP_SPAN_JSON_STRING 1u  /* the inside of a JSON string: escapes stand for characters */
#define EPP_SPAN_JSON_NUMBERS 2u /* the inside of a JSON array of token ids */

typedef struct epp_found_part {
  uint32_t size;
  uint32_t kind;     /* EPP_PART_* (host/request.h) */
  uint32_t prompt;   /* 0-based; independent prompts of one request */
  uint32_t encoding; /* EPP_SPAN_* */
  epp_span data;
} epp_found_part;

/* Takes the next part, in the order in which a model reads them. */
typedef void (*epp_part_sink)(void* context, const epp_found_part* part);

/* The host presets spans to absent, the limit to -1 and the rest to 0. */
typedef struct epp_found_request {
  uint32_t size;
  uint32_t flags;      /* EPP_REQUEST_* */
  uint32_t api;        /* EPP_API_* */
  uint32_t encoding;   /* EPP_SPAN_PLAIN or _JSON_STRING, of model and cache_salt */
  epp_span model;      /* without its quotes: what a rewrite replaces */
  epp_span cache_salt; /* likewise */
  int64_t max_output_tokens;
} epp_found_request;

typedef struct epp_parser {
  uint32_t size;
  uint32_t reserved;
  /* Path suffixes it answers for, without a leading slash (none: every path that nobody else claims), and application
   * protocols of its model servers (none: any). Live as long as the instance. [main] */
  void (*claims)(const epp_instance* instance, epp_str_list* paths, epp_str_list* protocols);
  /* Reads a whole body; an error refuses the request, with its text. [concurrent] */
  epp_status (*parse)(const epp_instance* instance, epp_str path, epp_bytes body, epp_found_request* found,
                      epp_error* error);
  /* Optional. The parts of the prompt of a body that parse accepted; an error: it has none. [concurrent] */
  epp_status (*prompt)(const epp_instance* instance, epp_str path, epp_bytes body, epp_part_sink sink, void* context,
                       epp_error* error);
  /* Optional. What one document of the response (a JSON body, the data of one event) says of its cost. `*found` is
   * preset to 0; 1: `usage` is filled. An error is counted and as if nothing was found. [concurrent] */
  epp_status (*usage)(const epp_instance* instance, epp_str path, epp_bytes document, epp_usage* usage, uint32_t* found,
                      epp_error* error);
} epp_parser;

#ifdef __cplusplus
}
#endif

#endif
