#include "check/host_tables.h"

#include "check/watch.h"

#include <epp/host/attributes.h>
#include <epp/host/request.h>

#include <string_view>

namespace epp::check {

namespace {

std::string_view view(epp_str text) {
  return {text.data, static_cast<size_t>(text.size)};
}

const epp_host* g_real = nullptr;

template <typename Table>
const Table& real(std::string_view id) {
  return *static_cast<const Table*>(g_real->get_extension(g_real, {id.data(), id.size()}));
}

const epp_host_attributes& real_attributes() {
  static const auto& table = real<epp_host_attributes>(EPP_HOST_ATTRIBUTES);
  return table;
}
const epp_host_request& real_request() {
  static const auto& table = real<epp_host_request>(EPP_HOST_REQUEST);
  return table;
}
const epp_host_metrics& real_metrics() {
  static const auto& table = real<epp_host_metrics>(EPP_HOST_METRICS);
  return table;
}
const epp_host_log& real_log() {
  static const auto& table = real<epp_host_log>(EPP_HOST_LOG);
  return table;
}
const epp_host_async& real_async() {
  static const auto& table = real<epp_host_async>(EPP_HOST_ASYNC);
  return table;
}

// ---- attributes ----

epp_attr declare(epp_self* self, epp_str key, uint32_t type, uint32_t scope, uint32_t access, uint32_t kind) {
  Watch::get().expect_main("declare", self);
  return real_attributes().declare(self, key, type, scope, access, kind);
}

const epp_host_attributes& attributes() {
  static const epp_host_attributes kTable = [] {
    epp_host_attributes table = real_attributes();
    table.declare = &declare;
    return table;
  }();
  return kTable;
}

// ---- request ----

epp_str header(const epp_request* request, epp_str name) {
  Watch::get().learn_header(view(name));
  return real_request().header(request, name);
}

epp_str response_header(const epp_request* request, epp_str name) {
  Watch::get().learn_header(view(name));
  return real_request().response_header(request, name);
}

epp_str metadata(const epp_request* request, epp_str name_space, epp_str key) {
  Watch::get().learn_metadata(view(name_space), view(key));
  return real_request().metadata(request, name_space, key);
}

epp_status set_state(epp_self* self, const epp_request* request, void* state, void (*drop)(void*)) {
  if (state != nullptr && drop == nullptr) Watch::get().state_without_drop();
  return real_request().set_state(self, request, state, drop);
}

const epp_host_request& request_table() {
  static const epp_host_request kTable = [] {
    epp_host_request table = real_request();
    table.header = &header;
    table.response_header = &response_header;
    table.metadata = &metadata;
    table.set_state = &set_state;
    return table;
  }();
  return kTable;
}

// ---- clock ----

uint64_t start_timer(epp_self* self, uint64_t delay_ns, uint64_t period_ns, void (*fn)(void*), void* arg) {
  if (!Watch::get().expect_alive("start_timer", self)) return 0;
  return Watch::get().start_timer(self, delay_ns, period_ns, fn, arg);
}

void stop_timer(epp_self* self, uint64_t id) {
  if (Watch::get().expect_alive("stop_timer", self)) Watch::get().stop_timer(self, id);
}

const epp_host_clock& clock_table() {
  static const epp_host_clock kTable = [] {
    epp_host_clock table = real_clock();
    table.start_timer = &start_timer;
    table.stop_timer = &stop_timer;
    return table;
  }();
  return kTable;
}

// ---- metrics ----

epp_metric* counter(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t count) {
  Watch::get().expect_main("counter", self);
  return real_metrics().counter(self, name, help, labels, count);
}

epp_metric* gauge(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t count) {
  Watch::get().expect_main("gauge", self);
  return real_metrics().gauge(self, name, help, labels, count);
}

epp_metric* histogram(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t count,
                      const double* buckets, uint64_t bucket_count) {
  Watch::get().expect_main("histogram", self);
  return real_metrics().histogram(self, name, help, labels, count, buckets, bucket_count);
}

const epp_host_metrics& metrics_table() {
  static const epp_host_metrics kTable = [] {
    epp_host_metrics table = real_metrics();
    table.counter = &counter;
    table.gauge = &gauge;
    table.histogram = &histogram;
    return table;
  }();
  return kTable;
}

// ---- log and completion: from any thread, so perhaps too late ----

void log_write(epp_self* self, int32_t level, const epp_request* request, epp_str message, const epp_log_field* fields,
               uint64_t count) {
  if (Watch::get().expect_alive("log", self)) real_log().write(self, level, request, message, fields, count);
}

const epp_host_log& log_table() {
  static const epp_host_log kTable = [] {
    epp_host_log table = real_log();
    table.write = &log_write;
    return table;
  }();
  return kTable;
}

void complete(epp_self* self, uint64_t token, epp_status status, const epp_completion_value* values, uint64_t count,
              epp_str message) {
  if (Watch::get().expect_alive("complete", self)) {
    real_async().complete(self, token, status, values, count, message);
  }
}

const epp_host_async& async_table() {
  static const epp_host_async kTable = [] {
    epp_host_async table = real_async();
    table.complete = &complete;
    return table;
  }();
  return kTable;
}

const void* get_extension(const epp_host*, epp_str id) {
  const std::string_view wanted = view(id);
  if (wanted == EPP_HOST_ATTRIBUTES) return &attributes();
  if (wanted == EPP_HOST_REQUEST) return &request_table();
  if (wanted == EPP_HOST_CLOCK) return &clock_table();
  if (wanted == EPP_HOST_METRICS) return &metrics_table();
  if (wanted == EPP_HOST_LOG) return &log_table();
  if (wanted == EPP_HOST_ASYNC) return &async_table();
  return g_real->get_extension(g_real, id);
}

}  // namespace

const epp_host_clock& real_clock() {
  static const auto& table = real<epp_host_clock>(EPP_HOST_CLOCK);
  return table;
}

const epp_host& watching_host(const epp_host& real_host) {
  static const epp_host kHost = [&] {
    g_real = &real_host;
    epp_host host = real_host;
    host.get_extension = &get_extension;
    return host;
  }();
  return kHost;
}

}  // namespace epp::check
