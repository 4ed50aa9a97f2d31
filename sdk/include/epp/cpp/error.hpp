// Strings across the ABI, and exceptions on this side of it.
#ifndef EPP_CPP_ERROR_HPP
#define EPP_CPP_ERROR_HPP

#include <epp/abi.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

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

// The same for a function that answers a number: `otherwise` when something is thrown.
template <typename Body>
uint64_t guarded_number(uint64_t otherwise, Body&& body) noexcept {
  uint64_t answer = otherwise;
  (void)guarded(nullptr, [&] {
    answer = body();
    return EPP_OK;
  });
  return answer;
}

}  // namespace epp::sdk

#endif  // EPP_CPP_ERROR_HPP
