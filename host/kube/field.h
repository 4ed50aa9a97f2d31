// Walks an API object for its typed view. A Field knows where it stands, so that what is wrong with it is said with the
// whole path. Inside this room only: what it throws does not leave read_view().
#pragma once

#include "kube/objects.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace epp::kube {

class Field {
 public:
  explicit Field(const Json& root);  // throws Invalid unless it is an object

  // Neither absent nor null.
  [[nodiscard]] bool present() const { return value_ != nullptr; }
  // All of the following take an absent field for an empty one, and throw Invalid for one of another type.
  [[nodiscard]] Field operator[](const char* member) const;
  [[nodiscard]] Field operator[](std::size_t index) const;  // of a list, below size(); an element must not be null
  [[nodiscard]] std::size_t size() const;                   // of a list
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::optional<std::int32_t> int32(std::int32_t least = std::numeric_limits<std::int32_t>::min(),
                                                  std::int32_t most = std::numeric_limits<std::int32_t>::max()) const;
  [[nodiscard]] Labels labels() const;  // of an object of strings
  [[nodiscard]] const Json* json() const { return value_; }

  [[nodiscard]] const Field& required() const;
  [[nodiscard]] std::string required_text() const;  // not empty

  [[noreturn]] void fail(std::string text) const { throw Invalid{path_, std::move(text)}; }

 private:
  Field(const Json* value, std::string path);

  const Json* value_ = nullptr;  // not null, of any type
  std::string path_;             // "spec.targetPorts[1].number"; empty for the root
};

[[nodiscard]] Metadata read_metadata(const Field& object);
[[nodiscard]] PoolRef read_pool_ref(const Field& ref);

// The view that `fill(Field, View&)` makes, or what it threw.
template <class View, class Fill>
Read<View> read_view(const Json& object, Fill fill) {
  try {
    View view{};
    fill(Field(object), view);
    return view;
  } catch (Invalid& invalid) {
    return std::move(invalid);
  }
}

}  // namespace epp::kube
