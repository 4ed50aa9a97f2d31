// Descriptors, instances and tables of any size and with any holes: a library is refused with a reason, or what comes
// of it keeps the promises of library.h and instance.h. Each struct lies in memory of exactly the size that it claims,
// so that AddressSanitizer sees a look beyond it.
#include "endpoints/attributes.h"
#include "plugins/catalogue.h"
#include "plugins/completion.h"
#include "plugins/factory.h"
#include "plugins/graveyard.h"
#include "plugins/library.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace epp::plugins;

class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  uint8_t next() { return at_ != end_ ? *at_++ : 0; }
  // Rare, and never where the input has ended: what it does not spoil is whole.
  bool one_in(uint8_t n) { return next() % n == n - 1; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// Memory of the plugin, until the end of the run.
std::vector<std::unique_ptr<std::byte[]>> g_memory;

// A copy of the first `size` bytes of a struct, and no more.
template <typename T>
T* cut(const T& whole, uint32_t size) {
  g_memory.push_back(std::make_unique<std::byte[]>(size));
  std::memcpy(g_memory.back().get(), &whole, std::min<size_t>(size, sizeof whole));
  return reinterpret_cast<T*>(g_memory.back().get());
}

// Mostly the whole struct, sometimes less; never below what every version has.
template <typename T>
uint32_t claimed_size(Input& input, uint32_t least) {
  if (!input.one_in(4)) return sizeof(T);
  return std::max<uint32_t>(least, input.next() % (sizeof(T) + 1));
}

constexpr std::array<std::string_view, 10> kTexts = {
    "", "queue-scorer", "a/b", "{}", "{\"type\":\"object\"}", "true", "{", "epp.scorer/99", "\xff", "V1/one#field"};
constexpr std::array<std::string_view, 14> kExtensions = {
    EPP_EXT_FILTER,
    EPP_EXT_SCORER,
    EPP_EXT_PICKER,
    EPP_EXT_PRODUCER,
    EPP_EXT_PROFILE_HANDLER,
    EPP_EXT_PRE_REQUEST,
    EPP_EXT_RESPONSE_HEADER,
    EPP_EXT_ENDPOINT_EVENTS,
    EPP_EXT_FAIRNESS,
    EPP_EXT_ORDERING,
    EPP_EXT_USAGE_LIMITS,
    EPP_EXT_STATE_DUMP,
    "epp.news/7",
    EPP_EXT_SATURATION_DETECTOR,
};

epp_str str(std::string_view text) {
  return {text.data(), text.size()};
}

epp_str any_text(Input& input) {
  if (input.one_in(16)) return {nullptr, 3};  // a hole
  return str(kTexts[input.next() % kTexts.size()]);
}

epp_str_list any_list(Input& input, bool extensions) {
  if (input.one_in(16)) return {nullptr, 2};
  const uint32_t count = input.next() % 4;
  std::array<epp_str, 4> items{};
  for (uint32_t i = 0; i < count; ++i)
    items[i] = extensions ? str(kExtensions[input.next() % kExtensions.size()]) : any_text(input);
  return {cut(items, count * sizeof(epp_str))->data(), count};
}

// ---- instances: tables whose functions are there or not ----

Input* g_input = nullptr;
int g_alive = 0;

void nothing() {}

// `size`, then reserved, then a function or a hole for each pointer that fits.
const void* get_extension(const epp_instance*, epp_str) {
  Input& input = *g_input;
  if (input.one_in(5)) return nullptr;
  constexpr uint32_t kWords = 14;
  std::array<uint64_t, kWords> words{};
  const uint32_t size = std::max<uint32_t>(sizeof(uint32_t), input.next() % (sizeof words + 1));
  const uint8_t holes = input.next();
  words[0] = size;
  for (uint32_t i = 1; i < kWords; ++i) {
    if (((holes >> (i % 8)) & 1u) == 0) words[i] = reinterpret_cast<uintptr_t>(&nothing);
  }
  return cut(words, size);
}

void destroy(epp_instance*) {
  --g_alive;
}

epp_status create(const epp_type*, const epp_create_args*, epp_instance** instance, epp_error* error) {
  Input& input = *g_input;
  if (input.one_in(8)) {
    error->message_size = input.next() * 1000u;  // beyond the buffer
    error->reason_size = UINT64_MAX;
    return input.one_in(2) ? EPP_ERR_UNTYPED : 7;
  }
  if (input.one_in(8)) return EPP_OK;  // without an instance
  epp_instance whole{};
  whole.size = claimed_size<epp_instance>(input, sizeof(uint32_t));
  whole.get_extension = input.one_in(8) ? nullptr : &get_extension;
  whole.destroy = input.one_in(8) ? nullptr : &destroy;
  *instance = cut(whole, whole.size);
  const bool usable = whole.size == sizeof whole && whole.get_extension != nullptr && whole.destroy != nullptr;
  if (usable) ++g_alive;
  return EPP_OK;
}

epp_status references(const epp_type*, epp_str, epp_reference_sink sink, void* context, epp_error*) {
  Input& input = *g_input;
  for (uint32_t i = input.next() % 4; i != 0; --i)
    sink(context, str(kTexts[input.next() % kTexts.size()]));
  return input.one_in(4) ? EPP_ERR_UNTYPED : EPP_OK;
}

const epp_type* any_type(Input& input) {
  if (input.one_in(16)) return nullptr;
  epp_type whole{};
  whole.size = claimed_size<epp_type>(input, sizeof(uint32_t));
  whole.stability = input.next() % 5;
  for (epp_str* const text :
       {&whole.name, &whole.version, &whole.vendor, &whole.description, &whole.parameters_schema, &whole.replaced_by}) {
    *text = any_text(input);
  }
  whole.extensions = any_list(input, true);
  whole.default_keys = any_list(input, false);
  whole.references = input.one_in(2) ? &references : nullptr;
  whole.create = input.one_in(8) ? nullptr : &create;
  return cut(whole, whole.size);
}

void require(bool holds) {
  if (!holds) std::abort();
}

// What a library that was not refused promises of its types.
void check(const Library& library) {
  std::set<std::string_view> names;
  for (const epp_type* type : library.types()) {
    require(check_type(type).empty());
    require(type->name.size != 0 && type->create != nullptr);
    require(names.insert({type->name.data, static_cast<size_t>(type->name.size)}).second);
  }
  require(!names.empty());
}

// A table that the host took has all that it will call without looking.
void check(const Instance& instance) {
  require(instance.filter == nullptr || instance.filter->filter != nullptr);
  require(instance.scorer == nullptr || instance.scorer->score != nullptr);
  require(instance.profile_handler == nullptr ||
          (instance.profile_handler->pick != nullptr && instance.profile_handler->process != nullptr));
  require(instance.fairness == nullptr ||
          (instance.fairness->open_band != nullptr && instance.fairness->close_band != nullptr &&
           instance.fairness->pick != nullptr));
  require(instance.detector == nullptr || instance.detector->saturation != nullptr);
  require(instance.endpoint_events == nullptr || (instance.endpoint_events->on_endpoint_added != nullptr &&
                                                  instance.endpoint_events->on_endpoint_removed != nullptr));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  g_input = &input;
  g_alive = 0;
  {
    std::array<const epp_type*, 3> types{};
    const uint32_t count = input.next() % 4;
    for (uint32_t i = 0; i < count; ++i)
      types[i] = any_type(input);
    epp_entry whole{};
    // Size and major stand at the front in every version.
    whole.size = claimed_size<epp_entry>(input, offsetof(epp_entry, abi_minor));
    whole.abi_major = input.one_in(8) ? input.next() : EPP_ABI_MAJOR;
    whole.type_count = input.one_in(16) ? 0 : count;
    whole.types = input.one_in(16) ? nullptr : cut(types, count * sizeof(const epp_type*))->data();
    const epp_entry* const entry = cut(whole, whole.size);

    std::string error;
    const LibraryPtr library = Library::from_entry(*entry, "fuzzed", error);
    require((library == nullptr) != error.empty());
    if (library != nullptr) {
      check(*library);
      Catalogue catalogue;
      catalogue.add(library);
      for (const epp::config::PluginType* type : catalogue.types())
        (void)catalogue.references(*type, "{}");

      epp::endpoints::AttributeRegistry attributes;
      CompletionTable completions;
      Environment environment;
      environment.attributes = &attributes;
      environment.completions = &completions;
      environment.graveyard = std::make_shared<Graveyard>();
      for (const epp_type* type : library->types()) {
        InstanceSpec spec;
        spec.name = spec.type = std::string(type->name.data, static_cast<size_t>(type->name.size));
        spec.library = library;
        spec.descriptor = type;
        error.clear();
        const InstancePtr instance = make_instance(spec, environment, error);
        require((instance == nullptr) != error.empty());
        if (instance != nullptr) check(*instance);
      }
      environment.graveyard->collect();
      require(g_alive == 0);  // every usable instance was destroyed, refused ones included
    }
  }
  g_memory.clear();
  return 0;
}
