/* What the plugins of this folder share. They are written against version 1 as it was finished, are built against the
 * frozen copy of its headers beside them, and must load and work in every later host. Do not bring them up to date. */
#ifndef V1_H
#define V1_H

#include <epp/abi.h>
#include <epp/host/attributes.h>
#include <epp/host/request.h>
#include <epp/host/services.h>

#include <string.h>

/* An instance: `instance` first, so that its address is also that of the plugin's own struct. */
typedef struct v1_plugin {
  epp_instance instance;
  epp_self* self;
  epp_str name;
} v1_plugin;

/* The host's services, found by init. */
extern const epp_host_attributes* v1_attributes;
extern const epp_host_request* v1_request;
extern const epp_host_log* v1_log;
extern const epp_host_clock* v1_clock;
extern const epp_host_metrics* v1_metrics;
extern const epp_host_parameters* v1_parameters;
extern const epp_host_async* v1_async;

/* One table of an extension under its id. */
typedef struct v1_served {
  epp_str id;
  const void* table;
} v1_served;

#define V1_STR(literal) v1_str(literal, sizeof(literal) - 1)
epp_str v1_str(const char* text, uint64_t size);
int v1_equal(epp_str a, epp_str b);
epp_status v1_fail(epp_error* error, epp_status status, const char* text);
/* Zeroed memory for a plugin of `bytes`, its instance filled in; NULL when there is none. */
void* v1_make(uint64_t bytes, const epp_create_args* args,
              const void* (*get_extension)(const epp_instance* instance, epp_str id),
              void (*destroy)(epp_instance* instance));
void v1_free(epp_instance* instance);
const void* v1_find(const v1_served* served, uint64_t count, epp_str id);
/* "<prefix><instance name><suffix>" in `buffer`. */
epp_str v1_key(char* buffer, uint64_t capacity, const char* prefix, epp_str name, const char* suffix);

extern const epp_type v1_filter_type;
extern const epp_type v1_scorer_type;
extern const epp_type v1_picker_type;
extern const epp_type v1_handler_type;
extern const epp_type v1_producer_type;
extern const epp_type v1_late_producer_type;
extern const epp_type v1_hooks_type;
extern const epp_type v1_watcher_type;
extern const epp_type v1_flow_type;
extern const epp_type v1_detector_type;

#endif
