// The C++ face of the plugin ABI: header-only, no ABI of its own.
//
// A plugin type is a plain class. Which extension points it serves follows from the member functions it has:
//
//   void filter(const Request&, const Candidates&, Kept& kept) const;                       epp.filter/1
//   void screen(const Request&, const Candidates&, Kept& kept) const;                       epp.screener/1
//   void score(const Request&, const Candidates&, std::span<double> scores) const;          epp.scorer/1
//   void pick(const Request&, const Candidates&, std::span<const double> scores, Picks&);   epp.picker/1
//   void produce(const Request&, const Candidates&);                                        epp.producer/1
//   bool produce(const Request&, const Candidates&, Token);  // or this: false answers later
//   void on_request_header(const Request&);                                                 epp.request-header/1
//   void admit(const Request&, const Candidates&);           // throws to deny              epp.admitter/1
//   void pre_request(const Request&, const Results&);                                       epp.pre-request/1
//   void on_response_header(const Request&, const epp_response&);                           epp.response-header/1
//   void on_response_body(const Request&, const epp_response&, std::span<const uint8_t>, bool end);
//   void on_response_complete(const Request&, const epp_response&, uint32_t cause);
//   void pick_profiles(const Request&, const Results&, std::span<uint32_t> decisions);      epp.profile-handler/1
//   uint32_t process_profiles(const Request&, const Results&, std::span<uint32_t> include);
//   void bind_profiles(std::span<const std::string_view>);                                  (optional)
//   double saturation(const Candidates&);                                                   epp.saturation-detector/0
//   void on_endpoint_added(const epp_endpoint&); void on_endpoint_removed(const epp_endpoint&);
//   std::string dump_state() const;  bool ready() const;
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
//     for (uint32_t i = 0; i < candidates.size(); ++i) scores[i] = 1 / (1 + queue.or_else(i, 0));
//   }
//   EPP_PLUGIN_TYPES(epp::sdk::type<QueueDepth>({.name = "my-queue-depth", .description = "..."}))
#ifndef EPP_PLUGIN_HPP
#define EPP_PLUGIN_HPP

#include <epp/abi.h>
#include <epp/ext/filter.h>
#include <epp/ext/lifecycle.h>
#include <epp/ext/picker.h>
#include <epp/ext/producer.h>
#include <epp/ext/profile_handler.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/ext/saturation_detector.h>
#include <epp/ext/scorer.h>
#include <epp/host/attributes.h>
#include <epp/host/request.h>
#include <epp/host/services.h>
#include <epp/keys.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace epp::sdk {

