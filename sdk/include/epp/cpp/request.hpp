// A request together with the host services that act on it, and the token of an asynchronous answer.
#ifndef EPP_CPP_REQUEST_HPP
#define EPP_CPP_REQUEST_HPP

#include <epp/cpp/error.hpp>
#include <epp/cpp/host.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace epp::sdk {

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
  // The same for a state that was made elsewhere, e.g. taken from a pool: `drop` gets it once, when the request ends.
  void adopt_state(void* state, void (*drop)(void*)) const { api()->set_state(host_->self(), raw_, state, drop); }
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

}  // namespace epp::sdk

#endif  // EPP_CPP_REQUEST_HPP
