// Flows by fairness id: open addressing, so that a lookup touches one slot and the flow that it finds.
//
// Ids come from clients. They are hashed with a seed of this process, so that nobody can choose ones that collide.
#pragma once

#include "flowcontrol/flow.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace epp::flowcontrol {

class FlowIndex {
 public:
  std::size_t size() const { return size_; }
  // Null when there is none.
  Flow* find(std::string_view id) const;
  // Its id is not there yet.
  Flow& insert(std::unique_ptr<Flow> flow);
  // Destroys the flow, which is there.
  void erase(const Flow& flow);

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::unique_ptr<Flow> flow;
  };
  std::size_t home_of(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
  std::size_t after(std::size_t place) const { return (place + 1) & (slots_.size() - 1); }
  std::size_t place_of(std::string_view id, std::uint64_t hash) const;
  void put(Slot slot);
  void grow();

  std::vector<Slot> slots_;  // a power of two, at most 3/4 full
  std::size_t size_ = 0;
};

}  // namespace epp::flowcontrol
