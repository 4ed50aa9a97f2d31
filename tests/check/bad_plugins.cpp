// Scorers, a filter, a parser and a decider without the C++ wrapper, which would catch much of this: each has one
// fault, and is otherwise as it should be.
#include <epp/abi.h>
#include <epp/ext/decider.h>
#include <epp/ext/filter.h>
#include <epp/ext/parser.h>
#include <epp/ext/scorer.h>
#include <epp/host/attributes.h>
#include <epp/host/services.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace {

struct Plugin {
  epp_instance instance{};
  epp_self* self = nullptr;
  const epp_host* host = nullptr;
};

template <typename Table>
const Table& service(const epp_host& host, std::string_view id) {
  return *static_cast<const Table*>(host.get_extension(&host, {id.data(), id.size()}));
}

const Plugin& plugin(const epp_instance* instance) {
  return *static_cast<const Plugin*>(instance->data);
}

using Score = epp_status(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*);

void fill(const epp_candidates& candidates, double* scores, double value) {
  for (uint32_t i = 0; i < candidates.count; ++i)
    scores[i] = value;
}

epp_status score_well(const epp_instance*, const epp_request*, const epp_candidates* candidates, double* scores,
                      epp_error*) {
  fill(*candidates, scores, 0.5);
  return EPP_OK;
}

epp_status score_nan(const epp_instance*, const epp_request*, const epp_candidates* candidates, double* scores,
                     epp_error*) {
  fill(*candidates, scores, std::numeric_limits<double>::quiet_NaN());
  return EPP_OK;
}

epp_status score_high(const epp_instance*, const epp_request*, const epp_candidates* candidates, double* scores,
                      epp_error*) {
  fill(*candidates, scores, 7);
  return EPP_OK;
}

epp_status score_beyond(const epp_instance*, const epp_request*, const epp_candidates* candidates, double* scores,
                        epp_error*) {
  fill(*candidates, scores, 0.5);
  scores[candidates->count] = 1;
  return EPP_OK;
}

epp_status score_throwing(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  throw std::runtime_error("no scores today");
}

epp_status score_crashing(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  std::abort();
}

epp_status score_leaving(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  std::_Exit(EXIT_FAILURE);
}

epp_status score_looping(const epp_instance*, const epp_request*, const epp_candidates* candidates, double*,
                         epp_error*) {
  const volatile uint32_t& count = candidates->count;
  while (count != UINT32_MAX) {
  }
  return EPP_OK;
}

epp_status score_sleeping(const epp_instance*, const epp_request*, const epp_candidates* candidates, double* scores,
                          epp_error*) {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  fill(*candidates, scores, 0.5);
  return EPP_OK;
}

epp_status score_strange_status(const epp_instance*, const epp_request*, const epp_candidates*, double*, epp_error*) {
  return 4711;
}

epp_status score_leaking(const epp_instance* instance, const epp_request*, const epp_candidates* candidates,
                         double* scores, epp_error*) {
  struct Link {
    Link* before;
    char rest[1000];
  };
  static Link* last = nullptr;
  static_cast<void>(instance);
  auto* const link = static_cast<Link*>(std::calloc(1, sizeof(Link)));
  link->before = __atomic_exchange_n(&last, link, __ATOMIC_RELAXED);
  fill(*candidates, scores, 0.5);
  return EPP_OK;
}

// Declares in a call, which is for create alone.
epp_status score_declaring(const epp_instance* instance, const epp_request*, const epp_candidates* candidates,
                           double* scores, epp_error*) {
  const Plugin& me = plugin(instance);
  service<epp_host_attributes>(*me.host, EPP_HOST_ATTRIBUTES)
      .declare(me.self, EPP_STR_INIT("Late/late"), EPP_TYPE_F64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_OPTIONAL, 0);
  fill(*candidates, scores, 0.5);
  return EPP_OK;
}

// Reads a column that it has not declared.
epp_status score_undeclared(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                            double* scores, epp_error*) {
  const Plugin& me = plugin(instance);
  service<epp_host_attributes>(*me.host, EPP_HOST_ATTRIBUTES).f64(me.self, request, candidates, 0);
  fill(*candidates, scores, 0.5);
  return EPP_OK;
}

// Keeps positions where slots are wanted.
epp_status keep_positions(const epp_instance*, const epp_request*, const epp_candidates* candidates, uint32_t* kept,
                          uint32_t* kept_count, epp_error*) {
  for (uint32_t i = 0; i < candidates->count; ++i)
    kept[i] = i;
  *kept_count = candidates->count;
  return EPP_OK;
}

const epp_filter kPositionFilter = {sizeof(epp_filter), 0, keep_positions};

const void* filter_tables(const epp_instance*, epp_str id) {
  return std::string_view(id.data, id.size) == EPP_EXT_FILTER ? &kPositionFilter : nullptr;
}

