// The host as an instance sees it: log, clock, timers, metrics.
#ifndef EPP_CPP_HOST_HPP
#define EPP_CPP_HOST_HPP

#include <epp/abi.h>
#include <epp/cpp/error.hpp>
#include <epp/host/attributes.h>
#include <epp/host/instances.h>
#include <epp/host/request.h>
#include <epp/host/services.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::sdk {

struct Services {
  const epp_host_attributes* attributes = nullptr;
  const epp_host_request* request = nullptr;
  const epp_host_log* log = nullptr;
  const epp_host_clock* clock = nullptr;
  const epp_host_metrics* metrics = nullptr;
  const epp_host_parameters* parameters = nullptr;
  const epp_host_async* async = nullptr;
  const epp_host_instances* instances = nullptr;  // a draft: may be missing
};

// One label set of a metric family. Cheap to copy.
class Series {
 public:
  Series() = default;
  Series(const epp_host_metrics* api, epp_series* raw) : api_(api), raw_(raw) {}
  explicit operator bool() const { return raw_ != nullptr; }
  void add(double delta) const { api_->add(raw_, delta); }
  void set(double value) const { api_->set(raw_, value); }
  void observe(double value) const { api_->observe(raw_, value); }
  epp_series* raw() const { return raw_; }

 private:
  const epp_host_metrics* api_ = nullptr;
  epp_series* raw_ = nullptr;
};

// A metric family: a counter, gauge or histogram with named labels.
class Family {
 public:
  Family() = default;
  Family(const epp_host_metrics* api, epp_metric* raw) : api_(api), raw_(raw) {}
  Series series(std::initializer_list<std::string_view> label_values) const {
    std::vector<epp_str> values;
    for (const std::string_view value : label_values)
      values.push_back(to_abi(value));
    return Series(api_, api_->series(raw_, values.data(), values.size()));
  }
  void remove(Series series) const { api_->remove(raw_, series.raw()); }

 private:
  const epp_host_metrics* api_ = nullptr;
  epp_metric* raw_ = nullptr;
};

// What an instance keeps of the host: cheap to copy, valid until destroy.
class Host {
 public:
  Host() = default;
  Host(const epp_host* host, epp_self* self) : self_(self) {
    const auto get = [host](std::string_view id) { return host->get_extension(host, to_abi(id)); };
    services_.attributes = static_cast<const epp_host_attributes*>(get(EPP_HOST_ATTRIBUTES));
    services_.request = static_cast<const epp_host_request*>(get(EPP_HOST_REQUEST));
    services_.log = static_cast<const epp_host_log*>(get(EPP_HOST_LOG));
    services_.clock = static_cast<const epp_host_clock*>(get(EPP_HOST_CLOCK));
    services_.metrics = static_cast<const epp_host_metrics*>(get(EPP_HOST_METRICS));
    services_.parameters = static_cast<const epp_host_parameters*>(get(EPP_HOST_PARAMETERS));
    services_.async = static_cast<const epp_host_async*>(get(EPP_HOST_ASYNC));
    services_.instances = static_cast<const epp_host_instances*>(get(EPP_HOST_INSTANCES));
  }
  const Services& services() const { return services_; }
  epp_self* self() const { return self_; }

  uint64_t now_ns() const { return services_.clock->now_ns(); }
  bool log_enabled(int32_t level) const { return services_.log->enabled(self_, level) != 0; }
  void log(int32_t level, std::string_view message, std::initializer_list<epp_log_field> fields = {},
           const epp_request* request = nullptr) const {
    services_.log->write(self_, level, request, to_abi(message), fields.begin(), fields.size());
  }

  // Metric families; while the instance is created. Throw Error when the name is taken by another shape.
  Family counter(std::string_view name, std::string_view help, std::initializer_list<std::string_view> labels) const {
    return family(name, help, labels, services_.metrics->counter);
  }
  Family gauge(std::string_view name, std::string_view help, std::initializer_list<std::string_view> labels) const {
    return family(name, help, labels, services_.metrics->gauge);
  }
  Family histogram(std::string_view name, std::string_view help, std::initializer_list<std::string_view> labels,
                   std::span<const double> buckets) const {
    return family(name, help, labels, [buckets, this](auto* self, auto n, auto h, auto* l, auto count) {
      return services_.metrics->histogram(self, n, h, l, count, buckets.data(), buckets.size());
    });
  }

 private:
  template <typename Make>
  Family family(std::string_view name, std::string_view help, std::initializer_list<std::string_view> labels,
                Make&& make) const {
    std::vector<epp_str> names;
    for (const std::string_view label : labels)
      names.push_back(to_abi(label));
    epp_metric* raw = make(self_, to_abi(name), to_abi(help), names.data(), names.size());
    if (raw == nullptr) throw Error("metric " + std::string(name) + " is known with another type or other labels");
    return Family(services_.metrics, raw);
  }
  Services services_;
  epp_self* self_ = nullptr;
};

// Calls a function on the host's timer thread, until it is destroyed.
class Timer {
 public:
  Timer(const Host& host, uint64_t delay_ns, uint64_t period_ns, std::function<void()> body)
      : clock_(host.services().clock),
        self_(host.self()),
        body_(std::make_unique<std::function<void()>>(std::move(body))) {
    id_ = clock_->start_timer(
        self_, delay_ns, period_ns,
        [](void* arg) {
          (void)guarded(nullptr, [arg] {
            (*static_cast<std::function<void()>*>(arg))();
            return EPP_OK;
          });
        },
        body_.get());
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    if (id_ != 0) clock_->stop_timer(self_, id_);
  }

 private:
  const epp_host_clock* clock_;
  epp_self* self_;
  std::unique_ptr<std::function<void()>> body_;
  uint64_t id_ = 0;
};

inline epp_log_field field(std::string_view key, std::string_view value) {
  epp_log_field f{};
  f.key = to_abi(key);
  f.value.type = EPP_TYPE_STR;
  f.value.u.str = to_abi(value);
  return f;
}
inline epp_log_field field(std::string_view key, double value) {
  epp_log_field f{};
  f.key = to_abi(key);
  f.value.type = EPP_TYPE_F64;
  f.value.u.f64 = value;
  return f;
}

}  // namespace epp::sdk

#endif  // EPP_CPP_HOST_HPP