inline epp_str to_abi(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view view(epp_str text) {
  return {text.data, static_cast<size_t>(text.size)};
}

// Thrown by plugin code; `status` is EPP_ERR_*, `reason` a drop reason for the client's header.
class Error : public std::exception {
 public:
  explicit Error(std::string message, epp_status status = EPP_ERR_UNTYPED, std::string reason = {})
      : message_(std::move(message)), reason_(std::move(reason)), status_(status) {}
  const char* what() const noexcept override { return message_.c_str(); }
  epp_status status() const { return status_; }
  const std::string& message() const { return message_; }
  const std::string& reason() const { return reason_; }

 private:
  std::string message_;
  std::string reason_;
  epp_status status_;
};

inline void write_error(epp_error* error, std::string_view message, std::string_view reason = {}) {
  if (error == nullptr) return;
  const auto copy = [](std::string_view from, char* to, uint64_t capacity, uint64_t& size) {
    size = std::min<uint64_t>(from.size(), capacity);
    if (size != 0) std::memcpy(to, from.data(), static_cast<size_t>(size));
  };
  copy(message, error->message, error->message_capacity, error->message_size);
  copy(reason, error->reason, error->reason_capacity, error->reason_size);
}

// Runs `body` and turns whatever it throws into a status and a message.
template <typename Body>
epp_status guarded(epp_error* error, Body&& body) noexcept {
  try {
    return body();
  } catch (const Error& e) {
    write_error(error, e.message(), e.reason());
    return e.status();
  } catch (const std::exception& e) {
    write_error(error, e.what());
    return EPP_ERR_UNTYPED;
  } catch (...) {
    write_error(error, "unknown exception");
    return EPP_ERR_UNTYPED;
  }
}

// ---- Views of a call ------------------------------------------------------------------------------------------

class Candidates {
 public:
  explicit Candidates(const epp_candidates* raw) : raw_(raw) {}
  uint32_t size() const { return raw_->count; }
  bool empty() const { return raw_->count == 0; }
  std::span<const uint32_t> slots() const { return {raw_->slots, raw_->count}; }
  uint32_t slot(uint32_t position) const { return raw_->slots[position]; }
  const epp_endpoint& endpoint(uint32_t position) const { return *raw_->endpoints[raw_->slots[position]]; }
  const epp_endpoint& endpoint_at_slot(uint32_t slot) const { return *raw_->endpoints[slot]; }
  const epp_candidates* raw() const { return raw_; }

 private:
  const epp_candidates* raw_;
};

// Value of a label, or a view with data() == nullptr. Labels are sorted by key.
inline std::string_view label(const epp_endpoint& endpoint, std::string_view key) {
  const epp_label* end = endpoint.labels + endpoint.label_count;
  const epp_label* at = std::lower_bound(endpoint.labels, end, key,
                                         [](const epp_label& l, std::string_view k) { return view(l.key) < k; });
  return at != end && view(at->key) == key ? view(at->value) : std::string_view{};
}

// Where filters and screeners put what they keep.
class Kept {
 public:
  Kept(uint32_t* slots, uint32_t capacity) : slots_(slots), capacity_(capacity) {}
  void keep(uint32_t slot) {
    if (count_ < capacity_) slots_[count_++] = slot;
  }
  void keep_all(const Candidates& candidates) {
    std::copy_n(candidates.slots().data(), candidates.size(), slots_);
    count_ = candidates.size();
  }
  // Keeps, in order, the candidates for which `predicate(position)` holds.
  template <typename Predicate>
  void keep_if(const Candidates& candidates, Predicate&& predicate) {
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      if (predicate(i)) slots_[count_++] = candidates.slot(i);
    }
  }
  uint32_t count() const { return count_; }
  void clear() { count_ = 0; }

 private:
  uint32_t* slots_;
  uint32_t capacity_;
  uint32_t count_ = 0;
};

// Where pickers put the chosen positions, best first.
class Picks {
 public:
  Picks(uint32_t* positions, uint32_t capacity) : positions_(positions), capacity_(capacity) {}
  void add(uint32_t position) {
    if (count_ < capacity_) positions_[count_++] = position;
  }
  uint32_t count() const { return count_; }

 private:
  uint32_t* positions_;
  uint32_t capacity_;
  uint32_t count_ = 0;
};

// Results of the scheduling profiles, by manifest index.
class Results {
 public:
  explicit Results(const epp_profile_results* raw) : raw_(raw) {}
  uint32_t size() const { return static_cast<uint32_t>(raw_->count); }
  const epp_profile_result& operator[](uint32_t i) const {
    return *EPP_AT(epp_profile_result, raw_->items, raw_->stride, i);
  }
  const epp_profile_result& primary() const { return (*this)[raw_->primary]; }
  const epp_endpoint& endpoint(uint32_t slot) const { return *raw_->endpoints[slot]; }
  // First target of a succeeded result, or nullptr.
  const epp_endpoint* first_target(const epp_profile_result& result) const {
    if (result.state != EPP_PROFILE_SUCCEEDED || result.target_count == 0) return nullptr;
    return raw_->endpoints[result.targets[0]];
  }
  const epp_profile_result* find(std::string_view name) const {
    for (uint32_t i = 0; i < size(); ++i) {
      if (view((*this)[i].name) == name) return &(*this)[i];
    }
    return nullptr;
  }
  const epp_profile_results* raw() const { return raw_; }

 private:
  const epp_profile_results* raw_;
};

// ---- The host as an instance sees it ----------------------------------------------------------------------------

struct Services {
  const epp_host_attributes* attributes = nullptr;
  const epp_host_request* request = nullptr;
  const epp_host_log* log = nullptr;
  const epp_host_clock* clock = nullptr;
  const epp_host_metrics* metrics = nullptr;
  const epp_host_parameters* parameters = nullptr;
  const epp_host_async* async = nullptr;
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

// A request together with the host services that act on it.
class Request {
 public:
  Request(const epp_request* raw, const Host* host) : raw_(raw), host_(host) {}
  const epp_request* raw() const { return raw_; }
  const Host& host() const { return *host_; }

