/* A filter, a scorer, a picker and a profile handler. */
#include "v1.h"

#include <epp/ext/filter.h>
#include <epp/ext/picker.h>
#include <epp/ext/profile_handler.h>
#include <epp/ext/scorer.h>
#include <epp/keys.h>

/* ---- v1-filter: keeps the endpoints whose label `role` is the parameter's, and is not annotated with v1/off ---- */

typedef struct v1_filter {
  v1_plugin base;
  char role[32];
  uint64_t role_size;
} v1_filter;

static epp_str value_of(const epp_label* labels, uint64_t count, epp_str key) {
  for (uint64_t i = 0; i < count; ++i) {
    if (v1_equal(labels[i].key, key)) return labels[i].value;
  }
  return v1_str(NULL, 0);
}

static epp_status filter(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                         uint32_t* kept, uint32_t* kept_count, epp_error* error) {
  const v1_filter* const me = (const v1_filter*)instance->data;
  uint32_t count = 0;
  (void)request;
  (void)error;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    const epp_endpoint* const endpoint = candidates->endpoints[candidates->slots[i]];
    const epp_str role = value_of(endpoint->labels, endpoint->label_count, V1_STR("role"));
    const epp_str off = value_of(endpoint->annotations, endpoint->annotation_count, V1_STR("v1/off"));
    if (v1_equal(role, v1_str(me->role, me->role_size)) && off.data == NULL) kept[count++] = candidates->slots[i];
  }
  *kept_count = count;
  return EPP_OK;
}

static const epp_filter kFilter = {sizeof(epp_filter), 0, filter};

static const void* filter_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_FILTER), &kFilter}};
  (void)instance;
  return v1_find(served, 1, id);
}

static epp_status make_filter(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                              epp_error* error) {
  const epp_str role = v1_parameters->string(args->self, V1_STR("/role"));
  (void)type;
  if (role.size > sizeof((v1_filter*)0)->role) return v1_fail(error, EPP_ERR_BAD_REQUEST, "role is too long");
  v1_filter* const me = (v1_filter*)v1_make(sizeof(v1_filter), args, filter_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  if (role.size != 0) memcpy(me->role, role.data, (size_t)role.size);
  me->role_size = role.size;
  *instance = &me->base.instance;
  return EPP_OK;
}

static const epp_str kFilterIds[] = {EPP_STR_INIT(EPP_EXT_FILTER)};
const epp_type v1_filter_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-filter"),
    .version = EPP_STR_INIT("1.0.0"),
    .vendor = EPP_STR_INIT("tests"),
    .description = EPP_STR_INIT("keeps one role"),
    .parameters_schema = EPP_STR_INIT("{\"type\":\"object\",\"properties\":{\"role\":{\"type\":\"string\"}}}"),
    .extensions = {kFilterIds, 1},
    .create = make_filter,
};

/* ---- v1-scorer: 1 - waiting requests / capacity, 0.5 where nothing is known ---- */

typedef struct v1_scorer {
  v1_plugin base;
  epp_attr waiting;
  double capacity;
} v1_scorer;

static epp_status score(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                        double* scores, epp_error* error) {
  const v1_scorer* const me = (const v1_scorer*)instance->data;
  const double* const waiting = v1_attributes->f64(me->base.self, request, candidates, me->waiting);
  (void)error;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    const double value = waiting[candidates->slots[i]];
    scores[i] = value != value ? 0.5 : 1.0 - value / me->capacity;
  }
  return EPP_OK;
}

static const epp_scorer kScorer = {sizeof(epp_scorer), EPP_SCORER_DISTRIBUTION, score};

static const void* scorer_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_SCORER), &kScorer}};
  (void)instance;
  return v1_find(served, 1, id);
}

