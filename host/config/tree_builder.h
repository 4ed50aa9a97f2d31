// Builds an ordered JSON tree from a stream of events, and records where each value begins. Both readers feed it.
#pragma once

#include "config/diagnostics.h"
#include "config/document.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::config {

class TreeBuilder {
 public:
  using Json = nlohmann::ordered_json;

  TreeBuilder(Json& root, SourceMap& source) : root_(root), source_(source) {}

  // Names the next value of the open object. False: the name stands there already; its value will be replaced.
  bool key(std::string key);
  void value(Json value, Position position);
  void begin(Json container, Position position);
  void end();

  std::size_t depth() const { return frames_.size(); }
  // The pointer that the next value will have.
  const std::string& next_pointer();
  const std::string& open_pointer() const { return frames_.back().pointer; }

 private:
  struct Frame {
    Json value;
    std::string pointer;
    std::string key;
    std::unordered_map<std::string, std::size_t> members;  // name -> position in the object
  };

  void record(const std::string& pointer, Position position);
  void place(Json value);

  Json& root_;
  SourceMap& source_;
  std::vector<Frame> frames_;
  std::string next_pointer_;
  std::size_t pointer_bytes_ = 0;
};

}  // namespace epp::config
