// The function tables of flow-control policies: fairness, ordering, usage limits, eviction.
#ifndef EPP_CPP_FLOW_TABLES_HPP
#define EPP_CPP_FLOW_TABLES_HPP

#include <epp/cpp/box.hpp>
#include <epp/ext/eviction.h>
#include <epp/ext/fairness.h>
#include <epp/ext/ordering.h>
#include <epp/ext/usage_limits.h>

#include <memory>
#include <span>
#include <string_view>

namespace epp::sdk {

// A request in the queue, and its headers.
class QueuedRequest {
 public:
  QueuedRequest(const epp_queued_request* raw, const Host* host) : raw_(raw), host_(host) {}
  const epp_queued_request* raw() const { return raw_; }
  int32_t priority() const { return raw_->priority; }
  uint64_t enqueued_ns() const { return raw_->enqueued_ns; }
  uint64_t deadline_ns() const { return raw_->deadline_ns; }
  uint64_t received_ns() const { return raw_->received_ns; }
  uint64_t bytes() const { return raw_->bytes; }
  int64_t cost() const { return raw_->cost; }
  // A view with data() == nullptr means absent.
  std::string_view header(std::string_view name) const {
    if (raw_->request == nullptr) return {};
    return view(host_->services().request->header(raw_->request, to_abi(name)));
  }

 private:
  const epp_queued_request* raw_;
  const Host* host_;
};

namespace detail {

template <typename T>
concept FairnessPolicy = requires(T& t, int32_t priority, uint64_t now_ns) {
  { t.open_band(priority)->pick(now_ns) };
};

// The state of one band: what open_band returns a unique_ptr of.
template <FairnessPolicy T>
using BandOf = typename decltype(std::declval<T&>().open_band(int32_t{}))::element_type;

template <typename T>
struct FlowTables {
  static constexpr bool kFairness = FairnessPolicy<T>;
  static constexpr bool kOrdering = requires(T& t, const QueuedRequest& q) { t.order_key(q); };
  static constexpr bool kComparator = requires(T& t, const QueuedRequest& q) { t.order_before(q, q); };
  static constexpr bool kUsageLimits = requires(T& t, std::span<const int32_t> p, std::span<double> c,
                                                uint64_t& again) { t.usage_ceilings(0.0, p, c, again); };
  static constexpr bool kEvictionFilter = requires(T& t, const epp_running_request& r) { t.accept_eviction(r); };
  static constexpr bool kEvictionOrdering = requires(T& t, const epp_running_request& r) { t.evict_before(r, r); };

  static constexpr size_t kExtensionCount =
      size_t{kFairness} + kOrdering + kUsageLimits + kEvictionFilter + kEvictionOrdering;

  template <typename Add>
  static void add_ids(Add&& add) {
    add(kFairness, EPP_EXT_FAIRNESS);
    add(kOrdering, EPP_EXT_ORDERING);
    add(kUsageLimits, EPP_EXT_USAGE_LIMITS);
    add(kEvictionFilter, EPP_EXT_EVICTION_FILTER);
    add(kEvictionOrdering, EPP_EXT_EVICTION_ORDERING);
  }

  static const void* get(std::string_view want) {
    if constexpr (kFairness) {
      static const epp_fairness table = fairness_table();
      if (want == EPP_EXT_FAIRNESS) return &table;
    }
    if constexpr (kOrdering) {
      static const epp_ordering table = ordering_table();
      if (want == EPP_EXT_ORDERING) return &table;
    }
    if constexpr (kUsageLimits) {
      static const epp_usage_limits table{
          sizeof(epp_usage_limits), 0,
          [](auto* self, double saturation, auto* priorities, auto count, auto* ceilings, auto* again, auto* e) {
            return guarded(e, [&] {
              const auto n = static_cast<size_t>(count);
              box<T>(self).plugin->usage_ceilings(saturation, std::span<const int32_t>(priorities, n),
                                                  std::span<double>(ceilings, n), *again);
              return EPP_OK;
            });
          }};
      if (want == EPP_EXT_USAGE_LIMITS) return &table;
    }
    if constexpr (kEvictionFilter) {
      static const epp_eviction_filter table{
          sizeof(epp_eviction_filter), 0, [](auto* self, auto* request) -> uint32_t {
            return truth([&] { return box<T>(self).plugin->accept_eviction(*request); });
          }};
      if (want == EPP_EXT_EVICTION_FILTER) return &table;
    }
    if constexpr (kEvictionOrdering) {
      static const epp_eviction_ordering table{
          sizeof(epp_eviction_ordering), 0, [](auto* self, auto* a, auto* b) -> uint32_t {
            return truth([&] { return box<T>(self).plugin->evict_before(*a, *b); });
          }};
      if (want == EPP_EXT_EVICTION_ORDERING) return &table;
    }
    return nullptr;
  }

