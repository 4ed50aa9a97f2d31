#pragma once

#include "request/parsed_request.h"
#include "request/typed_reader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epp::request {

/// Reads a JSON body in one pass for two views at once: the generic one (`model`, `stream`, token caps: keys as they
/// are) and the typed section of an API (TypedReader). Its own error is that of the generic view and comes before any
/// type error, as if the body had been decoded twice.
class BodyDecoder {
 public:
  explicit BodyDecoder(ParsedRequest& request)
      : request_(request), json_(request.body), fields_(json_, request.arena) {}

  TypedReader& fields() { return fields_; }

  /// Calls `on_member(key)` for each top-level member except `model` and `stream`; it must consume the value. Returns
  /// the generic view's error, empty if the body is a JSON object or null.
  template <typename F>
  std::string decode(F&& on_member) {
    if (enter()) {
      std::string_view key;
      while (json_.next_member(key)) {
        request_.empty_object = false;
        if (key == "model") {
          read_model();
        } else if (key == "stream") {
          read_stream();
        } else {
          on_member(key);
        }
      }
    }
    return finish();
  }

  /// Consumes a value that may cap the output: whole and >= 0, else `cap` becomes nullopt.
  void read_cap(std::optional<std::int64_t>& cap);
  /// Likewise for member `key` of an object; any other value is no cap.
  void read_nested_cap(std::string_view key, std::optional<std::int64_t>& cap);

 private:
  bool enter();
  std::string finish();
  void read_model();
  void read_stream();

  ParsedRequest& request_;
  JsonReader json_;
  TypedReader fields_;
  std::string not_a_map_;
};

}  // namespace epp::request