  std::string_view id() const { return view(raw_->id); }
  uint64_t serial() const { return raw_->serial; }
  std::string_view path() const { return view(raw_->path); }
  std::string_view incoming_model() const { return view(raw_->incoming_model); }
  std::string_view target_model() const { return view(raw_->target_model); }
  std::string_view fairness_id() const { return view(raw_->fairness_id); }
  std::string_view cache_salt() const { return view(raw_->cache_salt); }
  int32_t priority() const { return raw_->priority; }
  int64_t max_output_tokens() const { return raw_->max_output_tokens; }

  // Views with data() == nullptr mean absent.
  std::string_view header(std::string_view name) const { return view(api()->header(raw_, to_abi(name))); }
  std::string_view response_header(std::string_view name) const {
    return view(api()->response_header(raw_, to_abi(name)));
  }
  std::string_view metadata(std::string_view name_space, std::string_view key) const {
    return view(api()->metadata(raw_, to_abi(name_space), to_abi(key)));
  }
  std::span<const uint8_t> body() const {
    const epp_bytes b = api()->body(raw_);
    return {b.data, static_cast<size_t>(b.size)};
  }
  // Throws Error for bodies without a prompt.
  std::span<const epp_prompt_part> prompt() const {
    const epp_prompt_part* parts = nullptr;
    uint64_t count = 0;
    char text[256];
    epp_error error{};
    error.size = sizeof error;
    error.message = text;
    error.message_capacity = sizeof text;
    const epp_status status = api()->prompt(host_->self(), raw_, &parts, &count, &error);
    if (status != EPP_OK) throw Error(std::string(text, static_cast<size_t>(error.message_size)), status);
    return {parts, static_cast<size_t>(count)};
  }

  void set_header(std::string_view name, std::string_view value) const {
    api()->set_header(host_->self(), raw_, to_abi(name), to_abi(value));
  }
  void remove_header(std::string_view name) const { api()->remove_header(host_->self(), raw_, to_abi(name)); }
  void set_destination(std::string_view destination) const {
    api()->set_destination(host_->self(), raw_, to_abi(destination));
  }
  void set_response_header(std::string_view name, std::string_view value) const {
    api()->set_response_header(host_->self(), raw_, to_abi(name), to_abi(value));
  }
  void set_metadata(std::string_view name_space, std::string_view key, double value) const {
    epp_value v{};
    v.type = EPP_TYPE_F64;
    v.u.f64 = value;
    api()->set_metadata(host_->self(), raw_, to_abi(name_space), to_abi(key), &v);
  }

  // Per-request state of this instance: made at first use, destroyed when the request ends.
  template <typename State>
  State& state() const {
    if (State* existing = find_state<State>()) return *existing;
    auto fresh = std::make_unique<State>();
    api()->set_state(host_->self(), raw_, fresh.get(), [](void* p) { delete static_cast<State*>(p); });
    return *fresh.release();
  }
  template <typename State>
  State* find_state() const {
    return static_cast<State*>(api()->state(host_->self(), raw_));
  }
  void drop_state() const { api()->set_state(host_->self(), raw_, nullptr, nullptr); }

 private:
  const epp_host_request* api() const { return host_->services().request; }
  const epp_request* raw_;
  const Host* host_;
};

// Answers a produce call that returned false. May be copied, stored and used on any thread.
class Token {
 public:
  Token(const Host* host, uint64_t id) : host_(host), id_(id) {}
  uint64_t id() const { return id_; }
  void complete(std::span<const epp_completion_value> values) const {
    host_->services().async->complete(host_->self(), id_, EPP_OK, values.data(), values.size(), epp_str{});
  }
  void fail(std::string_view message, epp_status status = EPP_ERR_UNTYPED) const {
    host_->services().async->complete(host_->self(), id_, status, nullptr, 0, to_abi(message));
  }

 private:
  const Host* host_;
  uint64_t id_;
};

// ---- Attributes -------------------------------------------------------------------------------------------------

// A declared attribute. `read` gives a pointer indexed by slot.
class Attribute {
 public:
  Attribute() = default;
  explicit Attribute(epp_attr id) : id_(id) {}
  epp_attr id() const { return id_; }

 protected:
  static const epp_host_attributes* api(const Request& r) { return r.host().services().attributes; }
  epp_attr id_ = EPP_ATTR_NONE;
};

// A column as one call sees it, by candidate position.
class F64View {
 public:
  F64View(const double* by_slot, const Candidates& c) : by_slot_(by_slot), slots_(c.slots().data()) {}
  double operator[](uint32_t position) const { return by_slot_[slots_[position]]; }  // NaN when missing
  bool has(uint32_t position) const { return !std::isnan((*this)[position]); }
  double or_else(uint32_t position, double otherwise) const {
    const double v = (*this)[position];
    return std::isnan(v) ? otherwise : v;
  }

