/* label-preference-scorer: 1 for endpoints whose label has the preferred value, 0 for the others.
 *
 *   - type: label-preference-scorer
 *     parameters: {label: topology.kubernetes.io/zone, value: eu-west-1a}
 *
 * A complete plugin in plain C: a type, its instances, and one extension point. */
#include <epp/abi.h>
#include <epp/ext/scorer.h>
#include <epp/host/services.h>

#include <stdlib.h>
#include <string.h>

/* An instance. Its strings are its own: what the host shows in create is gone afterwards. */
typedef struct preference {
  epp_instance instance;
  char* label;
  size_t label_size;
  char* value;
  size_t value_size;
} preference;

static int equal(epp_str a, const char* data, size_t size) {
  return a.size == size && (size == 0 || memcmp(a.data, data, size) == 0);
}

/* ---- epp.scorer/1 ---- */

static double prefer(const preference* self, const epp_endpoint* endpoint) {
  for (uint64_t i = 0; i < endpoint->label_count; ++i) {
    const epp_label* label = &endpoint->labels[i];
    if (equal(label->key, self->label, self->label_size)) {
      return equal(label->value, self->value, self->value_size) ? 1.0 : 0.0;
    }
  }
  return 0.0;
}

/* Called by many threads at once: reads the instance, writes nothing but `scores`. */
static epp_status score(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                        double* scores, epp_error* error) {
  (void)request;
  (void)error;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    scores[i] = prefer(instance->data, candidates->endpoints[candidates->slots[i]]);
  }
  return EPP_OK;
}

static const epp_scorer scorer = {sizeof(epp_scorer), EPP_SCORER_AFFINITY, score};

/* ---- The instance ---- */

static const void* get_extension(const epp_instance* instance, epp_str id) {
  (void)instance;
  return equal(id, EPP_EXT_SCORER, sizeof EPP_EXT_SCORER - 1) ? &scorer : NULL;
}

static void destroy(epp_instance* instance) {
  preference* self = instance->data;
  free(self->label);
  free(self->value);
  free(self);
}

static epp_status refuse(epp_error* error, epp_status status, const char* message) {
  if (error != NULL && error->message_capacity != 0) {
    const size_t size = strlen(message);
    error->message_size = size < error->message_capacity ? size : error->message_capacity;
    memcpy(error->message, message, error->message_size);
  }
  return status;
}

static int copy(epp_str from, char** to, size_t* size) {
  *size = from.size;
  *to = malloc(*size + 1);
  if (*to == NULL) return 0;
  if (*size != 0) memcpy(*to, from.data, *size);
  return 1;
}

static epp_status create(const epp_type* type, const epp_create_args* args, epp_instance** instance, epp_error* error) {
  (void)type;
  static const epp_str service = EPP_STR_INIT(EPP_HOST_PARAMETERS);
  static const epp_str label = EPP_STR_INIT("/label");
  static const epp_str value = EPP_STR_INIT("/value");
  const epp_host_parameters* parameters = args->host->get_extension(args->host, service);
  if (parameters == NULL) return refuse(error, EPP_ERR_INTERNAL, "the host does not read parameters");

  preference* self = calloc(1, sizeof *self);
  if (self == NULL) return refuse(error, EPP_ERR_INTERNAL, "out of memory");
  self->instance.size = sizeof self->instance;
  self->instance.data = self;
  self->instance.get_extension = get_extension;
  self->instance.destroy = destroy;
  if (!copy(parameters->string(args->self, label), &self->label, &self->label_size) ||
      !copy(parameters->string(args->self, value), &self->value, &self->value_size)) {
    destroy(&self->instance);
    return refuse(error, EPP_ERR_INTERNAL, "out of memory");
  }
  *instance = &self->instance;
  return EPP_OK;
}

/* ---- The type and the library's entry ---- */

/* The host checks parameters against this before it calls create, so both strings are there. */
#define SCHEMA                                                                                    \
  "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"label\", \"value\"]," \
  " \"properties\": {"                                                                            \
  "\"label\": {\"type\": \"string\", \"minLength\": 1, \"description\": \"Label to look at.\"},"  \
  "\"value\": {\"type\": \"string\", \"description\": \"Preferred value.\"}}}"

static const epp_str extensions[] = {EPP_STR_INIT(EPP_EXT_SCORER)};

static const epp_type type = {
    .size = sizeof(epp_type),
    .stability = EPP_STABILITY_BETA,
    .name = EPP_STR_INIT("label-preference-scorer"),
    .version = EPP_STR_INIT("1.0.0"),
    .vendor = EPP_STR_INIT("example"),
    .description = EPP_STR_INIT("Prefers endpoints whose label has a given value"),
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
