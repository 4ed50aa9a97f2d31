// A request in the queue, and afterwards in the accounts of its flow. Its address does not change: the ticket owns it,
// the queue's structures only link it.
#pragma once

#include "flowcontrol/intrusive_list.h"
#include "flowcontrol/outcome.h"

#include <epp/ext/flow_control.h>

#include <cstdint>

namespace epp::flowcontrol {

struct Band;
struct Flow;

// Which stages of a disaggregated pool a request passes.
enum class Needs : std::uint8_t { kBoth, kPrefill, kDecode };
inline constexpr std::size_t kNeedsCount = 3;

struct Item {
  enum class State : std::uint8_t { kNew, kWaiting, kDispatched, kGone };

  epp_queued_request shown{};  // as policies see it

  // Its place in the order of its flow.
  std::int64_t key = 0;
  std::uint64_t arrival = 0;     // unique, ascending
  std::uint32_t heap_index = 0;  // in its flow's queue
  std::int32_t asked_priority = 0;
  Band* band = nullptr;
  Flow* flow = nullptr;
  Link<Item> by_arrival;  // among all of its lane

  // Its time to live (deadlines.h).
  Nanos latest = kNever;  // whatever happens to the pool
  Nanos due = kNever;     // as filed in the wheel
  Link<Item> by_due;
  std::uint16_t wheel_slot = 0;

  Needs needs = Needs::kBoth;
  State state = State::kNew;
  Verdict verdict;

  std::uint64_t bytes() const { return shown.bytes; }
};

}  // namespace epp::flowcontrol