 private:
  const double* by_slot_;
  const uint32_t* slots_;
};

// The same for integers. Reads are atomic, as live counters change meanwhile: read a value once.
class I64View {
 public:
  I64View(const int64_t* by_slot, const Candidates& c) : by_slot_(by_slot), slots_(c.slots().data()) {}
  int64_t operator[](uint32_t position) const { return epp_live_load(&by_slot_[slots_[position]]); }
  bool has(uint32_t position) const { return (*this)[position] != EPP_I64_MISSING; }
  int64_t or_else(uint32_t position, int64_t otherwise) const {
    const int64_t v = (*this)[position];
    return v == EPP_I64_MISSING ? otherwise : v;
  }

 private:
  const int64_t* by_slot_;
  const uint32_t* slots_;
};

class F64Column : public Attribute {
 public:
  using Attribute::Attribute;
  F64View of(const Request& r, const Candidates& c) const { return {read(r, c), c}; }
  F64View of(const Host& host, const Candidates& c) const { return {read(host, c), c}; }
  const double* read(const Request& r, const Candidates& c) const {
    return api(r)->f64(r.host().self(), r.raw(), c.raw(), id_);
  }
  // Where there is no request: saturation.
  const double* read(const Host& host, const Candidates& c) const {
    return host.services().attributes->f64(host.self(), nullptr, c.raw(), id_);
  }
  double* write(const Request& r, const Candidates& c) const {
    return api(r)->write_f64(r.host().self(), r.raw(), c.raw(), id_);
  }
};

class I64Column : public Attribute {
 public:
  using Attribute::Attribute;
  I64View of(const Request& r, const Candidates& c) const { return {read(r, c), c}; }
  I64View of(const Host& host, const Candidates& c) const { return {read(host, c), c}; }
  const int64_t* read(const Request& r, const Candidates& c) const {
    return api(r)->i64(r.host().self(), r.raw(), c.raw(), id_);
  }
  const int64_t* read(const Host& host, const Candidates& c) const {
    return host.services().attributes->i64(host.self(), nullptr, c.raw(), id_);
  }
  int64_t* write(const Request& r, const Candidates& c) const {
    return api(r)->write_i64(r.host().self(), r.raw(), c.raw(), id_);
  }
  // Live columns: changes a counter, never below 0.
  int64_t add(const Host& host, const epp_endpoint& endpoint, int64_t delta) const {
    return add(host, endpoint.slot, endpoint.uid, delta);
  }
  int64_t add(const Host& host, uint32_t slot, uint64_t uid, int64_t delta) const {
    return host.services().attributes->live_add(host.self(), id_, slot, uid, delta);
  }
};

class StringListColumn : public Attribute {
 public:
  using Attribute::Attribute;
  const epp_str_list* read(const Request& r, const Candidates& c) const {
    return api(r)->str_list(r.host().self(), r.raw(), c.raw(), id_);
  }
};

// A request-scope attribute.
class RequestValue : public Attribute {
 public:
  using Attribute::Attribute;
  epp_value get(const Request& r) const {
    epp_value v{};
    api(r)->get(r.host().self(), r.raw(), id_, &v);
    return v;
  }
  std::span<const uint32_t> u32(const Request& r) const {
    const epp_value v = get(r);
    if (v.type != EPP_TYPE_U32_LIST) return {};
    return {v.u.u32_list.items, static_cast<size_t>(v.u.u32_list.count)};
  }
  std::string_view text(const Request& r) const {
    const epp_value v = get(r);
    return v.type == EPP_TYPE_STR ? view(v.u.str) : std::string_view{};
  }
  bool has(const Request& r) const { return get(r).type != 0; }
  void set(const Request& r, const epp_value& v) const { api(r)->set(r.host().self(), r.raw(), id_, &v); }
  void set(const Request& r, std::string_view text) const {
    epp_value v{};
    v.type = EPP_TYPE_STR;
    v.u.str = to_abi(text);
    set(r, v);
  }
  void set_bytes(const Request& r, std::span<const uint8_t> bytes) const {
    epp_value v{};
    v.type = EPP_TYPE_BYTES;
    v.u.bytes = {bytes.data(), bytes.size()};
    set(r, v);
  }
  std::span<uint32_t> set_u32(const Request& r, size_t count) const {
    uint32_t* p = api(r)->set_u32(r.host().self(), r.raw(), id_, count);
    if (p == nullptr) return {};
    return {p, count};
  }
};

// ---- Construction -----------------------------------------------------------------------------------------------

// Parameters by JSON pointer. They are validated by the type's schema before; absent values give the default.
class Parameters {
 public:
  explicit Parameters(const Host* host) : host_(host) {}
  uint32_t kind(std::string_view pointer) const { return api()->kind(host_->self(), to_abi(pointer)); }
  bool has(std::string_view pointer) const { return kind(pointer) != EPP_JSON_ABSENT; }
  double number(std::string_view pointer, double otherwise) const {
    const double v = api()->number(host_->self(), to_abi(pointer));
    return std::isnan(v) ? otherwise : v;
  }
  int64_t integer(std::string_view pointer, int64_t otherwise) const {
    return kind(pointer) == EPP_JSON_NUMBER ? static_cast<int64_t>(number(pointer, 0)) : otherwise;
  }
  bool boolean(std::string_view pointer, bool otherwise) const {
    return kind(pointer) == EPP_JSON_BOOL ? api()->boolean(host_->self(), to_abi(pointer)) != 0 : otherwise;
  }
  std::string text(std::string_view pointer, std::string_view otherwise = {}) const {
    return std::string(kind(pointer) == EPP_JSON_STRING ? view(api()->string(host_->self(), to_abi(pointer)))
                                                        : otherwise);
  }
  size_t count(std::string_view pointer) const {
    return static_cast<size_t>(api()->count(host_->self(), to_abi(pointer)));
  }
  std::string key(std::string_view pointer, size_t i) const {
    return std::string(view(api()->key(host_->self(), to_abi(pointer), i)));
  }
  // The elements of an array of strings; empty when absent.
  std::vector<std::string> texts(std::string_view pointer) const {
    std::vector<std::string> out;
    if (kind(pointer) != EPP_JSON_ARRAY) return out;
    for (size_t i = 0; i < count(pointer); ++i)
      out.push_back(text(element(pointer, i)));
    return out;
  }
  // Pointer to the i-th element of an array.
  static std::string element(std::string_view pointer, size_t i) {
    return std::string(pointer) + '/' + std::to_string(i);
  }

