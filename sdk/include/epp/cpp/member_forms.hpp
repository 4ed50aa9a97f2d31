// A member function that has the name of an extension point's but another form would compile and never be called: here
// it is an error instead. Members that are overloaded or not public are not looked at.
#ifndef EPP_CPP_MEMBER_FORMS_HPP
#define EPP_CPP_MEMBER_FORMS_HPP

#include <epp/cpp/flow_tables.hpp>
#include <epp/cpp/tables.hpp>

#include <concepts>
#include <type_traits>

namespace epp::sdk::detail {

template <typename Pointer>
concept FunctionPointer =
    std::is_member_function_pointer_v<Pointer> || std::is_function_v<std::remove_pointer_t<Pointer>>;

#define EPP_MEMBER_FORM(member, ...)                                                                         \
  static_assert((__VA_ARGS__) || !requires { requires FunctionPointer<decltype(&T::member)>; }, #member      \
                ": not the form that <epp/plugin.hpp> lists: compare parameters and const; make it private " \
                "if it is for something else")
#define EPP_MEMBER_PARTNER(member, partner) \
  static_assert(!(member) || (partner), #member " without " #partner " is never called")

// What open_band returns.
template <typename T>
struct BandForms {
  EPP_MEMBER_FORM(
      flow_added, requires(T& t, const epp_flow& f) { t.flow_added(f); });
  EPP_MEMBER_FORM(
      flow_removed, requires(T& t, const epp_flow& f) { t.flow_removed(f); });
  EPP_MEMBER_FORM(
      head_changed, requires(T& t, const epp_flow& f) { t.head_changed(f); });
  EPP_MEMBER_FORM(
      charged, requires(T& t, const epp_flow& f) { t.charged(f, uint32_t{}, int64_t{}); });
  static constexpr bool kFit = true;
};

template <typename T>
struct MemberForms {
  using Has = Tables<T>;
  using HasFlow = FlowTables<T>;
  static constexpr bool on_endpoint_added = requires(T& t, const epp_endpoint& e) { t.on_endpoint_added(e); };
  static constexpr bool on_endpoint_removed = requires(T& t, const epp_endpoint& e) { t.on_endpoint_removed(e); };
  static constexpr bool pick_profiles = Has::kHandler;
  static constexpr bool process_profiles =
      requires(T& t, const Request& r, const Results& s, std::span<uint32_t> d) { t.process_profiles(r, s, d); };
  static constexpr bool bind_profiles = Has::kBind;
  static constexpr bool order_key = HasFlow::kOrdering;
  static constexpr bool order_before = HasFlow::kComparator;

  EPP_MEMBER_FORM(filter, Has::kFilter);
  EPP_MEMBER_FORM(screen, Has::kScreener);
  EPP_MEMBER_FORM(score, Has::kScorer);
  EPP_MEMBER_FORM(pick, Has::kPicker || HasFlow::kFairness);  // a band may be its policy
  EPP_MEMBER_FORM(produce, Has::kProducer);
  EPP_MEMBER_FORM(
      time_limit_ns, requires(const T& t) { t.time_limit_ns(); });
  EPP_MEMBER_FORM(
      cancel, requires(T& t) { t.cancel(uint64_t{}); });
  EPP_MEMBER_FORM(on_request_header, Has::kRequestHeader);
  EPP_MEMBER_FORM(admit, Has::kAdmitter);
  EPP_MEMBER_FORM(pre_request, Has::kPreRequest);
  EPP_MEMBER_FORM(on_response_header, Has::kResponseHeader);
  EPP_MEMBER_FORM(on_response_body, Has::kResponseBody);
  EPP_MEMBER_FORM(on_response_complete, Has::kResponseComplete);
  EPP_MEMBER_FORM(pick_profiles, pick_profiles);
  EPP_MEMBER_FORM(process_profiles, process_profiles);
  EPP_MEMBER_FORM(bind_profiles, bind_profiles);
  EPP_MEMBER_FORM(saturation, Has::kDetector);
  EPP_MEMBER_FORM(
      believed_age_ns, requires(const T& t) { t.believed_age_ns(); });
  EPP_MEMBER_FORM(decide, Has::kDecider);
  EPP_MEMBER_FORM(on_endpoint_added, on_endpoint_added);
  EPP_MEMBER_FORM(on_endpoint_removed, on_endpoint_removed);
  EPP_MEMBER_FORM(dump_state, Has::kStateDump);
  EPP_MEMBER_FORM(ready, Has::kReadiness);
  EPP_MEMBER_FORM(open_band, HasFlow::kFairness);
  EPP_MEMBER_FORM(order_key, order_key);
  EPP_MEMBER_FORM(order_before, order_before);
  EPP_MEMBER_FORM(usage_ceilings, HasFlow::kUsageLimits);
  EPP_MEMBER_FORM(accept_eviction, HasFlow::kEvictionFilter);
  EPP_MEMBER_FORM(evict_before, HasFlow::kEvictionOrdering);

  EPP_MEMBER_PARTNER(on_endpoint_added, on_endpoint_removed);
  EPP_MEMBER_PARTNER(on_endpoint_removed, on_endpoint_added);
  EPP_MEMBER_PARTNER(pick_profiles, process_profiles);
  EPP_MEMBER_PARTNER(process_profiles, pick_profiles);
  EPP_MEMBER_PARTNER(bind_profiles, pick_profiles);
  EPP_MEMBER_PARTNER(order_before, order_key);

  static_assert(
      !Has::kProducer || Has::kLateProducer || requires(T& t, const Request& r, const Candidates& c) {
        { t.produce(r, c) } -> std::same_as<void>;
      }, "produce: only with a Token does it return whether it is done");

  static constexpr bool fit() {
    if constexpr (HasFlow::kFairness) return BandForms<BandOf<T>>::kFit;
    return true;
  }
};

#undef EPP_MEMBER_FORM
#undef EPP_MEMBER_PARTNER

}  // namespace epp::sdk::detail

#endif  // EPP_CPP_MEMBER_FORMS_HPP