void claim(const epp_instance*, epp_str_list*, epp_str_list*) {}

// The model begins where the body ends.
epp_status parse_beyond(const epp_instance*, epp_str, epp_bytes body, epp_found_request* found, epp_error*) {
  found->model = {body.size, 1};
  return EPP_OK;
}

epp_status decide_strangely(const epp_instance*, const epp_request*, const epp_endpoint*, uint32_t* yes, epp_error*) {
  *yes = 7;
  return EPP_OK;
}

const epp_parser kParserBeyond = {sizeof(epp_parser), 0, claim, parse_beyond, nullptr, nullptr};
const epp_decider kStrangeDecider = {sizeof(epp_decider), 0, decide_strangely};

const void* parser_tables(const epp_instance*, epp_str id) {
  return std::string_view(id.data, id.size) == EPP_EXT_PARSER ? &kParserBeyond : nullptr;
}

const void* decider_tables(const epp_instance*, epp_str id) {
  return std::string_view(id.data, id.size) == EPP_EXT_DECIDER ? &kStrangeDecider : nullptr;
}

template <Score* kScore>
const void* scorer_tables(const epp_instance*, epp_str id) {
  static constexpr epp_scorer kTable = {sizeof(epp_scorer), EPP_SCORER_DISTRIBUTION, kScore};
  return std::string_view(id.data, id.size) == EPP_EXT_SCORER ? &kTable : nullptr;
}

using Tables = const void*(const epp_instance*, epp_str);

void destroy(epp_instance* instance) {
  delete static_cast<Plugin*>(instance->data);
}

template <Tables* kTables, bool kTimer = false>
epp_status create(const epp_type*, const epp_create_args* args, epp_instance** instance, epp_error*) {
  auto* const me = new Plugin;
  me->instance.size = sizeof me->instance;
  me->instance.data = me;
  me->instance.get_extension = kTables;
  me->instance.destroy = destroy;
  me->self = args->self;
  me->host = args->host;
  if constexpr (kTimer) {
    // Never stopped.
    service<epp_host_clock>(*args->host, EPP_HOST_CLOCK)
        .start_timer(
            args->self, 3'600'000'000'000, 3'600'000'000'000, [](void*) {}, nullptr);
  }
  *instance = &me->instance;
  return EPP_OK;
}

constexpr epp_str kScorerPoints[] = {EPP_STR_INIT(EPP_EXT_SCORER)};
constexpr epp_str kFilterPoints[] = {EPP_STR_INIT(EPP_EXT_FILTER)};
constexpr epp_str kParserPoints[] = {EPP_STR_INIT(EPP_EXT_PARSER)};
constexpr epp_str kDeciderPoints[] = {EPP_STR_INIT(EPP_EXT_DECIDER)};

constexpr epp_str text(std::string_view view) {
  return {view.data(), view.size()};
}

using Create = epp_status(const epp_type*, const epp_create_args*, epp_instance**, epp_error*);

constexpr epp_type type(std::string_view name, Create* create, const epp_str* points = kScorerPoints) {
  epp_type result{};
  result.size = sizeof(epp_type);
  result.stability = EPP_STABILITY_STABLE;
  result.name = text(name);
  result.version = text("1.0.0");
  result.vendor = text("tests");
  result.description = text("has a fault");
  result.parameters_schema = text(R"({"type": "object"})");
  result.extensions = {points, 1};
  result.create = create;
  return result;
}

constexpr epp_type kTypeTable[] = {
    type("good", create<scorer_tables<score_well>>),
    type("nan", create<scorer_tables<score_nan>>),
    type("high", create<scorer_tables<score_high>>),
    type("beyond", create<scorer_tables<score_beyond>>),
    type("throwing", create<scorer_tables<score_throwing>>),
    type("crashing", create<scorer_tables<score_crashing>>),
    type("leaving", create<scorer_tables<score_leaving>>),
    type("looping", create<scorer_tables<score_looping>>),
    type("sleeping", create<scorer_tables<score_sleeping>>),
    type("strange-status", create<scorer_tables<score_strange_status>>),
    type("leaking", create<scorer_tables<score_leaking>>),
    type("declaring", create<scorer_tables<score_declaring>>),
    type("undeclared", create<scorer_tables<score_undeclared>>),
    type("timer", create<scorer_tables<score_well>, true>),
    type("positions", create<filter_tables>, kFilterPoints),
    type("spans", create<parser_tables>, kParserPoints),
    type("undecided", create<decider_tables>, kDeciderPoints),
};
constexpr auto kTypes = [] {
  std::array<const epp_type*, std::size(kTypeTable)> list{};
  for (size_t i = 0; i < list.size(); ++i)
    list[i] = &kTypeTable[i];
  return list;
}();

}  // namespace

extern "C" {
EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, kTypes.size(),
                                    kTypes.data(),     nullptr,       nullptr};
}