 private:
  const epp_host_parameters* api() const { return host_->services().parameters; }
  const Host* host_;
};

// "/a~1b": a member name as one JSON pointer token.
inline std::string pointer_token(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// Handed to a plugin's constructor; not to be kept (keep host()).
class Context {
 public:
  Context(const Host* host, const epp_create_args* args) : host_(host), args_(args), parameters_(host) {}
  const Host& host() const { return *host_; }
  const Parameters& parameters() const { return parameters_; }
  std::string_view name() const { return view(args_->name); }
  std::string_view type() const { return view(args_->type); }

  // Endpoint columns: consumed (missing producers are an error for require_*, fine for optional_*) or produced.
  F64Column require_f64(std::string_view key) { return F64Column(consume(key, EPP_TYPE_F64, true)); }
  F64Column optional_f64(std::string_view key) { return F64Column(consume(key, EPP_TYPE_F64, false)); }
  I64Column require_i64(std::string_view key) { return I64Column(consume(key, EPP_TYPE_I64, true)); }
  I64Column optional_i64(std::string_view key) { return I64Column(consume(key, EPP_TYPE_I64, false)); }
  StringListColumn require_strings(std::string_view key) {
    return StringListColumn(consume(key, EPP_TYPE_STR_LIST, true));
  }
  StringListColumn optional_strings(std::string_view key) {
    return StringListColumn(consume(key, EPP_TYPE_STR_LIST, false));
  }
  F64Column produce_f64(std::string_view key) {
    return F64Column(declare(key, EPP_TYPE_F64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, EPP_COLUMN_PER_REQUEST));
  }
  I64Column produce_i64(std::string_view key) {
    return I64Column(declare(key, EPP_TYPE_I64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, EPP_COLUMN_PER_REQUEST));
  }
  I64Column produce_live(std::string_view key) {
    return I64Column(declare(key, EPP_TYPE_I64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, EPP_COLUMN_LIVE));
  }
  // Request values; `type` is EPP_TYPE_*.
  RequestValue require_value(std::string_view key, uint32_t type) {
    return RequestValue(declare(key, type, EPP_SCOPE_REQUEST, EPP_ACCESS_REQUIRE, 0));
  }
  RequestValue optional_value(std::string_view key, uint32_t type) {
    return RequestValue(declare(key, type, EPP_SCOPE_REQUEST, EPP_ACCESS_OPTIONAL, 0));
  }
  RequestValue produce_value(std::string_view key, uint32_t type) {
    return RequestValue(declare(key, type, EPP_SCOPE_REQUEST, EPP_ACCESS_PRODUCE, 0));
  }

 private:
  epp_attr consume(std::string_view key, uint32_t type, bool required) {
    return declare(key, type, EPP_SCOPE_ENDPOINT, required ? EPP_ACCESS_REQUIRE : EPP_ACCESS_OPTIONAL, 0);
  }
  epp_attr declare(std::string_view key, uint32_t type, uint32_t scope, uint32_t access, uint32_t kind) {
    const epp_attr id = host_->services().attributes->declare(host_->self(), to_abi(key), type, scope, access, kind);
    if (id == EPP_ATTR_NONE) {
      throw Error("attribute " + std::string(key) + " is known with another type, scope or kind");
    }
    return id;
  }
  const Host* host_;
  const epp_create_args* args_;
  Parameters parameters_;
};

// "Type/producer": `producer` replaces the default when not empty.
inline std::string data_key(std::string_view data_type, std::string_view producer, std::string_view suffix = {}) {
  std::string key(data_type);
  key += '/';
  key += producer;
  key += suffix;
  return key;
}

// Description of a type for EPP_PLUGIN_TYPES. Views must outlive the library (string literals).
struct TypeInfo {
  std::string_view name;
  std::string_view description;
  std::string_view parameters_schema = {};
  uint32_t stability = EPP_STABILITY_BETA;
  std::initializer_list<std::string_view> default_keys = {};
  std::string_view replaced_by = {};
  std::string_view version = "1.0.0";
  std::string_view vendor = "epp-host";
};

namespace detail {

template <typename T>
struct Box {
  Host host;
  epp_instance instance{};
  std::unique_ptr<T> plugin;
};

template <typename T>
Box<T>& box(const epp_instance* instance) {
  return *static_cast<Box<T>*>(instance->data);
}

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
  static constexpr bool kDetector = requires(T& t, const Candidates& c) { t.saturation(c); };
  static constexpr bool kEndpointEvents = requires(T& t, const epp_endpoint& e) {
    t.on_endpoint_added(e);
    t.on_endpoint_removed(e);
  };
  static constexpr bool kStateDump = requires(const T& t) { t.dump_state(); };
  static constexpr bool kReadiness = requires(const T& t) { t.ready(); };

  static constexpr size_t kExtensionCount = size_t{kFilter} + kScreener + kScorer + kPicker + kProducer +
                                            kRequestHeader + kAdmitter + kPreRequest + kResponseHeader + kResponseBody +
                                            kResponseComplete + kHandler + kDetector + kEndpointEvents + kStateDump +
                                            kReadiness;

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
    add(kDetector, EPP_EXT_SATURATION_DETECTOR);
    add(kEndpointEvents, EPP_EXT_ENDPOINT_EVENTS);
    add(kStateDump, EPP_EXT_STATE_DUMP);
    add(kReadiness, EPP_EXT_READINESS);
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
          t.time_limit = [](const epp_instance* self) -> uint64_t { return box<T>(self).plugin->time_limit_ns(); };
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
      static const epp_saturation_detector table{sizeof(epp_saturation_detector), 0,
                                                 [](auto* self, auto* c, auto* out, auto* e) {
                                                   return guarded(e, [&] {
                                                     *out = box<T>(self).plugin->saturation(Candidates(c));
                                                     return EPP_OK;
                                                   });
                                                 }};
      if (want == EPP_EXT_SATURATION_DETECTOR) return &table;
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
    return nullptr;
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

// The descriptor of class T under `info`; lives as long as the library. A class may be registered under several names.
template <typename T>
const epp_type* type(const TypeInfo& info) {
  struct Storage {
    std::array<epp_str, detail::Tables<T>::kExtensionCount == 0 ? 1 : detail::Tables<T>::kExtensionCount> extensions;
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
