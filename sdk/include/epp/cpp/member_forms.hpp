// A member function that has the name of an extension point's but another form would compile and never be called: here
// it is an error instead.
#ifndef EPP_CPP_MEMBER_FORMS_HPP
#define EPP_CPP_MEMBER_FORMS_HPP

#include <epp/cpp/flow_tables.hpp>
#include <epp/cpp/tables.hpp>

#include <type_traits>

namespace epp::sdk::detail {

template <typename Pointer>
concept FunctionPointer =
    std::is_member_function_pointer_v<Pointer> || std::is_function_v<std::remove_pointer_t<Pointer>>;

#define EPP_MEMBER_FORM(member, fits)                                                    \
  static_assert((fits) || !requires { requires FunctionPointer<decltype(&T::member)>; }, \
                #member ": not the form that <epp/plugin.hpp> lists, compare parameters and const")

// Members that are overloaded or not public are not looked at.
template <typename T>
struct MemberForms {
  using Has = Tables<T>;
  using HasFlow = FlowTables<T>;
  EPP_MEMBER_FORM(filter, Has::kFilter);
  EPP_MEMBER_FORM(screen, Has::kScreener);
  EPP_MEMBER_FORM(score, Has::kScorer);
  EPP_MEMBER_FORM(pick, Has::kPicker);
  EPP_MEMBER_FORM(produce, Has::kProducer);
  EPP_MEMBER_FORM(on_request_header, Has::kRequestHeader);
  EPP_MEMBER_FORM(admit, Has::kAdmitter);
  EPP_MEMBER_FORM(pre_request, Has::kPreRequest);
  EPP_MEMBER_FORM(on_response_header, Has::kResponseHeader);
  EPP_MEMBER_FORM(on_response_body, Has::kResponseBody);
  EPP_MEMBER_FORM(on_response_complete, Has::kResponseComplete);
  EPP_MEMBER_FORM(pick_profiles, Has::kHandler);
  EPP_MEMBER_FORM(bind_profiles, Has::kBind);
  EPP_MEMBER_FORM(saturation, Has::kDetector);
  EPP_MEMBER_FORM(decide, Has::kDecider);
  EPP_MEMBER_FORM(on_endpoint_added, Has::kEndpointEvents);
  EPP_MEMBER_FORM(on_endpoint_removed, Has::kEndpointEvents);
  EPP_MEMBER_FORM(dump_state, Has::kStateDump);
  EPP_MEMBER_FORM(ready, Has::kReadiness);
  EPP_MEMBER_FORM(open_band, HasFlow::kFairness);
  EPP_MEMBER_FORM(order_key, HasFlow::kOrdering);
  EPP_MEMBER_FORM(order_before, HasFlow::kComparator);
  EPP_MEMBER_FORM(usage_ceilings, HasFlow::kUsageLimits);
  EPP_MEMBER_FORM(accept_eviction, HasFlow::kEvictionFilter);
  EPP_MEMBER_FORM(evict_before, HasFlow::kEvictionOrdering);
  static constexpr bool kFit = true;
};

#undef EPP_MEMBER_FORM

}  // namespace epp::sdk::detail

#endif  // EPP_CPP_MEMBER_FORMS_HPP
