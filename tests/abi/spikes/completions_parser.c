/* Spike: what a request format asks of the ABI. Reads OpenAI completions where they lie: model, stream flag, limit,
 * salt, prompts and usage, as spans of the body, without a copy or an allocation. */
#include <epp/abi.h>
#include <epp/ext/parser.h>
#include <epp/host/request.h>

#include <stdlib.h>
#include <string.h>

/* ---- a reader that skips what it does not want ---- */

typedef struct reader {
  const char* begin;
  const char* at;
  const char* end;
} reader;

static void skip_space(reader* r) {
  while (r->at != r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
    ++r->at;
}

static int take(reader* r, char wanted) {
  skip_space(r);
  if (r->at == r->end || *r->at != wanted) return 0;
  ++r->at;
  return 1;
}

static epp_span span_of(const reader* r, const char* from, const char* to) {
  const epp_span span = {(uint64_t)(from - r->begin), (uint64_t)(to - from)};
  return span;
}

/* The inside of a string. */
static int take_string(reader* r, epp_span* span) {
  if (!take(r, '"')) return 0;
  const char* const from = r->at;
  while (r->at != r->end && *r->at != '"') {
    if (*r->at == '\\' && ++r->at == r->end) return 0;
    ++r->at;
  }
  if (r->at == r->end) return 0;
  *span = span_of(r, from, r->at++);
  return 1;
}

/* Ends a number or a word. */
static int is_delimiter(char c) {
  static const char kDelimiters[] = "{}[],:\" \n\r\t";
  return memchr(kDelimiters, c, sizeof kDelimiters - 1) != NULL;
}

/* Any value; `span` is all of it. */
static int take_value(reader* r, epp_span* span) {
  skip_space(r);
  const char* const from = r->at;
  uint64_t depth = 0;
  do {
    epp_span ignored;
    skip_space(r);
    if (r->at == r->end) return 0;
    if (*r->at == '"') {
      if (!take_string(r, &ignored)) return 0;
    } else if (*r->at == '{' || *r->at == '[') {
      ++depth;
      ++r->at;
    } else if (*r->at == '}' || *r->at == ']') {
      if (depth == 0) return 0;
      --depth;
      ++r->at;
    } else if (*r->at == ',' || *r->at == ':') {
      if (depth == 0) return 0;
      ++r->at;
    } else {
      while (r->at != r->end && !is_delimiter(*r->at))
        ++r->at;
    }
  } while (depth != 0);
  *span = span_of(r, from, r->at);
  return 1;
}

static int is(const reader* r, epp_span span, const char* text) {
  return span.size == strlen(text) && memcmp(r->begin + span.offset, text, (size_t)span.size) == 0;
}

/* A whole number, or -1. */
static int64_t number_of(const reader* r, epp_span span) {
  if (span.size == 0 || span.size > 18) return -1;
  int64_t value = 0;
  for (uint64_t i = 0; i < span.size; ++i) {
    const char c = r->begin[span.offset + i];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

/* The inside of a string value. */
static epp_span inside(const reader* r, epp_span value) {
  const epp_span absent = {EPP_SPAN_ABSENT, 0};
  if (value.size < 2 || r->begin[value.offset] != '"') return absent;
  const epp_span span = {value.offset + 1, value.size - 2};
  return span;
}

typedef void (*on_member)(void* context, const reader* r, epp_span key, epp_span value);

static int each_member(reader* r, on_member call, void* context) {
  if (!take(r, '{')) return 0;
  if (take(r, '}')) return 1;
  do {
    epp_span key;
    epp_span value;
    skip_space(r);
    if (!take_string(r, &key) || !take(r, ':') || !take_value(r, &value)) return 0;
    call(context, r, key, value);
  } while (take(r, ','));
  return take(r, '}');
}

static reader over(epp_bytes bytes) {
  const char* const begin = (const char*)bytes.data;
  const reader r = {begin, begin, begin + bytes.size};
  return r;
}

static epp_status refuse(epp_error* error, const char* text) {
  if (error != NULL && error->message != NULL) {
    error->message_size = strlen(text);
    if (error->message_size > error->message_capacity) error->message_size = error->message_capacity;
    memcpy(error->message, text, (size_t)error->message_size);
  }
  return EPP_ERR_BAD_REQUEST;
}

/* ---- the extension ---- */

static void claims(const epp_instance* instance, epp_str_list* paths, epp_str_list* protocols) {
  static const epp_str kPaths[] = {EPP_STR_INIT("v1/completions")};
  static const epp_str kProtocols[] = {EPP_STR_INIT("http"), EPP_STR_INIT("kubernetes.io/h2c")};
  const epp_str_list our_paths = {kPaths, 1};
  const epp_str_list our_protocols = {kProtocols, 2};
  (void)instance;
  *paths = our_paths;
  *protocols = our_protocols;
}

static void note_member(void* context, const reader* r, epp_span key, epp_span value) {
  epp_found_request* const found = (epp_found_request*)context;
  if (is(r, key, "model")) found->model = inside(r, value);
  if (is(r, key, "cache_salt")) found->cache_salt = inside(r, value);
  if (is(r, key, "max_tokens")) found->max_output_tokens = number_of(r, value);
  if (is(r, key, "stream")) found->flags = is(r, value, "true") ? EPP_REQUEST_STREAM : 0;
}

static epp_status parse(const epp_instance* instance, epp_str path, epp_bytes body, epp_found_request* found,
                        epp_error* error) {
  reader r = over(body);
  (void)instance;
  (void)path;
  found->api = EPP_API_COMPLETIONS;
  found->encoding = EPP_SPAN_JSON_STRING;
  if (!each_member(&r, note_member, found)) return refuse(error, "the body is not a JSON object");
  skip_space(&r);
  return r.at == r.end ? EPP_OK : refuse(error, "data after the JSON object");
}

typedef struct part_taker {
  epp_part_sink sink;
  void* context;
  uint32_t prompts;
} part_taker;

static void give(part_taker* taker, uint32_t kind, uint32_t encoding, epp_span data) {
  const epp_found_part part = {sizeof part, kind, taker->prompts++, encoding, data};
  taker->sink(taker->context, &part);
}

/* A text, texts, token ids, or lists of them. */
static void give_prompt(part_taker* taker, const reader* r, epp_span value) {
  const char first = value.size != 0 ? r->begin[value.offset] : 'n';
  if (first == '"') give(taker, EPP_PART_TEXT, EPP_SPAN_JSON_STRING, inside(r, value));
  if (first != '[') return;
  reader list = {r->begin, r->begin + value.offset + 1, r->begin + value.offset + value.size};
  skip_space(&list);
  if (list.at != list.end && *list.at >= '0' && *list.at <= '9') {
    const epp_span ids = {value.offset + 1, value.size - 2};
    give(taker, EPP_PART_TOKEN_IDS, EPP_SPAN_JSON_NUMBERS, ids);
    return;
  }
  epp_span element;
  do {
    if (!take_value(&list, &element)) return;
    give_prompt(taker, r, element);
  } while (take(&list, ','));
}

static void note_prompt(void* context, const reader* r, epp_span key, epp_span value) {
  if (is(r, key, "prompt")) give_prompt((part_taker*)context, r, value);
}

static epp_status prompt(const epp_instance* instance, epp_str path, epp_bytes body, epp_part_sink sink, void* context,
                         epp_error* error) {
  part_taker taker = {sink, context, 0};
  reader r = over(body);
  (void)instance;
  (void)path;
  each_member(&r, note_prompt, &taker);
  return taker.prompts != 0 ? EPP_OK : refuse(error, "the body has no prompt");
}

static void note_count(void* context, const reader* r, epp_span key, epp_span value) {
  epp_usage* const usage = (epp_usage*)context;
  const int64_t count = number_of(r, value);
  if (count < 0) return;
  if (is(r, key, "prompt_tokens")) usage->prompt_tokens = (uint64_t)count;
  if (is(r, key, "completion_tokens")) usage->completion_tokens = (uint64_t)count;
  if (is(r, key, "total_tokens")) usage->total_tokens = (uint64_t)count;
}

typedef struct usage_taker {
  epp_usage* usage;
  uint32_t* found;
} usage_taker;

static void note_usage(void* context, const reader* r, epp_span key, epp_span value) {
  const usage_taker* const taker = (const usage_taker*)context;
  reader inner = {r->begin, r->begin + value.offset, r->begin + value.offset + value.size};
  if (is(r, key, "usage") && each_member(&inner, note_count, taker->usage)) *taker->found = 1;
}

static epp_status usage(const epp_instance* instance, epp_str path, epp_bytes document, epp_usage* counts,
                        uint32_t* found, epp_error* error) {
  usage_taker taker = {counts, found};
  reader r = over(document);
  (void)instance;
  (void)path;
  return each_member(&r, note_usage, &taker) ? EPP_OK : refuse(error, "the document is not a JSON object");
}

static const epp_parser kParser = {sizeof(epp_parser), 0, claims, parse, prompt, usage};

/* ---- the library ---- */

static const void* get_extension(const epp_instance* instance, epp_str id) {
  (void)instance;
  if (id.size == sizeof(EPP_EXT_PARSER) - 1 && memcmp(id.data, EPP_EXT_PARSER, (size_t)id.size) == 0) return &kParser;
  return NULL;
}

static void destroy(epp_instance* instance) {
  free(instance);
}

static epp_status create(const epp_type* type, const epp_create_args* args, epp_instance** instance, epp_error* error) {
  (void)type;
  (void)args;
  epp_instance* const fresh = (epp_instance*)calloc(1, sizeof *fresh);
  if (fresh == NULL) return refuse(error, "out of memory");
  fresh->size = sizeof *fresh;
  fresh->get_extension = get_extension;
  fresh->destroy = destroy;
  *instance = fresh;
  return EPP_OK;
}

static const epp_str kExtensions[] = {EPP_STR_INIT(EPP_EXT_PARSER)};
static const epp_type kType = {
    .size = sizeof(epp_type),
    .stability = EPP_STABILITY_ALPHA,
    .name = EPP_STR_INIT("spike-completions-parser"),
    .version = EPP_STR_INIT("0.1.0"),
    .vendor = EPP_STR_INIT("tests"),
    .description = EPP_STR_INIT("reads completions where they lie"),
    .extensions = {kExtensions, 1},
    .create = create,
};
static const epp_type* const kTypes[] = {&kType};

EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, 1, kTypes, NULL, NULL};
