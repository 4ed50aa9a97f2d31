// The function tables of a plugin class: one per extension point that its member functions serve. Each entry is a
// trampoline that calls the member directly and turns exceptions into a status.
#ifndef EPP_CPP_TABLES_HPP
#define EPP_CPP_TABLES_HPP

#include <epp/cpp/box.hpp>
#include <epp/cpp/context.hpp>
#include <epp/cpp/flow_tables.hpp>
#include <epp/ext/decider.h>
#include <epp/ext/filter.h>
#include <epp/ext/lifecycle.h>
#include <epp/ext/picker.h>
#include <epp/ext/producer.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/ext/saturation_detector.h>
#include <epp/ext/scorer.h>

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::sdk {

namespace detail {

// One table per extension point and class; the trampolines call the members directly.
template <typename T>
struct Tables {
  static constexpr bool kFilter = requires(T& t, const Request& r, const Candidates& c, Kept& k) { t.filter(r, c, k); };
  static constexpr bool kScreener =
      requires(T& t, const Request& r, const Candidates& c, Kept& k) { t.screen(r, c, k); };
  static constexpr bool kScorer =
      requires(T& t, const Request& r, const Candidates& c, std::span<double> s) { t.score(r, c, s); };
  static constexpr bool kPicker = requires(T& t, const Request& r, const Candidates& c, std::span<const double> s,
                                           Picks& p) { t.pick(r, c, s, p); };
  static constexpr bool kLateProducer =
      requires(T& t, const Request& r, const Candidates& c, Token k) { t.produce(r, c, k); };
  static constexpr bool kProducer =
      kLateProducer || requires(T& t, const Request& r, const Candidates& c) { t.produce(r, c); };
  static constexpr bool kRequestHeader = requires(T& t, const Request& r) { t.on_request_header(r); };
  static constexpr bool kAdmitter = requires(T& t, const Request& r, const Candidates& c) { t.admit(r, c); };
  static constexpr bool kPreRequest = requires(T& t, const Request& r, const Results& s) { t.pre_request(r, s); };
  static constexpr bool kResponseHeader =
      requires(T& t, const Request& r, const epp_response& s) { t.on_response_header(r, s); };
  static constexpr bool kResponseBody = requires(T& t, const Request& r, const epp_response& s,
                                                 std::span<const uint8_t> b) { t.on_response_body(r, s, b, true); };
  static constexpr bool kResponseComplete =
      requires(T& t, const Request& r, const epp_response& s) { t.on_response_complete(r, s, 0u); };
  static constexpr bool kHandler =
      requires(T& t, const Request& r, const Results& s, std::span<uint32_t> d) { t.pick_profiles(r, s, d); };
  static constexpr bool kBind = requires(T& t, std::span<const std::string_view> names) { t.bind_profiles(names); };
  // Either form: a detector that heeds reservations also says when it wants to be asked again (ns from now, 0: no
  // need).
  static constexpr bool kFlowDetector =
      requires(T& t, const Candidates& c, const Reservations& r, uint64_t& again) { t.saturation(c, r, again); };
  static constexpr bool kDetector = kFlowDetector || requires(T& t, const Candidates& c) { t.saturation(c); };
  static constexpr bool kDecider = requires(const T& t, const Request& r, const epp_endpoint* e) { t.decide(r, e); };
  static constexpr bool kEndpointEvents = requires(T& t, const epp_endpoint& e) {
    t.on_endpoint_added(e);
    t.on_endpoint_removed(e);
  };
  static constexpr bool kStateDump = requires(const T& t) { t.dump_state(); };
  static constexpr bool kReadiness = requires(const T& t) { t.ready(); };

  static constexpr size_t kExtensionCount = size_t{kFilter} + kScreener + kScorer + kPicker + kProducer +
                                            kRequestHeader + kAdmitter + kPreRequest + kResponseHeader + kResponseBody +
                                            kResponseComplete + kHandler + kDecider + kDetector + kEndpointEvents +
                                            kStateDump + kReadiness + FlowTables<T>::kExtensionCount;

  static std::array<epp_str, kExtensionCount == 0 ? 1 : kExtensionCount> extension_ids() {
    std::array<epp_str, kExtensionCount == 0 ? 1 : kExtensionCount> ids{};
    size_t n = 0;
    const auto add = [&](bool has, std::string_view id) {
      if (has) ids[n++] = to_abi(id);
    };
    add(kFilter, EPP_EXT_FILTER);
    add(kScreener, EPP_EXT_SCREENER);
    add(kScorer, EPP_EXT_SCORER);
    add(kPicker, EPP_EXT_PICKER);
    add(kProducer, EPP_EXT_PRODUCER);
    add(kRequestHeader, EPP_EXT_REQUEST_HEADER);
    add(kAdmitter, EPP_EXT_ADMITTER);
    add(kPreRequest, EPP_EXT_PRE_REQUEST);
    add(kResponseHeader, EPP_EXT_RESPONSE_HEADER);
    add(kResponseBody, EPP_EXT_RESPONSE_BODY);
    add(kResponseComplete, EPP_EXT_RESPONSE_COMPLETE);
    add(kHandler, EPP_EXT_PROFILE_HANDLER);
    add(kDecider, EPP_EXT_DECIDER);
    add(kDetector, EPP_EXT_SATURATION_DETECTOR);
    add(kEndpointEvents, EPP_EXT_ENDPOINT_EVENTS);
    add(kStateDump, EPP_EXT_STATE_DUMP);
    add(kReadiness, EPP_EXT_READINESS);
    FlowTables<T>::add_ids(add);
    return ids;
  }

  static constexpr uint32_t category() {
    if constexpr (requires { T::kCategory; }) {
      return T::kCategory;
    } else {
      return EPP_SCORER_BALANCE;
    }
  }

  static const void* get(const epp_instance*, epp_str id) {
    const std::string_view want = view(id);
    if constexpr (kFilter) {
      static const epp_filter table{sizeof(epp_filter), 0,
                                    [](auto* self, auto* r, auto* c, auto* out, auto* n, auto* e) {
                                      return guarded(e, [&] {
                                        auto& b = box<T>(self);
                                        Kept kept(out, c->count);
                                        b.plugin->filter(Request(r, &b.host), Candidates(c), kept);
                                        *n = kept.count();
                                        return EPP_OK;
                                      });
                                    }};
      if (want == EPP_EXT_FILTER) return &table;
    }
    if constexpr (kScreener) {
      static const epp_filter table{sizeof(epp_filter), 0,
                                    [](auto* self, auto* r, auto* c, auto* out, auto* n, auto* e) {
                                      return guarded(e, [&] {
                                        auto& b = box<T>(self);
                                        Kept kept(out, c->count);
                                        b.plugin->screen(Request(r, &b.host), Candidates(c), kept);
                                        *n = kept.count();
                                        return EPP_OK;
                                      });
                                    }};
      if (want == EPP_EXT_SCREENER) return &table;
    }
    if constexpr (kScorer) {
      static const epp_scorer table{
          sizeof(epp_scorer), category(), [](auto* self, auto* r, auto* c, auto* scores, auto* e) {
            return guarded(e, [&] {
              auto& b = box<T>(self);
              b.plugin->score(Request(r, &b.host), Candidates(c), std::span<double>(scores, c->count));
              return EPP_OK;
            });
          }};
      if (want == EPP_EXT_SCORER) return &table;
    }
    if constexpr (kPicker) {
      static const epp_picker table{
          sizeof(epp_picker), 0, [](auto* self, auto* r, auto* c, auto* scores, auto* out, auto* n, auto* e) {
            return guarded(e, [&] {
              auto& b = box<T>(self);
              Picks picks(out, c->count);
              b.plugin->pick(Request(r, &b.host), Candidates(c), std::span<const double>(scores, c->count), picks);
              *n = picks.count();
              return EPP_OK;
            });
          }};
      if (want == EPP_EXT_PICKER) return &table;
    }
    if constexpr (kProducer) {
      static const epp_producer table = [] {
        epp_producer t{};
        t.size = sizeof t;
        t.produce = [](const epp_instance* self, const epp_request* r, const epp_candidates* c, uint64_t token,
                       epp_error* e) {
          return guarded(e, [&] {
            auto& b = box<T>(self);
            if constexpr (kLateProducer) {
              const bool done = b.plugin->produce(Request(r, &b.host), Candidates(c), Token(&b.host, token));
              return done ? EPP_OK : EPP_PENDING;
            } else {
              (void)token;
              b.plugin->produce(Request(r, &b.host), Candidates(c));
              return EPP_OK;
            }
          });
        };
        if constexpr (requires(const T& t2) { t2.time_limit_ns(); }) {
          t.time_limit = [](const epp_instance* self) {
            constexpr uint64_t kDefault = 0;
            return guarded_number(kDefault, [&] { return box<T>(self).plugin->time_limit_ns(); });
          };
        }
        if constexpr (requires(T& t2) { t2.cancel(uint64_t{}); }) {
          t.cancel = [](const epp_instance* self, uint64_t token) {
            (void)guarded(nullptr, [&] {
              box<T>(self).plugin->cancel(token);
              return EPP_OK;
            });
          };
        }
        return t;
      }();
      if (want == EPP_EXT_PRODUCER) return &table;
    }
    if constexpr (kRequestHeader) {
      static const epp_request_header table{sizeof(epp_request_header), 0, [](auto* self, auto* r, auto* e) {
                                              return guarded(e, [&] {
                                                auto& b = box<T>(self);
                                                b.plugin->on_request_header(Request(r, &b.host));
                                                return EPP_OK;
                                              });
                                            }};
      if (want == EPP_EXT_REQUEST_HEADER) return &table;
    }
    if constexpr (kAdmitter) {
      static const epp_admitter table{sizeof(epp_admitter), 0, [](auto* self, auto* r, auto* c, auto* e) {
                                        return guarded(e, [&] {
                                          auto& b = box<T>(self);
                                          b.plugin->admit(Request(r, &b.host), Candidates(c));
                                          return EPP_OK;
                                        });
                                      }};
      if (want == EPP_EXT_ADMITTER) return &table;
    }
    if constexpr (kPreRequest) {
      static const epp_pre_request table{sizeof(epp_pre_request), 0, [](auto* self, auto* r, auto* results, auto* e) {
                                           return guarded(e, [&] {
                                             auto& b = box<T>(self);
                                             b.plugin->pre_request(Request(r, &b.host), Results(results));
                                             return EPP_OK;
                                           });
                                         }};
      if (want == EPP_EXT_PRE_REQUEST) return &table;
    }
    if constexpr (kResponseHeader) {
      static const epp_response_header table{sizeof(epp_response_header), 0,
                                             [](auto* self, auto* r, auto* response, auto* e) {
                                               return guarded(e, [&] {
                                                 auto& b = box<T>(self);
                                                 b.plugin->on_response_header(Request(r, &b.host), *response);
                                                 return EPP_OK;
                                               });
                                             }};
      if (want == EPP_EXT_RESPONSE_HEADER) return &table;
    }
    if constexpr (kResponseBody) {
      static const epp_response_body table{
          sizeof(epp_response_body), 0, [](auto* self, auto* r, auto* response, auto chunk, auto end, auto* e) {
            return guarded(e, [&] {
              auto& b = box<T>(self);
              b.plugin->on_response_body(Request(r, &b.host), *response,
                                         std::span<const uint8_t>(chunk.data, static_cast<size_t>(chunk.size)),
                                         end != 0);
              return EPP_OK;
            });
          }};
      if (want == EPP_EXT_RESPONSE_BODY) return &table;
    }
    if constexpr (kResponseComplete) {
      static const epp_response_complete table{
          sizeof(epp_response_complete), 0, [](auto* self, auto* r, auto* response, auto cause) {
            (void)guarded(nullptr, [&] {
              auto& b = box<T>(self);
              b.plugin->on_response_complete(Request(r, &b.host), *response, cause);
              return EPP_OK;
            });
          }};
      if (want == EPP_EXT_RESPONSE_COMPLETE) return &table;
    }
    if constexpr (kHandler) {
      static const epp_profile_handler table = [] {
        epp_profile_handler t{};
        t.size = sizeof t;
        if constexpr (kBind) {
          t.bind = [](const epp_instance* self, const epp_str* profiles, uint64_t count, epp_error* e) {
            return guarded(e, [&] {
              std::vector<std::string_view> names;
              for (uint64_t i = 0; i < count; ++i)
                names.push_back(view(profiles[i]));
              box<T>(self).plugin->bind_profiles(std::span<const std::string_view>(names));
              return EPP_OK;
            });
          };
        }
        t.pick = [](const epp_instance* self, const epp_request* r, const epp_profile_results* results,
                    uint32_t* decisions, epp_error* e) {
          return guarded(e, [&] {
            auto& b = box<T>(self);
            const Results view_of(results);
            b.plugin->pick_profiles(Request(r, &b.host), view_of, std::span<uint32_t>(decisions, view_of.size()));
            return EPP_OK;
          });
        };
        t.process = [](const epp_instance* self, const epp_request* r, const epp_profile_results* results,
                       uint32_t* primary, uint32_t* include, epp_error* e) {
          return guarded(e, [&] {
            auto& b = box<T>(self);
            const Results view_of(results);
            *primary =
                b.plugin->process_profiles(Request(r, &b.host), view_of, std::span<uint32_t>(include, view_of.size()));
            return EPP_OK;
          });
        };
        return t;
      }();
      if (want == EPP_EXT_PROFILE_HANDLER) return &table;
    }
    if constexpr (kDetector) {
      static const epp_saturation_detector table = detector_table();
      if (want == EPP_EXT_SATURATION_DETECTOR) return &table;
    }
    if constexpr (kDecider) {
      static const epp_decider table{sizeof(epp_decider), 0,
                                     [](auto* self, auto* r, auto* endpoint, auto* yes, auto* e) {
                                       return guarded(e, [&] {
                                         auto& b = box<T>(self);
                                         *yes = b.plugin->decide(Request(r, &b.host), endpoint) ? 1u : 0u;
                                         return EPP_OK;
                                       });
                                     }};
      if (want == EPP_EXT_DECIDER) return &table;
    }
    if constexpr (kEndpointEvents) {
      static const epp_endpoint_events table{sizeof(epp_endpoint_events), 0,
                                             [](auto* self, auto* endpoint) {
                                               (void)guarded(nullptr, [&] {
                                                 box<T>(self).plugin->on_endpoint_added(*endpoint);
                                                 return EPP_OK;
                                               });
                                             },
                                             [](auto* self, auto* endpoint) {
                                               (void)guarded(nullptr, [&] {
                                                 box<T>(self).plugin->on_endpoint_removed(*endpoint);
                                                 return EPP_OK;
                                               });
                                             }};
      if (want == EPP_EXT_ENDPOINT_EVENTS) return &table;
    }
    if constexpr (kStateDump) {
      static const epp_state_dump table{sizeof(epp_state_dump), 0, [](auto* self, auto sink, auto* context, auto* e) {
                                          return guarded(e, [&] {
                                            const std::string text = box<T>(self).plugin->dump_state();
                                            sink(context, to_abi(text));
                                            return EPP_OK;
                                          });
                                        }};
      if (want == EPP_EXT_STATE_DUMP) return &table;
    }
    if constexpr (kReadiness) {
      static const epp_readiness table{sizeof(epp_readiness), 0, [](auto* self) -> uint32_t {
                                         uint32_t ready = 0;
                                         (void)guarded(nullptr, [&] {
                                           ready = box<T>(self).plugin->ready() ? 1u : 0u;
                                           return EPP_OK;
                                         });
                                         return ready;
                                       }};
      if (want == EPP_EXT_READINESS) return &table;
    }
    return FlowTables<T>::get(want);
  }

  static epp_saturation_detector detector_table() {
    epp_saturation_detector t{};
    t.size = sizeof t;
    t.saturation = [](const epp_instance* self, const epp_candidates* c, const epp_reservations* r, double* out,
                      uint64_t* again, epp_error* e) {
      return guarded(e, [&] {
        auto& plugin = *box<T>(self).plugin;
        if constexpr (kFlowDetector) {
          *out = plugin.saturation(Candidates(c), Reservations(r), *again);
        } else {
          (void)r;
          (void)again;
          *out = plugin.saturation(Candidates(c));
        }
        return EPP_OK;
      });
    };
    if constexpr (requires(const T& plugin) { plugin.believed_age_ns(); }) {
      t.believed_age = [](const epp_instance* self) {
        constexpr uint64_t kSecond = 1'000'000'000;
        return guarded_number(kSecond, [&] { return box<T>(self).plugin->believed_age_ns(); });
      };
    }
    return t;
  }

  static epp_status create(const epp_type*, const epp_create_args* args, epp_instance** out, epp_error* error) {
    return guarded(error, [&] {
      auto fresh = std::make_unique<Box<T>>();
      fresh->host = Host(args->host, args->self);
      fresh->instance.size = sizeof(epp_instance);
      fresh->instance.data = fresh.get();
      fresh->instance.get_extension = &Tables::get;
      fresh->instance.destroy = [](epp_instance* instance) { delete static_cast<Box<T>*>(instance->data); };
      Context context(&fresh->host, args);
      fresh->plugin = std::make_unique<T>(context);
      *out = &fresh.release()->instance;
      return EPP_OK;
    });
  }

  static epp_status references(const epp_type*, epp_str parameters, epp_reference_sink sink, void* context,
                               epp_error* error) {
    return guarded(error, [&] {
      if constexpr (requires { T::references(std::string_view{}, std::function<void(std::string_view)>{}); }) {
        T::references(view(parameters), [&](std::string_view name) { sink(context, to_abi(name)); });
      } else {
        (void)parameters, (void)sink, (void)context;
      }
      return EPP_OK;
    });
  }
};

// Freed when the library is unloaded.
inline void keep_with_library(std::shared_ptr<const void> object) {
  static std::vector<std::shared_ptr<const void>> kept;
  kept.push_back(std::move(object));
}

}  // namespace detail

}  // namespace epp::sdk

#endif  // EPP_CPP_TABLES_HPP