static epp_status make_scorer(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                              epp_error* error) {
  const double capacity = v1_parameters->number(args->self, V1_STR("/capacity"));
  (void)type;
  if (!(capacity > 0)) return v1_fail(error, EPP_ERR_BAD_REQUEST, "capacity must be above 0");
  v1_scorer* const me = (v1_scorer*)v1_make(sizeof(v1_scorer), args, scorer_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  me->capacity = capacity;
  me->waiting = v1_attributes->declare(args->self, V1_STR(EPP_KEY_WAITING_QUEUE_SIZE), EPP_TYPE_F64, EPP_SCOPE_ENDPOINT,
                                       EPP_ACCESS_OPTIONAL, 0);
  *instance = &me->base.instance;
  return EPP_OK;
}

static const epp_str kScorerIds[] = {EPP_STR_INIT(EPP_EXT_SCORER)};
const epp_type v1_scorer_type = {
    .size = sizeof(epp_type),
    .stability = EPP_STABILITY_STABLE,
    .name = EPP_STR_INIT("v1-scorer"),
    .version = EPP_STR_INIT("1.0.0"),
    .vendor = EPP_STR_INIT("tests"),
    .description = EPP_STR_INIT("prefers short queues"),
    .parameters_schema = EPP_STR_INIT("{\"type\":\"object\",\"properties\":{\"capacity\":{\"type\":\"number\"}}}"),
    .extensions = {kScorerIds, 1},
    .create = make_scorer,
};

/* ---- v1-picker: all candidates, best first ---- */

static epp_status pick(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                       const double* scores, uint32_t* picked, uint32_t* picked_count, epp_error* error) {
  (void)instance;
  (void)request;
  (void)error;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    uint32_t at = i;
    for (; at != 0 && scores[picked[at - 1]] < scores[i]; --at)
      picked[at] = picked[at - 1];
    picked[at] = i;
  }
  *picked_count = candidates->count;
  return EPP_OK;
}

static const epp_picker kPicker = {sizeof(epp_picker), 0, pick};

static const void* picker_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_PICKER), &kPicker}};
  (void)instance;
  return v1_find(served, 1, id);
}

static epp_status make_picker(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                              epp_error* error) {
  (void)type;
  v1_plugin* const me = (v1_plugin*)v1_make(sizeof(v1_plugin), args, picker_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  *instance = &me->instance;
  return EPP_OK;
}

static const epp_str kPickerIds[] = {EPP_STR_INIT(EPP_EXT_PICKER)};
const epp_type v1_picker_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-picker"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("all of them, best first"),
    .extensions = {kPickerIds, 1},
    .create = make_picker,
};

/* ---- v1-handler: the first profile, then the others if the request wants them by the header x-v1-all ---- */

static epp_status bind(const epp_instance* instance, const epp_str* profiles, uint64_t count, epp_error* error) {
  (void)instance;
  if (count != 0 && profiles[0].size != 0) return EPP_OK;
  return v1_fail(error, EPP_ERR_BAD_REQUEST, "a profile is wanted");
}

static epp_status pick_profiles(const epp_instance* instance, const epp_request* request,
                                const epp_profile_results* results, uint32_t* decisions, epp_error* error) {
  const int all = v1_request->header(request, V1_STR("x-v1-all")).data != NULL;
  (void)instance;
  (void)error;
  if (EPP_AT(epp_profile_result, results->items, results->stride, 0)->state == EPP_PROFILE_NOT_RUN) {
    decisions[0] = EPP_DECIDE_RUN;
    return EPP_OK;
  }
  for (uint64_t i = 1; i < results->count; ++i) {
    if (EPP_AT(epp_profile_result, results->items, results->stride, i)->state != EPP_PROFILE_NOT_RUN) continue;
    decisions[i] = all ? EPP_DECIDE_RUN : EPP_DECIDE_SKIP;
  }
  return EPP_OK;
}

static epp_status process(const epp_instance* instance, const epp_request* request, const epp_profile_results* results,
                          uint32_t* primary, uint32_t* include, epp_error* error) {
  (void)instance;
  (void)request;
  if (EPP_AT(epp_profile_result, results->items, results->stride, 0)->state != EPP_PROFILE_SUCCEEDED) {
    return v1_fail(error, EPP_ERR_UNAVAILABLE, "the first profile found nothing");
  }
  for (uint64_t i = 2; i < results->count; ++i)
    include[i] = 0;
  *primary = 0;
  return EPP_OK;
}

static const epp_profile_handler kHandler = {sizeof(epp_profile_handler), 0, bind, pick_profiles, process};

static const void* handler_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_PROFILE_HANDLER), &kHandler}};
  (void)instance;
  return v1_find(served, 1, id);
}

static epp_status make_handler(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                               epp_error* error) {
  (void)type;
  v1_plugin* const me = (v1_plugin*)v1_make(sizeof(v1_plugin), args, handler_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  *instance = &me->instance;
  return EPP_OK;
}

static const epp_str kHandlerIds[] = {EPP_STR_INIT(EPP_EXT_PROFILE_HANDLER)};
const epp_type v1_handler_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-handler"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("the first profile, the others on demand"),
    .extensions = {kHandlerIds, 1},
    .create = make_handler,
};
