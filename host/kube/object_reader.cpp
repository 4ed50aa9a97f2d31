#include "kube/object_reader.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

// Builds the tree, but for one member: the value of managedFields in the metadata at a given depth.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  // `metadata_depth`: nesting of the object whose member "metadata" is meant; 1 is the outermost.
  TreeBuilder(Json& root, std::size_t metadata_depth) : root_(root), metadata_depth_(metadata_depth) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::value_t::object); }
  bool start_array(std::size_t) override { return open(Json::value_t::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (skipped_depth_ > 0) return true;
    if (open_.size() == metadata_depth_) in_metadata_ = name == "metadata";
    skip_next_ = in_metadata_ && open_.size() == metadata_depth_ + 1 && name == "managedFields";
    if (!skip_next_) member_ = &(*open_.back())[std::move(name)];
    return true;
  }
  // The library's own text quotes the object, which may hold secrets.
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    error_position = position;
    return false;
  }

  std::size_t error_position = 0;

 private:
  template <class Value>
  bool add(Value&& value) {
    if (skipped_depth_ > 0 || std::exchange(skip_next_, false)) return true;
    *place() = std::forward<Value>(value);
    return true;
  }
  bool open(Json::value_t type) {
    if (skipped_depth_ > 0 || std::exchange(skip_next_, false)) {
      ++skipped_depth_;
      return true;
    }
    Json* into = place();
    *into = Json(type);
    open_.push_back(into);
    return true;
  }
  bool close() {
    if (skipped_depth_ > 0) {
      --skipped_depth_;
    } else {
      open_.pop_back();
    }
    return true;
  }
  // Where the next value goes.
  Json* place() {
    if (open_.empty()) return &root_;
    if (open_.back()->is_object()) return member_;
    open_.back()->push_back(nullptr);
    return &open_.back()->back();
  }

  Json& root_;
  const std::size_t metadata_depth_;
  std::vector<Json*> open_;
  Json* member_ = nullptr;
  bool in_metadata_ = false;
  bool skip_next_ = false;
  std::size_t skipped_depth_ = 0;
};

std::optional<Json> read_tree(std::string_view text, std::size_t metadata_depth, std::string& why) {
  Json tree;
  TreeBuilder builder(tree, metadata_depth);
  if (!Json::sax_parse(text, &builder)) {
    why = "no JSON at byte " + std::to_string(builder.error_position);
    return std::nullopt;
  }
  if (!tree.is_object()) {
    why = "must be an object";
    return std::nullopt;
  }
  return tree;
}

std::string_view text_of(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

}  // namespace

std::optional<Json> read_object(std::string_view text, std::string& why) {
  return read_tree(text, 1, why);
}

std::optional<Json> read_event(std::string_view text, std::string& why) {
  auto event = read_tree(text, 2, why);
  if (!event) return std::nullopt;
  const auto object = event->find("object");
  if (text_of(*event, "type").empty() || object == event->end() || !object->is_object()) {
    why = "no watch event: must have the members type and object";
    return std::nullopt;
  }
  return event;
}

EventType event_type(const Json& event) {
  const std::string_view type = text_of(event, "type");
  if (type == "ADDED") return EventType::kAdded;
  if (type == "MODIFIED") return EventType::kModified;
  if (type == "DELETED") return EventType::kDeleted;
  if (type == "BOOKMARK") return EventType::kBookmark;
  if (type == "ERROR") return EventType::kError;
  return EventType::kUnknown;
}

std::string_view metadata_text(const Json& object, const char* field) {
  if (!object.is_object()) return {};
  const auto metadata = object.find("metadata");
  return metadata == object.end() ? std::string_view() : text_of(*metadata, field);
}

std::string object_key(const Json& object) {
  std::string key(metadata_text(object, "namespace"));
  key += '/';
  key += metadata_text(object, "name");
  return key;
}

std::string guess_name(std::string_view head) {
  constexpr std::string_view kMark = "\"name\":\"";
  const auto mark = head.find(kMark);
  if (mark == std::string_view::npos) return {};
  const std::string_view rest = head.substr(mark + kMark.size(), 253);
  std::string name(rest.substr(0, rest.find('"')));
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  return plain ? name : std::string();
}

}  // namespace epp::kube
