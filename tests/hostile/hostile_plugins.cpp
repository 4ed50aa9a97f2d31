// Plugins that break the rules of the ABI, one rule each. They use the bare C interface: the C++ wrapper would not let
// them.
#include <epp/abi.h>
#include <epp/ext/filter.h>
#include <epp/ext/picker.h>
#include <epp/ext/producer.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/ext/scorer.h>
#include <epp/host/attributes.h>
#include <epp/host/request.h>
#include <epp/host/services.h>

#include <chrono>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>

namespace {

struct Hostile {
  epp_instance instance{};
  epp_self* self = nullptr;
  const epp_host_attributes* attributes = nullptr;
  const epp_host_request* requests = nullptr;
  const epp_host_async* async = nullptr;
  epp_attr queue = EPP_ATTR_NONE;  // declared to be read
};

const Hostile& of(const epp_instance* instance) {
  return *static_cast<const Hostile*>(instance->data);
}

constexpr epp_str str(std::string_view text) {
  return {text.data(), text.size()};
}

std::string_view view(epp_str text) {
  return {text.data, static_cast<size_t>(text.size)};
}

// ---- What they do ----

epp_status score_throwing(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  throw std::runtime_error("thrown by a scorer");
}

epp_status pre_request_throwing(const epp_instance*, const epp_request*, const epp_profile_results*, epp_error*) {
  throw std::runtime_error("thrown by a hook");
}

epp_status response_header_throwing(const epp_instance*, const epp_request*, const epp_response*, epp_error*) {
  throw 42;
}

epp_status score_nan(const epp_instance*, const epp_request*, const epp_candidates* candidates, double* scores,
                     epp_error*) {
  for (uint32_t i = 0; i < candidates->count; ++i)
    scores[i] = std::nan("");
  return EPP_OK;
}

epp_status filter_wrongly(const epp_instance*, const epp_request*, const epp_candidates*, uint32_t* kept,
                          uint32_t* kept_count, epp_error*) {
  kept[0] = 4'000'000'000u;
  *kept_count = 1;
  return EPP_OK;
}

epp_status pick_wrongly(const epp_instance*, const epp_request*, const epp_candidates* candidates, const double*,
                        uint32_t* picked, uint32_t* picked_count, epp_error*) {
  picked[0] = candidates->count + 1'000'000;
  *picked_count = 1;
  return EPP_OK;
}

epp_status score_failing(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  return EPP_ERR_UNTYPED;
}

// As many milliseconds as the header x-hang says.
epp_status score_hanging(const epp_instance* instance, const epp_request* request, const epp_candidates*, double*,
                         epp_error*) {
  const std::string_view wanted = view(of(instance).requests->header(request, str("x-hang")));
  if (!wanted.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(std::string(wanted))));
  return EPP_OK;
}

// State that is never freed and cannot be dropped.
epp_status score_leaking(const epp_instance* instance, const epp_request* request, const epp_candidates*, double*,
                         epp_error*) {
  static int never_freed = 0;
  of(instance).requests->set_state(of(instance).self, request, &never_freed,
                                   [](void*) { throw std::runtime_error("thrown by a drop"); });
  return EPP_OK;
}

epp_status produce_twice(const epp_instance* instance, const epp_request*, const epp_candidates*, uint64_t token,
                         epp_error*) {
  for (int i = 0; i < 2; ++i)
    of(instance).async->complete(of(instance).self, token, EPP_OK, nullptr, 0, epp_str{});
  return EPP_PENDING;
}

epp_status produce_undeclared(const epp_instance* instance, const epp_request* request,
                              const epp_candidates* candidates, uint64_t, epp_error*) {
  const Hostile& me = of(instance);
  double* const column = me.attributes->write_f64(me.self, request, candidates, me.queue);
  if (column == nullptr) return EPP_OK;  // as the contract says; a plugin that does not look dies of it
  for (uint32_t i = 0; i < candidates->count; ++i)
    column[candidates->slots[i]] = 1e9;
  return EPP_OK;
}

// ---- What they are ----

constexpr epp_scorer scorer(decltype(epp_scorer::score) score) {
  return {sizeof(epp_scorer), EPP_SCORER_BALANCE, score};
}
constexpr epp_producer producer(decltype(epp_producer::produce) produce) {
  return {sizeof(epp_producer), 0, produce, nullptr, nullptr};
}

