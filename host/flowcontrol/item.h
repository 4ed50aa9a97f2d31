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

  // Neighbours are touched when one leaves: what they need stands together.
  Link<Item> by_arrival;  // among all of its lane
  Link<Item> by_due;      // in its slot of the wheel (deadlines.h)
  Nanos due = kNever;     // as filed in the wheel
  std::uint16_t wheel_slot = 0;
  Needs needs = Needs::kBoth;
  State state = State::kNew;

  // Its place in the order of its flow.
  std::uint32_t heap_index = 0;  // in its flow's queue
  std::int64_t key = 0;
  std::uint64_t arrival = 0;  // unique, ascending
  Flow* flow = nullptr;
  Band* band = nullptr;

  epp_queued_request shown{};  // as policies see it
  Nanos latest = kNever;       // until when it may wait, whatever happens to the pool
  std::int32_t asked_priority = 0;
  Verdict verdict;

  std::uint64_t bytes() const { return shown.bytes; }
};

}  // namespace epp::flowcontrol
