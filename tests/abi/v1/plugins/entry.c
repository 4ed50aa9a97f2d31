/* The library: its entry, and what its plugins share. */
#include "v1.h"

#include <stdlib.h>

const epp_host_attributes* v1_attributes;
const epp_host_request* v1_request;
const epp_host_log* v1_log;
const epp_host_clock* v1_clock;
const epp_host_metrics* v1_metrics;
const epp_host_parameters* v1_parameters;
const epp_host_async* v1_async;

epp_str v1_str(const char* text, uint64_t size) {
  const epp_str str = {text, size};
  return str;
}

int v1_equal(epp_str a, epp_str b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, (size_t)a.size) == 0);
}

epp_status v1_fail(epp_error* error, epp_status status, const char* text) {
  if (error != NULL && error->message_capacity != 0) {
    uint64_t size = strlen(text);
    if (size > error->message_capacity) size = error->message_capacity;
    memcpy(error->message, text, (size_t)size);
    error->message_size = size;
  }
  return status;
}

void* v1_make(uint64_t bytes, const epp_create_args* args,
              const void* (*get_extension)(const epp_instance* instance, epp_str id),
              void (*destroy)(epp_instance* instance)) {
  char* const name = (char*)malloc((size_t)args->name.size + 1);
  v1_plugin* const plugin = (v1_plugin*)calloc(1, (size_t)bytes);
  if (name == NULL || plugin == NULL) {
    free(name);
    free(plugin);
    return NULL;
  }
  memcpy(name, args->name.data, (size_t)args->name.size);
  plugin->instance.size = sizeof plugin->instance;
  plugin->instance.data = plugin;
  plugin->instance.get_extension = get_extension;
  plugin->instance.destroy = destroy;
  plugin->self = args->self;
  plugin->name = v1_str(name, args->name.size);
  return plugin;
}

void v1_free(epp_instance* instance) {
  v1_plugin* const plugin = (v1_plugin*)instance->data;
  free((void*)(uintptr_t)plugin->name.data);
  free(plugin);
}

const void* v1_find(const v1_served* served, uint64_t count, epp_str id) {
  for (uint64_t i = 0; i < count; ++i) {
    if (v1_equal(served[i].id, id)) return served[i].table;
  }
  return NULL;
}

epp_str v1_key(char* buffer, uint64_t capacity, const char* prefix, epp_str name, const char* suffix) {
  const size_t before = strlen(prefix);
  const size_t after = strlen(suffix);
  if (before + name.size + after > capacity) return v1_str(NULL, 0);
  memcpy(buffer, prefix, before);
  memcpy(buffer + before, name.data, (size_t)name.size);
  memcpy(buffer + before + name.size, suffix, after);
  return v1_str(buffer, before + name.size + after);
}

static epp_status init(const epp_host* host, epp_error* error) {
  v1_attributes = (const epp_host_attributes*)host->get_extension(host, V1_STR(EPP_HOST_ATTRIBUTES));
  v1_request = (const epp_host_request*)host->get_extension(host, V1_STR(EPP_HOST_REQUEST));
  v1_log = (const epp_host_log*)host->get_extension(host, V1_STR(EPP_HOST_LOG));
  v1_clock = (const epp_host_clock*)host->get_extension(host, V1_STR(EPP_HOST_CLOCK));
  v1_metrics = (const epp_host_metrics*)host->get_extension(host, V1_STR(EPP_HOST_METRICS));
  v1_parameters = (const epp_host_parameters*)host->get_extension(host, V1_STR(EPP_HOST_PARAMETERS));
  v1_async = (const epp_host_async*)host->get_extension(host, V1_STR(EPP_HOST_ASYNC));
  if (host->abi_major != EPP_ABI_MAJOR) return v1_fail(error, EPP_ERR_UNTYPED, "another major");
  if (v1_attributes == NULL || v1_request == NULL || v1_log == NULL || v1_clock == NULL || v1_metrics == NULL ||
      v1_parameters == NULL || v1_async == NULL) {
    return v1_fail(error, EPP_ERR_UNTYPED, "the host lacks a service of version 1");
  }
  return EPP_OK;
}

static void deinit(void) {
  v1_attributes = NULL;
}

static const epp_type* const kTypes[] = {&v1_filter_type,   &v1_scorer_type,        &v1_picker_type, &v1_handler_type,
                                         &v1_producer_type, &v1_late_producer_type, &v1_hooks_type,  &v1_watcher_type,
                                         &v1_flow_type,     &v1_detector_type};

EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {
    sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, sizeof kTypes / sizeof kTypes[0], kTypes, init, deinit};
