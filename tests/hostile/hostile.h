// What the hostile plugin types are made of: one extension each, over the bare C interface. The C++ wrapper would not
// let them break the rules.
#pragma once

#include <epp/abi.h>
#include <epp/ext/fairness.h>
#include <epp/ext/filter.h>
#include <epp/ext/picker.h>
#include <epp/ext/producer.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/ext/saturation_detector.h>
#include <epp/ext/scorer.h>
#include <epp/host/attributes.h>
#include <epp/host/request.h>
#include <epp/host/services.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace hostile {

struct Hostile {
  epp_instance instance{};
  epp_self* self = nullptr;
  const epp_host_attributes* attributes = nullptr;
  const epp_host_request* requests = nullptr;
  const epp_host_async* async = nullptr;
  const epp_host_clock* clock = nullptr;
  epp_attr queue = EPP_ATTR_NONE;  // declared to be read
};

inline const Hostile& of(const epp_instance* instance) {
  return *static_cast<const Hostile*>(instance->data);
}

constexpr epp_str str(std::string_view text) {
  return {text.data(), text.size()};
}

inline std::string_view view(epp_str text) {
  return {text.data, static_cast<std::size_t>(text.size)};
}

constexpr epp_scorer scorer(decltype(epp_scorer::score) score) {
  return {sizeof(epp_scorer), EPP_SCORER_BALANCE, score};
}

constexpr epp_producer producer(decltype(epp_producer::produce) produce) {
  return {sizeof(epp_producer), 0, produce, nullptr, nullptr};
}

constexpr epp_saturation_detector detector(decltype(epp_saturation_detector::saturation) saturation) {
  return {sizeof(epp_saturation_detector), 0, saturation, nullptr};
}

template <typename Table>
constexpr std::string_view extension_of() {
  if constexpr (std::is_same_v<Table, epp_scorer>) return EPP_EXT_SCORER;
  if constexpr (std::is_same_v<Table, epp_pre_request>) return EPP_EXT_PRE_REQUEST;
  if constexpr (std::is_same_v<Table, epp_response_header>) return EPP_EXT_RESPONSE_HEADER;
  if constexpr (std::is_same_v<Table, epp_filter>) return EPP_EXT_FILTER;
  if constexpr (std::is_same_v<Table, epp_picker>) return EPP_EXT_PICKER;
  if constexpr (std::is_same_v<Table, epp_producer>) return EPP_EXT_PRODUCER;
  if constexpr (std::is_same_v<Table, epp_saturation_detector>) return EPP_EXT_SATURATION_DETECTOR;
  if constexpr (std::is_same_v<Table, epp_fairness>) return EPP_EXT_FAIRNESS;
}

template <auto* table>
using TableOf = std::remove_cvref_t<decltype(*table)>;

template <auto* table>
const void* serve(const epp_instance*, epp_str id) {
  return view(id) == extension_of<TableOf<table>>() ? table : nullptr;
}

inline void do_nothing(const Hostile&) {}

// `begin` runs at the end of create.
template <auto* table, auto begin>
epp_status create(const epp_type*, const epp_create_args* args, epp_instance** instance, epp_error*) {
  const auto service = [&](std::string_view id) { return args->host->get_extension(args->host, str(id)); };
  auto* const made = new Hostile;
  made->instance.size = sizeof made->instance;
  made->instance.data = made;
  made->instance.get_extension = serve<table>;
  made->instance.destroy = [](epp_instance* old) { delete static_cast<Hostile*>(old->data); };
  made->self = args->self;
  made->attributes = static_cast<const epp_host_attributes*>(service(EPP_HOST_ATTRIBUTES));
  made->requests = static_cast<const epp_host_request*>(service(EPP_HOST_REQUEST));
  made->async = static_cast<const epp_host_async*>(service(EPP_HOST_ASYNC));
  made->clock = static_cast<const epp_host_clock*>(service(EPP_HOST_CLOCK));
  made->queue = made->attributes->declare(args->self, str("WaitingQueueSize/core-metrics-extractor"), EPP_TYPE_F64,
                                          EPP_SCOPE_ENDPOINT, EPP_ACCESS_OPTIONAL, 0);
  *instance = &made->instance;
  begin(*made);
  return EPP_OK;
}

// A type that serves one extension.
template <auto* table, auto begin = &do_nothing>
epp_type type(std::string_view name) {
  static const epp_str extension = str(extension_of<TableOf<table>>());
  epp_type made{};
  made.size = sizeof made;
  made.name = str(name);
  made.version = str("1.0.0");
  made.vendor = str("tests");
  made.description = str("breaks a rule");
  made.extensions = {&extension, 1};
  made.create = create<table, begin>;
  return made;
}

template <std::size_t count>
constexpr std::array<const epp_type*, count> list_of(const epp_type (&types)[count]) {
  std::array<const epp_type*, count> list{};
  for (std::size_t i = 0; i < count; ++i)
    list[i] = &types[i];
  return list;
}

}  // namespace hostile

// What a library exports, of an array of types.
#define HOSTILE_LIBRARY(types)                                                                       \
  static const auto kList = hostile::list_of(types);                                                 \
  extern "C" {                                                                                       \
  EPP_EXPORT extern const epp_entry epp_plugin_entry;                                                \
  const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, kList.size(), \
                                      kList.data(),      nullptr,       nullptr};                    \
  }                                                                                                  \
  static_assert(true)
