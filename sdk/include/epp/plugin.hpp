// The C++ face of the plugin ABI: header-only, no ABI of its own.
//
// A plugin type is a plain class. Which extension points it serves follows from the member functions it has:
//
//   void filter(const Request&, const Candidates&, Kept& kept) const;                       epp.filter/1
//   void screen(const Request&, const Candidates&, Kept& kept) const;                       epp.screener/0
//   void score(const Request&, const Candidates&, std::span<double> scores) const;          epp.scorer/1
//   void pick(const Request&, const Candidates&, std::span<const double> scores, Picks&);   epp.picker/1
//   void produce(const Request&, const Candidates&);                                        epp.producer/1
//   bool produce(const Request&, const Candidates&, Token);  // or this: false answers later
//   void on_request_header(const Request&);                                                 epp.request-header/0
//   void admit(const Request&, const Candidates&);           // throws to deny              epp.admitter/1
//   void pre_request(const Request&, const Results&);                                       epp.pre-request/1
//   void on_response_header(const Request&, const epp_response&);                           epp.response-header/1
//   void on_response_body(const Request&, const epp_response&, std::span<const uint8_t>, bool end);
//   void on_response_complete(const Request&, const epp_response&, uint32_t cause);
//   void pick_profiles(const Request&, const Results&, std::span<uint32_t> decisions);      epp.profile-handler/1
//   uint32_t process_profiles(const Request&, const Results&, std::span<uint32_t> include);
//   void bind_profiles(std::span<const std::string_view>);                                  (optional)
//   double saturation(const Candidates&, const Reservations&, uint64_t& again_ns);          epp.saturation-detector/1
//   double saturation(const Candidates&);                    // or this: does not look at reservations
//   uint64_t believed_age_ns() const;                                                       (optional)
//   bool decide(const Request&, const epp_endpoint*) const;                                 epp.decider/0
//   std::unique_ptr<Band> open_band(int32_t priority);                                      epp.fairness/1
//   int64_t order_key(const QueuedRequest&) const;                                          epp.ordering/1
//   bool order_before(const QueuedRequest&, const QueuedRequest&) const;                    (optional)
//   void usage_ceilings(double saturation, std::span<const int32_t> priorities,             epp.usage-limits/1
//                       std::span<double> ceilings, uint64_t& again_ns);
//   bool accept_eviction(const epp_running_request&) const;                                 epp.eviction-filter/0
//   bool evict_before(const epp_running_request&, const epp_running_request&) const;        epp.eviction-ordering/1
//   void on_endpoint_added(const epp_endpoint&); void on_endpoint_removed(const epp_endpoint&);
//   std::string dump_state() const;  bool ready() const;
//
// A fairness policy keeps its order per band, in a class of its choice (`Band` above) with
//
//   uint32_t pick(uint64_t now_ns);                       // index of an active flow
//   void flow_added(const epp_flow&);  void flow_removed(const epp_flow&);  void head_changed(const epp_flow&);
//   void charged(const epp_flow&, uint32_t kind, int64_t tokens);    // each of these four is optional
//
// which is destroyed before the policy is.
//
// The constructor takes a Context&, reads parameters and declares attributes; it throws epp::sdk::Error to refuse.
// Exceptions never leave the library: they become a status with a message. Member functions are called on any thread,
// many at once (see the thread contracts in the C headers).
//
//   class QueueDepth {
//    public:
//     explicit QueueDepth(epp::sdk::Context& context) : queue_(context.require_f64(EPP_KEY_WAITING_QUEUE_SIZE)) {}
//     void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores)
//     const;
//    private:
//     epp::sdk::F64Column queue_;
//   };
//   void QueueDepth::score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates,
//                          std::span<double> scores) const {
//     const auto queue = queue_.of(request, candidates);
//     for (uint32_t i = 0; i < candidates.size(); ++i) scores[i] = 1 / (1 + std::max(0.0, queue.or_else(i, 0)));
//   }
//   EPP_PLUGIN_TYPES(epp::sdk::type<QueueDepth>({.name = "my-queue-depth", .description = "..."}))
#ifndef EPP_PLUGIN_HPP
#define EPP_PLUGIN_HPP

#include <epp/abi.h>
#include <epp/cpp/attributes.hpp>
#include <epp/cpp/context.hpp>
#include <epp/cpp/error.hpp>
#include <epp/cpp/host.hpp>
#include <epp/cpp/member_forms.hpp>
#include <epp/cpp/request.hpp>
#include <epp/cpp/tables.hpp>
#include <epp/cpp/views.hpp>
#include <epp/keys.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#ifndef EPP_PLUGIN_VENDOR
#define EPP_PLUGIN_VENDOR ""
#endif

namespace epp::sdk {

// Description of a type for EPP_PLUGIN_TYPES. Views must outlive the library (string literals).
struct TypeInfo {
  std::string_view name;
  std::string_view description;
  std::string_view parameters_schema = {};
  uint32_t stability = EPP_STABILITY_BETA;
  std::initializer_list<std::string_view> default_keys = {};
  std::string_view replaced_by = {};
  std::string_view version = "1.0.0";
  std::string_view vendor = EPP_PLUGIN_VENDOR;  // you
};

// The descriptor of class T under `info`; lives as long as the library. A class may be registered under several names.
template <typename T>
const epp_type* type(const TypeInfo& info) {
  static_assert(detail::MemberForms<T>::fit());
  static_assert(detail::Tables<T>::kExtensionCount != 0,
                "no member function has the form of one in the list above: compare names, parameters and const");
  struct Storage {
    std::array<epp_str, detail::Tables<T>::kExtensionCount> extensions;
    std::vector<epp_str> default_keys;
    epp_type type{};
  };
  auto s = std::make_shared<Storage>(Storage{detail::Tables<T>::extension_ids(), {}, {}});
  detail::keep_with_library(s);
  for (const std::string_view key : info.default_keys)
    s->default_keys.push_back(to_abi(key));
  epp_type& t = s->type;
  t.size = sizeof(epp_type);
  t.stability = info.stability;
  t.name = to_abi(info.name);
  t.version = to_abi(info.version);
  t.vendor = to_abi(info.vendor);
  t.description = to_abi(info.description);
  t.parameters_schema = to_abi(info.parameters_schema);
  t.extensions = {s->extensions.data(), detail::Tables<T>::kExtensionCount};
  t.default_keys = {s->default_keys.data(), s->default_keys.size()};
  t.replaced_by = to_abi(info.replaced_by);
  t.references = &detail::Tables<T>::references;
  t.create = &detail::Tables<T>::create;
  return &t;
}

}  // namespace epp::sdk

// Defines the library's entry: EPP_PLUGIN_TYPES(epp::sdk::type<A>({...}), epp::sdk::type<B>({...}))
#define EPP_PLUGIN_TYPES(...)                                                                                  \
  namespace {                                                                                                  \
  const epp_type* const epp_plugin_types[] = {__VA_ARGS__};                                                    \
  }                                                                                                            \
  extern "C" {                                                                                                 \
  EPP_EXPORT extern const epp_entry epp_plugin_entry;                                                          \
  const epp_entry epp_plugin_entry = {                                                                         \
      sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, sizeof(epp_plugin_types) / sizeof(epp_plugin_types[0]), \
      epp_plugin_types,  nullptr,       nullptr};                                                              \
  }

#endif  // EPP_PLUGIN_HPP
