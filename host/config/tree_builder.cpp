#include "config/tree_builder.h"

#include <cstddef>
#include <utility>

namespace epp::config {
namespace {

// Below long names, pointers are far longer than the text that they point into. A value whose position is not kept has
// that of its nearest ancestor.
constexpr std::size_t kMaxPointerBytes = std::size_t{64} << 20;

}  // namespace

bool TreeBuilder::key(std::string key) {
  Frame& frame = frames_.back();
  const bool fresh = !frame.members.contains(key);
  frame.key = std::move(key);
  return fresh;
}

const std::string& TreeBuilder::next_pointer() {
  if (frames_.empty()) {
    next_pointer_.clear();
  } else if (const Frame& frame = frames_.back(); frame.value.is_object()) {
    next_pointer_ = child_pointer(frame.pointer, frame.key);
  } else {
    next_pointer_ = child_pointer(frame.pointer, frame.value.size());
  }
  return next_pointer_;
}

void TreeBuilder::value(Json value, Position position) {
  record(next_pointer(), position);
  place(std::move(value));
}

void TreeBuilder::begin(Json container, Position position) {
  record(next_pointer(), position);
  Frame frame;
  frame.value = std::move(container);
  frame.pointer = next_pointer_;
  frames_.push_back(std::move(frame));
}

void TreeBuilder::end() {
  Json finished = std::move(frames_.back().value);
  frames_.pop_back();
  place(std::move(finished));
}

void TreeBuilder::record(const std::string& pointer, Position position) {
  pointer_bytes_ += pointer.size();
  if (pointer_bytes_ <= kMaxPointerBytes) source_.record(pointer, position);
}

void TreeBuilder::place(Json value) {
  if (frames_.empty()) {
    root_ = std::move(value);
    return;
  }
  Frame& frame = frames_.back();
  if (frame.value.is_array()) {
    frame.value.push_back(std::move(value));
    return;
  }
  // The object's own insertion looks for the name one by one; the index here keeps large objects linear.
  auto& object = frame.value.get_ref<Json::object_t&>();
  const auto [at, fresh] = frame.members.try_emplace(frame.key, object.size());
  if (fresh) {
    object.Container::emplace_back(frame.key, std::move(value));
  } else {
    (object.begin() + static_cast<std::ptrdiff_t>(at->second))->second = std::move(value);
  }
}

}  // namespace epp::config