const epp_scorer kThrowingScorer = scorer(score_throwing);
const epp_scorer kNanScorer = scorer(score_nan);
const epp_scorer kFailingScorer = scorer(score_failing);
const epp_scorer kHangingScorer = scorer(score_hanging);
const epp_scorer kLeakingScorer = scorer(score_leaking);
const epp_pre_request kThrowingPreRequest = {sizeof(epp_pre_request), 0, pre_request_throwing};
const epp_response_header kThrowingResponseHeader = {sizeof(epp_response_header), 0, response_header_throwing};
const epp_filter kWrongFilter = {sizeof(epp_filter), 0, filter_wrongly};
const epp_picker kWrongPicker = {sizeof(epp_picker), 0, pick_wrongly};
const epp_producer kDoubleProducer = producer(produce_twice);
const epp_producer kUndeclaredProducer = producer(produce_undeclared);

// A type that serves one extension.
template <auto* table>
const void* serve(const epp_instance*, epp_str id) {
  using Table = std::remove_cvref_t<decltype(*table)>;
  std::string_view mine;
  if constexpr (std::is_same_v<Table, epp_scorer>) mine = EPP_EXT_SCORER;
  if constexpr (std::is_same_v<Table, epp_pre_request>) mine = EPP_EXT_PRE_REQUEST;
  if constexpr (std::is_same_v<Table, epp_response_header>) mine = EPP_EXT_RESPONSE_HEADER;
  if constexpr (std::is_same_v<Table, epp_filter>) mine = EPP_EXT_FILTER;
  if constexpr (std::is_same_v<Table, epp_picker>) mine = EPP_EXT_PICKER;
  if constexpr (std::is_same_v<Table, epp_producer>) mine = EPP_EXT_PRODUCER;
  return view(id) == mine ? table : nullptr;
}

template <auto* table>
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
  made->queue = made->attributes->declare(args->self, str("WaitingQueueSize/core-metrics-extractor"), EPP_TYPE_F64,
                                          EPP_SCOPE_ENDPOINT, EPP_ACCESS_OPTIONAL, 0);
  *instance = &made->instance;
  return EPP_OK;
}

template <auto* table>
epp_type type(std::string_view name, const epp_str& extension) {
  epp_type made{};
  made.size = sizeof made;
  made.name = str(name);
  made.version = str("1.0.0");
  made.vendor = str("tests");
  made.description = str("breaks a rule");
  made.extensions = {&extension, 1};
  made.create = create<table>;
  return made;
}

const epp_str kScorer = EPP_STR_INIT(EPP_EXT_SCORER);
const epp_str kPreRequest = EPP_STR_INIT(EPP_EXT_PRE_REQUEST);
const epp_str kResponseHeader = EPP_STR_INIT(EPP_EXT_RESPONSE_HEADER);
const epp_str kFilter = EPP_STR_INIT(EPP_EXT_FILTER);
const epp_str kPicker = EPP_STR_INIT(EPP_EXT_PICKER);
const epp_str kProducer = EPP_STR_INIT(EPP_EXT_PRODUCER);

const epp_type kTypes[] = {
    type<&kThrowingScorer>("throwing-scorer", kScorer),
    type<&kThrowingPreRequest>("throwing-pre-request", kPreRequest),
    type<&kThrowingResponseHeader>("throwing-response-header", kResponseHeader),
    type<&kNanScorer>("nan-scorer", kScorer),
    type<&kWrongFilter>("wrong-filter", kFilter),
    type<&kWrongPicker>("wrong-picker", kPicker),
    type<&kFailingScorer>("failing-scorer", kScorer),
    type<&kHangingScorer>("hanging-scorer", kScorer),
    type<&kLeakingScorer>("leaking-scorer", kScorer),
    type<&kDoubleProducer>("double-producer", kProducer),
    type<&kUndeclaredProducer>("undeclared-producer", kProducer),
};
const epp_type* const kList[] = {&kTypes[0], &kTypes[1], &kTypes[2], &kTypes[3], &kTypes[4], &kTypes[5],
                                 &kTypes[6], &kTypes[7], &kTypes[8], &kTypes[9], &kTypes[10]};

}  // namespace

extern "C" {
EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, std::size(kList), kList,
                                    nullptr,           nullptr};
}
