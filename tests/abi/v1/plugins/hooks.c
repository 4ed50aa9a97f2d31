/* What goes along with a request, and what watches the host's surroundings. */
#include "v1.h"

#include <epp/ext/lifecycle.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>

#include <stdlib.h>

/* ---- v1-hooks: counts requests under way, by endpoint; denies those with the header x-v1-deny ---- */

typedef struct v1_hooks {
  v1_plugin base;
  epp_attr running; /* live counter */
} v1_hooks;

/* Of one request. */
typedef struct v1_taken {
  uint32_t slot;
  uint32_t reserved;
  uint64_t uid;
} v1_taken;

static epp_status admit(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                        epp_error* error) {
  (void)instance;
  (void)candidates;
  if (v1_request->header(request, V1_STR("x-v1-deny")).data == NULL) return EPP_OK;
  return v1_fail(error, EPP_ERR_FORBIDDEN, "not today");
}

static epp_status pre_request(const epp_instance* instance, const epp_request* request,
                              const epp_profile_results* results, epp_error* error) {
  const v1_hooks* const me = (const v1_hooks*)instance->data;
  const epp_profile_result* const primary =
      EPP_AT(epp_profile_result, results->items, results->stride, results->primary);
  if (primary->target_count == 0) return v1_fail(error, EPP_ERR_INTERNAL, "no target");
  const epp_endpoint* const target = results->endpoints[primary->targets[0]];
  v1_taken* const taken = (v1_taken*)calloc(1, sizeof *taken);
  if (taken == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  taken->slot = target->slot;
  taken->uid = target->uid;
  v1_attributes->live_add(me->base.self, me->running, target->slot, target->uid, 1);
  v1_request->set_state(me->base.self, request, taken, free);
  v1_request->remove_header(me->base.self, request, V1_STR("x-v1-all"));
  return v1_request->set_header(me->base.self, request, V1_STR("x-v1-target"), target->host_port);
}

static epp_status on_response_header(const epp_instance* instance, const epp_request* request,
                                     const epp_response* response, epp_error* error) {
  const v1_hooks* const me = (const v1_hooks*)instance->data;
  (void)error;
  return v1_request->set_response_header(me->base.self, request, V1_STR("x-v1-served-by"), response->target->id);
}

static void on_response_complete(const epp_instance* instance, const epp_request* request, const epp_response* response,
                                 uint32_t cause) {
  const v1_hooks* const me = (const v1_hooks*)instance->data;
  const v1_taken* const taken = (const v1_taken*)v1_request->state(me->base.self, request);
  (void)response;
  (void)cause;
  if (taken == NULL) return;
  v1_attributes->live_add(me->base.self, me->running, taken->slot, taken->uid, -1);
  v1_request->set_state(me->base.self, request, NULL, NULL);
}

static const epp_admitter kAdmitter = {sizeof(epp_admitter), 0, admit};
static const epp_pre_request kPreRequest = {sizeof(epp_pre_request), 0, pre_request};
static const epp_response_header kResponseHeader = {sizeof(epp_response_header), 0, on_response_header};
static const epp_response_complete kResponseComplete = {sizeof(epp_response_complete), 0, on_response_complete};

static const void* hooks_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_ADMITTER), &kAdmitter},
                              {V1_STR(EPP_EXT_PRE_REQUEST), &kPreRequest},
                              {V1_STR(EPP_EXT_RESPONSE_HEADER), &kResponseHeader},
                              {V1_STR(EPP_EXT_RESPONSE_COMPLETE), &kResponseComplete}};
  (void)instance;
  return v1_find(served, sizeof served / sizeof served[0], id);
}