 private:
  // 0 for what throws: these functions have no way to fail.
  template <typename Body>
  static uint32_t truth(Body&& body) {
    uint32_t answer = 0;
    (void)guarded(nullptr, [&] {
      answer = body() ? 1u : 0u;
      return EPP_OK;
    });
    return answer;
  }

  static epp_fairness fairness_table()
    requires FairnessPolicy<T>
  {
    using Band = BandOf<T>;
    static constexpr auto band_of = [](void* band) -> Band& { return *static_cast<Band*>(band); };
    epp_fairness t{};
    t.size = sizeof t;
    t.open_band = [](const epp_instance* self, int32_t priority, void** band, epp_error* e) {
      return guarded(e, [&] {
        *band = box<T>(self).plugin->open_band(priority).release();
        return EPP_OK;
      });
    };
    t.close_band = [](const epp_instance*, void* band) { delete static_cast<Band*>(band); };
    t.pick = [](const epp_instance*, void* band, uint64_t now_ns, uint32_t* flow, epp_error* e) {
      return guarded(e, [&] {
        *flow = band_of(band).pick(now_ns);
        return EPP_OK;
      });
    };
    if constexpr (requires(Band& b, const epp_flow& f) { b.flow_added(f); }) {
      t.flow_added = [](const epp_instance*, void* band, const epp_flow* flow) {
        tell([&] { band_of(band).flow_added(*flow); });
      };
    }
    if constexpr (requires(Band& b, const epp_flow& f) { b.flow_removed(f); }) {
      t.flow_removed = [](const epp_instance*, void* band, const epp_flow* flow) {
        tell([&] { band_of(band).flow_removed(*flow); });
      };
    }
    if constexpr (requires(Band& b, const epp_flow& f) { b.head_changed(f); }) {
      t.head_changed = [](const epp_instance*, void* band, const epp_flow* flow) {
        tell([&] { band_of(band).head_changed(*flow); });
      };
    }
    if constexpr (requires(Band& b, const epp_flow& f) { b.charged(f, uint32_t{}, int64_t{}); }) {
      t.charged = [](const epp_instance*, void* band, const epp_flow* flow, uint32_t kind, int64_t tokens) {
        tell([&] { band_of(band).charged(*flow, kind, tokens); });
      };
    }
    return t;
  }

  static epp_ordering ordering_table() {
    epp_ordering t{};
    t.size = sizeof t;
    t.key = [](const epp_instance* self, const epp_queued_request* item, int64_t* key, epp_error* e) {
      return guarded(e, [&] {
        auto& b = box<T>(self);
        *key = b.plugin->order_key(QueuedRequest(item, &b.host));
        return EPP_OK;
      });
    };
    if constexpr (kComparator) {
      t.before = [](const epp_instance* self, const epp_queued_request* first, const epp_queued_request* second) {
        return truth([&] {
          auto& b = box<T>(self);
          return b.plugin->order_before(QueuedRequest(first, &b.host), QueuedRequest(second, &b.host));
        });
      };
    }
    return t;
  }

  template <typename Body>
  static void tell(Body&& body) {
    (void)guarded(nullptr, [&] {
      body();
      return EPP_OK;
    });
  }
};

}  // namespace detail

}  // namespace epp::sdk

#endif  // EPP_CPP_FLOW_TABLES_HPP
