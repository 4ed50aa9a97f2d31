// What a request is to the queue.
#pragma once

#include "flowcontrol/item.h"
#include "flowcontrol/outcome.h"

#include <epp/abi.h>

#include <cstdint>
#include <string_view>

namespace epp::flowcontrol {

// Views live until the ticket is destroyed.
struct Ask {
  const epp_request* request = nullptr;
  std::string_view fairness_id;  // not empty
  std::int32_t priority = 0;
  std::uint64_t bytes = 0;
  std::int64_t cost = 1;  // estimated tokens
  double weight = 1;      // of its objective
  Nanos received_ns = 0;
  Nanos ttl_ns = 0;            // the request's own limit, whatever happens to the pool; 0: none
  Needs needs = Needs::kBoth;  // counts with Extensions::gate_per_stage
};

}  // namespace epp::flowcontrol