static epp_status make_hooks(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                             epp_error* error) {
  char buffer[128];
  (void)type;
  v1_hooks* const me = (v1_hooks*)v1_make(sizeof(v1_hooks), args, hooks_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  const epp_str key = v1_key(buffer, sizeof buffer, "V1Running/", args->name, "#requests");
  me->running =
      v1_attributes->declare(args->self, key, EPP_TYPE_I64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, EPP_COLUMN_LIVE);
  *instance = &me->base.instance;
  return EPP_OK;
}

static const epp_str kHookIds[] = {EPP_STR_INIT(EPP_EXT_ADMITTER), EPP_STR_INIT(EPP_EXT_PRE_REQUEST),
                                   EPP_STR_INIT(EPP_EXT_RESPONSE_HEADER), EPP_STR_INIT(EPP_EXT_RESPONSE_COMPLETE)};
const epp_type v1_hooks_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-hooks"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("requests under way"),
    .extensions = {kHookIds, 4},
    .create = make_hooks,
};

/* ---- v1-watcher: knows how many endpoints there are; shows it as state, as a metric and in the log ---- */

typedef struct v1_watcher {
  v1_plugin base;
  epp_series* endpoints;
  uint32_t count;
  uint32_t reserved;
} v1_watcher;

static void on_endpoint_added(const epp_instance* instance, const epp_endpoint* endpoint) {
  v1_watcher* const me = (v1_watcher*)instance->data;
  epp_log_field field;
  memset(&field, 0, sizeof field);
  field.key = V1_STR("endpoint");
  field.value.type = EPP_TYPE_STR;
  field.value.u.str = endpoint->name;
  __atomic_add_fetch(&me->count, 1, __ATOMIC_RELAXED);
  v1_metrics->set(me->endpoints, me->count);
  if (v1_log->enabled(me->base.self, EPP_LEVEL_INFO) != 0) {
    v1_log->write(me->base.self, EPP_LEVEL_INFO, NULL, V1_STR("an endpoint came"), &field, 1);
  }
}

static void on_endpoint_removed(const epp_instance* instance, const epp_endpoint* endpoint) {
  v1_watcher* const me = (v1_watcher*)instance->data;
  (void)endpoint;
  __atomic_sub_fetch(&me->count, 1, __ATOMIC_RELAXED);
  v1_metrics->set(me->endpoints, me->count);
}

static epp_status dump(const epp_instance* instance, epp_text_sink sink, void* context, epp_error* error) {
  const v1_watcher* const me = (const v1_watcher*)instance->data;
  char digits[16];
  uint32_t rest = __atomic_load_n(&me->count, __ATOMIC_RELAXED);
  uint64_t at = sizeof digits;
  (void)error;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  sink(context, V1_STR("{\"endpoints\":"));
  sink(context, v1_str(digits + at, sizeof digits - at));
  sink(context, V1_STR("}"));
  return EPP_OK;
}

static const epp_endpoint_events kEvents = {sizeof(epp_endpoint_events), 0, on_endpoint_added, on_endpoint_removed};
static const epp_state_dump kDump = {sizeof(epp_state_dump), 0, dump};

static const void* watcher_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_ENDPOINT_EVENTS), &kEvents}, {V1_STR(EPP_EXT_STATE_DUMP), &kDump}};
  (void)instance;
  return v1_find(served, 2, id);
}

static epp_status make_watcher(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                               epp_error* error) {
  const epp_str label = V1_STR("name");
  (void)type;
  v1_watcher* const me = (v1_watcher*)v1_make(sizeof(v1_watcher), args, watcher_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  epp_metric* const family =
      v1_metrics->gauge(args->self, V1_STR("v1_endpoints"), V1_STR("Endpoints that are known."), &label, 1);
  me->endpoints = v1_metrics->series(family, &args->name, 1);
  *instance = &me->base.instance;
  return EPP_OK;
}

static const epp_str kWatcherIds[] = {EPP_STR_INIT(EPP_EXT_ENDPOINT_EVENTS), EPP_STR_INIT(EPP_EXT_STATE_DUMP)};
const epp_type v1_watcher_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-watcher"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("counts endpoints"),
    .extensions = {kWatcherIds, 2},
    .create = make_watcher,
};
