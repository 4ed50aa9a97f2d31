/* my-plugin: endpoints where `busy` requests or more wait for their turn are busy.
 *
 * %only scorer
 * The score falls from 1 where nobody waits to 0 at `busy`.
 * %only filter
 * Busy endpoints are out of the question, unless all are.
 * %only picker
 * Picks the highest score among the endpoints that are not busy; when all are, the highest of all.
 * %all
 */
#include <epp/abi.h>
// %only filter
#include <epp/ext/filter.h>
// %only picker
#include <epp/ext/picker.h>
// %only scorer
#include <epp/ext/scorer.h>
// %all
#include <epp/host/attributes.h>
#include <epp/host/services.h>
#include <epp/keys.h>

#include <stdlib.h>
#include <string.h>

/* An instance: one entry under `plugins:` of the configuration. */
typedef struct plugin {
  epp_instance instance;
  double busy;
  epp_self* self;
  const epp_host_attributes* attributes;
  epp_attr waiting;
} plugin;

/* ---- What it does. Called by many threads at once: it takes microseconds, reads the instance and writes nothing but
 * its answer. ---- */

/* The waiting queues, by slot; NaN where one is not known. */
static const double* waiting_of(const plugin* self, const epp_request* request, const epp_candidates* candidates) {
  return self->attributes->f64(self->self, request, candidates, self->waiting);
}

// %only scorer
static epp_status score(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                        double* scores, epp_error* error) {
  (void)error;
  const plugin* self = instance->data;
  const double* waiting = waiting_of(self, request, candidates);
  for (uint32_t i = 0; i < candidates->count; ++i) {
    const double load = waiting[candidates->slots[i]] / self->busy;
    scores[i] = load >= 1 ? 0 : load > 0 ? 1 - load : 1;
  }
  return EPP_OK;
}

static const epp_scorer scorer = {sizeof(epp_scorer), EPP_SCORER_DISTRIBUTION, score};

// %only filter
static epp_status filter(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                         uint32_t* kept, uint32_t* kept_count, epp_error* error) {
  (void)error;
  const plugin* self = instance->data;
  const double* waiting = waiting_of(self, request, candidates);
  uint32_t count = 0;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    const uint32_t slot = candidates->slots[i];
    if (!(waiting[slot] >= self->busy)) kept[count++] = slot;
  }
  if (count == 0) {
    for (; count < candidates->count; ++count)
      kept[count] = candidates->slots[count];
  }
  *kept_count = count;
  return EPP_OK;
}

static const epp_filter filter_table = {sizeof(epp_filter), 0, filter};

// %only picker
static epp_status pick(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                       const double* scores, uint32_t* picked, uint32_t* picked_count, epp_error* error) {
  (void)error;
  const plugin* self = instance->data;
  const double* waiting = waiting_of(self, request, candidates);
  uint32_t best = 0;
  int best_is_busy = 1;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    const int busy = waiting[candidates->slots[i]] >= self->busy;
    if (i == 0 || busy < best_is_busy || (busy == best_is_busy && scores[i] > scores[best])) {
      best = i;
      best_is_busy = busy;
    }
  }
  if (candidates->count != 0) picked[(*picked_count)++] = best;
  return EPP_OK;
}

static const epp_picker picker = {sizeof(epp_picker), 0, pick};

// %all
/* ---- The instance ---- */

static int is(epp_str id, const char* name) {
  return id.size == strlen(name) && memcmp(id.data, name, id.size) == 0;
}

static const void* get_extension(const epp_instance* instance, epp_str id) {
  (void)instance;
  // %only scorer
  if (is(id, EPP_EXT_SCORER)) return &scorer;
  // %only filter
  if (is(id, EPP_EXT_FILTER)) return &filter_table;
  // %only picker
  if (is(id, EPP_EXT_PICKER)) return &picker;
  // %all
  return NULL;
}

static void destroy(epp_instance* instance) {
  free(instance->data);
}

static epp_status refuse(epp_error* error, const char* message) {
  if (error != NULL && error->message_capacity != 0) {
    const size_t size = strlen(message);
    error->message_size = size < error->message_capacity ? size : error->message_capacity;
    memcpy(error->message, message, error->message_size);
  }
  return EPP_ERR_INTERNAL;
}

/* Reads the parameters, which fit the schema below, and declares the attributes that are used. */
static epp_status create(const epp_type* type, const epp_create_args* args, epp_instance** instance, epp_error* error) {
  (void)type;
  static const epp_str parameters_service = EPP_STR_INIT(EPP_HOST_PARAMETERS);
  static const epp_str attributes_service = EPP_STR_INIT(EPP_HOST_ATTRIBUTES);
  static const epp_str busy = EPP_STR_INIT("/busy");
  static const epp_str waiting = EPP_STR_INIT(EPP_KEY_WAITING_QUEUE_SIZE);
  const epp_host* host = args->host;
  const epp_host_parameters* parameters = host->get_extension(host, parameters_service);
  const epp_host_attributes* attributes = host->get_extension(host, attributes_service);
  if (parameters == NULL || attributes == NULL) return refuse(error, "the host lacks a service that is needed");

  plugin* self = calloc(1, sizeof *self);
  if (self == NULL) return refuse(error, "out of memory");
  self->instance.size = sizeof self->instance;
  self->instance.data = self;
  self->instance.get_extension = get_extension;
  self->instance.destroy = destroy;
  const int given = parameters->kind(args->self, busy) == EPP_JSON_NUMBER;
  self->busy = given ? parameters->number(args->self, busy) : 8;
  self->self = args->self;
  self->attributes = attributes;
  self->waiting = attributes->declare(args->self, waiting, EPP_TYPE_F64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_REQUIRE,
                                      EPP_COLUMN_PER_REQUEST);
  if (self->waiting == EPP_ATTR_NONE) {
    destroy(&self->instance);
    return refuse(error, "the waiting queue is known as something else");
  }
  *instance = &self->instance;
  return EPP_OK;
}

/* ---- The type and the library's entry ---- */

#define SCHEMA                                                                \
  "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {" \
  "\"busy\": {\"type\": \"number\", \"exclusiveMinimum\": 0, \"default\": 8," \
  " \"description\": \"Waiting requests from which on an endpoint is busy.\"}}}"

static const epp_str extensions[] = {
    // %only scorer
    EPP_STR_INIT(EPP_EXT_SCORER),
    // %only filter
    EPP_STR_INIT(EPP_EXT_FILTER),
    // %only picker
    EPP_STR_INIT(EPP_EXT_PICKER),
    // %all
};

static const epp_type type = {
    .size = sizeof(epp_type),
    .stability = EPP_STABILITY_BETA,
    .name = EPP_STR_INIT("my-plugin"),
    .version = EPP_STR_INIT("1.0.0"),
    .vendor = EPP_STR_INIT("example"),
    // %only scorer
    .description = EPP_STR_INIT("Scores endpoints by how few requests wait for them"),
    // %only filter
    .description = EPP_STR_INIT("Keeps endpoints for which few requests wait"),
    // %only picker
    .description = EPP_STR_INIT("Picks the best endpoint for which few requests wait"),
    // %all
    .parameters_schema = EPP_STR_INIT(SCHEMA),
    .extensions = {extensions, sizeof extensions / sizeof extensions[0]},
    .create = create,
};

static const epp_type* const types[] = {&type};

EPP_EXPORT const epp_entry epp_plugin_entry = {
    .size = sizeof(epp_entry),
    .abi_major = EPP_ABI_MAJOR,
    .abi_minor = EPP_ABI_MINOR,
    .type_count = sizeof types / sizeof types[0],
    .types = types,
};
