/* A producer that answers at once, and one that answers later, from a timer of the host. */
#include "v1.h"

#include <epp/ext/producer.h>

#include <stdlib.h>

/* ---- v1-producer: per endpoint the rank, per request a text and two numbers ---- */

typedef struct v1_producer {
  v1_plugin base;
  epp_attr rank;  /* i64 column */
  epp_attr share; /* f64 column, one value at a time */
  epp_attr model; /* text of the request */
  epp_attr ids;   /* u32 list of the request */
} v1_producer;

static epp_status produce(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                          uint64_t token, epp_error* error) {
  const v1_producer* const me = (const v1_producer*)instance->data;
  int64_t* const rank = v1_attributes->write_i64(me->base.self, request, candidates, me->rank);
  uint32_t* const ids = v1_attributes->set_u32(me->base.self, request, me->ids, 2);
  epp_value value;
  (void)token;
  if (rank == NULL || ids == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "the host gives no memory to write to");
  ids[0] = candidates->count;
  ids[1] = request->api;
  memset(&value, 0, sizeof value);
  value.type = EPP_TYPE_F64;
  for (uint32_t i = 0; i < candidates->count; ++i) {
    const uint32_t slot = candidates->slots[i];
    rank[slot] = (int64_t)candidates->endpoints[slot]->rank;
    value.u.f64 = 1.0 / (double)candidates->count;
    v1_attributes->write(me->base.self, request, candidates, me->share, slot, &value);
  }
  value.type = EPP_TYPE_STR;
  value.u.str = request->target_model;
  return v1_attributes->set(me->base.self, request, me->model, &value);
}

static const epp_producer kProducer = {sizeof(epp_producer), 0, produce, NULL, NULL};

static const void* producer_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_PRODUCER), &kProducer}};
  (void)instance;
  return v1_find(served, 1, id);
}

static epp_attr produced(const epp_create_args* args, const char* field, uint32_t type, uint32_t scope) {
  char buffer[128];
  const epp_str key = v1_key(buffer, sizeof buffer, "V1/", args->name, field);
  return v1_attributes->declare(args->self, key, type, scope, EPP_ACCESS_PRODUCE, EPP_COLUMN_PER_REQUEST);
}

static epp_status make_producer(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                                epp_error* error) {
  (void)type;
  v1_producer* const me = (v1_producer*)v1_make(sizeof(v1_producer), args, producer_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  me->rank = produced(args, "#rank", EPP_TYPE_I64, EPP_SCOPE_ENDPOINT);
  me->share = produced(args, "#share", EPP_TYPE_F64, EPP_SCOPE_ENDPOINT);
  me->model = produced(args, "#model", EPP_TYPE_STR, EPP_SCOPE_REQUEST);
  me->ids = produced(args, "#ids", EPP_TYPE_U32_LIST, EPP_SCOPE_REQUEST);
  *instance = &me->base.instance;
  return EPP_OK;
}

static const epp_str kProducerIds[] = {EPP_STR_INIT(EPP_EXT_PRODUCER)};
static const epp_str kProducerKeys[] = {EPP_STR_INIT("V1/v1-producer")};
const epp_type v1_producer_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-producer"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("ranks and shares"),
    .extensions = {kProducerIds, 1},
    .default_keys = {kProducerKeys, 1},
    .create = make_producer,
};

/* ---- v1-late-producer: after a millisecond, the load of each endpoint and a text ---- */

typedef struct v1_late_producer {
  v1_plugin base;
  epp_attr text;
  epp_attr load;
} v1_late_producer;

typedef struct v1_pending {
  const v1_late_producer* producer;
  uint64_t token;
  uint64_t count;
  epp_completion_value* values;
} v1_pending;

static void answer(void* arg) {
  v1_pending* const pending = (v1_pending*)arg;
  v1_async->complete(pending->producer->base.self, pending->token, EPP_OK, pending->values, pending->count,
                     v1_str(NULL, 0));
  free(pending->values);
  free(pending);
}

static epp_status produce_later(const epp_instance* instance, const epp_request* request,
                                const epp_candidates* candidates, uint64_t token, epp_error* error) {
  const v1_late_producer* const me = (const v1_late_producer*)instance->data;
  v1_pending* const pending = (v1_pending*)calloc(1, sizeof *pending);
  (void)request;
  if (pending == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  pending->producer = me;
  pending->token = token;
  pending->count = candidates->count + 1u;
  pending->values = (epp_completion_value*)calloc((size_t)pending->count, sizeof *pending->values);
  if (pending->values == NULL) {
    free(pending);
    return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  }
  pending->values[0].attr = me->text;
  pending->values[0].slot = EPP_SLOT_REQUEST;
  pending->values[0].value.type = EPP_TYPE_STR;
  pending->values[0].value.u.str = V1_STR("forty-two");
  for (uint32_t i = 0; i < candidates->count; ++i) {
    epp_completion_value* const value = &pending->values[i + 1];
    value->attr = me->load;
    value->slot = candidates->slots[i];
    value->value.type = EPP_TYPE_F64;
    value->value.u.f64 = 0.25;
  }
  if (v1_clock->start_timer(me->base.self, 1000000, 0, answer, pending) == 0) {
    free(pending->values);
    free(pending);
    return v1_fail(error, EPP_ERR_UNAVAILABLE, "no timer");
  }
  return EPP_PENDING;
}

static uint64_t time_limit(const epp_instance* instance) {
  (void)instance;
  return 1000000000;
}

static void cancel(const epp_instance* instance, uint64_t token) {
  const v1_late_producer* const me = (const v1_late_producer*)instance->data;
  (void)token;
  v1_log->write(me->base.self, EPP_LEVEL_INFO, NULL, V1_STR("nobody waits"), NULL, 0);
}

static const epp_producer kLateProducer = {sizeof(epp_producer), 0, produce_later, time_limit, cancel};

static const void* late_producer_extension(const epp_instance* instance, epp_str id) {
  const v1_served served[] = {{V1_STR(EPP_EXT_PRODUCER), &kLateProducer}};
  (void)instance;
  return v1_find(served, 1, id);
}

static epp_status make_late_producer(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                                     epp_error* error) {
  (void)type;
  v1_late_producer* const me =
      (v1_late_producer*)v1_make(sizeof(v1_late_producer), args, late_producer_extension, v1_free);
  if (me == NULL) return v1_fail(error, EPP_ERR_INTERNAL, "out of memory");
  me->text = produced(args, "#text", EPP_TYPE_STR, EPP_SCOPE_REQUEST);
  me->load = produced(args, "#load", EPP_TYPE_F64, EPP_SCOPE_ENDPOINT);
  *instance = &me->base.instance;
  return EPP_OK;
}

const epp_type v1_late_producer_type = {
    .size = sizeof(epp_type),
    .name = EPP_STR_INIT("v1-late-producer"),
    .version = EPP_STR_INIT("1.0.0"),
    .description = EPP_STR_INIT("answers later"),
    .extensions = {kProducerIds, 1},
    .create = make_late_producer,
};
