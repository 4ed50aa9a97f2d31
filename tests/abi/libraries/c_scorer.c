/* A plugin in C11 with nothing but the headers: scores by a column, the lower the better. */
#include <epp/abi.h>
#include <epp/ext/scorer.h>
#include <epp/host/attributes.h>
#include <epp/host/services.h>

#include <stdlib.h>
#include <string.h>

typedef struct c_scorer {
  epp_instance instance;
  epp_self* self;
  const epp_host_attributes* attributes;
  epp_attr load;
  double capacity;
} c_scorer;

static epp_status c_score(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                          double* scores, epp_error* error) {
  const c_scorer* me = (const c_scorer*)instance->data;
  const double* load = me->attributes->f64(me->self, request, candidates, me->load);
  (void)error;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    scores[i] = 1.0 - load[candidates->slots[i]] / me->capacity;
  }
  return EPP_OK;
}

static const epp_scorer kScorer = {sizeof(epp_scorer), EPP_SCORER_DISTRIBUTION, c_score};

static const void* c_get_extension(const epp_instance* instance, epp_str id) {
  (void)instance;
  if (id.size == sizeof(EPP_EXT_SCORER) - 1 && memcmp(id.data, EPP_EXT_SCORER, (size_t)id.size) == 0) return &kScorer;
  return NULL;
}

static void c_destroy(epp_instance* instance) {
  free(instance->data);
}

static const void* service(const epp_host* host, const char* id) {
  const epp_str name = {id, strlen(id)};
  return host->get_extension(host, name);
}

static epp_status fail(epp_error* error, const char* text) {
  if (error != NULL) {
    error->message_size = strlen(text);
    if (error->message_size > error->message_capacity) error->message_size = error->message_capacity;
    memcpy(error->message, text, (size_t)error->message_size);
  }
  return EPP_ERR_BAD_REQUEST;
}

static epp_status c_create(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                           epp_error* error) {
  const epp_host_parameters* parameters = (const epp_host_parameters*)service(args->host, EPP_HOST_PARAMETERS);
  const epp_str capacity = EPP_STR_INIT("/capacity");
  const epp_str key = EPP_STR_INIT("WaitingQueueSize/core-metrics-extractor");
  (void)type;
  const double value = parameters->number(args->self, capacity);
  if (!(value > 0)) return fail(error, "capacity must be above 0");
  c_scorer* me = (c_scorer*)calloc(1, sizeof *me);
  if (me == NULL) return fail(error, "out of memory");
  me->instance.size = sizeof me->instance;
  me->instance.data = me;
  me->instance.get_extension = c_get_extension;
  me->instance.destroy = c_destroy;
  me->self = args->self;
  me->capacity = value;
  me->attributes = (const epp_host_attributes*)service(args->host, EPP_HOST_ATTRIBUTES);
  me->load = me->attributes->declare(args->self, key, EPP_TYPE_F64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_OPTIONAL, 0);
  *instance = &me->instance;
  return EPP_OK;
}

static const epp_str kExtensions[] = {EPP_STR_INIT(EPP_EXT_SCORER)};
static const epp_type kType = {
    .size = sizeof(epp_type),
    .stability = EPP_STABILITY_STABLE,
    .name = EPP_STR_INIT("c-scorer"),
    .version = EPP_STR_INIT("1.0.0"),
    .vendor = EPP_STR_INIT("tests"),
    .description = EPP_STR_INIT("scores by queue length"),
    .parameters_schema = EPP_STR_INIT("{\"type\":\"object\",\"properties\":{\"capacity\":{\"type\":\"number\"}}}"),
    .extensions = {kExtensions, 1},
    .create = c_create,
};
static const epp_type* const kTypes[] = {&kType};

EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, 1, kTypes, NULL, NULL};
