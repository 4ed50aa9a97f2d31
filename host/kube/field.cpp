#include "kube/field.h"

#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

const Json* unless_null(const Json* value) {
  return value->is_null() ? nullptr : value;
}

// Of values that came from text: a non-negative number is unsigned there, whatever its field's type.
std::optional<std::int64_t> as_int64(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return std::nullopt;
}

}  // namespace

Field::Field(const Json& root) : value_(&root) {
  if (!root.is_object()) fail("must be an object");
}

Field::Field(const Json* value, std::string path) : value_(value), path_(std::move(path)) {}

Field Field::operator[](const char* member) const {
  std::string path = path_;
  if (!path.empty()) path += '.';
  path += member;
  if (value_ == nullptr) return {nullptr, std::move(path)};
  if (!value_->is_object()) fail("must be an object");
  const auto found = value_->find(member);
  return {found == value_->end() ? nullptr : unless_null(&*found), std::move(path)};
}

Field Field::operator[](std::size_t index) const {
  Field element(&(*value_)[index], path_ + '[' + std::to_string(index) + ']');
  if (element.value_->is_null()) element.fail("must not be null");
  return element;
}

std::size_t Field::size() const {
  if (value_ == nullptr) return 0;
  if (!value_->is_array()) fail("must be a list");
  return value_->size();
}

std::string Field::text() const {
  if (value_ == nullptr) return {};
  if (!value_->is_string()) fail("must be a string");
  return value_->get_ref<const std::string&>();
}

bool Field::boolean() const {
  if (value_ == nullptr) return false;
  if (!value_->is_boolean()) fail("must be true or false");
  return value_->get<bool>();
}

std::optional<std::int64_t> Field::integer(std::int64_t least, std::int64_t most) const {
  if (value_ == nullptr) return std::nullopt;
  if (!value_->is_number_integer()) fail("must be an integer");
  const auto number = as_int64(*value_);
  if (!number || *number < least || *number > most) {
    fail("must be " + std::to_string(least) + ".." + std::to_string(most));
  }
  return number;
}

std::optional<std::int32_t> Field::int32(std::int32_t least, std::int32_t most) const {
  const auto number = integer(least, most);
  if (!number) return std::nullopt;
  return static_cast<std::int32_t>(*number);
}

Labels Field::labels() const {
  Labels labels;
  if (value_ == nullptr) return labels;
  if (!value_->is_object()) fail("must be an object");
  labels.reserve(value_->size());
  for (const auto& [key, value] : value_->items()) {  // in the order of their keys
    if (value.is_null()) continue;
    if (!value.is_string()) Field(&value, path_ + "[\"" + key + "\"]").fail("must be a string");
    labels.emplace_back(key, value.get_ref<const std::string&>());
  }
  return labels;
}

const Field& Field::required() const {
  if (value_ == nullptr) fail("must be there");
  return *this;
}

std::string Field::required_text() const {
  std::string text = required().text();
  if (text.empty()) fail("must not be empty");
  return text;
}

}  // namespace epp::kube
